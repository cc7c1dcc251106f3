#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// What retention did, or would do.
struct RetentionReport {
  std::uint64_t segments = 0;    // removed
  std::uint64_t bytes = 0;       // of those
  std::uint64_t kept_bytes = 0;  // of the segments that stay
  Lsn first;                     // oldest record kept; 0 in an empty journal
  /// What keeps the journal from shrinking to the wanted size: "checkpoint 318447", "cursor backup
  /// at 1200", "no two checkpoints"; empty when nothing does.
  std::string held_by;
};

/// Removes the oldest segments while all together take more than `keep_bytes`, and only sealed ones
/// whose every record is behind the older of two believable checkpoints and behind every cursor.
/// Oldest first, each removal durable before the next, so that a crash never leaves a hole. Readers
/// that have an old segment open finish it. Any thread; one at a time per journal.
///
/// errors  Damaged: a cursor that cannot be read holds everything · NotFound, Io
[[nodiscard]] Result<RetentionReport> apply_retention(const std::filesystem::path& dir,
                                                      std::uint64_t keep_bytes,
                                                      FileSystem* file_system = nullptr);

/// The same answer without removing anything.
[[nodiscard]] Result<RetentionReport> plan_retention(const std::filesystem::path& dir,
                                                     std::uint64_t keep_bytes,
                                                     FileSystem* file_system = nullptr);

}  // namespace stoa::journal

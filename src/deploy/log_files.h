#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/layout.h"

// Files of log/: turned by size and age, packed into log/archive/, dropped by age and total size.
namespace stoa::deploy {

struct LogRules {
  std::uint64_t turn_bytes = 64ULL * 1024 * 1024;
  std::chrono::hours turn_age{24};
  std::chrono::hours keep{24 * 30};                         // archives younger than that stay …
  std::uint64_t archive_bytes = 4ULL * 1024 * 1024 * 1024;  // … while all of them fit in here
};

/// One thing that was done, or would be.
struct LogAction {
  std::string what{};  // "archived", "dropped"
  std::filesystem::path file{};
  std::filesystem::path into{};  // empty when dropped
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};

/// Moves a log aside as `ROLE.log.TIME`; whoever writes it opens a new one when told.
///
/// errors  Io
[[nodiscard]] Result<std::filesystem::path> turn(const std::filesystem::path& log, Timestamp now);
/// For a writer that cannot be told: copies, then empties the file. A line written between the two
/// is lost, so it is the second choice.
[[nodiscard]] Result<std::filesystem::path> turn_by_copy(const std::filesystem::path& log,
                                                         Timestamp now);

/// Packs every log that was moved aside into archive/NAME.zst and removes the original once the
/// copy is durable and reads back whole. What was written within the last two seconds waits.
///
/// errors  Io, Damaged: the original stays
[[nodiscard]] Result<std::vector<LogAction>> archive_logs(const Layout& layout, Timestamp now,
                                                          bool dry_run);
/// Drops archives older than `keep`, then the oldest while all take more than `archive_bytes`.
[[nodiscard]] Result<std::vector<LogAction>> drop_old_logs(const Layout& layout,
                                                           const LogRules& rules, Timestamp now,
                                                           bool dry_run);

}  // namespace stoa::deploy

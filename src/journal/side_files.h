#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/segment.h"
#include "journal/verify.h"

// Checkpoints and cursors held against the log that they name; for verify and repair.
namespace stoa::journal {

/// A checkpoint or cursor as it stood when it was listed.
struct SideFile {
  std::string name;
  Lsn lsn;                             // that it names; of a damaged cursor 0
  std::optional<std::uint32_t> chain;  // a checkpoint's
  std::string trouble;                 // why it cannot be believed; empty when it can

  [[nodiscard]] bool is_checkpoint() const noexcept { return name.ends_with(".ckpt"); }
};

/// Every checkpoint and cursor, every byte of them read. What a live writer replaces meanwhile is
/// left out.
///
/// errors  NotFound, Io
[[nodiscard]] Result<std::vector<SideFile>> read_side_files(FileSystem& files,
                                                            const std::filesystem::path& dir);

/// Of a log that keeps the records `first` to `last` (last < first: none): what is wrong with the
/// file, or nothing. List the files before the log's end is looked for: a live log only grows.
///
/// errors  Io
[[nodiscard]] Result<std::optional<Damage>> check_side_file(FileSystem& files,
                                                            const std::filesystem::path& dir,
                                                            const SideFile& file, Lsn first,
                                                            Lsn last);

/// The chain after the record `lsn`, nothing when the records up to it cannot be read.
///
/// errors  Io
[[nodiscard]] Result<std::optional<std::uint32_t>> chain_at(FileSystem& files,
                                                            const std::filesystem::path& dir,
                                                            Lsn lsn);

}  // namespace stoa::journal

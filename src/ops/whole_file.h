#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

// Small files that are always whole: as they were before or as they are now.
namespace stoa::ops {

/// What a power cut may take back of a file that was replaced.
enum class Sync : std::uint8_t {
  None,  // all of it: for what a start writes anew
  File,  // nothing: its bytes are durable before its name is
};

/// Puts `text` under `path` at once: it is written beside it and renamed, so that a reader sees the
/// old file or the new one, never half of one.
///
/// mode    of the file, before the umask
/// errors  Io, and `path` is what it was; only with Sync::File it may be the new one already, where
///         its folder could not be synced
[[nodiscard]] Result<void> replace_whole(const std::filesystem::path& path, std::string_view text,
                                         ::mode_t mode, Sync sync = Sync::None);

/// Where the text stands until it is whole; a crash leaves it behind.
[[nodiscard]] std::filesystem::path passing_name(const std::filesystem::path& path);

/// A small file whole.
///
/// errors  NotFound · Io
[[nodiscard]] Result<std::string> read_small_file(const std::filesystem::path& path);

/// Makes the names in a folder durable.
///
/// errors  Io
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& folder);

}  // namespace stoa::ops

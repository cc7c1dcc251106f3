#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace stoa::ops {

/// Puts `text` under `path` at once: it is written beside it and renamed, so that a reader sees the
/// old file or the new one, never half of one. Not synced: for what a start writes anew.
///
/// mode    of the file, before the umask
/// errors  Io, and `path` is what it was
[[nodiscard]] Result<void> replace_whole(const std::filesystem::path& path, std::string_view text,
                                         ::mode_t mode);

/// Where the text stands until it is whole; a crash leaves it behind.
[[nodiscard]] std::filesystem::path passing_name(const std::filesystem::path& path);

}  // namespace stoa::ops

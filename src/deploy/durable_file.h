#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

// Small files that must survive a power cut whole, as they were before or as they are now.
namespace stoa::deploy {

/// Replaces `file`, or makes it with mode 0640. Its bytes are durable before the name is.
///
/// errors  Io: what stood there stays
[[nodiscard]] Result<void> replace_durably(const std::filesystem::path& file,
                                           std::string_view text);
/// A small file whole.
///
/// errors  NotFound · Io
[[nodiscard]] Result<std::string> read_small_file(const std::filesystem::path& file);
/// Makes the names in a folder durable.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& folder);

}  // namespace stoa::deploy

#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace stoa::apps {

/// The secret that changing calls must show: read from `file`, or made there on first use (256
/// random bits in hex, mode 0600). A file that others can read is refused rather than trusted.
///
/// errors  BadInput: wrong mode or content, with the command that mends it; Io
[[nodiscard]] Result<std::string> load_or_make_token(const std::filesystem::path& file);

}  // namespace stoa::apps

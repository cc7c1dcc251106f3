#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/gateway.h"

namespace stoa::apps {

/// The secret that changing calls must show: read from `file`, or made there on first use (256
/// random bits in hex, mode 0600). A file that others can read is refused rather than trusted.
///
/// errors  BadInput: wrong mode or content, with the command that mends it; Io
[[nodiscard]] Result<std::string> load_or_make_token(const std::filesystem::path& file);

/// Who acts with that secret, and begins the hub's log: STOA_USER, else the login name.
[[nodiscard]] std::string own_name();

/// Tokens of others, from `file`: a line each, `NAME viewer|deployer TOKEN`; what begins with # is
/// a comment. No file: nobody's. One that others can read is refused.
///
/// errors  BadInput: wrong mode, or a line that is none, by its number; Io
[[nodiscard]] Result<std::vector<gateway::TokenHolder>> load_tokens(
    const std::filesystem::path& file);

}  // namespace stoa::apps

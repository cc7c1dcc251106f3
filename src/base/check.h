#pragma once

#include <source_location>
#include <string_view>

namespace stoa {

/// Ends the process with the place and the reason on stderr. The journal is the way back: start and
/// restart are one path.
[[noreturn]] void fail_check(std::string_view why, std::source_location where) noexcept;

/// What must hold unless the code is wrong; on in release builds. Never for what a peer, a disk or
/// a person said.
constexpr void check(bool holds, std::string_view why,
                     std::source_location where = std::source_location::current()) noexcept {
  if (!holds) [[unlikely]] {
    fail_check(why, where);
  }
}

}  // namespace stoa

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stoa::strategy {

/// "; did you mean half_spread_bps?" for the known name that differs least from a mistyped one, or
/// "; there are a, b" when none is near.
[[nodiscard]] std::string suggestion(std::string_view name,
                                     std::span<const std::string_view> known);

}  // namespace stoa::strategy

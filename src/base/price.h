#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string_view>

#include "base/decimal.h"

namespace stoa {

/// A price in quote currency, exact to eight decimals. Zero and negative are valid (spreads,
/// power); "no price" is `std::optional<Price>`, so no value of the type is a sentinel.
///
/// units   e8() = price x 100'000'000
/// range   int64, about +/- 92 billion
/// source  docs/decisions/0003-fixed-point.md
class Price {
 public:
  constexpr Price() noexcept = default;
  static constexpr Price from_e8(std::int64_t e8) noexcept { return Price{e8}; }

  /// Reads `[-]digits[.digits]`; errors as `parse_e8`.
  [[nodiscard]] static std::expected<Price, DecimalError> parse(std::string_view text) noexcept {
    const auto e8 = parse_e8(text);
    if (!e8) return std::unexpected(e8.error());
    return Price{*e8};
  }

  [[nodiscard]] constexpr std::int64_t e8() const noexcept { return e8_; }
  friend constexpr auto operator<=>(Price, Price) = default;
  /// Distance and shift in price; the caller keeps the sum inside the range.
  friend constexpr Price operator+(Price a, Price b) noexcept { return Price{a.e8_ + b.e8_}; }
  friend constexpr Price operator-(Price a, Price b) noexcept { return Price{a.e8_ - b.e8_}; }

 private:
  explicit constexpr Price(std::int64_t e8) noexcept : e8_{e8} {}

  std::int64_t e8_ = 0;
};

}  // namespace stoa

#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string_view>

#include "base/decimal.h"

namespace stoa {

/// A quantity in units of the instrument, exact to eight decimals. Signed: positions go below zero.
///
/// units   e8() = quantity x 100'000'000
/// range   int64, about +/- 92 billion
/// source  docs/decisions/0003-fixed-point.md
class Qty {
 public:
  constexpr Qty() noexcept = default;
  static constexpr Qty from_e8(std::int64_t e8) noexcept { return Qty{e8}; }

  /// Reads `[-]digits[.digits]`; errors as `parse_e8`.
  [[nodiscard]] static std::expected<Qty, DecimalError> parse(std::string_view text) noexcept {
    const auto e8 = parse_e8(text);
    if (!e8) return std::unexpected(e8.error());
    return Qty{*e8};
  }

  [[nodiscard]] constexpr std::int64_t e8() const noexcept { return e8_; }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return e8_ == 0; }
  friend constexpr auto operator<=>(Qty, Qty) = default;
  friend constexpr Qty operator+(Qty a, Qty b) noexcept { return Qty{a.e8_ + b.e8_}; }
  friend constexpr Qty operator-(Qty a, Qty b) noexcept { return Qty{a.e8_ - b.e8_}; }
  constexpr Qty operator-() const noexcept { return Qty{-e8_}; }
  constexpr Qty& operator+=(Qty other) noexcept { return *this = *this + other; }
  constexpr Qty& operator-=(Qty other) noexcept { return *this = *this - other; }

 private:
  explicit constexpr Qty(std::int64_t e8) noexcept : e8_{e8} {}

  std::int64_t e8_ = 0;
};

[[nodiscard]] constexpr Qty abs(Qty qty) noexcept { return qty.e8() < 0 ? -qty : qty; }

}  // namespace stoa

#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"

namespace stoa {

/// Which way a product that does not end at eight decimals goes.
enum class Rounding : std::uint8_t {
  HalfEven,
  Up,
  Down
};  // Up: away from zero, Down: towards zero

/// `value / divisor` rounded; divisor > 0.
[[nodiscard]] constexpr int128 divide(int128 value, int128 divisor, Rounding rounding) noexcept {
  const int128 quotient = value / divisor;
  const int128 rest = value % divisor;
  if (rest == 0 || rounding == Rounding::Down) return quotient;
  const int128 away = value < 0 ? quotient - 1 : quotient + 1;
  if (rounding == Rounding::Up) return away;
  const int128 twice = (rest < 0 ? -rest : rest) * 2;
  if (twice != divisor) return twice > divisor ? away : quotient;
  return quotient % 2 == 0 ? quotient : away;
}

/// An amount of one currency, exact to eight decimals, 128 bits wide: sums of notionals cannot
/// overflow in practice (1.7e30 units).
///
/// units   e8() = amount x 100'000'000
/// source  docs/decisions/0003-fixed-point.md
class Money {
 public:
  constexpr Money() noexcept = default;
  static constexpr Money from_e8(int128 e8) noexcept { return Money{e8}; }

  [[nodiscard]] constexpr int128 e8() const noexcept { return e8_; }
  /// For wire fields and displays of 64 bits: values past the range become its ends.
  [[nodiscard]] constexpr std::int64_t saturated_e8() const noexcept {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
    if (e8_ > kMax) return kMax;
    if (e8_ < kMin) return kMin;
    return static_cast<std::int64_t>(e8_);
  }

  friend constexpr auto operator<=>(Money, Money) = default;
  friend constexpr Money operator+(Money a, Money b) noexcept { return Money{a.e8_ + b.e8_}; }
  friend constexpr Money operator-(Money a, Money b) noexcept { return Money{a.e8_ - b.e8_}; }
  constexpr Money operator-() const noexcept { return Money{-e8_}; }
  constexpr Money& operator+=(Money other) noexcept { return *this = *this + other; }
  constexpr Money& operator-=(Money other) noexcept { return *this = *this - other; }

 private:
  explicit constexpr Money(int128 e8) noexcept : e8_{e8} {}

  int128 e8_ = 0;
};

[[nodiscard]] constexpr Money abs(Money money) noexcept { return money.e8() < 0 ? -money : money; }

/// price x qty; the product of two int64 always fits.
[[nodiscard]] constexpr Money notional(Price price, Qty qty, Rounding rounding) noexcept {
  return Money::from_e8(divide(int128{price.e8()} * qty.e8(), 100'000'000, rounding));
}

/// A rate in hundredths of a basis point (1e-6): fees of 0.075 % are 750. Negative rates are
/// rebates.
[[nodiscard]] constexpr Money apply_rate_e6(Money amount, std::int64_t rate_e6,
                                            Rounding rounding) noexcept {
  return Money::from_e8(divide(amount.e8() * rate_e6, 1'000'000, rounding));
}

}  // namespace stoa

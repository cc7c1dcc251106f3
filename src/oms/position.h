#pragma once

#include <cstdint>

#include "base/decimal.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa::oms {

/// What is held of one instrument and what it cost. Costs and profits are kept as price x quantity,
/// exact at 1e-16; the one rounding is the share of cost that a partial close takes with it
/// (half-even), and what it takes the rest keeps, so realised plus unrealised profit always equals
/// cash flow plus value.
struct Position {
  Qty qty{};                // signed
  int128 cost_e16 = 0;      // signed like qty: what was paid for what is held
  int128 realized_e16 = 0;  // before fees
  int128 fees_e16 = 0;
  Qty bought{};
  Qty sold{};

  /// Takes one fill and answers with the profit it realised, before its fee. A fill through zero
  /// closes first and opens the rest at its own price. `qty_filled` > 0.
  int128 apply(Side side, Price px, Qty qty_filled, Price fee) noexcept;

  /// Average cost of what is held, half-even; zero when flat.
  [[nodiscard]] Price average_price() const noexcept;
  /// Value at `mark` less cost.
  [[nodiscard]] int128 unrealized_e16(Price mark) const noexcept {
    return int128{mark.e8()} * qty.e8() - cost_e16;
  }
};

/// e16 -> money, half-even.
[[nodiscard]] constexpr Money money_from_e16(int128 e16) noexcept {
  return Money::from_e8(divide(e16, 100'000'000, Rounding::HalfEven));
}
/// e16 -> a 64-bit decimal for messages, half-even, saturating.
[[nodiscard]] constexpr Price amount_from_e16(int128 e16) noexcept {
  return Price::from_e8(money_from_e16(e16).saturated_e8());
}

}  // namespace stoa::oms

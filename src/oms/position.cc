#include "oms/position.h"

#include <algorithm>
#include "base/decimal.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa::oms {
namespace {

/// cost x part / whole, half-even; split so that the product cannot leave 128 bits.
int128 share(int128 cost_e16, Qty part, Qty whole) noexcept {
  const int128 per_unit = cost_e16 / whole.e8();
  const int128 rest = cost_e16 % whole.e8();
  return per_unit * part.e8() + divide(rest * part.e8(), whole.e8(), Rounding::HalfEven);
}

}  // namespace

int128 Position::apply(Side side, Price px, Qty qty_filled, Price fee) noexcept {
  const bool buy = side == Side::Buy;
  (buy ? bought : sold) += qty_filled;
  fees_e16 += int128{fee.e8()} * 100'000'000;

  const Qty change = buy ? qty_filled : -qty_filled;
  const bool closes = !qty.is_zero() && (qty.e8() > 0) != buy;
  const Qty closed = closes ? std::min(abs(qty), qty_filled) : Qty{};
  int128 profit_e16 = 0;
  if (closes) {
    const int128 cost_share = share(cost_e16, closed, abs(qty));
    const int128 proceeds = int128{px.e8()} * closed.e8() * (qty.e8() > 0 ? 1 : -1);
    profit_e16 = proceeds - cost_share;
    cost_e16 -= cost_share;
    realized_e16 += profit_e16;
  }
  const Qty opened = qty_filled - closed;
  cost_e16 += int128{px.e8()} * opened.e8() * (buy ? 1 : -1);
  qty += change;
  return profit_e16;
}

Price Position::average_price() const noexcept {
  if (qty.is_zero()) return Price{};
  const int128 cost = cost_e16 < 0 ? -cost_e16 : cost_e16;
  return Price::from_e8(
      Money::from_e8(divide(cost, abs(qty).e8(), Rounding::HalfEven)).saturated_e8());
}

}  // namespace stoa::oms

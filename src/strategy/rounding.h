#pragma once

#include <cstdint>

#include "base/decimal.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/instrument.h"

// Small exact arithmetic that strategies share: basis points, ticks and lots, all in integers.
namespace stoa::strategy {

/// `px` x `bps_e8` basis points (1e-8 of one each), towards zero.
[[nodiscard]] constexpr std::int64_t basis_points(Price px, std::int64_t bps_e8) noexcept {
  constexpr int128 kOneInBpsE8 = 1'000'000'000'000;  // 1e4 x 1e8
  return static_cast<std::int64_t>(int128{px.e8()} * bps_e8 / kOneInBpsE8);
}

/// The tick at or below; prices are positive here.
[[nodiscard]] constexpr Price floor_to_tick(std::int64_t px_e8, Price tick) noexcept {
  return Price::from_e8(px_e8 - px_e8 % tick.e8());
}
/// The tick at or above.
[[nodiscard]] constexpr Price ceil_to_tick(std::int64_t px_e8, Price tick) noexcept {
  const std::int64_t over = px_e8 % tick.e8();
  return Price::from_e8(over == 0 ? px_e8 : px_e8 + (tick.e8() - over));
}

/// The lot at or below; negative quantities go towards zero.
[[nodiscard]] constexpr Qty floor_to_lot(Qty qty, Qty lot) noexcept {
  return Qty::from_e8(qty.e8() - qty.e8() % lot.e8());
}
/// As many whole lots as `notional_e8` (1e-8 of the quote currency) buys at `px` > 0.
[[nodiscard]] constexpr Qty lots_for(std::int64_t notional_e8, Price px,
                                     const Instrument& instrument) noexcept {
  constexpr int128 kMost = 1'000'000'000'000'000'000;  // ten billion: sums of two fit an int64
  const int128 qty_e8 = int128{notional_e8} * 100'000'000 / px.e8();
  const auto qty = static_cast<std::int64_t>(qty_e8 < kMost ? qty_e8 : kMost);
  return floor_to_lot(Qty::from_e8(qty), instrument.lot);
}

/// What the venue would take: at least a lot and its smallest notional.
[[nodiscard]] constexpr bool is_orderable(Price px, Qty qty,
                                          const Instrument& instrument) noexcept {
  return qty >= instrument.lot && px > Price{} &&
         notional(px, qty, Rounding::Down).e8() >= instrument.min_notional.e8();
}

}  // namespace stoa::strategy

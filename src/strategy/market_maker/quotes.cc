#include "strategy/market_maker/quotes.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/instrument.h"
#include "model/market.h"
#include "strategy/rounding.h"
#include "strategy/touch.h"

namespace stoa::strategy {
namespace {

std::optional<Quote> quote(Price px, Qty qty, Qty room, const Instrument& instrument) noexcept {
  Qty size = std::min(qty, floor_to_lot(room, instrument.lot));
  if (!instrument.max_order_qty.is_zero()) {
    size = std::min(size, floor_to_lot(instrument.max_order_qty, instrument.lot));
  }
  if (!is_orderable(px, size, instrument)) return std::nullopt;
  return Quote{.px = px, .qty = size, .room = room};
}

/// The share of a full position that is held, from -1 to 1, of `full_e8`.
std::int64_t share_of(std::int64_t full_e8, Qty position, Qty max_position) noexcept {
  if (max_position.is_zero()) return 0;
  const Qty held = std::clamp(position, -max_position, max_position);
  return static_cast<std::int64_t>(int128{full_e8} * held.e8() / max_position.e8());
}

}  // namespace

Price fair_price(const Touch& touch, bool micro_price) noexcept {
  const std::int64_t bid = touch.bid.px.e8();
  const std::int64_t spread = touch.ask.px.e8() - bid;
  const int128 both = int128{touch.bid.qty.e8()} + touch.ask.qty.e8();
  if (!micro_price || both <= 0) return touch.mid();
  // A heavy bid is hard to sell through: the fair price leans towards the ask.
  return Price::from_e8(bid +
                        static_cast<std::int64_t>(int128{spread} * touch.bid.qty.e8() / both));
}

Quotes quotes_around(Price fair, const Touch& touch, Qty position, const QuoteRules& rules,
                     const Instrument& instrument) noexcept {
  const Price tick = instrument.tick;
  const Qty max_position = lots_for(rules.max_position_e8, fair, instrument);
  const Qty qty = rules.order_qty_e8 > 0
                      ? floor_to_lot(Qty::from_e8(rules.order_qty_e8), instrument.lot)
                      : lots_for(rules.order_notional_e8, fair, instrument);
  const std::int64_t half =
      std::max(basis_points(fair, rules.half_spread_bps_e8), rules.half_spread_ticks * tick.e8());
  Quotes quotes{.fair = fair};
  quotes.skew_e8 = share_of(basis_points(fair, rules.skew_bps_e8), position, max_position);
  const std::int64_t centre = fair.e8() - quotes.skew_e8;
  Price bid = floor_to_tick(centre - half, tick);
  Price ask = ceil_to_tick(centre + half, tick);
  if (rules.post_only) {
    bid = std::min(bid, touch.ask.px - tick);
    ask = std::max(ask, touch.bid.px + tick);
  }
  quotes.bid = quote(bid, qty, max_position - position, instrument);
  quotes.ask = quote(ask, qty, max_position + position, instrument);
  return quotes;
}

}  // namespace stoa::strategy

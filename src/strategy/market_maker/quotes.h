#pragma once

#include <cstdint>
#include <optional>

#include "base/price.h"
#include "base/qty.h"
#include "model/instrument.h"
#include "model/market.h"
#include "strategy/touch.h"

// The market maker's arithmetic, apart from its orders: pure functions over integers.
namespace stoa::strategy {

/// Where the market stands between the touches: the micro-price (the touch with less in front of it
/// is nearer) or the mid. Rounded towards the bid.
///
/// errors  none; a touch without quantity gives the mid
[[nodiscard]] Price fair_price(const Touch& touch, bool micro_price) noexcept;

struct QuoteRules {
  std::int64_t half_spread_bps_e8 = 0;  // distance of each quote from the centre, …
  std::int64_t half_spread_ticks = 0;   // … and its least value
  std::int64_t skew_bps_e8 = 0;         // how far a full position moves both quotes against itself
  std::int64_t order_notional_e8 = 0;   // size in quote currency, …
  std::int64_t order_qty_e8 = 0;        // … unless this one is set
  std::int64_t max_position_e8 = 0;     // in quote currency
  bool post_only = true;
};

struct Quote {
  Price px{};
  Qty qty{};   // wanted
  Qty room{};  // most that the position leaves room for; qty and more
};

struct Quotes {
  std::optional<Quote> bid{};  // none: the position has no room, or the venue would refuse the size
  std::optional<Quote> ask{};
  Price fair{};              // what both stand around
  std::int64_t skew_e8 = 0;  // what was subtracted from the fair price
};

/// Both quotes around `fair` for a position. Prices are on the tick and outwards; post-only ones
/// never reach the other touch. Sizes are on the lot, and position plus size never passes the
/// largest position.
[[nodiscard]] Quotes quotes_around(Price fair, const Touch& touch, Qty position,
                                   const QuoteRules& rules, const Instrument& instrument) noexcept;

}  // namespace stoa::strategy

#pragma once

#include <optional>

#include "base/price.h"
#include "model/market.h"
#include "model/types.h"
#include "strategy/strategy.h"

namespace stoa::strategy {

/// Best bid and ask of a book that has both.
struct Touch {
  Level bid{};
  Level ask{};

  /// Rounded towards the bid.
  [[nodiscard]] constexpr Price mid() const noexcept {
    return Price::from_e8(bid.px.e8() + (ask.px.e8() - bid.px.e8()) / 2);
  }
};

/// The touch to decide by: nothing while the feed is not live, a side is empty, the book is crossed
/// (the feed is wrong), or a price is not of this world, so that sums of prices below cannot
/// overflow.
[[nodiscard]] inline std::optional<Touch> believable_touch(const Context& context) noexcept {
  constexpr Price kHighest = Price::from_e8(100'000'000'000'000'000);  // a billion
  if (context.feed() != FeedStatus::Live) return std::nullopt;
  const auto bid = context.book().best_bid();
  const auto ask = context.book().best_ask();
  if (!bid || !ask || bid->px > ask->px) return std::nullopt;
  if (bid->px <= Price{} || ask->px > kHighest) return std::nullopt;
  return Touch{.bid = *bid, .ask = *ask};
}

}  // namespace stoa::strategy

#include "strategy/market_maker/quotes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/instrument.h"
#include "model/market.h"
#include "strategy/parameter.h"
#include "strategy/test_desk.h"
#include "strategy/touch.h"

namespace stoa::strategy {
namespace {

Touch touch(std::string_view bid_px, std::string_view bid_qty, std::string_view ask_px,
            std::string_view ask_qty) {
  return {.bid = {.px = px(bid_px), .qty = qty(bid_qty)},
          .ask = {.px = px(ask_px), .qty = qty(ask_qty)}};
}

struct FairCase {
  Touch touch;
  std::string_view mid;
  std::string_view micro;
};
const FairCase kFairCases[] = {
    {touch("100", "1", "102", "1"), "101", "101"},
    {touch("100", "3", "102", "1"), "101", "101.5"},  // a heavy bid leans on the ask
    {touch("100", "1", "102", "3"), "101", "100.5"},
    {touch("100", "0", "102", "0"), "101", "101"},
    {touch("100.00000001", "1", "100.00000002", "1"), "100.00000001", "100.00000001"},
};
TEST(FairPrice, leans_away_from_the_heavier_side) {
  for (const FairCase& c : kFairCases) {
    SCOPED_TRACE(text_of(c.touch.bid.px) + " / " + text_of(c.touch.ask.px));
    EXPECT_EQ(text_of(fair_price(c.touch, false)), c.mid);
    EXPECT_EQ(text_of(fair_price(c.touch, true)), c.micro);
  }
}

QuoteRules rules() {
  return {.half_spread_bps_e8 = whole(1),
          .half_spread_ticks = 1,
          .skew_bps_e8 = whole(2),
          .order_notional_e8 = whole(150),
          .max_position_e8 = whole(1'000),
          .post_only = true};
}

std::string said(const std::optional<Quote>& quote) {
  return quote ? text_of(quote->qty) + " @ " + text_of(quote->px) : "none";
}

std::string prices(const Quotes& quotes) {
  if (!quotes.bid || !quotes.ask) return "one side";
  return text_of(quotes.bid->px) + " " + text_of(quotes.ask->px);
}

struct QuoteCase {
  std::string_view what;
  std::string_view position;
  std::string_view bid;
  std::string_view ask;
};

// Fair 60,000: 1 bp is 6; a full position is 1,000 / 60,000 = 0.01666 BTC; a quote is 150 / 60,000
// = 0.0025.
constexpr QuoteCase kQuoteCases[] = {
    {"flat: both sides alike", "0", "0.0025 @ 59994", "0.0025 @ 60006"},
    {"long: both quotes go down", "0.00833", "0.0025 @ 59988", "0.0025 @ 60000"},
    {"short: both quotes go up", "-0.00833", "0.0025 @ 60000", "0.0025 @ 60012"},
    {"room for less than a quote", "0.01516", "0.0015 @ 59983.08", "0.0025 @ 59995.09"},
    {"room for less than the venue takes", "0.01659", "none", "0.0025 @ 59994.06"},
    {"full", "0.01666", "none", "0.0025 @ 59994"},
    {"over full, as a moved price can make it", "0.03", "none", "0.0025 @ 59994"},
    {"full the other way", "-0.01666", "0.0025 @ 60006", "none"},
};
TEST(Quotes, lean_against_the_position_and_stop_at_its_limit) {
  const Touch market = touch("59980", "1", "60020", "1");
  for (const QuoteCase& c : kQuoteCases) {
    SCOPED_TRACE(c.what);
    const Quotes quotes = quotes_around(px("60000"), market, qty(c.position), rules(), btcusdt());
    EXPECT_EQ(said(quotes.bid), c.bid);
    EXPECT_EQ(said(quotes.ask), c.ask);
  }
}

TEST(Quotes, the_wider_of_basis_points_and_ticks_counts) {
  const Touch market = touch("59999.99", "1", "60000.01", "1");
  QuoteRules few = rules();
  few.half_spread_bps_e8 = 0;
  const Quotes by_tick = quotes_around(px("60000"), market, {}, few, btcusdt());
  EXPECT_EQ(prices(by_tick), "59999.99 60000.01");
  few.half_spread_ticks = 250;
  const Quotes wide = quotes_around(px("60000"), market, {}, few, btcusdt());
  EXPECT_EQ(prices(wide), "59997.5 60002.5");
}

TEST(Quotes, post_only_ones_stop_a_tick_short_of_the_other_touch) {
  const Touch market = touch("59999.99", "1", "60000", "1");
  QuoteRules close = rules();
  close.half_spread_bps_e8 = 0;
  close.half_spread_ticks = 0;
  const Quotes quotes = quotes_around(px("60000"), market, {}, close, btcusdt());
  EXPECT_EQ(prices(quotes), "59999.99 60000");
  close.post_only = false;
  EXPECT_EQ(prices(quotes_around(px("60000"), market, {}, close, btcusdt())), "60000 60000");
}

TEST(Quotes, a_size_in_units_goes_before_one_in_money) {
  const Touch market = touch("59995", "1", "60005", "1");
  QuoteRules sized = rules();
  sized.order_qty_e8 = qty("0.004567").e8();
  EXPECT_EQ(said(quotes_around(px("60000"), market, {}, sized, btcusdt()).bid), "0.00456 @ 59994");
}

TEST(Quotes, sizes_below_what_the_venue_takes_are_not_quoted) {
  const Touch market = touch("59995", "1", "60005", "1");
  QuoteRules small = rules();
  small.order_notional_e8 = whole(5);  // 0.00008 BTC are 4.80
  const Quotes quotes = quotes_around(px("60000"), market, {}, small, btcusdt());
  EXPECT_FALSE(quotes.bid || quotes.ask);
  Instrument capped = btcusdt();
  capped.max_order_qty = qty("0.001");
  EXPECT_EQ(said(quotes_around(px("60000"), market, {}, rules(), capped).bid), "0.001 @ 59994");
}

// Any book, position and rules: what is quoted is valid for the instrument, and post-only quotes
// cannot trade at once.
TEST(Quotes, are_always_valid_for_the_instrument) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    Instrument instrument = btcusdt();
    instrument.tick = Price::from_e8(random.between(1, 5'000'000));
    instrument.lot = Qty::from_e8(random.between(1, 50'000'000));
    const std::int64_t bid_ticks = random.between(1, 10'000'000);
    const std::int64_t ask_ticks = bid_ticks + random.between(0, 50);
    const Touch market{.bid = {.px = Price::from_e8(bid_ticks * instrument.tick.e8()),
                               .qty = Qty::from_e8(random.between(0, whole(1'000)))},
                       .ask = {.px = Price::from_e8(ask_ticks * instrument.tick.e8()),
                               .qty = Qty::from_e8(random.between(0, whole(1'000)))}};
    const QuoteRules any{.half_spread_bps_e8 = random.between(0, whole(500)),
                         .half_spread_ticks = random.between(0, 10'000),
                         .skew_bps_e8 = random.between(0, whole(500)),
                         .order_notional_e8 = random.between(whole(1), whole(10'000)),
                         .max_position_e8 = random.between(whole(1), whole(100'000)),
                         .post_only = random.one_in(2)};
    const Price fair = fair_price(market, random.one_in(2));
    const Qty position = Qty::from_e8(random.between(-whole(10), whole(10)));
    const Quotes quotes = quotes_around(fair, market, position, any, instrument);
    for (const auto& quote : {quotes.bid, quotes.ask}) {
      if (!quote) continue;
      EXPECT_GT(quote->px, Price{});
      EXPECT_EQ(quote->px.e8() % instrument.tick.e8(), 0);
      EXPECT_GT(quote->qty, Qty{});
      EXPECT_EQ(quote->qty.e8() % instrument.lot.e8(), 0);
    }
    if (any.post_only && quotes.bid) {
      EXPECT_LT(quotes.bid->px, market.ask.px);
    }
    if (any.post_only && quotes.ask) {
      EXPECT_GT(quotes.ask->px, market.bid.px);
    }
    if (quotes.bid && quotes.ask) {
      EXPECT_LE(quotes.bid->px, quotes.ask->px);
    }
  }
}

}  // namespace
}  // namespace stoa::strategy

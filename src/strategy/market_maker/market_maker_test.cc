#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/execution.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "strategy/registry.h"
#include "strategy/runner.h"
#include "strategy/strategy.h"
#include "strategy/test_desk.h"

namespace stoa::strategy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Quotes 1 bp (6.00) around the mid, no smoothing, moved when off by 10 ticks, at most twice a
/// second.
TestDesk maker(const Settings& more = {}) {
  Settings settings{{"smoothing", "0"},
                    {"micro_price", "false"},
                    {"half_spread_bps", "1"},
                    {"skew_bps", "2"},
                    {"requote_bps", "0"},
                    {"requote_ticks", "10"},
                    {"requote_interval_ms", "500"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return TestDesk{"market_maker", settings};
}

/// A market of 10.00 around `mid`.
void mid(TestDesk& desk, std::string_view price) {
  const Price at = px(price);
  const Price half = px("5");
  desk.book(text_of(at - half), "1", text_of(at + half), "1");
}

std::string take(TestDesk& desk) { return std::exchange(desk.sink.said, {}); }

TEST(MarketMaker, quotes_both_sides_post_only_once_there_is_a_book) {
  TestDesk desk = maker();
  mid(desk, "60000");
  EXPECT_EQ(take(desk), "buy 0.0025 @ 59994 GTX | sell 0.0025 @ 60006 GTX");
  const OrderIntent& bid = desk.sink.orders.front();
  EXPECT_EQ(bid.signal, px("60000"));
  EXPECT_EQ(bid.note.view(), "edge 600 ticks, skew 0 ticks");
  EXPECT_EQ(bid.ts_trigger, desk.now);
  EXPECT_EQ(bid.trigger_seq, desk.market_seq);
  EXPECT_EQ(bid.strategy, StrategyId{1});
  EXPECT_EQ(bid.client_order_id.view(), "s-1-1");
  mid(desk, "60000");
  EXPECT_EQ(take(desk), "") << "what is asked for is not asked for again";
}

struct Step {
  std::string_view what;
  milliseconds wait;     // first time passes, …
  std::string_view mid;  // … then the market is here
  std::string_view want;
};

// At 60,000 the quotes are 59,994.00 and 60,006.00; the ask rounds up, the bid down.
constexpr Step kRestraint[] = {
    {"off by 7 and 9 ticks", milliseconds{1'000}, "60000.08", ""},
    {"off by 10 and 12 ticks", milliseconds{1'000}, "60000.11",
     "replace s-1-1 0.00249 @ 59994.1 | replace s-1-2 0.00249 @ 60006.12"},
    {"moved 400 ms ago", milliseconds{400}, "60010", ""},
    {"the timer remembers", milliseconds{100}, "60010",
     "replace s-1-1 0.00249 @ 60003.99 | replace s-1-2 0.00249 @ 60016.01"},
    {"nothing is left to do", milliseconds{1'000}, "60010", ""},
};
TEST(MarketMaker, moves_a_quote_only_when_it_is_off_and_not_too_often) {
  TestDesk desk = maker();
  mid(desk, "60000");
  desk.acknowledge();
  for (const Step& step : kRestraint) {
    SCOPED_TRACE(step.what);
    desk.wait(step.wait);
    mid(desk, step.mid);
    EXPECT_EQ(take(desk), step.want);
    desk.acknowledge();
  }
}

TEST(MarketMaker, moves_by_cancel_and_new_order_when_told) {
  TestDesk desk = maker({{"use_replace", "false"}, {"requote_interval_ms", "0"}});
  mid(desk, "60000");
  desk.acknowledge();
  mid(desk, "60001");
  EXPECT_EQ(take(desk), "cancel s-1-1 | cancel s-1-2");
  mid(desk, "60001");
  EXPECT_EQ(take(desk), "") << "one order a side: the new one waits for the cancel";
  desk.acknowledge();
  mid(desk, "60001");
  EXPECT_EQ(take(desk), "buy 0.00249 @ 59994.99 GTX | sell 0.00249 @ 60007.01 GTX");
}

TEST(MarketMaker, leans_against_what_it_holds) {
  TestDesk desk = maker({{"requote_interval_ms", "0"}});
  mid(desk, "60000");
  desk.acknowledge();
  desk.fill("s-1-1", qty("0.0025"));
  mid(desk, "60000");
  // 0.0025 of 0.01666 is 15 %: both quotes go down by 15 % of 2 bps.
  EXPECT_EQ(take(desk), "buy 0.0025 @ 59992.19 GTX | replace s-1-2 0.0025 @ 60004.2");
  EXPECT_EQ(desk.sink.orders.back().note.view(), "edge 781 ticks, skew -180 ticks");
}

TEST(MarketMaker, keeps_the_filled_part_in_the_total_of_a_moved_quote) {
  TestDesk desk = maker({{"requote_interval_ms", "0"}, {"skew_bps", "0"}});
  mid(desk, "60000");
  desk.acknowledge();
  desk.fill("s-1-1", qty("0.001"));
  mid(desk, "60001");
  EXPECT_EQ(take(desk), "replace s-1-1 0.00349 @ 59994.99 | replace s-1-2 0.00249 @ 60007.01");
}

TEST(MarketMaker, stops_quoting_a_side_without_room) {
  TestDesk desk = maker({{"requote_interval_ms", "0"}, {"skew_bps", "0"}});
  mid(desk, "60000");
  desk.acknowledge();
  desk.hold(StrategyId{1}, qty("0.016"));
  mid(desk, "60000");
  EXPECT_EQ(take(desk), "replace s-1-1 0.00066 @ 59994") << "less room than the quote is large";
  desk.acknowledge();
  desk.hold(StrategyId{1}, qty("0.01666"));
  mid(desk, "60000");
  EXPECT_EQ(take(desk), "cancel s-1-1");
}

struct VoidCase {
  std::string_view what;
  void (*make)(TestDesk&);
};
constexpr VoidCase kVoidCases[] = {
    {"stale", [](TestDesk& desk) { desk.feed(FeedStatus::Stale); }},
    {"recovering", [](TestDesk& desk) { desk.feed(FeedStatus::Recovering); }},
    {"ended", [](TestDesk& desk) { desk.feed(FeedStatus::Ended); }},
    {"every feed", [](TestDesk& desk) { desk.feed(FeedStatus::Stale, InstrumentId{}); }},
    {"crossed", [](TestDesk& desk) { desk.book("60001", "1", "60000", "1"); }},
    {"one-sided",
     [](TestDesk& desk) {
       desk.book_of(std::array{Level{.px = px("60000"), .qty = qty("1")}}, {});
     }},
    {"not of this world", [](TestDesk& desk) { desk.book("-5", "1", "60000", "1"); }},
};
TEST(MarketMaker, pulls_its_quotes_when_the_market_is_not_to_be_believed) {
  for (const VoidCase& c : kVoidCases) {
    SCOPED_TRACE(c.what);
    TestDesk desk = maker();
    mid(desk, "60000");
    desk.acknowledge();
    c.make(desk);
    EXPECT_EQ(take(desk), "cancel all of 1");
    desk.wait(milliseconds{200});
    EXPECT_EQ(take(desk), "") << "asked once";
    desk.acknowledge();
    EXPECT_TRUE(desk.status().working_orders.empty());
    desk.feed(FeedStatus::Live);
    desk.wait(seconds{1});
    EXPECT_EQ(take(desk), "") << "live, but no book yet";
    mid(desk, "60000");
    EXPECT_EQ(take(desk), "buy 0.0025 @ 59994 GTX | sell 0.0025 @ 60006 GTX");
  }
}

TEST(MarketMaker, asks_again_for_what_a_full_inbox_refused) {
  TestDesk desk = maker();
  desk.sink.full = true;
  mid(desk, "60000");
  EXPECT_EQ(take(desk), "");
  EXPECT_EQ(desk.status().counters.busy, 2U);
  desk.sink.full = false;
  desk.wait(milliseconds{100});
  EXPECT_EQ(take(desk), "buy 0.0025 @ 59994 GTX | sell 0.0025 @ 60006 GTX");
  desk.acknowledge();
  desk.sink.full = true;
  desk.feed(FeedStatus::Stale);
  desk.sink.full = false;
  desk.wait(milliseconds{100});
  EXPECT_EQ(take(desk), "cancel all of 1");
}

TEST(MarketMaker, waits_longer_after_each_refusal_in_a_row) {
  TestDesk desk = maker({{"requote_interval_ms", "0"}});
  const Timestamp begin = desk.now;
  std::vector<std::int64_t> asked_at_ms;
  while (desk.now - begin < seconds{8}) {
    mid(desk, "60000");
    if (!desk.sink.orders.empty()) asked_at_ms.push_back((desk.now - begin) / milliseconds{1});
    desk.refuse(RejectCode::InsufficientFunds);
    desk.wait(milliseconds{50});
  }
  EXPECT_EQ(asked_at_ms, (std::vector<std::int64_t>{0, 500, 1'500, 3'500, 7'500}));
  EXPECT_EQ(desk.status().counters.rejects, 10U);
}

TEST(MarketMaker, leaves_an_order_alone_whose_fate_is_open) {
  TestDesk desk = maker({{"requote_interval_ms", "0"}});
  mid(desk, "60000");
  mid(desk, "60100");
  EXPECT_EQ(take(desk), "buy 0.0025 @ 59994 GTX | sell 0.0025 @ 60006 GTX")
      << "nothing is moved before the venue has acknowledged it";
  desk.acknowledge();
  OrderUpdate& bid = desk.orders.at("s-1-1");
  bid.status = OrdStatus::InDoubt;
  desk.execution(bid);
  mid(desk, "60200");
  EXPECT_EQ(take(desk), "replace s-1-2 0.00249 @ 60206.02");
}

TEST(MarketMaker, takes_over_the_quotes_of_the_run_before) {
  TestDesk before = maker();
  mid(before, "60000");
  before.acknowledge();
  TestDesk after = TestDesk{built_in_strategies(),
                            std::array{StrategyConfig{.id = StrategyId{1},
                                                      .name = "s",
                                                      .type = "market_maker",
                                                      .instrument = InstrumentId{1},
                                                      .parameters = {{"smoothing", "0"}}}},
                            std::array{btcusdt()}};
  for (const auto& [lsn, bytes] : before.log) {
    after.runner->on_execution(lsn, native::MessageView::trusted(bytes));
  }
  after.go_live(2);
  mid(after, "60000");
  EXPECT_EQ(take(after), "") << "its two quotes rest where they should";
  mid(after, "60100");
  EXPECT_EQ(take(after), "replace s-1-1 0.00249 @ 60093.99 | replace s-1-2 0.00249 @ 60106.01");
}

// A random walk with fills at random: whatever happens, the position stays within its limit (and
// one order, because the limit in units moves with the price), and every intent is valid for the
// instrument.
TEST(MarketMaker, never_holds_more_than_it_may) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    TestDesk desk = maker({{"requote_interval_ms", "100"},
                           {"smoothing", "0.5"},
                           {"use_replace", random.one_in(2) ? "true" : "false"}});
    std::int64_t ticks = 6'000'000;
    for (int step = 0; step < 400; ++step) {
      ticks += random.between(-300, 300);
      mid(desk, text_of(Price::from_e8(ticks * 1'000'000)));
      for (const OrderIntent& intent : desk.sink.orders) {
        EXPECT_EQ(intent.px.e8() % btcusdt().tick.e8(), 0);
        EXPECT_EQ(intent.qty.e8() % btcusdt().lot.e8(), 0);
        EXPECT_GE(notional(intent.px, intent.qty, Rounding::Down).e8(),
                  btcusdt().min_notional.e8());
      }
      if (!random.one_in(5)) desk.acknowledge();
      for (const auto& [id, order] : desk.orders) {
        if (is_terminal(order.status) || !random.one_in(3)) continue;
        const std::int64_t lots = (order.order_qty - order.cum_qty).e8() / btcusdt().lot.e8();
        desk.fill(id, Qty::from_e8(random.between(1, lots) * btcusdt().lot.e8()));
        break;
      }
      desk.wait(milliseconds{50});
      const Qty most = qty("0.0192");  // 1,000 + 150 in quote currency at 60,000
      ASSERT_LE(abs(desk.held[StrategyId{1}]), most);
      ASSERT_LE(desk.status().working_orders.size(), 2U);
    }
    EXPECT_EQ(desk.status().counters.invalid, 0U);
    EXPECT_GT(desk.status().counters.fills, 20U);
  }
}

}  // namespace
}  // namespace stoa::strategy

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/types.h"
#include "strategy/ma_cross/averages.h"
#include "strategy/parameter.h"
#include "strategy/runner.h"
#include "strategy/strategy.h"
#include "strategy/test_desk.h"

namespace stoa::strategy {
namespace {

using std::chrono::seconds;

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Averages of 2 s and 4 s, 600 in quote currency, at most 1 bp through the touch.
TestDesk crosser(const Settings& more = {}) {
  Settings settings{{"fast_s", "2"},
                    {"slow_s", "4"},
                    {"hysteresis_bps", "1"},
                    {"order_notional", "600"},
                    {"through_bps", "1"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return TestDesk{"ma_cross", settings};
}

/// A second with the market at `mid` +- 1.
std::string second_at(TestDesk& desk, std::string_view mid) {
  desk.book(text_of(px(mid) - px("1")), "1", text_of(px(mid) + px("1")), "1");
  desk.wait(seconds{1});
  return std::exchange(desk.sink.said, {});
}

struct Step {
  std::string_view mid;
  std::string_view want;
};
constexpr Step kTrend[] = {
    {"60000", ""},
    {"60000", ""},
    {"60000", ""},
    {"60000", ""},                             // warm, and flat
    {"60010", ""},                             // 2.5 apart: under 1 bp, which is 6
    {"60020", "buy 0.00999 @ 60027 IOC"},      // 7.5 apart
    {"60020", ""},                             // long already
    {"60015", ""},                             //
    {"60010", ""},                             // 3.75 below: under 1 bp
    {"59980", "sell 0.01999 @ 59973.01 IOC"},  // 11.25 below: what is held and as much again
    {"59980", ""},
};
TEST(MaCross, follows_the_averages_from_one_side_to_the_other) {
  TestDesk desk = crosser();
  for (std::size_t i = 0; i < std::size(kTrend); ++i) {
    SCOPED_TRACE("second " + std::to_string(i) + " at " + std::string{kTrend[i].mid});
    EXPECT_EQ(second_at(desk, kTrend[i].mid), kTrend[i].want);
    const bool ordered = !desk.sink.orders.empty();
    desk.acknowledge();
    if (ordered) {
      const OrderUpdate& order = desk.orders.rbegin()->second;
      desk.fill(std::string{order.client_order_id.view()}, order.order_qty);
    }
  }
}

TEST(MaCross, asks_again_for_what_an_order_did_not_fill) {
  TestDesk desk = crosser();
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  EXPECT_EQ(second_at(desk, "60100"), "buy 0.00998 @ 60107.01 IOC");
  EXPECT_EQ(second_at(desk, "60100"), "") << "one order at a time";
  desk.acknowledge();
  desk.fill("s-1-1", qty("0.004"));
  OrderUpdate& order = desk.orders.at("s-1-1");
  order.status = OrdStatus::Expired;
  desk.execution(order);
  EXPECT_EQ(second_at(desk, "60100"), "buy 0.00598 @ 60107.01 IOC");
}

TEST(MaCross, is_flat_instead_of_short_when_told) {
  TestDesk desk = crosser({{"allow_short", "false"}});
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  EXPECT_EQ(second_at(desk, "59900"), "") << "nothing is held, and nothing is to be";
  desk.hold(StrategyId{1}, qty("0.003"));
  EXPECT_EQ(second_at(desk, "59900"), "sell 0.003 @ 59893.02 IOC");
}

TEST(MaCross, the_largest_position_bounds_the_target) {
  TestDesk desk = crosser({{"order_notional", "60"}, {"max_position", "60"}});
  desk.set("order_notional", "60");
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  EXPECT_EQ(second_at(desk, "60100"), "buy 0.00099 @ 60107.01 IOC");
}

TEST(MaCross, averages_do_not_span_a_gap_of_the_feed) {
  TestDesk desk = crosser();
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  desk.feed(FeedStatus::Stale);
  EXPECT_EQ(desk.status().last_decision, "feed not live: averages emptied");
  desk.wait(seconds{1});
  desk.feed(FeedStatus::Live);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(second_at(desk, "61000"), "");
  EXPECT_EQ(second_at(desk, "61000"), "") << "warm again, and flat";
}

TEST(MaCross, new_periods_start_from_nothing) {
  TestDesk desk = crosser();
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  desk.set("fast_s", "1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(second_at(desk, "60100"), "");
  EXPECT_EQ(second_at(desk, "60200"), "buy 0.00996 @ 60207.02 IOC");
}

TEST(MaCross, periods_that_cross_each_other_are_refused_and_never_traded_on) {
  TestDesk desk = crosser();
  EXPECT_THROW(desk.set("fast_s", "4"), std::invalid_argument);
  EXPECT_THROW(crosser({{"fast_s", "5"}}), std::invalid_argument);
  // Both in one change: each comes alone through the log, and between them the pair is the wrong
  // way round.
  const std::array changes{std::pair{std::string{"fast_s"}, std::string{"6"}},
                           std::pair{std::string{"slow_s"}, std::string{"8"}}};
  const auto commands = desk.runner->parameter_commands("s", changes, "ann");
  ASSERT_TRUE(commands);
  desk.execution(commands->front());
  EXPECT_EQ(second_at(desk, "60000"), "");
  EXPECT_EQ(desk.status().state, RunState::Running);
  desk.execution(commands->back());
  for (int i = 0; i < 8; ++i) second_at(desk, "60000");
  EXPECT_NE(second_at(desk, "60400"), "");
}

TEST(MaCross, says_why) {
  TestDesk desk = crosser();
  for (int i = 0; i < 4; ++i) second_at(desk, "60000");
  second_at(desk, "60100");
  const OrderIntent& intent = desk.sink.orders.front();
  EXPECT_EQ(intent.signal, px("25"));
  EXPECT_EQ(intent.note.view(), "fast - slow = 25");
  EXPECT_EQ(intent.trigger_seq, desk.market_seq);
}

// Against sums made anew each time.
TEST(MovingSums, equal_sums_over_the_last_samples) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    const auto slow = static_cast<std::size_t>(random.between(2, 50));
    const auto fast =
        static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(slow) - 1));
    const std::int64_t bps_e8 = random.between(0, whole(50));
    MovingSums sums;
    sums.reset(fast, slow);
    std::vector<std::int64_t> all;
    for (int i = 0; i < 300; ++i) {
      all.push_back(random.between(whole(59'000), whole(61'000)));
      sums.add(Price::from_e8(all.back()));
      ASSERT_EQ(sums.warm(), all.size() >= slow);
      if (!sums.warm()) continue;
      const auto average = [&all](std::size_t n) {
        double sum = 0;
        for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(all[all.size() - 1 - k]);
        return sum / static_cast<double>(n);
      };
      const double ratio = (average(fast) / average(slow) - 1) * 1e4 * 1e8;
      // Doubles cannot judge what is closer than their own grain.
      if (std::abs(std::abs(ratio) - static_cast<double>(bps_e8)) < 1e3) continue;
      const int want = ratio > static_cast<double>(bps_e8)    ? 1
                       : ratio < -static_cast<double>(bps_e8) ? -1
                                                              : 0;
      ASSERT_EQ(sums.side_of(bps_e8), want) << i;
      ASSERT_NEAR(static_cast<double>(sums.difference().e8()), average(fast) - average(slow), 4.0);
    }
  }
}

TEST(MovingSums, stay_exact_at_the_highest_price_and_longest_window) {
  MovingSums sums;
  sums.reset(1, 3'600);
  const Price high = Price::from_e8(100'000'000'000'000'000);
  for (int i = 0; i < 3'600; ++i) sums.add(high);
  EXPECT_EQ(sums.side_of(0), 0);
  sums.add(high + Price::from_e8(1));
  EXPECT_EQ(sums.side_of(0), 1);
  EXPECT_EQ(sums.side_of(1), 0);
}

}  // namespace
}  // namespace stoa::strategy

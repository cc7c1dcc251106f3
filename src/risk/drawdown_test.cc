#include "risk/drawdown.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/price.h"

namespace stoa::risk {
namespace {

Price price(std::int64_t whole) { return Price::from_e8(whole * 100'000'000); }

TEST(Drawdown, trips_at_the_limit_and_not_before) {
  const Drawdown limit{1'000'000'000};
  EXPECT_FALSE(limit.consider(price(9'001), price(10'000), false));
  const auto trip = limit.consider(price(9'000), price(10'000), false);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->active, 1);
  EXPECT_EQ(trip->actor.view(), "risk");
  EXPECT_EQ(trip->reason.view(), "drawdown 10.00 % of the peak, limit 10.00 %");
}

TEST(Drawdown, does_not_trip_what_stands_still_already) {
  EXPECT_FALSE(Drawdown{100'000'000}.consider(price(1), price(10'000), true));
}

TEST(Drawdown, without_a_limit_or_a_peak_nothing_is_lost) {
  EXPECT_FALSE(Drawdown{0}.consider(price(1), price(10'000), false));
  EXPECT_EQ(Drawdown::percent_e8(price(-5), Price{}), 0);
  EXPECT_EQ(Drawdown::percent_e8(price(11), price(10)), 0);
  EXPECT_EQ(Drawdown::percent_e8(price(-10), price(10)), 200 * 100'000'000LL);
}

}  // namespace
}  // namespace stoa::risk

#include "oms/position.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/types.h"

namespace stoa::oms {
namespace {

Price px(double units) { return Price::from_e8(static_cast<std::int64_t>(units * 1e8)); }
Qty qty(double units) { return Qty::from_e8(static_cast<std::int64_t>(units * 1e8)); }

TEST(Position, averages_what_it_adds_and_keeps_the_average_when_it_reduces) {
  Position position;
  position.apply(Side::Buy, px(100), qty(1), Price{});
  position.apply(Side::Buy, px(110), qty(3), Price{});
  EXPECT_EQ(position.average_price(), px(107.5));
  const int128 profit = position.apply(Side::Sell, px(120), qty(2), Price{});
  EXPECT_EQ(amount_from_e16(profit), px(25));
  EXPECT_EQ(position.average_price(), px(107.5));
  EXPECT_EQ(position.qty, qty(2));
}

TEST(Position, flips_through_zero_by_closing_first) {
  Position position;
  position.apply(Side::Buy, px(100), qty(2), Price{});
  const int128 profit = position.apply(Side::Sell, px(90), qty(5), px(0.3));
  EXPECT_EQ(amount_from_e16(profit), px(-20));
  EXPECT_EQ(position.qty, qty(-3));
  EXPECT_EQ(position.average_price(), px(90));
  EXPECT_EQ(amount_from_e16(position.unrealized_e16(px(80))), px(30));
  EXPECT_EQ(amount_from_e16(position.fees_e16), px(0.3));
  position.apply(Side::Buy, px(85), qty(3), Price{});
  EXPECT_TRUE(position.qty.is_zero());
  EXPECT_EQ(position.cost_e16, 0);
  EXPECT_EQ(position.average_price(), Price{});
  EXPECT_EQ(amount_from_e16(position.realized_e16), px(-5));
}

TEST(Position, never_makes_or_loses_money_by_rounding) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random{seed};
    Position position;
    int128 cash_e16 = 0;
    for (int i = 0; i < 2'000; ++i) {
      const Side side = random.one_in(2) ? Side::Buy : Side::Sell;
      const Price at = Price::from_e8(random.between(1, 9'999'999'999'999));
      const Qty amount = Qty::from_e8(random.between(1, 777'777'777));
      position.apply(side, at, amount, Price{});
      const int128 value = int128{at.e8()} * amount.e8();
      cash_e16 += side == Side::Buy ? -value : value;
      const Price mark = Price::from_e8(random.between(1, 9'999'999'999'999));
      const int128 equity = cash_e16 + int128{mark.e8()} * position.qty.e8();
      ASSERT_TRUE(equity == position.realized_e16 + position.unrealized_e16(mark))
          << "seed " << seed << " fill " << i;
      ASSERT_EQ(position.qty, position.bought - position.sold);
    }
  }
}

TEST(Position, takes_the_largest_quantities_without_overflow) {
  Position position;
  const Qty huge = Qty::from_e8(9'000'000'000'000'000'000);
  position.apply(Side::Buy, Price::from_e8(900'000'000), huge, Price{});
  const int128 profit = position.apply(Side::Sell, Price::from_e8(1'000'000'000),
                                       Qty::from_e8(huge.e8() / 3), Price{});
  EXPECT_TRUE(profit == int128{100'000'000} * (huge.e8() / 3));
}

}  // namespace
}  // namespace stoa::oms

#include "risk/pre_trade.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include "base/decimal.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "risk/limits.h"

namespace stoa::risk {
namespace {

constexpr std::int64_t kOne = 100'000'000;

/// A buy of 1 at 100 with the market at 100, and every limit far away; each case changes one thing.
struct World {
  Limits limits;
  OrderIntent intent;
  Instrument instrument;
  Situation at;

  World() {
    instrument.tick = Price::from_e8(kOne / 100);
    instrument.lot = Qty::from_e8(kOne / 1000);
    instrument.min_notional = Price::from_e8(5 * kOne);
    intent.px = Price::from_e8(100 * kOne);
    intent.qty = Qty::from_e8(kOne);
    at.instrument = &instrument;
    at.mark = {.bid = Price::from_e8(100 * kOne - kOne / 100),
               .ask = Price::from_e8(100 * kOne + kOne / 100)};
    at.equity = Money::from_e8(int128{10'000} * kOne);
    at.now = Timestamp::from_ns(1'000'000'000'000);
    limits.set(LimitKind::PriceBandRatio, kOne / 10);
    limits.set(LimitKind::MaxLeverage, kOne);
  }
  [[nodiscard]] RejectCode code() const { return evaluate(limits, intent, at).code; }
};

struct Case {
  std::string name;
  std::function<void(World&)> last_accepted;
  std::function<void(World&)> first_refused;
  RejectCode code;
};

const Case kCases[] = {
    {"unknown instrument", [](World&) {}, [](World& w) { w.at.instrument = nullptr; },
     RejectCode::UnknownInstrument},
    {"kill switch", [](World&) {}, [](World& w) { w.at.kill_active = true; },
     RejectCode::KillSwitch},
    {"halted", [](World&) {}, [](World& w) { w.instrument.tradable = 0; }, RejectCode::NotTradable},
    {"lot", [](World& w) { w.intent.qty = Qty::from_e8(kOne / 1000 * 51); },
     [](World& w) { w.intent.qty = Qty::from_e8(kOne / 1000 * 51 + 1); }, RejectCode::LotSize},
    {"zero quantity", [](World&) {}, [](World& w) { w.intent.qty = Qty{}; }, RejectCode::LotSize},
    {"negative quantity", [](World&) {}, [](World& w) { w.intent.qty = Qty::from_e8(-kOne); },
     RejectCode::LotSize},
    {"tick", [](World& w) { w.intent.px = Price::from_e8(9'999 * kOne / 100); },
     [](World& w) { w.intent.px = Price::from_e8(9'999 * kOne / 100 + 1); }, RejectCode::TickSize},
    {"negative price", [](World&) {}, [](World& w) { w.intent.px = Price::from_e8(-kOne); },
     RejectCode::TickSize},
    {"order quantity", [](World& w) { w.limits.set(LimitKind::MaxOrderQty, kOne); },
     [](World& w) { w.limits.set(LimitKind::MaxOrderQty, kOne - 1); }, RejectCode::MaxOrderQty},
    {"the venue's order quantity",
     [](World& w) { w.instrument.max_order_qty = Qty::from_e8(kOne); },
     [](World& w) { w.instrument.max_order_qty = Qty::from_e8(kOne - 1); },
     RejectCode::MaxOrderQty},
    {"no market", [](World& w) { w.at.mark = {.last = Price::from_e8(100 * kOne)}; },
     [](World& w) { w.at.mark = {}; }, RejectCode::NoMarketPrice},
    {"band above", [](World& w) { w.intent.px = Price::from_e8(110 * kOne); },
     [](World& w) { w.intent.px = Price::from_e8(110 * kOne + kOne / 100); },
     RejectCode::PriceBand},
    {"band below", [](World& w) { w.intent.px = Price::from_e8(90 * kOne); },
     [](World& w) { w.intent.px = Price::from_e8(90 * kOne - kOne / 100); }, RejectCode::PriceBand},
    {"min notional", [](World& w) { w.intent.qty = Qty::from_e8(kOne / 20); },
     [](World& w) { w.intent.qty = Qty::from_e8(kOne / 1000 * 49); }, RejectCode::MinNotional},
    {"order notional", [](World& w) { w.limits.set(LimitKind::MaxOrderNotional, 100 * kOne); },
     [](World& w) { w.limits.set(LimitKind::MaxOrderNotional, 100 * kOne - 1); },
     RejectCode::MaxOrderNotional},
    {"market order at the worst price",
     [](World& w) {
       w.intent.type = OrderType::Market;
       w.limits.set(LimitKind::MaxOrderNotional, 110 * kOne);
     },
     [](World& w) {
       w.intent.type = OrderType::Market;
       w.limits.set(LimitKind::MaxOrderNotional, 110 * kOne - 1);
     },
     RejectCode::MaxOrderNotional},
    {"position with open orders",
     [](World& w) {
       w.at.position = Qty::from_e8(2 * kOne);
       w.at.open_buy = Qty::from_e8(2 * kOne);
       w.limits.set(LimitKind::MaxPositionNotional, 500 * kOne);
     },
     [](World& w) {
       w.at.position = Qty::from_e8(2 * kOne);
       w.at.open_buy = Qty::from_e8(2 * kOne);
       w.limits.set(LimitKind::MaxPositionNotional, 500 * kOne - 1);
     },
     RejectCode::PositionLimit},
    {"gross exposure with other instruments",
     [](World& w) {
       w.at.other_exposure = Money::from_e8(int128{400} * kOne);
       w.limits.set(LimitKind::MaxGrossExposure, 500 * kOne);
     },
     [](World& w) {
       w.at.other_exposure = Money::from_e8(int128{400} * kOne + 1);
       w.limits.set(LimitKind::MaxGrossExposure, 500 * kOne);
     },
     RejectCode::ExposureLimit},
    {"open orders",
     [](World& w) {
       w.at.open_orders = 9;
       w.limits.set(LimitKind::MaxOpenOrders, 10 * kOne);
     },
     [](World& w) {
       w.at.open_orders = 10;
       w.limits.set(LimitKind::MaxOpenOrders, 10 * kOne);
     },
     RejectCode::OpenOrdersLimit},
    {"order rate",
     [](World& w) {
       w.limits.set(LimitKind::MaxOrderRate, 10 * kOne);
       for (int i = 0; i < 9; ++i) w.at.rate.take(w.at.now, 10);
     },
     [](World& w) {
       w.limits.set(LimitKind::MaxOrderRate, 10 * kOne);
       for (int i = 0; i < 10; ++i) w.at.rate.take(w.at.now, 10);
     },
     RejectCode::OrderRate},
    {"daily loss",
     [](World& w) {
       w.limits.set(LimitKind::MaxDailyLoss, 50 * kOne);
       w.at.day_pnl = Money::from_e8(int128{-50} * kOne);
     },
     [](World& w) {
       w.limits.set(LimitKind::MaxDailyLoss, 50 * kOne);
       w.at.day_pnl = Money::from_e8(int128{-50} * kOne - 1);
     },
     RejectCode::DailyLoss},
    {"funds", [](World& w) { w.at.equity = Money::from_e8(int128{100} * kOne); },
     [](World& w) { w.at.equity = Money::from_e8(int128{100} * kOne - 1); },
     RejectCode::InsufficientFunds},
};

TEST(PreTrade, refuses_just_past_each_edge) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    World accepted;
    c.last_accepted(accepted);
    EXPECT_EQ(to_string(accepted.code()), to_string(RejectCode::None));
    World refused;
    c.first_refused(refused);
    EXPECT_EQ(to_string(refused.code()), to_string(c.code));
  }
}

TEST(PreTrade, lets_an_order_through_that_only_reduces_the_position) {
  World world;
  world.intent.side = Side::Sell;
  world.at.position = Qty::from_e8(3 * kOne);
  world.at.equity = Money::from_e8(0);
  world.at.day_pnl = Money::from_e8(int128{-1'000} * kOne);
  world.limits.set(LimitKind::MaxDailyLoss, 50 * kOne);
  world.limits.set(LimitKind::MaxPositionNotional, 50 * kOne);
  EXPECT_EQ(world.code(), RejectCode::None);
  world.at.open_sell = Qty::from_e8(6 * kOne);  // with what is open it would flip to the other side
  EXPECT_NE(world.code(), RejectCode::None);
}

TEST(PreTrade, shows_every_check_with_limit_and_value) {
  const World world;
  const Verdict verdict = evaluate(world.limits, world.intent, world.at);
  ASSERT_EQ(verdict.check_count, kRiskChecks);
  for (std::size_t i = 0; i < kRiskChecks; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(verdict.checks[i].check), i);
    EXPECT_EQ(verdict.checks[i].ok, 1) << to_string(verdict.checks[i].check);
  }
}

TEST(OrderRate, drains_evenly) {
  OrderRate rate;
  Timestamp now = Timestamp::from_ns(5'000'000'000);
  for (int i = 0; i < 10; ++i) rate.take(now, 10);
  EXPECT_EQ(rate.with_one_more(now, 10), 11);
  now = now + std::chrono::milliseconds{100};
  EXPECT_EQ(rate.with_one_more(now, 10), 10);
  now = now + std::chrono::seconds{2};
  EXPECT_EQ(rate.with_one_more(now, 10), 1);
}

}  // namespace
}  // namespace stoa::risk

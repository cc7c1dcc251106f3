#include "venues/sim/account.h"

#include <gtest/gtest.h>

#include <fmt/core.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/matching/scenario.h"
#include "book/matching/types.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/venue_port.h"
#include "venues/sim/market.h"

namespace stoa::venues::sim {
namespace {

constexpr Timestamp kStart = Timestamp::from_ns(1'700'000'000'000'000'000);

Instrument rules() {
  return {.instrument = InstrumentId{7},
          .symbol = Symbol::cut("TESTUSD"),
          .base = {},
          .quote = {},
          .venue = {},
          .tick = Price::from_e8(1'000'000),
          .lot = Qty::from_e8(10'000'000),
          .min_notional = Price::from_e8(500'000'000),
          .max_order_qty = Qty::from_e8(100'000'000'000),
          .maker_fee_e6 = 200,
          .taker_fee_e6 = 500};
}

class Nobody final : public oms::MarketSink {
 public:
  void on_trade(const Trade&, Timestamp) override {}
  void on_quote(const Quote&, Timestamp) override {}
  void on_book(const BookView&, Timestamp) override {}
  void on_feed_state(const FeedState&, Timestamp) override {}
};

/// Plays scenarios on one account and one market, without latency. Orders of owner `them` go
/// straight into the book, all others are ours; the events are our reports.
class AccountDriver {
 public:
  explicit AccountDriver(matching::SelfTrade self_trade = matching::SelfTrade::ExpireMaker)
      : ids_{kStart}, market_{rules(), 256, self_trade, ids_}, account_{options(), markets_} {}

  void apply(const matching::ScenarioStep& step) {
    if (step.owner == "them") {
      them(step);
    } else {
      us(step);
    }
    account_.collect(market_, kStart);
    market_.publish(kStart, kStart, nobody_);
    take_reports();
  }

  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }
  [[nodiscard]] std::vector<std::string> book() const { return {}; }

  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const std::vector<ExecutionReport>& reports() const { return reports_; }
  [[nodiscard]] ClOrdId last_cl_ord_id() const { return ClOrdId{last_cl_ord_id_}; }
  void take_reports() {
    std::array<ExecutionReport, 64> out;
    const std::size_t count = account_.take_reports(kStart, out);
    for (std::size_t i = 0; i < count; ++i) {
      reports_.push_back(out.at(i));
      events_.push_back(text_of(out.at(i)));
    }
  }

 private:
  static Account::Options options() {
    return {.orders_max = 64,
            .reports_max = 512,
            .event_reports_max = 258,
            .open_orders_max = 3,
            .report_latency = nanoseconds{0},
            .jitter_max = nanoseconds{0},
            .seed = 1};
  }

  void them(const matching::ScenarioStep& step) {
    ASSERT_EQ(step.kind, matching::ScenarioStep::Kind::Order);
    const auto result = market_.submit({.id = ids_.next(),
                                        .side = step.side,
                                        .type = step.type,
                                        .time_in_force = step.time_in_force,
                                        .px = market_.ticks_of(step.px),
                                        .qty = market_.lots_of(step.qty)});
    ASSERT_EQ(result.refusal, matching::Refusal::None);
  }

  void us(const matching::ScenarioStep& step) {
    const ClOrdId id{++last_cl_ord_id_};
    const ClOrdId meant = current_of(step.name);
    name_of_.push_back(step.name);
    switch (step.kind) {
      case matching::ScenarioStep::Kind::Order:
        return account_.apply(OrderSend{.cl_ord_id = id,
                                        .instrument = InstrumentId{7},
                                        .side = step.side,
                                        .type = step.type,
                                        .time_in_force = step.time_in_force,
                                        .px = step.px,
                                        .qty = step.qty},
                              kStart);
      case matching::ScenarioStep::Kind::Cancel:
        return account_.apply(CancelSend{.cl_ord_id = id,
                                         .orig_cl_ord_id = meant,
                                         .order_id = {},
                                         .instrument = InstrumentId{7}},
                              kStart);
      case matching::ScenarioStep::Kind::Replace:
        return account_.apply(ReplaceSend{.cl_ord_id = id,
                                          .orig_cl_ord_id = meant,
                                          .order_id = {},
                                          .instrument = InstrumentId{7},
                                          .px = step.px,
                                          .qty = step.qty},
                              kStart);
    }
  }

  /// The id that the order of a name goes by: of its latest accepted request.
  [[nodiscard]] ClOrdId current_of(std::string_view name) const {
    for (auto report = reports_.rbegin(); report != reports_.rend(); ++report) {
      const bool names =
          report->exec_type == ExecType::New || report->exec_type == ExecType::Replaced;
      if (names && name_of_.at(report->cl_ord_id.value() - 1) == name) return report->cl_ord_id;
    }
    return ClOrdId{999'999};
  }

  [[nodiscard]] std::string text_of(const ExecutionReport& report) const {
    const std::string name = name_of_.at(report.cl_ord_id.value() - 1);
    const auto number = [](std::int64_t e8) { return std::string{DecimalText{e8}.view()}; };
    switch (report.exec_type) {
      case ExecType::New:
        return "new " + name;
      case ExecType::Trade:
        return fmt::format("{} {} {} @ {} leaves {}", to_string(report.liquidity), name,
                           number(report.last_qty.e8()), number(report.last_px.e8()),
                           number(report.leaves_qty.e8()));
      case ExecType::Replaced:
        return fmt::format("replaced {} leaves {}", name, number(report.leaves_qty.e8()));
      default:
        break;
    }
    const bool plain = report.code == RejectCode::None;
    return fmt::format("{} {}{}{}", to_string(report.exec_type), name, plain ? "" : " ",
                       plain ? "" : to_string(report.code));
  }

  IdSource ids_;
  Market market_;
  std::array<Market*, 1> markets_{&market_};
  Account account_;
  Nobody nobody_;
  std::uint64_t last_cl_ord_id_ = 0;
  std::vector<std::string> name_of_;  // by cl_ord_id - 1
  std::vector<ExecutionReport> reports_;
  std::vector<std::string> events_;
};

struct Case {
  std::string_view name;
  std::string_view text;
  matching::SelfTrade self_trade = matching::SelfTrade::ExpireMaker;
};

constexpr Case kCases[] = {
    {"an order rests", "buy A 10 @ 10 => new A"},
    {"a taker is told new, then its trades",
     "sell X/them 4 @ 10 | sell Y/them 9 @ 10.01 | buy A 10 @ 10.01 => new A, taker A 4 @ 10 "
     "leaves 6, "
     "taker A 6 @ 10.01 leaves 0"},
    {"a maker is told when it trades",
     "buy A 10 @ 10 | sell X/them 4 @ 10 | sell Y/them 6 @ 10 => new A, maker A 4 @ 10 leaves 6, "
     "maker A 6 @ 10 leaves 0"},
    {"ioc: what is left is canceled",
     "sell X/them 4 @ 10 | buy A 10 @ 10 ioc => new A, taker A 4 @ 10 leaves 6, canceled A "
     "NoLiquidity"},
    {"ioc that finds nothing", "buy A 10 @ 10 ioc => new A, canceled A NoLiquidity"},
    {"market: what is left is canceled",
     "sell X/them 4 @ 10 | buy A 10 market => new A, taker A 4 @ 10 leaves 6, canceled A "
     "NoLiquidity"},
    {"market that finds nothing", "buy A 10 market => new A, canceled A NoLiquidity"},
    {"market post-only is refused",
     "sell X/them 4 @ 10 | buy A 10 market post => rejected A VenueRejected"},
    {"fok that fits", "sell X/them 10 @ 10 | buy A 10 @ 10 fok => new A, taker A 10 @ 10 leaves 0"},
    {"fok that does not fit",
     "sell X/them 9 @ 10 | buy A 10 @ 10 fok => rejected A FokNotFillable"},
    {"post-only that rests", "sell X/them 9 @ 10 | buy A 10 @ 9.99 post => new A"},
    {"post-only that would take",
     "sell X/them 9 @ 10 | buy A 10 @ 10 post => rejected A PostOnlyWouldTake"},
    {"cancel", "buy A 10 @ 10 | cancel A | sell X/them 1 @ 10 => new A, canceled A"},
    {"cancel after a part was filled",
     "buy A 10 @ 10 | sell X/them 4 @ 10 | cancel A => new A, maker A 4 @ 10 leaves 6, canceled A"},
    {"cancel after all was filled",
     "buy A 10 @ 10 | sell X/them 10 @ 10 | cancel A => new A, maker A 10 @ 10 leaves 0, "
     "cancel_reject A TooLate"},
    {"cancel twice",
     "buy A 10 @ 10 | cancel A | cancel A => new A, canceled A, cancel_reject A TooLate"},
    {"cancel of nobody", "cancel A => cancel_reject A UnknownOrder"},
    {"replace of the price",
     "buy A 10 @ 10 | replace A 10 @ 11 | sell X/them 1 @ 11 => new A, "
     "replaced A leaves 10, maker A 1 @ 11 leaves 9"},
    {"replace into the other side",
     "sell X/them 4 @ 11 | buy A 10 @ 10 | replace A 10 @ 11 => new A, replaced A leaves 10, "
     "taker A 4 @ 11 leaves 6"},
    {"replace counts what is filled",
     "buy A 10 @ 10 | sell X/them 4 @ 10 | replace A 8 | sell Y/them 9 @ 10 => new A, "
     "maker A 4 @ 10 leaves 6, replaced A leaves 4, maker A 4 @ 10 leaves 0"},
    {"replace down to what is filled comes too late",
     "buy A 10 @ 10 | sell X/them 4 @ 10 | replace A 4 | cancel A => new A, maker A 4 @ 10 leaves "
     "6, "
     "replace_reject A TooLate, canceled A"},
    {"replace again, and again",
     "buy A 10 @ 10 | replace A 20 | replace A 30 | replace A 40 @ 9 | cancel A => new A, replaced "
     "A leaves 20, "
     "replaced A leaves 30, replaced A leaves 40, canceled A"},
    {"replace of a post-only order may not take",
     "sell X/them 4 @ 11 | buy A 10 @ 10 post | replace A 10 @ 11 | replace A 10 @ 10.99 => new A, "
     "replace_reject A PostOnlyWouldTake, replaced A leaves 10"},
    {"replace obeys the filters",
     "buy A 10 @ 10 | replace A 10.05 | replace A 10 @ 10.005 | replace A 0.1 | cancel A => new A, "
     "replace_reject A LotSize, replace_reject A TickSize, replace_reject A MinNotional, "
     "canceled A"},
    {"replace of nobody", "replace A 10 @ 10 => replace_reject A UnknownOrder"},
    {"own orders do not trade: the resting one goes",
     "buy A 10 @ 10 | sell B 4 @ 10 => new A, new B, canceled A SelfTrade"},
    {"own orders do not trade: the inbound one goes",
     "buy A 10 @ 10 | sell B 4 @ 10 | cancel A => new A, new B, canceled B SelfTrade, canceled A",
     matching::SelfTrade::ExpireTaker},
    {"others behind our own are traded with",
     "buy A 10 @ 10 | buy X/them 5 @ 10 | sell B 4 @ 10 => new A, new B, canceled A SelfTrade, "
     "taker B 4 @ 10 leaves 0"},
    {"lot, tick, least value and largest quantity",
     "buy A 10.05 @ 10 | buy B 10 @ 10.005 | buy C 0.4 @ 10 | buy D 0.5 @ 10 | buy E 1000.1 @ 10 | "
     "buy F 1000 @ 10 => rejected A LotSize, rejected B TickSize, rejected C MinNotional, new D, "
     "rejected E MaxOrderQty, new F"},
    {"no quantity, no price",
     "buy A 0 @ 10 | buy B 1 @ 0 => rejected A LotSize, rejected B TickSize"},
    {"market is valued at the touch",
     "sell X/them 1 @ 10 | buy A 0.4 market | buy B 0.5 market => rejected A MinNotional, new B, "
     "taker B 0.5 @ 10 leaves 0"},
    {"one open order too many",
     "buy A 1 @ 10 | buy B 1 @ 10 | buy C 1 @ 10 | buy D 1 @ 10 | cancel A | buy E 1 @ 10 => new "
     "A, new B, "
     "new C, rejected D OpenOrdersLimit, canceled A, new E"},
};

TEST(SimAccount, requests_come_to_the_reports_as_written) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    const auto driver = std::make_unique<AccountDriver>(each.self_trade);
    EXPECT_EQ(matching::run_scenario(each.text, *driver), "");
    for (const ExecutionReport& report : driver->reports()) {
      EXPECT_EQ(report.instrument, InstrumentId{7});
      const bool trade = report.exec_type == ExecType::Trade;
      EXPECT_EQ(report.exec_id != ExecId{}, trade);
      const bool about_another = report.exec_type == ExecType::Canceled ||
                                 report.exec_type == ExecType::Replaced ||
                                 report.exec_type == ExecType::CancelRejected ||
                                 report.exec_type == ExecType::ReplaceRejected;
      EXPECT_EQ(report.orig_cl_ord_id != ClOrdId{}, about_another);
    }
  }
}

TEST(SimAccount, fees_are_rounded_up_to_the_last_decimal) {
  AccountDriver driver;
  ASSERT_EQ(matching::run_scenario(
                "sell X/them 1 @ 10.01 | buy A 0.7 @ 10.01 | buy B 0.7 @ 9.99 | "
                "sell Y/them 0.7 @ 9.99 => new A, taker A 0.7 @ 10.01 leaves 0, new B, "
                "maker B 0.7 @ 9.99 leaves 0",
                driver),
            "");
  EXPECT_EQ(driver.reports().at(1).fee.e8(), 350'350);  // 7.007 x 0.05 %
  EXPECT_EQ(driver.reports().at(3).fee.e8(), 139'860);  // 6.993 x 0.02 %
}

TEST(SimAccount, a_second_send_of_one_id_is_dropped_in_silence) {
  AccountDriver driver;
  const OrderSend order{.cl_ord_id = ClOrdId{1},
                        .instrument = InstrumentId{7},
                        .px = Price::from_e8(1'000'000'000),
                        .qty = Qty::from_e8(1'000'000'000)};
  ASSERT_EQ(matching::run_scenario("buy A 10 @ 10 => new A", driver), "");
  driver.account().apply(order, kStart);
  OrderSend resent = order;
  resent.resend = 1;
  driver.account().apply(resent, kStart);
  driver.take_reports();
  EXPECT_EQ(driver.reports().size(), 1U);
  ASSERT_EQ(
      matching::run_scenario("sell X/them 30 @ 10 => new A, maker A 10 @ 10 leaves 0", driver), "");
  // Not even after the order has ended.
  driver.account().apply(order, kStart);
  driver.take_reports();
  EXPECT_EQ(driver.reports().size(), 2U);
}

TEST(SimAccount, a_query_is_answered_with_the_venues_truth) {
  AccountDriver driver;
  ASSERT_EQ(matching::run_scenario("buy A 10 @ 10 | sell X/them 4 @ 10 | replace A 20 => new A, "
                                   "maker A 4 @ 10 leaves 6, replaced A leaves 16",
                                   driver),
            "");
  const auto ask = [&](std::uint64_t id) {
    driver.account().apply(
        OrderQuery{.cl_ord_id = ClOrdId{id}, .order_id = {}, .instrument = InstrumentId{7}},
        kStart);
    std::array<ExecutionReport, 2> out;
    EXPECT_EQ(driver.account().take_reports(kStart, out), 1U);
    return out[0];
  };
  for (const std::uint64_t id : {1U, 2U}) {  // by its first name and by the new one
    const ExecutionReport status = ask(id);
    EXPECT_EQ(status.cl_ord_id, ClOrdId{id});
    EXPECT_EQ(status.exec_type, ExecType::OrderStatus);
    EXPECT_EQ(status.cum_qty.e8(), 400'000'000);
    EXPECT_EQ(status.leaves_qty.e8(), 1'600'000'000);
  }
  EXPECT_EQ(ask(99).exec_type, ExecType::NotFound);
}

TEST(SimAccount, what_it_has_forgotten_it_neither_takes_again_nor_denies) {
  AccountDriver driver;
  std::string text;
  for (int i = 0; i < 65; ++i) text += "buy A 1 @ 10 ioc | ";
  text.resize(text.size() - 2);
  EXPECT_NE(matching::run_scenario(text + "=>", driver), "");  // reports, none of them wanted
  const std::size_t before = driver.reports().size();
  ASSERT_EQ(before, 130U);
  // The table holds 64: the first order is forgotten, the second is not.
  for (const std::uint64_t id : {1U, 2U}) {
    driver.account().apply(
        OrderQuery{.cl_ord_id = ClOrdId{id}, .order_id = {}, .instrument = InstrumentId{7}},
        kStart);
    driver.account().apply(OrderSend{.cl_ord_id = ClOrdId{id},
                                     .instrument = InstrumentId{7},
                                     .px = Price::from_e8(1'000'000'000),
                                     .qty = Qty::from_e8(1'000'000'000)},
                           kStart);
  }
  driver.take_reports();
  ASSERT_EQ(driver.reports().size(), before + 1);
  EXPECT_EQ(driver.reports().back().exec_type, ExecType::OrderStatus);
  EXPECT_EQ(driver.reports().back().cl_ord_id, ClOrdId{2});
}

}  // namespace
}  // namespace stoa::venues::sim

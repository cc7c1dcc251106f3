#include "strategy/runner.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "strategy/parameter.h"
#include "strategy/puppet.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"
#include "strategy/test_desk.h"

namespace stoa::strategy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using RunnerTest = PuppetTest;

TEST_F(RunnerTest, an_enabled_strategy_starts_through_the_log) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.execution(RunStarted{.run = 1});
  desk.runner->set_live(true, desk.now);
  EXPECT_EQ(desk.sink.said, "start: enabled");
  EXPECT_EQ(told(), Told{}) << "not before its start is durable";
  desk.take_commands();
  EXPECT_EQ(told(), Told{"start"});
  EXPECT_EQ(desk.status().state, RunState::Running);
  EXPECT_EQ(desk.status().running_since, desk.now);
}

TEST_F(RunnerTest, shows_each_message_to_the_strategies_of_its_instrument_with_the_book_as_of_it) {
  TestDesk desk = desk_of({config(1, "a"), config(2, "b", 2)});
  desk.go_live();
  told();
  desk.book("60000", "1", "60001", "1");
  EXPECT_EQ(told(), Told{"book 60000"});
  desk.book("3000", "1", "3001", "1", InstrumentId{2});
  EXPECT_EQ(told(), Told{"book 3000"});
  desk.book("7", "1", "8", "1", InstrumentId{3});
  EXPECT_EQ(told(), Told{}) << "an instrument that nobody trades";
  desk.trade("60000.5", "1", Side::Buy);
  EXPECT_EQ(told(), Told{"trade 60000.5"});
  desk.book_of(
      std::array{Level{.px = px("60000"), .qty = {}}, Level{.px = px("59999"), .qty = qty("2")}},
      {}, InstrumentId{1}, false);
  EXPECT_EQ(told(), Told{"book 59999"});
  desk.feed(FeedStatus::Stale, InstrumentId{});
  EXPECT_EQ(told(), (Told{"feed stale", "feed stale"}));
  desk.book_of({}, {}, InstrumentId{1}, false);
  EXPECT_EQ(told(), Told{"book void"}) << "a delta without a book does not bring it back";
}

TEST_F(RunnerTest, half_of_a_snapshot_is_no_book_to_decide_by) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  told();
  const std::array bids{Level{.px = px("60000"), .qty = qty("1")}};
  for (const std::uint16_t part : {std::uint16_t{0}, std::uint16_t{1}}) {
    std::vector<std::byte> bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode_book(
        bytes, {.domain = native::Domain::Market, .timestamp = desk.now},
        {.head = {.instrument = InstrumentId{1}, .part = part, .parts = 2},
         .snapshot = true,
         .bids = part == 0 ? std::span<const Level>{bids} : std::span<const Level>{},
         .asks = {}}));
    desk.runner->on_market(native::MessageView::trusted(bytes), part + 1U);
    EXPECT_EQ(told(), part == 0 ? Told{} : Told{"book 60000"});
  }
}

struct RequestCase {
  std::string_view what;
  OrderRequest request;
  PlaceError error;
};
TEST_F(RunnerTest, refuses_orders_that_are_invalid_for_the_instrument_and_counts_them) {
  TestDesk desk = desk_of({config(1, "a")});
  const auto with = [](auto change) {
    OrderRequest request = a_bid();
    change(request);
    return request;
  };
  const RequestCase cases[] = {
      {"no quantity", with([](auto& r) { r.qty = {}; }), PlaceError::BadQty},
      {"less than nothing", with([](auto& r) { r.qty = qty("-0.001"); }), PlaceError::BadQty},
      {"between two lots", with([](auto& r) { r.qty = qty("0.000015"); }), PlaceError::BadQty},
      {"more than the venue takes", with([](auto& r) { r.qty = qty("10.00001"); }),
       PlaceError::BadQty},
      {"no price", with([](auto& r) { r.px = {}; }), PlaceError::BadPrice},
      {"below zero", with([](auto& r) { r.px = px("-1"); }), PlaceError::BadPrice},
      {"between two ticks", with([](auto& r) { r.px = px("60000.005"); }), PlaceError::BadPrice},
      {"a market order with a price", with([](auto& r) { r.type = OrderType::Market; }),
       PlaceError::BadPrice},
      {"below the least notional", with([](auto& r) { r.qty = qty("0.00008"); }),
       PlaceError::BelowMinNotional},
  };
  Instrument instrument = btcusdt();
  instrument.max_order_qty = qty("10");
  desk.execution(instrument);
  desk.go_live();
  std::uint64_t invalid = 0;
  for (const RequestCase& c : cases) {
    SCOPED_TRACE(c.what);
    puppet.on_book = [&c](Context& context) {
      const auto placed = context.place(c.request);
      ASSERT_FALSE(placed);
      EXPECT_EQ(to_string(placed.error()), to_string(c.error));
      EXPECT_TRUE(context.working_orders().empty());
    };
    desk.book("1", "1", "2", "1");
    EXPECT_EQ(desk.status().counters.invalid, ++invalid);
  }
  EXPECT_EQ(desk.sink.said, "");
  // The other side of the edges.
  puppet.on_book = [](Context& context) {
    OrderRequest request = a_bid();
    request.qty = qty("10");
    EXPECT_TRUE(context.place(request));
    request.qty = qty("0.00009");
    EXPECT_TRUE(context.place(request));
    EXPECT_TRUE(context.place({.type = OrderType::Market, .qty = qty("0.00001")}));
  };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(desk.status().counters.invalid, invalid);
  instrument.tradable = 0;
  desk.execution(instrument);
  puppet.on_book = [](Context& context) {
    EXPECT_EQ(context.place(a_bid()).error(), PlaceError::NotTradable);
  };
  desk.book("1", "1", "2", "1");
}

TEST_F(RunnerTest, bounds_what_one_callback_and_one_strategy_may_ask_for) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  std::size_t placed = 0;
  PlaceError last{};
  puppet.on_book = [&](Context& context) {
    for (std::size_t i = 0; i < kRequestsPerCallback + 1; ++i) {
      const auto result = context.place(a_bid());
      if (result) {
        ++placed;
      } else {
        last = result.error();
      }
    }
  };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(placed, kRequestsPerCallback);
  EXPECT_EQ(last, PlaceError::TooManyAtOnce);
  for (int i = 0; i < 4; ++i) desk.book("1", "1", "2", "1");
  EXPECT_EQ(placed, kWorkingOrdersMax);
  EXPECT_EQ(desk.status().working_orders.size(), kWorkingOrdersMax);
  EXPECT_EQ(last, PlaceError::TooManyAtOnce);
  puppet.on_book = [&](Context& context) { last = context.place(a_bid()).error(); };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(last, PlaceError::TooManyOrders);
}

TEST_F(RunnerTest, an_own_order_is_seen_from_place_to_its_end) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  puppet.on_book = [](Context& context) {
    ASSERT_TRUE(context.place(a_bid()));
    ASSERT_EQ(context.working_orders().size(), 1U);
    EXPECT_EQ(context.working_orders().front().status, OrdStatus::PendingNew);
    EXPECT_EQ(context.working_orders().front().intent, ClOrdId{});
  };
  desk.book("1", "1", "2", "1");
  puppet.on_book = {};
  desk.acknowledge();
  EXPECT_EQ(desk.status().working_orders.front().status, OrdStatus::New);
  EXPECT_NE(desk.status().working_orders.front().intent, ClOrdId{});
  desk.fill("a-1-1", qty("0.0004"));
  EXPECT_EQ(desk.status().working_orders.front().leaves_qty(), qty("0.0006"));
  EXPECT_EQ(desk.status().position.qty, qty("0.0004"));
  puppet.on_order = [](Context& context) { EXPECT_TRUE(context.working_orders().empty()); };
  desk.fill("a-1-1", qty("0.0006"));
  EXPECT_TRUE(desk.status().working_orders.empty());
  EXPECT_EQ(told(), (Told{"start", "book 1", "order pending_new", "order new", "fill 0.0004",
                          "order partially_filled", "fill 0.0006", "order filled"}));
  EXPECT_EQ(desk.status().counters.orders, 1U);
  EXPECT_EQ(desk.status().counters.fills, 2U);
  EXPECT_EQ(desk.status().last_decision, "why not");
}

TEST_F(RunnerTest, one_change_of_an_order_at_a_time) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  const ClientOrderId id = ClientOrderId::cut("a-1-1");
  const auto in_book = [&desk](std::function<void(Context&)> act) {
    puppet.on_book = std::move(act);
    desk.book("1", "1", "2", "1");
  };
  in_book([](Context& context) { ASSERT_TRUE(context.place(a_bid())); });
  desk.acknowledge();
  in_book([&id](Context& context) {
    EXPECT_EQ(context.replace(id, px("60000.001"), qty("0.001")).error(), PlaceError::BadPrice);
    EXPECT_EQ(context.replace(id, px("60000"), {}).error(), PlaceError::BadQty);
    EXPECT_EQ(context.cancel(ClientOrderId::cut("a-1-2")).error(), PlaceError::UnknownOrder);
    EXPECT_TRUE(context.replace(id, px("60001"), qty("0.002")));
    EXPECT_EQ(context.replace(id, px("60002"), qty("0.002")).error(), PlaceError::ChangePending);
    EXPECT_EQ(context.cancel(id).error(), PlaceError::ChangePending);
  });
  desk.acknowledge();
  EXPECT_EQ(desk.status().working_orders.front().px, px("60001"));
  EXPECT_EQ(desk.status().working_orders.front().qty, qty("0.002"));
  in_book([&id](Context& context) { EXPECT_TRUE(context.cancel(id)); });
  // The gate refuses the cancel: nothing but its decision says so.
  const CancelIntent cancel = desk.sink.cancels.front();
  desk.execution(cancel);
  desk.execution(RiskDecision{.intent = ClOrdId{desk.log.size()}, .code = RejectCode::TooLate});
  in_book([&id](Context& context) { EXPECT_TRUE(context.cancel(id)); });
  // No answer at all: patience ends.
  desk.now = desk.now + kChangePatience - nanoseconds{1};
  in_book([&id](Context& context) {
    EXPECT_EQ(context.cancel(id).error(), PlaceError::ChangePending);
  });
  desk.now = desk.now + nanoseconds{1};
  in_book([&id](Context& context) { EXPECT_TRUE(context.cancel(id)); });
}

TEST_F(RunnerTest, a_full_inbox_leaves_nothing_behind) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  desk.sink.full = true;
  puppet.on_book = [](Context& context) {
    EXPECT_EQ(context.place(a_bid()).error(), PlaceError::Busy);
    EXPECT_EQ(context.cancel_all().error(), PlaceError::Busy);
    EXPECT_TRUE(context.working_orders().empty());
  };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(desk.status().counters.busy, 2U);
  desk.sink.full = false;
  puppet.on_book = [](Context& context) { EXPECT_EQ(context.place(a_bid())->view(), "a-1-1"); };
  desk.book("1", "1", "2", "1");
}

TEST_F(RunnerTest, an_exception_ends_one_strategy_and_no_other) {
  TestDesk desk = desk_of({config(1, "bad"), config(2, "good")});
  desk.go_live();
  puppet.on_book = [](Context& context) { EXPECT_TRUE(context.place(a_bid())); };
  desk.book("1", "1", "2", "1");
  desk.acknowledge();
  told();
  int calls = 0;
  puppet.on_book = [&calls](Context& /*context*/) {
    if (++calls == 1) throw std::runtime_error("division by a \"market\"");
  };
  desk.book("3", "1", "4", "1");
  EXPECT_EQ(told(), (Told{"book 3", "book 3"})) << "the second one saw the message too";
  EXPECT_EQ(desk.sink.said, "fault: division by a \"market\" | cancel all of 1 (stopped)");
  EXPECT_EQ(desk.status(0).state, RunState::Faulted);
  EXPECT_EQ(desk.status(0).error, "division by a \"market\"");
  EXPECT_EQ(desk.status(1).state, RunState::Running);
  desk.book("5", "1", "6", "1");
  EXPECT_EQ(told(), Told{"book 5"}) << "no more calls, even before the fault is durable";
  desk.take_commands();
  EXPECT_EQ(desk.status(0).state, RunState::Faulted);
  desk.book("5", "1", "6", "1");
  desk.wait(seconds{1});
  EXPECT_EQ(told(), (Told{"book 5", "timer"}));
  desk.command(StrategyAction::Start);
  EXPECT_EQ(told(), Told{"start"}) << "a person starts it again";
  EXPECT_EQ(desk.status(0).error, "");
}

TEST_F(RunnerTest, what_is_thrown_need_not_be_an_exception) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  puppet.on_book = [](Context& /*context*/) { throw 5; };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(desk.status().state, RunState::Faulted);
}

TEST_F(RunnerTest, a_fault_that_the_inbox_refused_is_handed_in_again) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  puppet.on_book = [](Context& /*context*/) { throw std::runtime_error("x"); };
  desk.sink.full = true;
  desk.book("1", "1", "2", "1");
  desk.wait(milliseconds{1});
  desk.sink.full = false;
  EXPECT_EQ(desk.sink.said, "");
  desk.wait(milliseconds{1});
  EXPECT_EQ(desk.sink.said, "fault: x | cancel all of 1 (stopped)");
  desk.wait(milliseconds{1});
  EXPECT_EQ(desk.sink.said, "fault: x | cancel all of 1 (stopped)") << "once";
}

TEST_F(RunnerTest, stopping_cancels_the_orders_and_ends_the_calls) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  puppet.on_book = [](Context& context) { EXPECT_TRUE(context.place(a_bid())); };
  desk.book("1", "1", "2", "1");
  desk.acknowledge();
  told();
  puppet.on_stop = [](Context& context) {
    EXPECT_EQ(context.place(a_bid()).error(), PlaceError::Stopped);
  };
  desk.command(StrategyAction::Stop);
  EXPECT_EQ(desk.sink.said, "cancel all of 1 (stopped)");
  desk.acknowledge();
  desk.book("1", "1", "2", "1");
  desk.wait(seconds{1});
  EXPECT_EQ(told(), Told{"stop"});
  EXPECT_EQ(desk.status().state, RunState::Stopped);
  EXPECT_TRUE(desk.status().working_orders.empty());
  EXPECT_FALSE(desk.status().running_since);
  desk.command(StrategyAction::Start);
  desk.command(StrategyAction::Start);
  EXPECT_EQ(told(), Told{"start"}) << "starting what runs changes nothing";
}

TEST_F(RunnerTest, timers_fall_on_multiples_of_their_interval_and_never_in_bursts) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.now = Timestamp::from_ns(1'000'100'000'000);
  desk.go_live();
  told();
  EXPECT_EQ(desk.runner->next_due(), Timestamp::from_ns(1'000'250'000'000));
  desk.wait(milliseconds{149});
  EXPECT_EQ(told(), Told{});
  desk.wait(milliseconds{1});
  EXPECT_EQ(told(), Told{"timer"});
  desk.wait(milliseconds{1'900});
  EXPECT_EQ(told(), Told{"timer"}) << "late by several: called once";
  EXPECT_EQ(desk.runner->next_due(), Timestamp::from_ns(1'002'250'000'000));
}

TEST_F(RunnerTest, parameters_change_when_their_commands_come_through_the_log) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  told();
  const auto change = [&desk](std::string_view strategy, std::string name, std::string value) {
    return desk.runner->parameter_commands(
        strategy, std::array{std::pair{std::move(name), std::move(value)}}, "ann");
  };
  const auto commands = change("a", "level", "7");
  ASSERT_TRUE(commands);
  EXPECT_EQ(desk.status().parameters->to_json(), R"({"level":1})");
  EXPECT_EQ(commands->front().actor.view(), "ann");
  desk.execution(commands->front());
  EXPECT_EQ(desk.status().parameters->to_json(), R"({"level":7})");
  EXPECT_EQ(told(), Told{"parameters"});
  EXPECT_EQ(change("a", "level", "10").error().message,
            "level must be a whole number from 0 to 9, not 10");
  EXPECT_EQ(change("a", "lewel", "1").error().code, ErrorCode::BadInput);
  EXPECT_EQ(change("c", "level", "1").error().code, ErrorCode::NotFound);
  EXPECT_EQ(change("c", "level", "1").error().message, "there is no strategy c; did you mean a?");
  // A log of another build.
  desk.execution(StrategyCommand{.strategy = StrategyId{1},
                                 .action = StrategyAction::SetParameter,
                                 .value_e8 = 77,
                                 .parameter = Text<24>::cut("gone")});
  EXPECT_EQ(desk.status().last_decision, "ignored a parameter of another build");
}

struct ConfigCase {
  std::string_view what;
  std::vector<StrategyConfig> configs;
  std::string_view error;
};
TEST_F(RunnerTest, a_wrong_configuration_says_what_is_wrong_with_it) {
  StrategyConfig typo = config(1, "a");
  typo.type = "pupet";
  StrategyConfig range = config(1, "a");
  range.parameters = {{"level", "12"}};
  const ConfigCase cases[] = {
      {"type", {typo}, "strategy a: there is no strategy type pupet; did you mean puppet?"},
      {"range", {range}, "strategy a: level must be a whole number from 0 to 9, not 12"},
      {"instrument", {config(1, "a", 9)}, "strategy a: there is no instrument 9"},
      {"id", {config(0, "a")}, "strategy a: id 0 is the API's; strategies count from 1"},
      {"same id", {config(1, "a"), config(1, "b")}, "strategy b: has the id of strategy a"},
      {"same name", {config(1, "a"), config(2, "a")}, "strategy a: there are two of this name"},
      {"empty", {config(1, "")}, "strategy : a name is 1 to 16 of letters, digits and _.:"},
      {"dash", {config(1, "a-1")}, "strategy a-1: a name is 1 to 16 of letters, digits and _.:"},
      {"long",
       {config(1, "12345678901234567")},
       "strategy 12345678901234567: a name is 1 to 16 of letters, digits and _.:"},
  };
  RecordingSink sink;
  for (const ConfigCase& c : cases) {
    SCOPED_TRACE(c.what);
    const auto runner = Runner::create(puppets(), c.configs, std::array{btcusdt()}, sink);
    ASSERT_FALSE(runner);
    EXPECT_EQ(runner.error().text(), c.error);
  }
  EXPECT_TRUE(Runner::create(puppets(), std::array{config(1, "1234567890123456")},
                             std::array{btcusdt()}, sink));
}

}  // namespace
}  // namespace stoa::strategy

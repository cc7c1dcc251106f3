#include "strategy/runner.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/random.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "strategy/parameter.h"
#include "strategy/puppet.h"
#include "strategy/strategy.h"
#include "strategy/test_desk.h"

// What a restart finds: everything the runner knows follows from the execution log.
namespace stoa::strategy {
namespace {

using std::chrono::milliseconds;

using RecoveryTest = PuppetTest;

TEST_F(RecoveryTest, ids_carry_name_run_and_number_and_never_come_twice) {
  TestDesk desk = desk_of({config(1, "mm.btc")});
  desk.go_live(7);
  std::vector<std::string> ids;
  puppet.on_book = [&ids](Context& context) {
    const auto placed = context.place(a_bid());
    ASSERT_TRUE(placed);
    ids.emplace_back(placed->view());
  };
  desk.book("1", "1", "2", "1");
  desk.book("1", "1", "2", "1");
  desk.acknowledge();
  // The same log again, and by mistake no new run: the numbers go on behind those of the log.
  TestDesk again = desk_of({config(1, "mm.btc")});
  for (const auto& [lsn, bytes] : desk.log) {
    again.runner->on_execution(lsn, native::MessageView::trusted(bytes));
  }
  again.runner->set_live(true, again.now);
  again.book("1", "1", "2", "1");
  again.execution(RunStarted{.run = 8});
  again.book("1", "1", "2", "1");
  EXPECT_EQ(ids, (Told{"mm.btc-7-1", "mm.btc-7-2", "mm.btc-7-3", "mm.btc-8-1"}));
}

TEST_F(RecoveryTest, recovery_rebuilds_everything_and_submits_nothing) {
  TestDesk desk = desk_of({config(1, "a"), config(2, "b")});
  desk.go_live();
  puppet.on_book = [](Context& context) { EXPECT_TRUE(context.place(a_bid())); };
  desk.book("1", "1", "2", "1");
  desk.acknowledge();
  desk.fill("a-1-1", qty("0.0004"));
  const std::array changes{std::pair{std::string{"level"}, std::string{"5"}}};
  const auto commands = desk.runner->parameter_commands("a", changes, "ann");
  ASSERT_TRUE(commands);
  desk.execution(commands->front());
  desk.command(StrategyAction::Stop, "lunch", StrategyId{2});

  puppet = {};
  TestDesk after = desk_of({config(1, "a"), config(2, "b")});
  for (const auto& [lsn, bytes] : desk.log) {
    after.runner->on_execution(lsn, native::MessageView::trusted(bytes));
  }
  EXPECT_EQ(after.sink.said, "");
  EXPECT_EQ(told(), Told{});
  EXPECT_EQ(after.status(0).state, RunState::Running);
  EXPECT_EQ(after.status(0).position.qty, qty("0.0004"));
  EXPECT_EQ(after.status(0).counters.orders, 1U);
  EXPECT_EQ(after.status(0).counters.fills, 1U);
  EXPECT_EQ(after.status(0).parameters->to_json(), R"({"level":5})");
  ASSERT_EQ(after.status(0).working_orders.size(), 1U);
  EXPECT_EQ(after.status(0).working_orders.front().leaves_qty(), qty("0.0006"));
  EXPECT_EQ(after.status(1).state, RunState::Stopped);

  // "b" stopped, but the process died before its orders were canceled.
  after.execution(RunStarted{.run = 2});
  after.runner->set_live(true, after.now);
  EXPECT_EQ(after.sink.said, "cancel all of 2 (stopped)");
  EXPECT_EQ(told(), Told{"start"});
}

TEST_F(RecoveryTest, orders_of_a_strategy_that_is_no_longer_configured_are_canceled) {
  TestDesk desk = desk_of({config(1, "a"), config(2, "b")});
  desk.go_live();
  puppet.on_book = [](Context& context) { EXPECT_TRUE(context.place(a_bid())); };
  desk.book("1", "1", "2", "1");
  desk.acknowledge();
  TestDesk after = desk_of({config(1, "a")});
  for (const auto& [lsn, bytes] : desk.log) {
    after.runner->on_execution(lsn, native::MessageView::trusted(bytes));
  }
  after.sink.full = true;
  after.execution(RunStarted{.run = 2});
  after.runner->set_live(true, after.now);
  after.sink.full = false;
  after.wait(milliseconds{1});
  EXPECT_EQ(after.sink.said, "cancel all of 2 (stopped)");
  after.wait(milliseconds{1});
  EXPECT_EQ(after.sink.said, "cancel all of 2 (stopped)") << "once";
}

TEST_F(RecoveryTest, a_fault_outlives_the_restart) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.go_live();
  desk.command(StrategyAction::Fault, "broken");
  TestDesk after = desk_of({config(1, "a")});
  for (const auto& [lsn, bytes] : desk.log) {
    after.runner->on_execution(lsn, native::MessageView::trusted(bytes));
  }
  after.go_live(2);
  EXPECT_EQ(after.status().state, RunState::Faulted);
  EXPECT_EQ(after.status().error, "broken");
}

TEST_F(RecoveryTest, nothing_is_asked_for_before_a_run_has_begun) {
  TestDesk desk = desk_of({config(1, "a")});
  desk.runner->set_live(true, desk.now);
  desk.take_commands();
  puppet.on_book = [](Context& context) {
    EXPECT_EQ(context.place(a_bid()).error(), PlaceError::NotLive);
  };
  desk.book("1", "1", "2", "1");
  EXPECT_EQ(told().back(), "book 1");
}

TEST_F(RecoveryTest, the_same_events_give_the_same_intents) {
  const auto play = [] {
    TestDesk desk{"market_maker", {{"requote_interval_ms", "0"}}};
    std::string all;
    Random random{42};
    for (int i = 0; i < 500; ++i) {
      const std::int64_t at = 6'000'000 + random.between(-5'000, 5'000);
      desk.book(text_of(Price::from_e8(at * 1'000'000)), "1",
                text_of(Price::from_e8((at + 1) * 1'000'000)), "2");
      all += desk.sink.said + "\n";
      desk.acknowledge();
      desk.wait(milliseconds{37});
    }
    return all;
  };
  const std::string first = play();
  EXPECT_GT(first.size(), 1'000U);
  EXPECT_EQ(first, play());
}

}  // namespace
}  // namespace stoa::strategy

#include "apps/log_facts.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/text.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/execution_core.h"
#include "oms/random_inputs.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::apps {
namespace {

using Bytes = std::vector<std::byte>;

/// Facts and the hand that writes their log.
struct Log {
  LogFacts facts;
  std::uint64_t sequence = 0;
  std::int64_t now_ns = 0;

  template <native::Message M>
  void add(const M& message, relay::Source source = relay::Source::System) {
    std::array<std::byte, native::kSmallMessageBytes> bytes;
    const std::size_t size = native::encode(bytes,
                                            {.source = static_cast<std::uint8_t>(source),
                                             .sequence = ++sequence,
                                             .timestamp = Timestamp::from_ns(++now_ns)},
                                            message);
    facts.note(native::MessageView::trusted(std::span{bytes}.first(size)));
  }
  void command(std::string_view name, StrategyAction action, std::string_view parameter = {},
               std::int64_t value_e8 = 0) {
    StrategyCommand command{.strategy = StrategyId{3}, .action = action, .value_e8 = value_e8};
    command.name = Text<24>::cut(name);
    command.parameter = Text<24>::cut(parameter);
    add(command, relay::Source::Gateway);
  }
};

Bytes saved(const LogFacts& facts) {
  Bytes bytes;
  facts.save(bytes);
  return bytes;
}

TEST(LogFacts, keeps_the_last_word_on_each_strategy_parameter_and_limit) {
  Log log;
  log.add(RunStarted{.run = 4});
  log.command("mm", StrategyAction::Start);
  log.command("mm", StrategyAction::Stop);
  log.command("mm", StrategyAction::SetParameter, "levels", 5);
  log.command("mm", StrategyAction::SetParameter, "spread", 7);
  log.command("mm", StrategyAction::SetParameter, "levels", 6);
  log.add(LimitSet{.kind = LimitKind::MaxOpenOrders, .value_e8 = 1});
  log.add(LimitSet{.kind = LimitKind::MaxOpenOrders, .value_e8 = 2});
  log.add(KillSwitch{.active = 1});
  const LogFacts& facts = log.facts;
  EXPECT_EQ(facts.runs, 4U);
  EXPECT_EQ(facts.gateway_sequence, 6U);
  EXPECT_EQ(facts.last_time.ns(), 9);
  ASSERT_EQ(facts.strategies.size(), 1U);
  EXPECT_EQ(facts.strategies[0].what.action, StrategyAction::Stop);
  EXPECT_EQ(facts.strategies[0].time.ns(), 3);
  ASSERT_EQ(facts.parameters.size(), 2U);
  EXPECT_EQ(facts.parameters[0].what.value_e8, 6);
  EXPECT_EQ(facts.parameters[1].what.value_e8, 7);
  ASSERT_EQ(facts.limits.size(), 1U);
  EXPECT_EQ(facts.limits[0].value_e8, 2);
  EXPECT_EQ(facts.kill.time.ns(), 9);
}

TEST(LogFacts, a_start_of_what_runs_does_not_begin_it_anew) {
  Log log;
  log.command("mm", StrategyAction::Start);
  log.command("mm", StrategyAction::Start);
  EXPECT_EQ(log.facts.strategies[0].time.ns(), 1);
  log.command("mm", StrategyAction::Fault);
  log.command("mm", StrategyAction::Start);
  EXPECT_EQ(log.facts.strategies[0].time.ns(), 4);
}

TEST(LogFacts, counts_what_became_of_a_strategys_orders) {
  Log log;
  const auto update = [&](std::uint64_t intent, OrdStatus status, std::int64_t filled = 0) {
    log.add(OrderUpdate{.strategy = StrategyId{3},
                        .status = status,
                        .intent = ClOrdId{intent},
                        .cum_qty = Qty::from_e8(filled)},
            relay::Source::Core);
  };
  log.add(RiskDecision{.intent = ClOrdId{1}, .accepted = 1}, relay::Source::Core);
  update(1, OrdStatus::PendingNew);
  update(1, OrdStatus::InDoubt);
  update(1, OrdStatus::PendingNew);
  log.add(Fill{.intent = ClOrdId{1}, .strategy = StrategyId{3}}, relay::Source::Core);
  log.add(RiskDecision{.intent = ClOrdId{2}, .code = RejectCode::PriceBand}, relay::Source::Core);
  update(2, OrdStatus::Rejected);
  update(2, OrdStatus::Rejected, 5);
  const StrategyTally tally = log.facts.tally(StrategyId{3});
  EXPECT_EQ(tally.created, 2U);
  EXPECT_EQ(tally.pending, 2U);
  EXPECT_EQ(tally.fills, 1U);
  EXPECT_EQ(tally.rejects, 1U) << "a late fill is no second rejection";
  EXPECT_EQ(log.facts.rejects[static_cast<std::size_t>(RejectCode::PriceBand)], 1U);
  EXPECT_EQ(log.facts.tally(StrategyId{2}).created, 0U);
}

/// The engine notes each input with its outputs, a replay of the file all inputs of a round first.
TEST(LogFacts, do_not_depend_on_how_a_round_lies_in_the_file) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    oms::test::RandomInputs inputs{seed};
    oms::ExecutionCore core{{.orders = 256}};
    LogFacts live;
    LogFacts replayed;
    for (int round = 0; round < 150; ++round) {
      std::vector<Bytes> outputs;
      for (std::uint64_t left = 1 + random.below(6); left > 0; --left) {
        const auto input = native::MessageView::trusted(inputs.next());
        live.note(input);
        replayed.note(input);
        core.apply(inputs.lsn(), input);
        core.outputs().drain([&](std::span<const std::byte> output) {
          live.note(native::MessageView::trusted(output));
          outputs.emplace_back(output.begin(), output.end());
        });
      }
      for (const Bytes& output : outputs) replayed.note(native::MessageView::trusted(output));
      inputs.outputs_followed(outputs.size());
      ASSERT_TRUE(saved(live) == saved(replayed)) << "round " << round;
    }
    EXPECT_FALSE(live.tallies.empty());
    LogFacts loaded;
    ASSERT_TRUE(loaded.load(saved(live)));
    EXPECT_TRUE(saved(loaded) == saved(live));
  }
}

TEST(LogFacts, know_who_leads_which_role_and_what_was_ordered) {
  Log log;
  const Bytes before = saved(log.facts);
  EXPECT_EQ(before[4], std::byte{2}) << "the release before reads it while nobody was switched";
  EpochOpen open{.epoch = 1, .role = SwitchRole::Risk};
  open.holder = Text<24>::cut("green");
  log.add(open, relay::Source::Risk);
  SwitchOrder order{.epoch = 1, .role = SwitchRole::Execution};
  order.to = Text<24>::cut("green");
  log.add(order, relay::Source::Deploy);
  const auto lead = [](const LogFacts& facts, SwitchRole role) {
    return facts.leads[static_cast<std::size_t>(role)];
  };
  EXPECT_EQ(lead(log.facts, SwitchRole::Risk).holder.view(), "green");
  EXPECT_EQ(lead(log.facts, SwitchRole::Execution).holder.view(), "blue");
  EXPECT_EQ(lead(log.facts, SwitchRole::Execution).order_epoch, 1U);
  const Bytes bytes = saved(log.facts);
  EXPECT_EQ(bytes[4], std::byte{3});
  LogFacts loaded;
  ASSERT_TRUE(loaded.load(bytes));
  EXPECT_EQ(loaded.leads, log.facts.leads);
  for (std::size_t cut = 1; cut < sizeof(RoleLeads); ++cut) {
    LogFacts facts;
    ASSERT_FALSE(facts.load(std::span{bytes}.first(bytes.size() - cut))) << cut;
  }
}

TEST(LogFacts, what_is_cut_short_or_unknown_is_refused) {
  Log log;
  log.command("mm", StrategyAction::Start);
  log.add(Mark{.instrument = InstrumentId{1}, .last = Price::from_e8(5)});
  const Bytes bytes = saved(log.facts);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    LogFacts facts;
    ASSERT_EQ(facts.load(std::span{bytes}.first(size)).error().code, ErrorCode::Damaged) << size;
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  LogFacts facts;
  EXPECT_EQ(facts.load(longer).error().message, "1 bytes follow them");
  Bytes newer = bytes;
  newer[4] = std::byte{9};
  facts = {};
  EXPECT_EQ(facts.load(newer).error().message,
            "they are of version 9, this build reads 2 and 3; replay the log");
}

}  // namespace
}  // namespace stoa::apps

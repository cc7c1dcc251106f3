#include "apps/recovery.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/log_facts.h"
#include "apps/replay.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/temp_dir.h"
#include "base/text.h"
#include "gateway/account_board.h"
#include "gateway/gateway.h"
#include "gateway/order_board.h"
#include "journal/checkpoint.h"
#include "journal/writer.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "oms/execution_core.h"
#include "oms/random_inputs.h"
#include "oms/strategy_port.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"
#include "strategy/registry.h"
#include "strategy/runner.h"

// A start from a checkpoint and one from the first record cannot be told apart.
namespace stoa::apps {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kAll = 10'000'000;

relay::Sequencer open_log(const fs::path& dir) {
  auto log = relay::Sequencer::open({.dir = dir,
                                     .journal = {.segment_bytes = 1U << 18U,
                                                 .sync = journal::SyncPolicy::None,
                                                 .prepare_ahead = false},
                                     .topic_bytes = 1U << 16U});
  EXPECT_TRUE(log) << log.error().text();
  return std::move(*log);
}

/// The engine's way with its log: inputs of a round first, then what follows from each.
class Trading {
 public:
  Trading(const fs::path& dir, std::uint64_t seed)
      : dir_{dir}, inputs_{seed}, random_{seed}, log_{open_log(dir)} {}

  /// `outputs_kept`: a crash comes after that many outputs of the round.
  void round(std::size_t outputs_kept = SIZE_MAX) {
    const std::uint64_t count = 1 + random_.below(5);
    std::vector<Bytes> round;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto input = inputs_.next();
      const auto offer = log_.offer(input, native::MessageView::trusted(input).header().timestamp);
      ASSERT_TRUE(offer);
      ASSERT_EQ(*offer, relay::Offer::Taken);
    }
    ASSERT_TRUE(log_.commit());
    std::size_t outputs = 0;
    log_.batch().for_each([&](Lsn lsn, const native::MessageView& input) {
      state_.core->apply(lsn, input);
      state_.facts.note(input);
      state_.core->outputs().drain([&](std::span<const std::byte> output) {
        if (outputs++ >= outputs_kept) return;
        ASSERT_TRUE(log_.append_output(output));
        state_.facts.note(native::MessageView::trusted(output));
      });
    });
    log_.clear_batch();
    inputs_.outputs_followed(outputs);
    ASSERT_TRUE(log_.end_round());
  }
  [[nodiscard]] journal::Checkpoint checkpoint() {
    journal::Checkpoint made{.lsn = log_.head(), .chain = log_.chain(), .state = {}};
    save_state(made.state, *state_.core, state_.facts, log_.numbers());
    return made;
  }
  void write_checkpoint() { ASSERT_TRUE(journal::write_checkpoint(dir_, checkpoint())); }
  void stop() { ASSERT_TRUE(log_.close()); }

 private:
  fs::path dir_;
  oms::test::RandomInputs inputs_;
  Random random_;
  relay::Sequencer log_;
  LogState state_;
};

class Deaf final : public oms::IntentSink {
  bool submit(const OrderIntent&) override { return false; }
  bool submit(const CancelIntent&) override { return false; }
  bool submit(const ReplaceIntent&) override { return false; }
  bool submit(const CancelAllIntent&) override { return false; }
  bool submit(const StrategyCommand&) override { return false; }
};

/// Everyone who follows the log, as a start leaves them.
struct Followers {
  explicit Followers(const Recovered& recovered) : orders{100'000, 100'000} {
    std::vector<Instrument> instruments;
    std::vector<strategy::StrategyConfig> configs;
    for (std::uint16_t id = 1; id <= 3; ++id) {
      Instrument rules{.instrument = InstrumentId{id},
                       .tick = Price::from_e8(100'000'000),
                       .lot = Qty::from_e8(100'000'000)};
      instruments.push_back(rules);
      configs.push_back({.id = StrategyId{id},
                         .name = "s" + std::to_string(id),
                         .type = "market_maker",
                         .instrument = InstrumentId{id}});
      options.strategies.push_back({.id = StrategyId{id},
                                    .name = configs.back().name,
                                    .type = {},
                                    .symbol = {},
                                    .schema_json = {},
                                    .params = {{.name = "half_spread_bps"}}});
    }
    runner = strategy::Runner::create(strategy::built_in_strategies(), configs, instruments, sink)
                 .value();
    count_before(recovered, options);
    account = std::make_unique<gateway::AccountBoard>(options.strategies, options.rejects);
    show_past(recovered, [this](Lsn lsn, const native::MessageView& message) {
      orders.apply(lsn.value(), message);
      account->apply(lsn.value(), message);
    });
    show_past(recovered, *runner);
  }

  Deaf sink;
  gateway::Options options;
  gateway::OrderBoard orders;
  std::unique_ptr<gateway::AccountBoard> account;
  std::unique_ptr<strategy::Runner> runner;
};

template <class T>
Bytes bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span{&value, 1});
  return {bytes.begin(), bytes.end()};
}

void expect_same_strategies(const strategy::Runner& got, const strategy::Runner& wanted) {
  for (std::size_t place = 0; place < wanted.size(); ++place) {
    const strategy::StrategyStatus a = got.status(place);
    const strategy::StrategyStatus b = wanted.status(place);
    SCOPED_TRACE(b.name);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.running_since, b.running_since);
    EXPECT_EQ(a.error, b.error);
    EXPECT_EQ(a.counters.orders, b.counters.orders);
    EXPECT_EQ(a.counters.fills, b.counters.fills);
    EXPECT_EQ(a.counters.rejects, b.counters.rejects);
    EXPECT_EQ(a.position.qty, b.position.qty);
    EXPECT_EQ(a.position.avg_px, b.position.avg_px);
    EXPECT_EQ(a.position.realized_pnl, b.position.realized_pnl);
    EXPECT_EQ(a.position.fees, b.position.fees);
    EXPECT_EQ(a.parameters->to_json(), b.parameters->to_json());
    ASSERT_EQ(a.working_orders.size(), b.working_orders.size());
    for (std::size_t i = 0; i < a.working_orders.size(); ++i) {
      const strategy::WorkingOrder& mine = a.working_orders[i];
      const strategy::WorkingOrder& theirs = b.working_orders[i];
      EXPECT_EQ(mine.client_order_id, theirs.client_order_id);
      EXPECT_EQ(mine.intent, theirs.intent);
      EXPECT_EQ(mine.side, theirs.side);
      EXPECT_EQ(mine.status, theirs.status);
      EXPECT_EQ(mine.px, theirs.px);
      EXPECT_EQ(mine.qty, theirs.qty);
      EXPECT_EQ(mine.cum_qty, theirs.cum_qty);
      EXPECT_EQ(mine.ts_placed, theirs.ts_placed);
      EXPECT_EQ(mine.ts_change_asked, theirs.ts_change_asked);
    }
  }
}

void expect_same_boards(const Followers& got, const Followers& wanted) {
  EXPECT_EQ(got.orders.open(), wanted.orders.open());
  for (const std::uint64_t intent : wanted.orders.open()) {
    const auto* mine = got.orders.find_intent(intent);
    ASSERT_NE(mine, nullptr);
    // The venue's id may come with a report that changes nothing else: the state has it at once.
    OrderUpdate theirs = wanted.orders.find_intent(intent)->state;
    theirs.order_id = mine->state.order_id;
    EXPECT_EQ(bytes_of(mine->state), bytes_of(theirs));
    EXPECT_FALSE(mine->lsns.empty());
    EXPECT_EQ(std::ranges::count(mine->lsns, 0U), 0);
  }
  for (const std::uint64_t intent : got.orders.closed()) {
    const auto* mine = got.orders.find_intent(intent);
    const auto* theirs = wanted.orders.find_intent(intent);
    ASSERT_NE(theirs, nullptr) << "an order that a whole replay does not know";
    EXPECT_EQ(bytes_of(mine->state), bytes_of(theirs->state));
  }
  const gateway::AccountBoard& mine = *got.account;
  const gateway::AccountBoard& theirs = *wanted.account;
  EXPECT_EQ(mine.limits_e8(), theirs.limits_e8());
  EXPECT_EQ(mine.rejects(), theirs.rejects());
  EXPECT_EQ(mine.kill().active, theirs.kill().active);
  EXPECT_EQ(mine.kill().since, theirs.kill().since);
  EXPECT_EQ(mine.account().cash, theirs.account().cash);
  EXPECT_EQ(mine.account().realized_pnl, theirs.account().realized_pnl);
  ASSERT_EQ(mine.positions().size(), theirs.positions().size());
  for (const auto& [instrument, position] : theirs.positions()) {
    EXPECT_EQ(mine.positions().at(instrument).qty, position.qty);
    EXPECT_EQ(mine.positions().at(instrument).realized_pnl, position.realized_pnl);
  }
  EXPECT_EQ(mine.strategy_positions().size(), theirs.strategy_positions().size());
  for (std::size_t i = 0; i < theirs.strategies().size(); ++i) {
    const gateway::StrategyCard& a = mine.strategies()[i];
    const gateway::StrategyCard& b = theirs.strategies()[i];
    EXPECT_EQ(a.state, b.state);
    if (b.state == gateway::StrategyState::Running) {
      EXPECT_EQ(a.running_since, b.running_since);
    }
    EXPECT_EQ(a.params_e8, b.params_e8);
    EXPECT_EQ(a.orders, b.orders) << b.info.name;
    EXPECT_EQ(a.fills, b.fills) << b.info.name;
    EXPECT_EQ(a.rejects, b.rejects) << b.info.name;
    EXPECT_EQ(a.last_decision, b.last_decision);
    EXPECT_EQ(a.error, b.error);
  }
}

class RecoveryTest : public testing::Test {
 protected:
  /// The state that a start comes to, whole, and what it found.
  struct Outcome {
    Recovered recovered;
    Bytes state;
    Lsn head;
  };
  static Result<Outcome> start(const fs::path& dir, std::uint64_t history) {
    relay::Sequencer log = open_log(dir);
    auto recovered = recover(log, dir, history);
    if (!recovered) return std::unexpected(recovered.error());
    Outcome outcome{.recovered = std::move(*recovered), .state = {}, .head = log.head()};
    save_state(outcome.state, *outcome.recovered.state.core, outcome.recovered.state.facts,
               log.numbers());
    return outcome;
  }
  static std::vector<fs::path> files(const fs::path& dir, const std::string& kind) {
    std::vector<fs::path> found;
    for (const auto& each : fs::directory_iterator{dir}) {
      if (each.path().extension() == kind) found.push_back(each.path());
    }
    std::ranges::sort(found);
    return found;
  }
  /// A log of some thousand records with two checkpoints in it.
  static void trade(const fs::path& dir, std::uint64_t seed, int rounds = 300) {
    Trading trading{dir, seed};
    for (int i = 1; i <= rounds; ++i) {
      trading.round();
      if (i == rounds / 3 || i == rounds / 2) trading.write_checkpoint();
    }
    trading.stop();
  }
  static void flip(const fs::path& file, std::streamoff at) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekg(at);
    const auto byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(at);
    stream.put(byte);
  }

  TempDir folder_;
  fs::path dir_ = folder_.path();
};

TEST_F(RecoveryTest, a_checkpoint_and_what_is_behind_it_are_the_whole_log) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Random random{seed};
    const fs::path dir = dir_ / std::to_string(seed);
    Trading trading{dir, seed};
    const std::uint64_t rounds = 50 + random.below(300);
    for (std::uint64_t i = 0; i < rounds; ++i) {
      trading.round();
      if (random.one_in(rounds / 4)) trading.write_checkpoint();
    }
    // A crash between inputs and the records of their outputs.
    trading.round(random.below(4));
    trading.stop();
    const fs::path whole_dir = dir_ / ("whole" + std::to_string(seed));
    fs::copy(dir, whole_dir, fs::copy_options::recursive);
    for (const fs::path& file : files(whole_dir, ".ckpt")) fs::remove(file);
    const auto whole = start(whole_dir, kAll);
    ASSERT_TRUE(whole) << whole.error().text();
    const Followers wanted{whole->recovered};

    for (const std::uint64_t history : {std::uint64_t{0}, 1 + random.below(300), kAll}) {
      SCOPED_TRACE(fmt::format("seed {} history {}", seed, history));
      const fs::path copy = dir_ / "copy";
      fs::copy(dir, copy, fs::copy_options::recursive);
      const auto got = start(copy, history);
      ASSERT_TRUE(got) << got.error().text();
      EXPECT_EQ(got->head, whole->head);
      EXPECT_TRUE(got->state == whole->state);
      const bool had_checkpoint = !files(dir, ".ckpt").empty();
      EXPECT_EQ(got->recovered.checkpoint != Lsn{}, had_checkpoint);
      if (had_checkpoint) {
        EXPECT_LT(got->recovered.replayed, whole->recovered.replayed);
      }
      const Followers followers{got->recovered};
      expect_same_strategies(*followers.runner, *wanted.runner);
      expect_same_boards(followers, wanted);
      fs::remove_all(copy);
    }
  }
}

TEST_F(RecoveryTest, a_log_without_checkpoints_can_be_shown_in_part_too) {
  trade(dir_ / "wal", 11, 120);
  for (const fs::path& file : files(dir_ / "wal", ".ckpt")) fs::remove(file);
  const auto whole = start(dir_ / "wal", kAll);
  ASSERT_TRUE(whole);
  const Followers wanted{whole->recovered};
  // Every place in a round: between inputs, between outputs, and where one ends.
  for (std::uint64_t history = 1; history <= 24; ++history) {
    SCOPED_TRACE(history);
    const auto part = start(dir_ / "wal", history);
    ASSERT_TRUE(part);
    EXPECT_TRUE(part->state == whole->state);
    const Followers followers{part->recovered};
    expect_same_strategies(*followers.runner, *wanted.runner);
    expect_same_boards(followers, wanted);
    EXPECT_LT(followers.orders.orders().size(), wanted.orders.orders().size());
  }
}

TEST_F(RecoveryTest, what_cannot_be_believed_is_passed_over_for_the_older_one) {
  trade(dir_ / "wal", 3);
  const auto checkpoints = files(dir_ / "wal", ".ckpt");
  ASSERT_EQ(checkpoints.size(), 2U);
  const auto good = start(dir_ / "wal", 10);
  flip(checkpoints[1], 300);
  const auto older = start(dir_ / "wal", 10);
  ASSERT_TRUE(good && older);
  EXPECT_TRUE(older->state == good->state);
  EXPECT_LT(older->recovered.checkpoint, good->recovered.checkpoint);
  EXPECT_EQ(older->recovered.passed_over.size(), 1U);
  flip(checkpoints[0], 300);
  const auto none = start(dir_ / "wal", 10);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->state == good->state);
  EXPECT_EQ(none->recovered.checkpoint, Lsn{});
  EXPECT_EQ(none->recovered.passed_over.size(), 2U);
}

TEST_F(RecoveryTest, a_checkpoint_of_another_build_is_passed_over_too) {
  trade(dir_ / "wal", 3);
  const auto good = start(dir_ / "wal", 10);
  ASSERT_TRUE(good);
  // Whole and believable as a file, of a version that this build does not read.
  auto newest = journal::read_checkpoint(dir_ / "wal", good->recovered.checkpoint).value();
  newest.state[4] = std::byte{99};
  ASSERT_TRUE(journal::write_checkpoint(dir_ / "wal", newest));
  const auto older = start(dir_ / "wal", 10);
  ASSERT_TRUE(older);
  EXPECT_TRUE(older->state == good->state);
  ASSERT_EQ(older->recovered.passed_over.size(), 1U);
  EXPECT_EQ(
      older->recovered.passed_over[0],
      journal::checkpoint_name(newest.lsn) + ": checkpoint: is of version 99, this build reads 2");
}

TEST_F(RecoveryTest, without_the_first_records_there_must_be_a_checkpoint) {
  trade(dir_ / "wal", 3, 2'000);
  const auto good = start(dir_ / "wal", 10);
  ASSERT_TRUE(good);
  const auto segments = files(dir_ / "wal", ".seg");
  ASSERT_GT(segments.size(), 3U);
  fs::remove(segments[0]);
  const auto got = start(dir_ / "wal", kAll);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_TRUE(got->state == good->state);
  EXPECT_EQ(verify_replay(dir_ / "wal")->from_lsn,
            std::stoull(files(dir_ / "wal", ".ckpt")[0].stem()) + 1);

  for (const fs::path& file : files(dir_ / "wal", ".ckpt")) flip(file, 100);
  const auto refused = start(dir_ / "wal", kAll);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::NotFound);
  EXPECT_NE(refused.error().message.find("there is no checkpoint to begin with"),
            std::string::npos);
  EXPECT_EQ(verify_replay(dir_ / "wal").error().code, ErrorCode::NotFound);
}

TEST_F(RecoveryTest, a_checkpoint_that_the_log_has_gone_past_is_of_no_use) {
  trade(dir_ / "wal", 3, 2'000);
  const auto checkpoints = files(dir_ / "wal", ".ckpt");
  const auto segments = files(dir_ / "wal", ".seg");
  // Everything up to a record behind both checkpoints is gone.
  std::size_t removed = 0;
  while (removed + 1 < segments.size() &&
         std::stoull(segments[removed].stem()) <= std::stoull(checkpoints[1].stem())) {
    fs::remove(segments[removed++]);
  }
  const auto refused = start(dir_ / "wal", kAll);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("behind it are gone"), std::string::npos)
      << refused.error().text();
}

TEST_F(RecoveryTest, the_relay_knows_from_the_checkpoint_what_it_has_taken) {
  {
    Trading trading{dir_ / "wal", 3};
    for (int i = 0; i < 20; ++i) trading.round();
    trading.write_checkpoint();  // with nothing behind it
    trading.stop();
  }
  relay::Sequencer log = open_log(dir_ / "wal");
  ASSERT_TRUE(recover(log, dir_ / "wal", 0));
  oms::test::RandomInputs again{3};
  const auto first = again.next();
  EXPECT_EQ(log.offer(first, Timestamp{}).value(), relay::Offer::Duplicate);
}

TEST_F(RecoveryTest, a_replay_compares_each_checkpoint_with_where_the_log_leads) {
  trade(dir_ / "wal", 3);
  auto report = verify_replay(dir_ / "wal");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->from_lsn, 1U);
  EXPECT_EQ(report->checkpoints_checked, 2U);
  EXPECT_TRUE(report->equal());

  // A file in order that holds the wrong state: one more cent.
  const Lsn newest{std::stoull(files(dir_ / "wal", ".ckpt")[1].stem())};
  auto checkpoint = journal::read_checkpoint(dir_ / "wal", newest).value();
  checkpoint.state[120] ^= std::byte{1};
  ASSERT_TRUE(journal::write_checkpoint(dir_ / "wal", checkpoint));
  report = verify_replay(dir_ / "wal");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->checkpoints_differ, 1U);
  EXPECT_EQ(report->mismatches, 0U);
  EXPECT_EQ(report->first_checkpoint_fault,
            journal::checkpoint_name(newest) +
                " holds another state than the log leads to, from byte 120 on");
}

TEST_F(RecoveryTest, a_state_that_is_cut_or_bent_is_refused_or_is_another) {
  Trading trading{dir_ / "wal", 9};
  for (int i = 0; i < 60; ++i) trading.round();
  const Bytes state = trading.checkpoint().state;
  Random random{1};
  for (int i = 0; i < 15; ++i) {
    EXPECT_FALSE(load_state(std::span{state}.first(random.below(state.size()))));
    Bytes bent = state;
    bent[random.below(bent.size())] ^= static_cast<std::byte>(1U << random.below(8));
    const auto loaded = load_state(bent);
    if (!loaded) continue;
    Bytes again;
    save_state(again, *loaded->core, loaded->facts, loaded->numbers);
    EXPECT_TRUE(again == bent);
  }
}

}  // namespace
}  // namespace stoa::apps

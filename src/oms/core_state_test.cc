#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/execution_core.h"
#include "oms/random_inputs.h"
#include "protocol/native/codec.h"

// What a core saves is all of it: one that loads it cannot be told from one that never stopped.
namespace stoa::oms {
namespace {

using Bytes = std::vector<std::byte>;

constexpr ExecutionCore::Capacity kSmall{.orders = 64};

std::unique_ptr<ExecutionCore> new_core() { return std::make_unique<ExecutionCore>(kSmall); }

Bytes saved(const ExecutionCore& core) {
  Bytes bytes;
  core.save(bytes);
  return bytes;
}

/// Applies one input; everything that the core says to it.
Bytes apply(ExecutionCore& core, Lsn lsn, std::span<const std::byte> input, std::size_t& count) {
  core.apply(lsn, native::MessageView::trusted(input));
  Bytes said;
  count = core.outputs().count();
  core.outputs().drain([&](std::span<const std::byte> output) {
    said.insert(said.end(), output.begin(), output.end());
  });
  return said;
}

std::unique_ptr<ExecutionCore> core_after(std::uint64_t seed, int inputs) {
  auto core = new_core();
  test::RandomInputs source{seed};
  for (int i = 0; i < inputs; ++i) {
    std::size_t outputs = 0;
    const auto input = source.next();
    apply(*core, source.lsn(), input, outputs);
    source.outputs_followed(outputs);
  }
  return core;
}

TEST(CoreState, a_core_that_was_saved_and_loaded_goes_on_as_one_that_was_not) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    test::RandomInputs source{seed};
    auto core = new_core();
    auto other = new_core();
    const std::uint64_t save_at = random.below(2'000);
    std::size_t outputs_seen = 0;
    for (std::uint64_t i = 0; i < 3'000; ++i) {
      if (i == save_at) {
        other = new_core();
        const Bytes state = saved(*core);
        const auto loaded = other->load(state);
        ASSERT_TRUE(loaded) << loaded.error().text();
        ASSERT_EQ(saved(*other), state) << "one state has one form";
      }
      const auto input = source.next();
      std::size_t outputs = 0;
      const Bytes said = apply(*core, source.lsn(), input, outputs);
      std::size_t other_outputs = 0;
      const Bytes other_said = apply(*other, source.lsn(), input, other_outputs);
      ASSERT_EQ(said, other_said) << "input " << i;
      ASSERT_EQ(core->state_hash(), other->state_hash()) << "input " << i;
      source.outputs_followed(outputs);
      outputs_seen += outputs;
    }
    ASSERT_EQ(saved(*core), saved(*other));
    EXPECT_GT(outputs_seen, 2'000U);
  }
}

TEST(CoreState, the_random_inputs_reach_every_part_of_the_state) {
  auto core = core_after(3, 3'000);
  EXPECT_GT(core->open_orders(), 0U);
  EXPECT_GT(core->unknown_reports(), 0U);
  EXPECT_GT(core->run(), 0U);
  EXPECT_FALSE(core->position(InstrumentId{1}).qty.is_zero());
  EXPECT_FALSE(core->strategy_position(StrategyId{1}, InstrumentId{2}).bought.is_zero());
  EXPECT_GT(core->outputs().sequence(), 0U);
}

TEST(CoreState, the_bytes_of_every_field_count) {
  // Any bit of a state is refused or makes another state: nothing in it is decoration.
  const Bytes state = saved(*core_after(5, 400));
  Random random{11};
  for (int i = 0; i < 1'000; ++i) {
    Bytes bent = state;
    bent[random.below(bent.size())] ^= static_cast<std::byte>(1U << random.below(8));
    auto core = new_core();
    if (core->load(bent)) {
      ASSERT_EQ(saved(*core), bent);
    }
  }
}

TEST(CoreState, a_state_that_is_cut_short_is_refused_wherever_it_is_cut) {
  const Bytes state = saved(*core_after(7, 300));
  // Strides of a prime: every kind of field is cut somewhere.
  for (std::size_t size = 0; size < state.size(); size += 13) {
    auto core = new_core();
    const auto loaded = core->load(std::span{state}.first(size));
    ASSERT_FALSE(loaded) << "cut at " << size;
    EXPECT_EQ(loaded.error().code, ErrorCode::Damaged);
  }
  Bytes longer = state;
  longer.push_back(std::byte{0});
  auto core = new_core();
  EXPECT_EQ(core->load(longer).error().message,
            "1 bytes follow the state, at byte " + std::to_string(state.size()));
}

TEST(CoreState, says_why_another_version_or_capacity_is_not_taken) {
  Bytes state = saved(*new_core());
  ExecutionCore larger{{.orders = 128}};
  EXPECT_EQ(larger.load(state).error().text(),
            "core state: the state is of a core for 64 orders, 64 instruments, 64 strategies and "
            "65536 execution ids, this one is for 128, 64, 64 and 65536; replay the log");
  state[4] = std::byte{9};
  auto core = new_core();
  EXPECT_EQ(core->load(state).error().text(),
            "core state: the state is of version 9, this build reads 1; replay the log");
  state[0] = std::byte{0};
  core = new_core();
  EXPECT_EQ(core->load(state).error().text(), "core state: these bytes are no state of a core");
}

TEST(CoreState, remembers_the_executions_that_must_not_count_twice) {
  ExecutionCore core{kSmall};
  test::RandomInputs source{1};
  std::size_t outputs = 0;
  for (int i = 0; i < 3; ++i) {
    const auto input = source.next();
    apply(core, source.lsn(), input, outputs);
  }
  // More than are remembered, so that the oldest have made room.
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const auto trade = [&](ExecutionCore& at, std::uint64_t lsn, std::uint64_t exec_id) {
    const std::size_t size =
        native::encode(bytes, {.source = 4, .sequence = lsn, .timestamp = Timestamp::from_ns(1)},
                       ExecutionReport{.cl_ord_id = ClOrdId{100},
                                       .exec_id = ExecId{exec_id},
                                       .instrument = InstrumentId{1},
                                       .exec_type = ExecType::Trade,
                                       .last_px = Price::from_e8(100),
                                       .last_qty = Qty::from_e8(1)});
    return apply(at, Lsn{lsn}, std::span{bytes}.first(size), outputs);
  };
  const std::size_t size = native::encode(
      bytes, {.source = 2, .sequence = 1, .timestamp = Timestamp::from_ns(1)},
      OrderIntent{.instrument = InstrumentId{1}, .px = Price::from_e8(1), .qty = Qty::from_e8(1)});
  apply(core, Lsn{100}, std::span{bytes}.first(size), outputs);
  for (std::uint64_t id = 1; id <= 70'000; ++id) trade(core, 200 + id, id);

  ExecutionCore again{kSmall};
  ASSERT_TRUE(again.load(saved(core)));
  EXPECT_TRUE(trade(again, 80'001, 70'000).empty());
  EXPECT_TRUE(trade(again, 80'002, 70'000 - 65'535).empty()) << "the oldest that is remembered";
  EXPECT_FALSE(trade(again, 80'003, 70'000 - 65'536).empty()) << "one older is new again";
}

}  // namespace
}  // namespace stoa::oms

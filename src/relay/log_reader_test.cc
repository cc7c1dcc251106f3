#include "relay/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/temp_dir.h"
#include "journal/reader.h"
#include "model/risk.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"
#include "relay/source.h"

namespace stoa::relay {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

struct Entry {
  std::uint64_t lsn;
  Bytes bytes;
  friend bool operator==(const Entry&, const Entry&) = default;
};

/// A relay that publishes as the engine does: the inputs of a round first in the log, and on the
/// topic each input with its outputs behind it.
class Relay {
 public:
  Relay(const fs::path& dir, std::size_t topic_bytes, std::uint64_t seed,
        std::uint64_t segment_bytes = 1U << 18U)
      : random_{seed},
        log_{Sequencer::open({.dir = dir,
                              .journal = {.segment_bytes = segment_bytes,
                                          .sync = journal::SyncPolicy::None,
                                          .prepare_ahead = false},
                              .topic_bytes = topic_bytes,
                              .lossy_readers = true})
                 .value()} {}

  void round() {
    const std::uint64_t inputs = 1 + random_.below(6);
    for (std::uint64_t i = 0; i < inputs; ++i) {
      ++time_;
      ASSERT_TRUE(
          log_.append(Source::System, Timestamp::from_ns(time_), RunStarted{.run = ++run_}));
    }
    ASSERT_TRUE(log_.commit());
    log_.batch().for_each([&](Lsn lsn, const native::MessageView& input) {
      log_.publish(lsn, input.bytes());
      for (std::uint64_t left = random_.below(4); left > 0; --left) output();
    });
    log_.clear_batch();
    // A probe's answer belongs to no log.
    if (random_.one_in(3)) log_.publish(Lsn{}, Bytes(40));
    ASSERT_TRUE(log_.end_round());
  }

  [[nodiscard]] Sequencer& log() { return log_; }

 private:
  void output() {
    Bytes bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode(bytes,
                                {.source = static_cast<std::uint8_t>(Source::Core),
                                 .flags = native::kFlagOutput,
                                 .sequence = ++outputs_,
                                 .timestamp = Timestamp::from_ns(time_)},
                                StateDigest{.hash = random_.next()}));
    const auto lsn = log_.append_output(bytes);
    ASSERT_TRUE(lsn);
    log_.publish(lsn->value(), bytes);
  }

  Random random_;
  Sequencer log_;
  std::int64_t time_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t outputs_ = 0;
};

class LogReaderTest : public testing::Test {
 protected:
  /// What the journal says, read plainly.
  [[nodiscard]] static std::vector<Entry> all_of(const fs::path& dir, Lsn from) {
    std::vector<Entry> entries;
    auto reader = journal::Reader::open(dir, from).value();
    while (true) {
      const auto record = reader.next();
      EXPECT_TRUE(record);
      const std::optional<journal::Record>& entry = *record;
      if (!entry) return entries;
      entries.push_back({entry->lsn.value(), Bytes(entry->payload.begin(), entry->payload.end())});
    }
  }
  static LogReader reader_of(Sequencer& log, const fs::path& dir, Lsn from) {
    return LogReader::open({.dir = dir, .topic = &log.topic(), .published = &log.published()}, from)
        .value();
  }

  TempDir folder_;
  fs::path dir_ = folder_.path();
};

TEST_F(LogReaderTest, hands_out_what_the_journal_holds_whatever_it_missed) {
  LogReader::Counts total;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    const fs::path dir = dir_ / std::to_string(seed);
    Relay relay{dir, std::size_t{2'048} << random.below(4), seed};
    for (std::uint64_t i = random.below(40); i > 0; --i) relay.round();
    // Anywhere in what there is, or a little past it.
    const Lsn from{random.below(relay.log().head().value() + 3)};
    LogReader reader = reader_of(relay.log(), dir, from);
    std::vector<Entry> seen;
    const auto look = [&](std::size_t limit) {
      const auto taken = reader.poll(
          [&](Lsn lsn, std::span<const std::byte> record) {
            seen.push_back({lsn.value(), Bytes(record.begin(), record.end())});
          },
          limit);
      ASSERT_TRUE(taken) << taken.error().text();
      ASSERT_LE(*taken, limit);
    };
    for (int step = 0; step < 300; ++step) {
      // Bursts, so that it is overrun now and then.
      for (std::uint64_t i = random.one_in(20) ? 60 : random.below(3); i > 0; --i) relay.round();
      if (!random.one_in(3)) look(random.below(600));
    }
    look(SIZE_MAX);
    ASSERT_EQ(reader.next_lsn().value(), relay.log().head().value() + 1);
    ASSERT_TRUE(seen == all_of(dir, from)) << "from " << from.value();
    total.from_disk += reader.counts().from_disk;
    total.from_memory += reader.counts().from_memory;
    total.went_to_disk += reader.counts().went_to_disk;
  }
  EXPECT_GT(total.from_disk, 1'000U);
  EXPECT_GT(total.from_memory, 1'000U);
  EXPECT_GT(total.went_to_disk, 100U) << "it was overrun and came back";
}

TEST_F(LogReaderTest, one_that_keeps_up_reads_nothing_from_disk) {
  Relay relay{dir_ / "wal", 1U << 16U, 7};
  LogReader reader = reader_of(relay.log(), dir_ / "wal", Lsn{1});
  std::uint64_t seen = 0;
  for (int i = 0; i < 200; ++i) {
    relay.round();
    ASSERT_TRUE(reader.poll(
        [&](Lsn lsn, std::span<const std::byte>) { ASSERT_EQ(lsn.value(), ++seen); }, SIZE_MAX));
  }
  EXPECT_EQ(seen, relay.log().head().value());
  EXPECT_EQ(reader.counts().from_disk, 0U);
}

TEST_F(LogReaderTest, shows_nothing_that_has_not_been_published) {
  Relay relay{dir_ / "wal", 1U << 16U, 7};
  relay.round();
  const std::uint64_t published = relay.log().head().value();
  // On disk, and not applied yet: nobody may act on it.
  ASSERT_TRUE(relay.log().append(Source::System, Timestamp::from_ns(1), RunStarted{.run = 9}));
  ASSERT_TRUE(relay.log().flush());
  LogReader reader = reader_of(relay.log(), dir_ / "wal", Lsn{1});
  EXPECT_EQ(reader.poll([](Lsn, std::span<const std::byte>) {}, SIZE_MAX), published);
  EXPECT_EQ(reader.next_lsn().value(), published + 1);
}

TEST_F(LogReaderTest, is_told_when_what_it_wants_is_gone) {
  Relay relay{dir_ / "wal", 1U << 12U, 7, 1U << 14U};
  for (int i = 0; i < 400; ++i) relay.round();
  ASSERT_TRUE(fs::remove(dir_ / "wal" / "00000000000000000001.seg"));
  LogReader reader = reader_of(relay.log(), dir_ / "wal", Lsn{1});
  const auto taken = reader.poll([](Lsn, std::span<const std::byte>) {}, 1);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::NotFound);
}

TEST_F(LogReaderTest, a_topic_for_patient_readers_only_takes_none) {
  auto log = Sequencer::open({.dir = dir_ / "wal",
                              .journal = {.segment_bytes = 1U << 20U, .prepare_ahead = false},
                              .topic_bytes = 1U << 16U})
                 .value();
  EXPECT_EQ(LogReader::open(
                {.dir = dir_ / "wal", .topic = &log.topic(), .published = &log.published()}, Lsn{1})
                .error()
                .code,
            ErrorCode::Unavailable);
}

TEST_F(LogReaderTest, follows_a_relay_on_another_thread) {
  const fs::path dir = dir_ / "wal";
  Relay relay{dir, 1U << 13U, 3};
  LogReader reader = reader_of(relay.log(), dir, Lsn{1});
  std::atomic<std::uint64_t> head{0};
  std::thread writer{[&] {
    for (int i = 0; i < 3'000; ++i) relay.round();
    head.store(relay.log().head().value(), std::memory_order_release);
  }};
  std::vector<Entry> seen;
  bool failed = false;
  while (!failed) {
    const std::uint64_t last = head.load(std::memory_order_acquire);
    const auto taken = reader.poll(
        [&](Lsn lsn, std::span<const std::byte> record) {
          seen.push_back({lsn.value(), Bytes(record.begin(), record.end())});
        },
        97);
    failed = !taken;
    if (last != 0 && reader.next_lsn().value() > last) break;
    if (!failed && *taken == 0) std::this_thread::yield();
  }
  writer.join();
  ASSERT_FALSE(failed);
  EXPECT_TRUE(seen == all_of(dir, Lsn{1}));
  EXPECT_GT(reader.counts().from_memory + reader.counts().from_disk, 10'000U);
}

}  // namespace
}  // namespace stoa::relay

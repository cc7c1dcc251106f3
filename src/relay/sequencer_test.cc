#include "relay/sequencer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/temp_dir.h"
#include "bus/topic.h"
#include "journal/writer.h"
#include "model/risk.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::relay {
namespace {

namespace fs = std::filesystem;

class SequencerTest : public testing::Test {
 protected:
  [[nodiscard]] Sequencer open() const {
    auto log = Sequencer::open({.dir = dir_ / "wal",
                                .journal = {.segment_bytes = 1U << 20U, .prepare_ahead = false},
                                .topic_bytes = 1U << 16U});
    EXPECT_TRUE(log.has_value()) << log.error().text();
    return std::move(*log);
  }

  /// A command as the gateway would send it.
  [[nodiscard]] static std::vector<std::byte> command(std::uint64_t sequence, std::int64_t ns = 5) {
    std::vector<std::byte> bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode(bytes,
                                {.domain = native::Domain::Execution,
                                 .source = static_cast<std::uint8_t>(Source::Gateway),
                                 .sequence = sequence,
                                 .timestamp = Timestamp::from_ns(ns)},
                                KillSwitch{.active = 1}));
    return bytes;
  }

  TempDir folder_;
  fs::path dir_ = folder_.path();
};

Timestamp at(std::int64_t ns) { return Timestamp::from_ns(ns); }

TEST_F(SequencerTest, takes_each_number_of_a_source_once_and_in_order) {
  Sequencer log = open();
  EXPECT_EQ(log.offer(command(1), at(10)).value(), Offer::Taken);
  EXPECT_EQ(log.offer(command(1), at(10)).value(), Offer::Duplicate);
  EXPECT_EQ(log.offer(command(3), at(10)).value(), Offer::Gap);
  EXPECT_EQ(log.offer(command(2), at(10)).value(), Offer::Taken);
  EXPECT_EQ(log.head(), Lsn{2});
  EXPECT_EQ(log.next_sequence(Source::Gateway), 3U);
  EXPECT_EQ(log.next_sequence(Source::Venue), 1U);
}

TEST_F(SequencerTest, drops_after_a_restart_what_it_took_before) {
  {
    Sequencer log = open();
    ASSERT_EQ(log.offer(command(1), at(10)).value(), Offer::Taken);
    ASSERT_TRUE(log.close().has_value());
  }
  Sequencer log = open();
  std::vector<std::uint64_t> lsns;
  ASSERT_TRUE(log.replay([&](Lsn lsn, const native::MessageView&) { lsns.push_back(lsn.value()); })
                  .has_value());
  EXPECT_EQ(lsns, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(log.offer(command(1), at(20)).value(), Offer::Duplicate);
  EXPECT_EQ(log.offer(command(2), at(20)).value(), Offer::Taken);
}

TEST_F(SequencerTest, its_own_time_replaces_the_producers_and_never_goes_back) {
  Sequencer log = open();
  ASSERT_TRUE(log.offer(command(1, /*ns=*/999), at(50)).has_value());
  ASSERT_TRUE(log.append(Source::Market, at(40), Mark{.instrument = InstrumentId{1}}).has_value());
  ASSERT_TRUE(log.commit().has_value());
  std::vector<std::int64_t> times;
  log.batch().for_each([&](Lsn, const native::MessageView& message) {
    times.push_back(message.header().timestamp.ns());
    EXPECT_TRUE(native::decode(message.bytes()).has_value()) << "the checksum was mended";
  });
  EXPECT_EQ(times, (std::vector<std::int64_t>{50, 50}));
  log.clear_batch();
  EXPECT_FALSE(log.has_work());
}

TEST_F(SequencerTest, syncs_for_intents_and_not_for_marks_alone) {
  Sequencer log = open();
  ASSERT_TRUE(log.append(Source::Market, at(1), Mark{.instrument = InstrumentId{1}}).has_value());
  ASSERT_TRUE(log.commit().has_value());
  EXPECT_EQ(log.metrics().sync_ns.count(), 0U);
  ASSERT_TRUE(log.offer(command(1), at(2)).has_value());
  EXPECT_EQ(log.commit().value(), Lsn{2});
  EXPECT_EQ(log.metrics().sync_ns.count(), 1U);
}

TEST_F(SequencerTest, shows_records_with_their_lsn) {
  Sequencer log = open();
  auto reader = log.topic().subscribe(bus::Policy::MustHave);
  ASSERT_TRUE(reader.has_value());
  const auto bytes = command(1);
  log.publish(Lsn{77}, bytes);
  std::size_t seen = 0;
  reader->poll([&](const bus::Message& message) {
    std::uint64_t lsn = 0;
    std::memcpy(&lsn, message.payload.data(), sizeof lsn);
    EXPECT_EQ(lsn, 77U);
    EXPECT_EQ(message.payload.size(), sizeof lsn + bytes.size());
    ++seen;
  });
  EXPECT_EQ(seen, 1U);
}

TEST_F(SequencerTest, refuses_a_log_that_holds_no_messages) {
  {
    auto writer =
        journal::Writer::open(dir_ / "wal", {.segment_bytes = 1U << 20U, .prepare_ahead = false});
    ASSERT_TRUE(writer.has_value());
    const std::array<std::byte, 3> junk{};
    ASSERT_TRUE(writer->append(junk).has_value());
    ASSERT_TRUE(writer->close().has_value());
  }
  Sequencer log = open();
  const auto replayed = log.replay([](Lsn, const native::MessageView&) {});
  ASSERT_FALSE(replayed.has_value());
  EXPECT_EQ(replayed.error().code, ErrorCode::Damaged);
  EXPECT_NE(replayed.error().message.find("record 1"), std::string::npos);
}

}  // namespace
}  // namespace stoa::relay

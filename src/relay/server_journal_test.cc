#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/numbers_file.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/test_support.h"

namespace stoa::relay {
namespace {

using test::Bytes;
using test::from_to;
using test::Reader;

class JournalRelay : public test::RelayTest {
 protected:
  [[nodiscard]] Publisher source(Source source = Source::System) const {
    return publisher(source, native::Domain::Execution);
  }
  [[nodiscard]] Subscriber::Options log_reader(StartAt start = StartAt::Newest) const {
    return reading(start, native::Domain::Execution);
  }
  void publish_runs(Publisher& publisher, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(publisher.publish(RunStarted{.run = publisher.next_sequence()}, clock_.now()),
                Publish::Ok);
    }
  }
  /// What the journal holds, by reading it.
  [[nodiscard]] std::vector<std::pair<int, std::uint64_t>> log() const {
    std::vector<std::pair<int, std::uint64_t>> all;
    auto reader = journal::Reader::open(dir_ / "wal").value();
    while (true) {
      const auto record = reader.next();
      const std::optional<journal::Record>& entry = record.value();
      if (!entry) return all;
      const auto header = native::MessageView::trusted(entry->payload).header();
      all.emplace_back(header.source, header.sequence);
    }
  }
  /// Rounds until the background thread has answered; it runs on its own time.
  template <class Done, class... Clients>
  void settle_until(Done done, Clients&... clients) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    bool is_done = done();
    while (!is_done && std::chrono::steady_clock::now() < give_up) {
      settle(clients...);
      std::this_thread::yield();
      is_done = done();
    }
    ASSERT_TRUE(is_done);
  }
};

TEST_F(JournalRelay, WritesWhatItAcknowledges) {
  auto options = execution();
  options.journal->writer.sync = journal::SyncPolicy::Always;
  start(options);
  Publisher publisher = source();
  Reader reader{log_reader()};
  settle(publisher, reader);
  publish_runs(publisher, 20);
  settle(publisher, reader);
  EXPECT_EQ(publisher.acked_sequence(), 20U);
  EXPECT_EQ(server_->durable(), Lsn{20});
  EXPECT_EQ(server_->metrics().commits.value(), 1U) << "one sync for the whole round";
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 20));
  EXPECT_EQ(log().size(), 20U);
}

TEST_F(JournalRelay, KnowsItsSourcesAfterItWasKilled) {
  start(execution());
  std::uint64_t log_id = 0;
  {
    Publisher one = source(Source::System);
    Publisher two = source(Source::Venue);
    settle(one, two);
    log_id = one.log_id();
    publish_runs(one, 20);
    publish_runs(two, 30);
    settle(one, two);
    // As kill -9 leaves it: the numbers that a clean end writes down are not there.
    std::filesystem::copy(dir_ / "wal", dir_ / "copy");
  }
  server_.reset();
  std::filesystem::remove_all(dir_ / "wal");
  std::filesystem::rename(dir_ / "copy", dir_ / "wal");
  start(execution());
  EXPECT_EQ(server_->next_sequence(Source::System), 21U);
  EXPECT_EQ(server_->next_sequence(Source::Venue), 31U);
  Publisher again = source(Source::Venue);
  settle(again);
  EXPECT_EQ(again.next_sequence(), 31U);
  EXPECT_EQ(again.acked_lsn(), Lsn{50});
  EXPECT_EQ(again.log_id(), log_id) << "the same log as before";
}

TEST_F(JournalRelay, LearnsNumbersFromTheRecordsWhenTheirFileCannotBeBelieved) {
  start(execution());
  {
    Publisher publisher = source();
    settle(publisher);
    publish_runs(publisher, 20);
    settle(publisher);
  }
  server_.reset();
  ASSERT_TRUE(std::filesystem::exists(dir_ / "wal" / "relay.numbers"));
  {
    std::ofstream file{dir_ / "wal" / "relay.numbers", std::ios::in | std::ios::out};
    file.seekp(70);
    file << "damage";
  }
  start(execution());
  EXPECT_EQ(server_->next_sequence(Source::System), 21U);
}

TEST_F(JournalRelay, AReaderContinuesThroughARestartFromDisk) {
  start(execution());
  Publisher publisher = source();
  Reader reader{log_reader(StartAt::Lsn)};
  settle(publisher, reader);
  publish_runs(publisher, 50);
  settle(publisher, reader);
  server_.reset();
  settle(publisher, reader);
  publish_runs(publisher, 50);
  start(execution());
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 100));
  EXPECT_TRUE(reader.seen.gaps.empty());
  EXPECT_EQ(reader.seen.connected, 2);
  Reader late{log_reader(StartAt::Lsn)};
  settle(publisher, late);
  EXPECT_EQ(late.seen.lsns(), from_to(1, 100));
  EXPECT_GT(server_->metrics().spills.value(), 0U);
}

TEST_F(JournalRelay, AReaderThatFallsBehindTheRingIsServedFromDiskWithoutASeam) {
  auto options = execution();
  options.ring_bytes = 64U << 10U;
  start(options);
  Publisher publisher = source();
  Reader slow{log_reader()};
  auto filtered_options = log_reader();
  filtered_options.filters = {"Heartbeat.*"};
  Reader filtered{filtered_options};
  settle(publisher, slow, filtered);
  std::uint64_t published = 0;
  for (int round = 0; round < 3'000; ++round) {
    publish_runs(publisher, 20);
    ASSERT_EQ(publisher.publish(Heartbeat{.sequence = 1}, clock_.now()), Publish::Ok);
    published += 21;
    publisher.poll(now());
    server_->poll(clock_.now());
  }
  ASSERT_GT(server_->metrics().spills.value(), 0U);
  ASSERT_EQ(server_->metrics().stalls.value(), 0U);
  settle(publisher, slow, filtered);
  EXPECT_EQ(slow.seen.lsns(), from_to(1, published));
  EXPECT_EQ(filtered.seen.records.size(), 3'000U);
  EXPECT_TRUE(slow.seen.gaps.empty());
  EXPECT_EQ(slow.seen.disconnected, 0);
  for (const ReaderStatus& status : server_->readers()) EXPECT_FALSE(status.from_disk);
}

TEST_F(JournalRelay, AReaderCutInTheMiddleOfARecordLosesNothing) {
  start(execution());
  Publisher publisher = source();
  Reader slow{log_reader()};
  auto dropping_options = log_reader();
  dropping_options.policy = ReaderPolicy::Drop;
  Reader dropping{dropping_options};
  settle(publisher, slow, dropping);
  // Rounds of more than a socket takes at once: it ends somewhere in a record, and then the ring
  // runs past.
  std::uint64_t published = 0;
  for (int round = 0; round < 40; ++round) {
    publish_runs(publisher, 1'500);
    published += 1'500;
    for (int i = 0; i < 4; ++i) {
      publisher.poll(now());
      server_->poll(clock_.now());
    }
  }
  ASSERT_GT(server_->metrics().spills.value(), 0U);
  ASSERT_GT(server_->metrics().dropped.value(), 0U);
  settle(publisher, slow, dropping);
  EXPECT_EQ(slow.seen.lsns(), from_to(1, published));
  EXPECT_EQ(slow.seen.disconnected, 0) << slow.seen.last_error;
  EXPECT_EQ(dropping.seen.disconnected, 0) << dropping.seen.last_error;
  EXPECT_EQ(dropping.seen.records.size() + server_->metrics().dropped.value(), published);
}

TEST_F(JournalRelay, TheRelaysTimeReplacesTheProducers) {
  auto options = execution();
  options.restamp = true;
  start(options);
  Publisher publisher = source();
  Reader reader{log_reader()};
  settle(publisher, reader);
  ASSERT_EQ(publisher.publish(RunStarted{}, Timestamp::from_ns(5)), Publish::Ok);
  settle(publisher, reader);
  ASSERT_EQ(reader.seen.records.size(), 1U);
  EXPECT_GT(reader.seen.records[0].header().timestamp, Timestamp::from_ns(1'000'000'000));
  EXPECT_TRUE(native::decode(reader.seen.records[0].message)) << "its checksum was mended";
}

TEST_F(JournalRelay, AnOutputKeepsTheTimeOfItsInput) {
  auto options = execution();
  options.restamp = true;
  start(options);
  Publisher publisher = source();
  Reader reader{log_reader()};
  settle(publisher, reader);
  ASSERT_EQ(publisher.publish(StateDigest{}, Timestamp::from_ns(5), native::kFlagOutput),
            Publish::Ok);
  settle(publisher, reader);
  ASSERT_EQ(reader.seen.records.size(), 1U);
  EXPECT_EQ(reader.seen.records[0].header().timestamp, Timestamp::from_ns(5));
}

TEST_F(JournalRelay, KeepsACheckpointAndStartsReadersThere) {
  start(execution());
  Publisher publisher = source();
  settle(publisher);
  publish_runs(publisher, 100);
  settle(publisher);
  Bytes state(1'000'000);
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<std::byte>(i * 7);
  ASSERT_TRUE(publisher.upload_checkpoint(Lsn{60}, state));
  publish_runs(publisher, 10);
  std::optional<Publisher::Upload> outcome;
  settle_until([&] { return (outcome = publisher.take_upload()).has_value(); }, publisher);
  EXPECT_EQ(outcome->lsn, Lsn{60});
  EXPECT_FALSE(outcome->error) << outcome->error->text();
  EXPECT_FALSE(publisher.uploading());
  EXPECT_EQ(server_->metrics().checkpoints.value(), 1U);
  const auto written = journal::read_checkpoint(dir_ / "wal", Lsn{60});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->state, state);

  Reader reader{log_reader(StartAt::Checkpoint)};
  auto with_history = log_reader(StartAt::Checkpoint);
  with_history.history = 80;
  Reader historian{with_history};
  settle_until([&] { return reader.seen.records.size() + historian.seen.records.size() >= 130; },
               publisher, reader, historian);
  ASSERT_EQ(reader.seen.states.size(), 1U);
  EXPECT_EQ(reader.seen.states[0].lsn, 60U);
  EXPECT_EQ(reader.seen.states[0].bytes, state);
  EXPECT_EQ(reader.seen.lsns(), from_to(61, 110));
  EXPECT_EQ(historian.seen.states.size(), 1U);
  EXPECT_EQ(historian.seen.lsns(), from_to(31, 110));

  // The chain that it carries is this log's: a start believes it.
  server_.reset();
  const auto found = journal::find_checkpoint(dir_ / "wal", Lsn{110});
  ASSERT_TRUE(found && found->checkpoint);
  EXPECT_EQ(found->checkpoint->lsn, Lsn{60});
}

TEST_F(JournalRelay, StartsAtTheFirstRecordWhereThereIsNoCheckpoint) {
  start(execution());
  Publisher publisher = source();
  settle(publisher);
  publish_runs(publisher, 10);
  settle(publisher);
  Reader reader{log_reader(StartAt::Checkpoint)};
  settle_until([&] { return reader.seen.records.size() == 10; }, reader);
  EXPECT_TRUE(reader.seen.states.empty());
  EXPECT_TRUE(reader.seen.gaps.empty());
}

TEST_F(JournalRelay, RefusesACheckpointOfARecordThatIsNotThere) {
  start(execution());
  Publisher publisher = source();
  settle(publisher);
  publish_runs(publisher, 10);
  settle(publisher);
  for (const std::uint64_t lsn : {0U, 11U}) {
    ASSERT_TRUE(publisher.upload_checkpoint(Lsn{lsn}, Bytes(100)));
    std::optional<Publisher::Upload> outcome;
    settle_until([&] { return (outcome = publisher.take_upload()).has_value(); }, publisher);
    ASSERT_TRUE(outcome->error) << lsn;
    EXPECT_NE(outcome->error->message.find("newest is 10"), std::string::npos)
        << outcome->error->text();
  }
  EXPECT_TRUE(publisher.connected());
  // One of before this process has no chain here.
  server_.reset();
  start(execution());
  settle(publisher);
  ASSERT_TRUE(publisher.upload_checkpoint(Lsn{3}, Bytes(100)));
  std::optional<Publisher::Upload> outcome;
  settle_until([&] { return (outcome = publisher.take_upload()).has_value(); }, publisher);
  ASSERT_TRUE(outcome->error);
  EXPECT_NE(outcome->error->message.find("too old"), std::string::npos) << outcome->error->text();
}

TEST_F(JournalRelay, AMemoryRelayHasNoPlaceForACheckpoint) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  ASSERT_TRUE(publisher.upload_checkpoint(Lsn{1}, Bytes(100)));
  settle(publisher);
  const auto outcome = publisher.take_upload();
  ASSERT_TRUE(outcome && outcome->error);
  EXPECT_NE(outcome->error->message.find("no log on disk"), std::string::npos);
}

TEST_F(JournalRelay, RetentionCutsBehindTwoCheckpointsAndKnowsTheNumbersStill) {
  auto options = execution();
  options.journal->writer.segment_bytes = 64U << 10U;
  options.journal->keep_bytes = 1;
  options.ring_bytes = 64U << 10U;  // so that what the disk forgets is not in memory either
  start(options);
  Publisher old = source(Source::Gateway);
  Publisher publisher = source();
  settle(old, publisher);
  publish_runs(old, 3);
  settle(old);
  for (int i = 0; i < 2; ++i) {
    publish_runs(publisher, 3'000);
    settle(publisher);
    ASSERT_TRUE(publisher.upload_checkpoint(server_->head(), Bytes(100)));
    std::optional<Publisher::Upload> outcome;
    settle_until([&] { return (outcome = publisher.take_upload()).has_value(); }, publisher);
    ASSERT_FALSE(outcome->error) << outcome->error->text();
  }
  const std::uint64_t oldest = journal::Reader::open(dir_ / "wal").value().next_lsn().value();
  EXPECT_GT(oldest, 1'000U);
  // A reader of what is gone is told so.
  Reader reader{log_reader(StartAt::Lsn)};
  auto wanted = log_reader(StartAt::Lsn);
  wanted.from = Lsn{2};
  Reader late{wanted};
  settle(reader, late);
  EXPECT_EQ(reader.seen.records.front().lsn, oldest);
  ASSERT_EQ(late.seen.gaps.size(), 1U);
  EXPECT_EQ(late.seen.gaps[0].first, Lsn{2});
  EXPECT_EQ(late.seen.gaps[0].last, Lsn{oldest - 1});
  EXPECT_EQ(late.seen.lsns(), from_to(oldest, server_->head().value()));
  server_.reset();
  start(options);
  EXPECT_EQ(server_->next_sequence(Source::Gateway), 4U) << "its records are gone";
}

TEST_F(JournalRelay, EndsWhenItsDiskDoes) {
  auto options = execution();
  options.journal->writer.segment_bytes = 64U << 10U;
  options.ring_bytes = 4U << 20U;
  start(options);
  Publisher publisher = source();
  Reader reader{log_reader()};
  settle(publisher, reader);
  publish_runs(publisher, 10);
  settle(publisher, reader);
  // The next segment cannot be made.
  std::filesystem::rename(dir_ / "wal", dir_ / "gone");
  publish_runs(publisher, 2'000);
  settle(publisher, reader);
  ASSERT_NE(server_->failed(), nullptr);
  const std::uint64_t acked = publisher.acked_sequence();
  EXPECT_LT(acked, 2'010U);
  ASSERT_NE(publisher.refusal(), nullptr);
  EXPECT_EQ(server_->head().value(), acked);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, acked)) << "nothing is shown that does not count";
  std::filesystem::rename(dir_ / "gone", dir_ / "wal");
  server_.reset();
  start(options);
  settle(publisher, reader);
  EXPECT_EQ(publisher.acked_sequence(), 2'010U);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 2'010));
}

TEST_F(JournalRelay, OutputsWaitForNoSyncWhenNobodyNeedsThem) {
  auto options = execution();
  options.journal->writer.sync = journal::SyncPolicy::Always;
  options.journal->lazy_outputs = true;
  start(options);
  Publisher core = source(Source::Core);
  Publisher other = source();
  settle(core, other);
  ASSERT_EQ(core.publish(StateDigest{}, clock_.now(), native::kFlagOutput), Publish::Ok);
  settle(core);
  EXPECT_EQ(core.acked_sequence(), 1U);
  EXPECT_EQ(server_->durable(), Lsn{0});
  publish_runs(other, 1);
  settle(other);
  EXPECT_EQ(server_->durable(), Lsn{2});
}

TEST(NumbersFile, IsBelievedOnlyWhole) {
  Numbers numbers{.log_id = 7, .lsn = 9, .time = 11};
  numbers.sources[3] = {.sequence = 5, .lsn = 8, .instance = 2};
  const Bytes bytes = encode_numbers(numbers);
  const auto read = decode_numbers(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_numbers(*read), bytes);
  EXPECT_EQ(read->sources[3].sequence, 5U);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes damaged = bytes;
    damaged[at] ^= std::byte{0x10};
    EXPECT_FALSE(decode_numbers(damaged)) << at;
  }
  EXPECT_FALSE(decode_numbers(std::span{bytes}.first(bytes.size() - 1)));
}

}  // namespace
}  // namespace stoa::relay

#include "relay/hand_over.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/test_support.h"
#include "relay/unix_socket.h"

namespace stoa::relay {
namespace {

using test::from_to;
using test::Reader;

class HandOver : public test::RelayTest {
 protected:
  /// A successor's start blocks, so it runs beside the rounds of everybody else.
  struct Start {
    std::thread thread;
    std::atomic<bool> done{false};
    Result<std::unique_ptr<Server>> result{nullptr};

    Start(ServerOptions options, const Clock& clock)
        : thread{[this, options = std::move(options), &clock]() mutable {
            result = Server::open(std::move(options), clock);
            done.store(true, std::memory_order_release);
          }} {}
    ~Start() { thread.join(); }
  };

  ~HandOver() override { server_.reset(); }

  const SystemClock system_;  // outlives the servers that look at it

  static ServerOptions taking_over(ServerOptions options) {
    options.take_over = true;
    // A machine that is busy elsewhere must not look like a successor that is late.
    options.hand_over_max = std::chrono::minutes{10};
    return options;
  }
  /// Replaces the relay while `round` goes on.
  template <class Round>
  void hand_over(const ServerOptions& options, Round round) {
    Start successor{taking_over(options), system_};
    while (!successor.done.load(std::memory_order_acquire)) {
      round();
      server_->poll(clock_.now());
    }
    for (int i = 0; i < 1'000 && !server_->handed_over(); ++i) server_->poll(clock_.now());
    ASSERT_TRUE(successor.result) << successor.result.error().text();
    ASSERT_TRUE(server_->handed_over());
    EXPECT_EQ(server_->poll(clock_.now()), 0U);
    server_ = std::move(*successor.result);
  }
  void run_many(ServerOptions options, native::Domain domain, int times) {
    options.hand_over_max = std::chrono::hours{1};  // of a clock that each round moves
    start(options);
    Publisher one = publisher(Source::Market, domain);
    Publisher two = publisher(Source::System, domain);
    Reader reader{reading(StartAt::Lsn, domain)};
    auto filter = reading(StartAt::Lsn, domain);
    filter.filters = {"Heartbeat.*"};
    Reader filtered{filter};
    settle(one, two, reader, filtered);
    const std::uint64_t log_id = server_->log_id();
    const auto round = [&] {
      pass(std::chrono::milliseconds{1});
      for (Publisher* publisher : {&one, &two}) {
        ASSERT_NE(
            publisher->publish(Heartbeat{.sequence = publisher->next_sequence()}, clock_.now()),
            Publish::NotConnected);
        publisher->poll(now());
      }
      poll_one(reader);
      poll_one(filtered);
    };
    for (int i = 0; i < times; ++i) {
      hand_over(options, round);
      for (int j = 0; j < 5; ++j) {
        round();
        server_->poll(clock_.now());
      }
    }
    settle(one, two, reader, filtered);
    const std::uint64_t head = one.next_sequence() - 1 + two.next_sequence() - 1;
    EXPECT_EQ(one.unacked(), 0U);
    EXPECT_EQ(two.unacked(), 0U);
    EXPECT_EQ(server_->head(), Lsn{head});
    EXPECT_EQ(reader.seen.lsns(), from_to(1, head));
    EXPECT_EQ(filtered.seen.lsns(), from_to(1, head));
    EXPECT_TRUE(reader.seen.gaps.empty());
    EXPECT_TRUE(filtered.seen.gaps.empty());
    EXPECT_EQ(one.refusal(), nullptr);
    EXPECT_EQ(two.refusal(), nullptr);
    EXPECT_EQ(server_->log_id(), log_id);
    // Each source without gap or repeat, in the one order.
    std::array<std::uint64_t, kSourcesMax> last{};
    for (const auto& record : reader.seen.records) {
      const auto header = record.header();
      EXPECT_EQ(header.sequence, ++last[header.source]);
    }
  }
};

TEST_F(HandOver, AHundredTimesUnderLoadNothingIsLostRefusedOrRepeated) {
  run_many(market(), native::Domain::Market, 100);
}

TEST_F(HandOver, AJournalGoesWithIt) { run_many(execution(), native::Domain::Execution, 20); }

TEST_F(HandOver, WithoutAPredecessorItStartsAsUsual) {
  start(taking_over(market()));
  Publisher publisher = this->publisher();
  settle(publisher);
  EXPECT_TRUE(publisher.connected());
}

TEST_F(HandOver, TheKeyAndWhatLiesInMemoryGoWithIt) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  publish_trades(publisher, 10);
  publish_trades(publisher, 1, 8);
  publish_trades(publisher, 5);
  settle(publisher);
  hand_over(market(), [] {});
  Reader from_key{reading(StartAt::Key)};
  Reader from_first{reading(StartAt::Lsn)};
  settle(publisher, from_key, from_first);
  EXPECT_EQ(from_key.seen.lsns(), from_to(11, 16));
  EXPECT_EQ(from_first.seen.lsns(), from_to(1, 16));
}

TEST_F(HandOver, ASuccessorThatDiesChangesNothing) {
  for (const bool journalled : {false, true}) {
    start(journalled ? execution() : market());
    const auto domain = journalled ? native::Domain::Execution : native::Domain::Market;
    Publisher publisher = this->publisher(Source::System, domain);
    Reader reader{reading(StartAt::Newest, domain)};
    settle(publisher, reader);
    const auto publish = [&] {
      ASSERT_EQ(publisher.publish(Heartbeat{}, clock_.now()), Publish::Ok);
    };
    publish();
    settle(publisher, reader);
    for (const bool before_the_gift : {true, false}) {
      Fd link = connect_unix(next_path(dir_ / "relay.sock")).value();
      if (!before_the_gift) {
        ASSERT_TRUE(say(link, Word::Ask));
        // What works on the side is waited for first.
        std::byte first{};
        bool came = false;
        for (int i = 0; i < 10'000 && !came; ++i) {
          server_->poll(clock_.now());
          came = receive_with_fds(link, std::span{&first, 1}, 1).has_value();
        }
        ASSERT_TRUE(came);
      }
      link.reset();
      publish();
      settle(publisher, reader);
      EXPECT_FALSE(server_->handed_over());
    }
    EXPECT_EQ(server_->head(), Lsn{3});
    EXPECT_EQ(reader.seen.lsns(), from_to(1, 3));
    EXPECT_EQ(reader.seen.disconnected, 0);
    EXPECT_EQ(publisher.unacked(), 0U);
    EXPECT_EQ(server_->failed(), nullptr);
    server_.reset();
    std::filesystem::remove_all(dir_ / "wal");
  }
}

TEST_F(HandOver, WhoIsToldOfItComesBackAtOnce) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  hand_over(market(), [] {});
  poll_one(publisher), poll_one(reader);
  if (!publisher.connected()) {
    EXPECT_LE(publisher.next_due().value_or(now()), now());
    EXPECT_GE(publisher.next_due().value_or(now()), nanoseconds{}) << "callers subtract from it";
  }
  for (int i = 0; i < 10; ++i) {
    poll_one(publisher), poll_one(reader);
    server_->poll(clock_.now());
  }
  EXPECT_TRUE(publisher.connected());
  EXPECT_TRUE(reader.subscriber.connected());
}

TEST_F(HandOver, TheJournalIsNotReadAgain) {
  start(execution());
  Publisher publisher = this->publisher(Source::System, native::Domain::Execution);
  settle(publisher);
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(publisher.publish(Heartbeat{}, clock_.now()), Publish::Ok);
    }
    settle(publisher);
  };
  publish(100);
  // A record that is damaged on disk: whoever reads the log refuses it.
  const auto segment = dir_ / "wal" / "00000000000000000001.seg";
  const auto flip = [&] {
    std::fstream file{segment, std::ios::in | std::ios::out | std::ios::binary};
    constexpr auto kAt = journal::kSegmentHeaderBytes + journal::kRecordHeaderBytes + 8;
    file.seekg(kAt);
    const int byte = file.get();
    file.seekp(kAt);
    file.put(static_cast<char>(byte ^ 1));
  };
  flip();
  ASSERT_FALSE(journal::Reader::open(dir_ / "wal", Lsn{1}).value().next(Lsn{100}));
  hand_over(execution(), [] {});
  ASSERT_NE(server_->recovery(), nullptr);
  EXPECT_EQ(server_->recovery()->last, Lsn{100});
  flip();
  publish(50);
  EXPECT_EQ(server_->head(), Lsn{150});
  server_.reset();
  start(execution());
  EXPECT_EQ(server_->head(), Lsn{150});
}

TEST_F(HandOver, ASuccessorThatIsLateIsToldToStop) {
  auto options = market();
  options.hand_over_max = std::chrono::milliseconds{500};
  start(options);
  Publisher publisher = this->publisher();
  settle(publisher);
  const Fd link = connect_unix(next_path(dir_ / "relay.sock")).value();
  ASSERT_TRUE(say(link, Word::Ask));
  server_->poll(clock_.now());
  publish_trades(publisher, 1);
  publisher.poll(now());
  server_->poll(clock_.now());
  EXPECT_EQ(server_->head(), Lsn{0}) << "between two owners nothing is taken";
  ASSERT_TRUE(server_->next_due());
  pass(std::chrono::seconds{1});
  settle(publisher);
  EXPECT_EQ(server_->head(), Lsn{1});
  // Its Ready comes too late: the answer is Stop.
  std::array<std::byte, 4'096> heard{};
  std::vector<std::byte> all;
  while (true) {
    const Transferred got = receive(link, heard);
    if (got.how != Transfer::Done) break;
    all.insert(all.end(), heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(got.bytes));
  }
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(), static_cast<std::byte>(Word::Stop));
}

TEST_F(HandOver, AStopCountsThoughThePredecessorHasHungUp) {
  const Fd listener = listen_unix(dir_ / "door").value();
  const auto hang_up = [&](std::optional<Word> last_word) {
    Inheritance late{
        .link = connect_unix(dir_ / "door").value(), .listener = {}, .ring = {}, .state = {}};
    const std::optional<Fd> predecessor = accept_unix(listener).value();
    const bool heard = !last_word || say(*predecessor, *last_word);
    EXPECT_TRUE(heard);
    return late;
  };
  EXPECT_FALSE(confirm_to_predecessor(hang_up(Word::Stop), 1'000)) << "it goes on itself";
  EXPECT_TRUE(confirm_to_predecessor(hang_up(Word::Go), 1'000));
  EXPECT_TRUE(confirm_to_predecessor(hang_up(std::nullopt), 1'000)) << "it is dead";
}

TEST_F(HandOver, ASuccessorOfAnotherDomainIsRefusedAndTheRelayGoesOn) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  auto other = market();
  other.domain = native::Domain::Signal;
  const SystemClock system;
  {
    Start successor{taking_over(other), system};
    while (!successor.done.load(std::memory_order_acquire)) server_->poll(clock_.now());
    ASSERT_FALSE(successor.result);
  }
  settle(publisher);
  publish_trades(publisher, 1);
  settle(publisher);
  EXPECT_EQ(server_->head(), Lsn{1});
  EXPECT_TRUE(std::filesystem::exists(dir_ / "relay.sock"));
}

}  // namespace
}  // namespace stoa::relay

#include "relay/server.h"

#include <gtest/gtest.h>
#include <sys/poll.h>
#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "model/market.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/admission.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/test_support.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

using test::Bytes;
using test::from_to;
using test::Reader;

using MemoryRelay = test::RelayTest;

TEST_F(MemoryRelay, NumbersWhatIsPublishedAndShowsItInOrder) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  ASSERT_TRUE(publisher.connected());
  ASSERT_TRUE(reader.subscriber.connected());
  publish_trades(publisher, 100);
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 100));
  EXPECT_EQ(publisher.acked_sequence(), 100U);
  EXPECT_EQ(publisher.acked_lsn(), Lsn{100});
  EXPECT_EQ(publisher.unacked(), 0U);
  EXPECT_EQ(publisher.outbox_used(), 0U);
  EXPECT_EQ(server_->head(), Lsn{100});
  EXPECT_EQ(server_->metrics().messages_in.value(), 100U);
  EXPECT_EQ(server_->metrics().messages_out.value(), 100U);
  EXPECT_TRUE(reader.subscriber.caught_up());
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(reader.seen.records[i].header().sequence, i + 1);
  }
}

TEST_F(MemoryRelay, TakesNothingBeforeItsNumberIsKnown) {
  start(market());
  Publisher publisher = this->publisher();
  EXPECT_EQ(publisher.publish(trade(1), clock_.now()), Publish::NotConnected);
  settle(publisher);
  EXPECT_EQ(publisher.publish(trade(1), clock_.now()), Publish::Ok);
}

TEST_F(MemoryRelay, WhatIsPublishedOneByOneGoesTogether) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  const auto publish_and_poll = [&](std::uint64_t count) {
    publish_trades(publisher, count);
    publisher.poll(now());
    server_->poll(clock_.now());
    return server_->head().value();
  };
  EXPECT_EQ(publish_and_poll(1), 1U) << "the first after a pause goes at once";
  EXPECT_EQ(publish_and_poll(1), 1U) << "the next so soon waits for company";
  EXPECT_NE(publisher.events() & POLLOUT, 0) << "whoever waits comes back for it";
  pass(std::chrono::nanoseconds{4'999});
  EXPECT_EQ(publish_and_poll(2), 1U);
  pass(std::chrono::nanoseconds{1});
  EXPECT_EQ(publish_and_poll(0), 4U);
  EXPECT_EQ(publisher.events() & POLLOUT, 0);
  EXPECT_EQ(publish_and_poll(1), 4U);
  EXPECT_EQ(publish_and_poll(0), 5U) << "time that stands still holds nothing up";
  pass(std::chrono::nanoseconds{1});
  constexpr std::uint64_t kBytes = native::detail::message_bytes(sizeof(Trade));
  constexpr std::uint64_t kEnough = ((32U << 10U) + kBytes - 1) / kBytes;
  EXPECT_EQ(publish_and_poll(kEnough - 1), 5U) << "less than 32 KiB wait";
  pass(std::chrono::nanoseconds{1});
  EXPECT_EQ(publish_and_poll(1), 5 + kEnough) << "32 KiB are company enough";
}

TEST_F(MemoryRelay, OnlyAConnectionThatStoodForASecondIsMadeAgainAtOnce) {
  for (const bool stood : {true, false}) {
    start(market());
    Publisher publisher = this->publisher();
    Reader reader{reading()};
    while (!publisher.connected() || !reader.subscriber.connected()) {
      pass(std::chrono::microseconds{1});
      poll_one(publisher), poll_one(reader);
      server_->poll(clock_.now());
    }
    if (stood) pass(std::chrono::seconds{1});
    server_.reset();
    start(market());
    for (int i = 0; i < 10; ++i) {
      poll_one(publisher), poll_one(reader);
      server_->poll(clock_.now());
    }
    EXPECT_EQ(publisher.connected(), stood);
    EXPECT_EQ(reader.subscriber.connected(), stood);
    // A time that a caller may subtract from.
    if (!stood) {
      EXPECT_GT(publisher.next_due().value(), now());
      EXPECT_GT(reader.subscriber.next_due().value(), now());
    }
    server_.reset();
  }
}

TEST_F(MemoryRelay, AnOutboxOfManySizesKeepsEveryMessage) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  // Fits where it begins, outgrows that, fills all there is; then again, on the way back.
  std::uint64_t published = 0;
  for (const std::uint64_t count : {1'000U, 40'000U, 0U, 40'000U, 500U}) {
    const bool to_the_end = count == 0;
    std::uint64_t done = 0;
    while (to_the_end || done < count) {
      const Publish outcome = publisher.publish(trade(published + 1), clock_.now());
      if (outcome == Publish::Full) break;
      ASSERT_EQ(outcome, Publish::Ok);
      ++published, ++done;
    }
    if (to_the_end) {
      EXPECT_GT(publisher.outbox_used(), (8U << 20U) - 512U);
      EXPECT_LE(publisher.outbox_used(), 8U << 20U);
    } else {
      EXPECT_EQ(done, count);
    }
    settle(publisher, reader);
    EXPECT_EQ(publisher.unacked(), 0U);
    EXPECT_EQ(publisher.outbox_used(), 0U);
    ASSERT_EQ(reader.seen.records.size(), published);
  }
  for (std::uint64_t i = 0; i < published; ++i) {
    const auto message = native::MessageView::trusted(reader.seen.records[i].message);
    ASSERT_EQ(message.header().sequence, i + 1);
    ASSERT_EQ(message.as<Trade>().trade_id, TradeId{i + 1});
  }
}

TEST_F(MemoryRelay, GoesOnWhereTheSourceWasWhenItsPublisherIsNew) {
  start(market());
  {
    Publisher first = publisher();
    settle(first);
    publish_trades(first, 7);
    settle(first);
  }
  Publisher second = publisher();
  settle(second);
  EXPECT_EQ(second.next_sequence(), 8U);
  EXPECT_EQ(second.acked_lsn(), Lsn{7});
  publish_trades(second, 1);
  settle(second);
  EXPECT_EQ(server_->head(), Lsn{8});
}

TEST_F(MemoryRelay, ALaterInstanceEndsTheOneOfBefore) {
  start(market());
  Publisher first = publisher();
  settle(first);
  Publisher second = publisher();
  settle(first, second);
  EXPECT_GT(second.instance(), first.instance());
  EXPECT_TRUE(first.superseded());
  ASSERT_NE(first.refusal(), nullptr);
  EXPECT_NE(first.refusal()->message.find("superseded"), std::string::npos);
  EXPECT_TRUE(second.connected());
  EXPECT_EQ(server_->metrics().refused[static_cast<int>(Refusal::Superseded)].value(), 1U);
  EXPECT_EQ(server_->metrics().publishers.value(), 1);
}

TEST_F(MemoryRelay, APublisherThatBeginsAnewIsALaterInstanceAndForgetsWhatItHadNotSaid) {
  start(market());
  Publisher first = publisher();
  Publisher other = publisher();
  settle(first);
  publish_trades(first, 3);
  settle(first);
  settle(other, first);
  EXPECT_TRUE(first.superseded());
  publish_trades(first, 2);  // said to nobody
  first.renew();
  EXPECT_FALSE(first.superseded());
  EXPECT_FALSE(first.ready());
  EXPECT_EQ(first.refusal(), nullptr);
  EXPECT_EQ(first.outbox_used(), 0U);
  EXPECT_EQ(first.publish(trade(1), clock_.now()), Publish::NotConnected);
  settle(first, other);
  EXPECT_TRUE(first.connected());
  EXPECT_TRUE(other.superseded());
  EXPECT_EQ(first.next_sequence(), 4U);
  publish_trades(first, 1);
  settle(first);
  EXPECT_EQ(first.unacked(), 0U);
  EXPECT_EQ(server_->head(), Lsn{4});
}

TEST_F(MemoryRelay, KeepsWhatIsNotAcknowledgedThroughARestartOfTheRelay) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  publish_trades(publisher, 10);
  settle(publisher, reader);
  const std::uint64_t log_before = reader.subscriber.log_id();
  server_.reset();
  settle(publisher, reader);
  EXPECT_FALSE(publisher.connected());
  publish_trades(publisher, 5);
  start(market());
  settle(publisher, reader);
  EXPECT_EQ(publisher.acked_sequence(), 15U);
  EXPECT_EQ(publisher.acked_lsn(), Lsn{5});
  // Another log: the reader is told that nobody knows what it missed, and begins anew.
  EXPECT_NE(reader.subscriber.log_id(), log_before);
  ASSERT_EQ(reader.seen.gaps.size(), 1U);
  EXPECT_TRUE(reader.seen.gaps[0].unknown());
  EXPECT_EQ(reader.seen.records.back().header().sequence, 15U);
  EXPECT_EQ(reader.seen.records.size(), 15U);
}

TEST_F(MemoryRelay, AReaderThatComesBackContinuesAtItsCursor) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  publish_trades(publisher, 10);
  settle(publisher);
  auto options = reading(StartAt::Lsn);
  options.from = Lsn{4};
  Reader reader{options};
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(4, 10));
  EXPECT_EQ(reader.subscriber.head_at_join(), Lsn{10});
  EXPECT_TRUE(reader.subscriber.caught_up());
  EXPECT_EQ(reader.subscriber.next_lsn(), Lsn{11});
}

TEST_F(MemoryRelay, StartsAtTheNewestKeyMessage) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  publish_trades(publisher, 10);
  publish_trades(publisher, 1, 8);
  publish_trades(publisher, 10);
  settle(publisher);
  Reader reader{reading(StartAt::Key)};
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(11, 21));
}

TEST_F(MemoryRelay, StartsAtTheOldestWhereThereIsNoKey) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  publish_trades(publisher, 3);
  settle(publisher);
  Reader reader{reading(StartAt::Key)};
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 3));
}

TEST_F(MemoryRelay, TellsAReaderWhatLiesBeforeTheOldestRecord) {
  auto options = market();
  options.ring_bytes = 64U << 10U;
  start(options);
  Publisher publisher = this->publisher();
  settle(publisher);
  for (int i = 0; i < 10; ++i) {
    publish_trades(publisher, 200);
    settle(publisher);
  }
  auto wanted = reading(StartAt::Lsn);
  wanted.from = Lsn{1};
  Reader reader{wanted};
  settle(publisher, reader);
  ASSERT_EQ(reader.seen.gaps.size(), 1U);
  EXPECT_EQ(reader.seen.gaps[0].first, Lsn{1});
  const std::uint64_t last = reader.seen.gaps[0].last.value();
  EXPECT_GT(last, 1'000U);
  EXPECT_EQ(reader.seen.lsns(), from_to(last + 1, 2'000));
}

TEST_F(MemoryRelay, LetsThroughWhatAFilterNames) {
  start(market());
  Publisher publisher = this->publisher();
  auto exact = reading();
  exact.filters = {"Trade.7"};
  auto type = reading();
  type.filters = {"Quote.*", "Trade.1"};
  auto all = reading();
  all.filters = {"Trade.7", "*"};
  Reader sevens{exact};
  Reader quotes{type};
  Reader everything{all};
  settle(publisher, sevens, quotes, everything);
  ASSERT_EQ(publisher.publish(trade(1, 7), clock_.now()), Publish::Ok);
  ASSERT_EQ(publisher.publish(trade(2, 1), clock_.now()), Publish::Ok);
  ASSERT_EQ(publisher.publish(quote(7, 5), clock_.now()), Publish::Ok);
  ASSERT_EQ(publisher.publish(trade(3, 7), clock_.now()), Publish::Ok);
  ASSERT_EQ(publisher.publish(trade(4, 2), clock_.now()), Publish::Ok);
  settle(publisher, sevens, quotes, everything);
  EXPECT_EQ(sevens.seen.lsns(), (std::vector<std::uint64_t>{1, 4}));
  EXPECT_EQ(quotes.seen.lsns(), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(everything.seen.lsns(), from_to(1, 5));
  EXPECT_TRUE(sevens.subscriber.caught_up());
}

TEST_F(MemoryRelay, RefusesAFilterThatNamesNothing) {
  for (const char* text : {"Trad.7", "Trade", "Trade.x", "Trade.7x", ".7", "99.*"}) {
    auto options = reading();
    options.filters = {text};
    EXPECT_FALSE(Subscriber::open(options)) << text;
  }
}

TEST_F(MemoryRelay, PassesTransientMessagesOnWithoutAPlace) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  publish_trades(publisher, 1);
  ASSERT_EQ(publisher.transient(Heartbeat{}, clock_.now()), Publish::Ok);
  publish_trades(publisher, 1);
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 2));
  ASSERT_EQ(reader.seen.transient.size(), 1U);
  EXPECT_EQ(server_->head(), Lsn{2});
  EXPECT_EQ(publisher.outbox_used(), 0U);
  EXPECT_EQ(server_->metrics().transient_in.value(), 1U);
}

TEST_F(MemoryRelay, LosesTransientMessagesWithTheConnectionAndNothingElse) {
  start(market());
  Publisher publisher = this->publisher();
  settle(publisher);
  publish_trades(publisher, 1);
  ASSERT_EQ(publisher.transient(Heartbeat{}, clock_.now()), Publish::Ok);
  publish_trades(publisher, 1);
  publisher.poll(now());  // out, and never read
  server_.reset();
  settle(publisher);
  start(market());
  Reader reader{reading(StartAt::Key)};
  settle(reader, publisher);
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 2));
  EXPECT_TRUE(reader.seen.transient.empty());
  EXPECT_EQ(publisher.unacked(), 0U);
  EXPECT_EQ(publisher.outbox_used(), 0U);
}

/// A connection that speaks for itself.
struct Raw {
  explicit Raw(const std::filesystem::path& path) : socket{connect_unix(path).value()} {}

  void say(const Bytes& bytes) const { ASSERT_EQ(send(socket, bytes).bytes, bytes.size()); }
  /// Everything that the relay has said so far; nothing when it has hung up.
  [[nodiscard]] std::vector<Frame> hear() {
    Bytes more(1U << 16U);
    while (true) {
      const Transferred got = receive(socket, more);
      if (got.how == Transfer::Closed) closed = true;
      if (got.how != Transfer::Done) break;
      heard.insert(heard.end(), more.begin(),
                   more.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    }
    std::vector<Frame> frames;
    std::size_t at = 0;
    while (const auto frame = decode_from_relay(std::span{heard}.subspan(at))) {
      frames.push_back(*frame);
      at += frame->bytes;
    }
    return frames;
  }

  Fd socket;
  Bytes heard;
  bool closed = false;
};

Bytes hello_of(Source source, std::uint64_t instance = 0, std::uint64_t first = 0) {
  Bytes bytes;
  put_to_relay(bytes, PublisherHello{.domain = static_cast<std::uint8_t>(native::Domain::Market),
                                     .source = static_cast<std::uint8_t>(source),
                                     .instance = instance,
                                     .first = first});
  return bytes;
}

Bytes message(std::uint64_t sequence, Source source = Source::Market,
              native::Domain domain = native::Domain::Market) {
  Bytes bytes(native::kSmallMessageBytes);
  bytes.resize(native::encode(
      bytes, {.domain = domain, .source = static_cast<std::uint8_t>(source), .sequence = sequence},
      Trade{.trade_id = TradeId{sequence}}));
  return bytes;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// The reason in the last frame, and its text.
std::pair<Refusal, std::string> refusal_of(const std::vector<Frame>& frames) {
  if (frames.empty() || frames.back().control.kind != ControlKind::Refused) return {};
  const Control& control = frames.back().control;
  return {control.as<Refused>().code, std::string{control.text<Refused>()}};
}

TEST_F(MemoryRelay, AcknowledgesACopyAgainAndStoresItOnce) {
  start(market());
  Raw raw{dir_ / "relay.sock"};
  Bytes bytes = hello_of(Source::Market);
  for (const std::uint64_t sequence : {1U, 2U, 2U, 1U, 3U}) append(bytes, message(sequence));
  raw.say(bytes);
  settle();
  EXPECT_EQ(server_->head(), Lsn{3});
  EXPECT_EQ(server_->metrics().duplicates.value(), 2U);
  raw.say(message(2));
  settle();
  const auto frames = raw.hear();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].control.kind, ControlKind::Welcome);
  EXPECT_EQ(frames[1].control.as<Ack>().sequence, 3U);
  EXPECT_EQ(frames[2].control.as<Ack>().sequence, 3U);
  EXPECT_EQ(frames[2].control.as<Ack>().lsn, 3U);
}

TEST_F(MemoryRelay, TellsAPublisherOnceWhereToGoOnAfterAGap) {
  start(market());
  Raw raw{dir_ / "relay.sock"};
  Bytes bytes = hello_of(Source::Market);
  for (const std::uint64_t sequence : {1U, 3U, 4U, 5U}) append(bytes, message(sequence));
  raw.say(bytes);
  settle();
  EXPECT_EQ(server_->head(), Lsn{1});
  EXPECT_EQ(server_->metrics().source_gaps.value(), 1U);
  bytes.clear();
  for (const std::uint64_t sequence : {2U, 3U}) append(bytes, message(sequence));
  raw.say(bytes);
  settle();
  EXPECT_EQ(server_->head(), Lsn{3});
  const auto frames = raw.hear();
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(frames[1].control.kind, ControlKind::Rewind);
  EXPECT_EQ(frames[1].control.as<Rewind>().sequence, 2U);
  EXPECT_EQ(frames[3].control.as<Ack>().sequence, 3U);
}

TEST_F(MemoryRelay, TakesThePublishersWordOnASourceThatItHasNeverSeen) {
  start(market());
  Raw raw{dir_ / "relay.sock"};
  Bytes bytes = hello_of(Source::Market, 5, 42);
  append(bytes, message(42));
  raw.say(bytes);
  settle();
  EXPECT_EQ(server_->head(), Lsn{1});
  EXPECT_EQ(server_->next_sequence(Source::Market), 43U);
}

TEST_F(MemoryRelay, RefusesAPublisherThatWasPromisedMoreThanTheLogHas) {
  start(market());
  {
    Raw raw{dir_ / "relay.sock"};
    Bytes bytes = hello_of(Source::Market, 5);
    append(bytes, message(1));
    raw.say(bytes);
    settle();
  }
  Raw raw{dir_ / "relay.sock"};
  raw.say(hello_of(Source::Market, 5, 9));
  settle();
  const auto [code, text] = refusal_of(raw.hear());
  EXPECT_EQ(code, Refusal::LogLost);
  EXPECT_NE(text.find("up to 1"), std::string::npos) << text;
}

struct BadBytes {
  const char* name;
  Refusal refusal;
  Bytes (*bytes)(std::uint64_t sequence);
  const char* text;
  bool at_offset = false;  // the text names the first bad byte, counted from the connection's first
};

TEST_F(MemoryRelay, ClosesOnlyThePublisherThatSendsWhatItMayNot) {
  start(market());
  Publisher other = publisher(Source::System);
  settle(other);
  const std::vector<BadBytes> cases{
      {"magic", Refusal::Protocol,
       [](std::uint64_t sequence) {
         Bytes bytes = message(sequence);
         bytes[0] ^= std::byte{1};
         return bytes;
       },
       "neither a message", true},
      {"checksum", Refusal::BadMessage,
       [](std::uint64_t sequence) {
         Bytes bytes = message(sequence);
         bytes[50] ^= std::byte{1};
         return bytes;
       },
       "hecksum"},
      {"source", Refusal::WrongSource,
       [](std::uint64_t sequence) { return message(sequence, Source::Venue); }, "source 4"},
      {"domain", Refusal::BadMessage,
       [](std::uint64_t sequence) {
         return message(sequence, Source::Market, native::Domain::Execution);
       },
       "at byte"},
      {"a second hello", Refusal::Protocol, [](std::uint64_t) { return hello_of(Source::Market); },
       "no place"},
  };
  for (const BadBytes& bad : cases) {
    Raw raw{dir_ / "relay.sock"};
    const std::uint64_t sequence = server_->next_sequence(Source::Market);
    Bytes bytes = hello_of(Source::Market);
    append(bytes, message(sequence));
    const std::size_t before = bytes.size();
    append(bytes, bad.bytes(sequence + 1));
    append(bytes, message(sequence + 1));
    raw.say(bytes);
    settle(other);
    const auto [code, text] = refusal_of(raw.hear());
    EXPECT_EQ(code, bad.refusal) << bad.name << ": " << text;
    EXPECT_NE(text.find(bad.text), std::string::npos) << bad.name << ": " << text;
    EXPECT_TRUE(!bad.at_offset || text.ends_with(" " + std::to_string(before))) << text;
    EXPECT_TRUE(raw.closed) << bad.name;
    // What came before it counts; what came behind it does not.
    EXPECT_EQ(server_->next_sequence(Source::Market), sequence + 1) << bad.name;
  }
  EXPECT_TRUE(other.connected());
}

TEST_F(MemoryRelay, AMessageBeforeTheHelloIsRefused) {
  start(market());
  Raw raw{dir_ / "relay.sock"};
  raw.say(message(1));
  settle();
  EXPECT_EQ(refusal_of(raw.hear()).first, Refusal::Protocol);
}

TEST_F(MemoryRelay, TakesNoMoreThanItsNumberOfClients) {
  auto options = market();
  options.publishers_max = 1;
  options.subscribers_max = 1;
  start(options);
  Publisher one = publisher(Source::Market);
  Publisher two = publisher(Source::System);
  Reader first{reading()};
  Reader second{reading()};
  settle(one, first);
  settle(one, two, first, second);
  EXPECT_TRUE(one.connected());
  EXPECT_FALSE(two.connected());
  ASSERT_NE(two.refusal(), nullptr);
  EXPECT_TRUE(first.subscriber.connected());
  EXPECT_FALSE(second.subscriber.connected());
  EXPECT_GE(server_->metrics().refused[static_cast<int>(Refusal::Full)].value(), 2U);
}

TEST_F(MemoryRelay, MakesPublishersWaitForAReaderThatMustHaveEverything) {
  auto options = market();
  options.ring_bytes = 64U << 10U;
  start(options);
  Publisher publisher = this->publisher();
  Reader slow{reading()};
  settle(publisher, slow);
  // Far more than the ring and the sockets hold.
  std::uint64_t published = 0;
  for (int round = 0; round < 2'000; ++round) {
    while (publisher.publish(trade(1), clock_.now()) == Publish::Ok) ++published;
    publisher.poll(now());
    server_->poll(clock_.now());
  }
  EXPECT_GT(server_->metrics().stalls.value(), 0U);
  EXPECT_LT(server_->head().value(), published);
  settle(publisher, slow);
  EXPECT_EQ(slow.seen.lsns(), from_to(1, published));
  EXPECT_EQ(publisher.unacked(), 0U);
  EXPECT_EQ(server_->metrics().evictions.value(), 0U);
}

TEST_F(MemoryRelay, ClosesAReaderForWhichPublishersHaveWaitedTooLong) {
  auto options = market();
  options.ring_bytes = 64U << 10U;
  options.stall_max = std::chrono::seconds{1};
  start(options);
  Publisher publisher = this->publisher();
  Reader slow{reading()};
  settle(publisher, slow);
  for (int round = 0; round < 200; ++round) {
    while (publisher.publish(trade(1), clock_.now()) == Publish::Ok) {
    }
    publisher.poll(now());
    server_->poll(clock_.now());
    pass();
  }
  EXPECT_EQ(server_->metrics().evictions.value(), 1U);
  EXPECT_EQ(server_->metrics().refused[static_cast<int>(Refusal::TooSlow)].value(), 1U);
  // It reads what it was sent, hears why, and comes back: with a gap that is told.
  settle(publisher, slow);
  EXPECT_EQ(slow.seen.disconnected, 1);
  EXPECT_NE(slow.seen.last_error.find("waited"), std::string::npos) << slow.seen.last_error;
  EXPECT_EQ(slow.seen.connected, 2);
  ASSERT_EQ(slow.seen.gaps.size(), 1U);
  EXPECT_EQ(slow.seen.records.back().lsn, server_->head().value());
}

TEST_F(MemoryRelay, AReaderThatDropsGoesOnAtTheNewestKey) {
  auto options = market();
  options.ring_bytes = 64U << 10U;
  start(options);
  Publisher publisher = this->publisher();
  auto dropping = reading();
  dropping.policy = ReaderPolicy::Drop;
  Reader slow{dropping};
  settle(publisher, slow);
  std::uint64_t published = 0;
  for (int round = 0; round < 1'000; ++round) {
    publish_trades(publisher, 20);
    publish_trades(publisher, 1, 8);
    publish_trades(publisher, 20);
    published += 41;
    publisher.poll(now());
    server_->poll(clock_.now());
  }
  EXPECT_EQ(server_->metrics().stalls.value(), 0U);
  settle(publisher, slow);
  ASSERT_FALSE(slow.seen.gaps.empty());
  std::uint64_t missed = 0;
  for (const Gap& gap : slow.seen.gaps) missed += gap.last.value() - gap.first.value() + 1;
  EXPECT_EQ(slow.seen.records.size() + missed, published);
  EXPECT_EQ(server_->metrics().dropped.value(), missed);
  EXPECT_EQ(slow.seen.records.back().lsn, published);
  for (const Gap& gap : slow.seen.gaps) {
    const auto next =
        std::ranges::find(slow.seen.records, gap.last.value() + 1, &test::Collector::Record::lsn);
    ASSERT_NE(next, slow.seen.records.end());
    EXPECT_EQ(next->header().flags, 8) << "goes on at a key";
  }
}

TEST_F(MemoryRelay, AConflatingReaderGetsTheNewestOfEachInstrumentThenTheGap) {
  auto options = market();
  options.ring_bytes = 64U << 10U;
  start(options);
  Publisher publisher = this->publisher();
  auto conflating = reading();
  conflating.policy = ReaderPolicy::Conflate;
  Reader slow{conflating};
  settle(publisher, slow);
  std::int64_t px = 0;
  for (int round = 0; round < 2'000; ++round) {
    for (std::uint32_t instrument = 1; instrument <= 10; ++instrument) {
      ASSERT_EQ(publisher.publish(quote(instrument, ++px), clock_.now()), Publish::Ok);
      ASSERT_EQ(publisher.publish(trade(1, instrument), clock_.now()), Publish::Ok);
    }
    publisher.poll(now());
    server_->poll(clock_.now());
  }
  settle(publisher, slow);
  EXPECT_EQ(server_->metrics().stalls.value(), 0U);
  EXPECT_GT(server_->metrics().conflated.value(), 0U);
  ASSERT_FALSE(slow.seen.gaps.empty());
  // The newest quote of every instrument is among what came, whatever was left out.
  std::map<std::uint32_t, std::int64_t> newest;
  for (const auto& record : slow.seen.records) {
    if (record.type() != native::Wire<Quote>::kType) continue;
    const auto one = native::MessageView::trusted(record.message).as<Quote>();
    newest[one.instrument.value()] = one.bid_px.e8();
  }
  for (std::uint32_t instrument = 1; instrument <= 10; ++instrument) {
    EXPECT_EQ(newest[instrument], px - 10 + instrument);
  }
  EXPECT_TRUE(std::ranges::is_sorted(slow.seen.lsns()));
}

TEST_F(MemoryRelay, DrainsWhatItHasTakenAndTakesNoMore) {
  start(market());
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  publish_trades(publisher, 10);
  publisher.poll(now());
  server_->poll(clock_.now());
  server_->drain();
  publish_trades(publisher, 10);
  settle(publisher, reader);
  EXPECT_TRUE(server_->drained());
  EXPECT_EQ(server_->head(), Lsn{10});
  EXPECT_EQ(reader.seen.lsns(), from_to(1, 10));
  EXPECT_EQ(publisher.unacked(), 10U);
}

TEST_F(MemoryRelay, ASocketOfADeadOwnerIsReplacedAndOfALiveOneNot) {
  start(market());
  const auto second = Server::open(market(), clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  server_.reset();
  {
    // As a killed relay leaves it: the file is there and nobody listens.
    const Fd listener = listen_unix(dir_ / "relay.sock").value();
  }
  ASSERT_TRUE(std::filesystem::exists(dir_ / "relay.sock"));
  start(market());
  struct stat info{};
  ASSERT_EQ(::stat((dir_ / "relay.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0660U);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "relay.sock"));
}

TEST_F(MemoryRelay, APathThatIsTooLongIsAClearError) {
  const std::filesystem::path fits = dir_ / std::string(107 - dir_.native().size() - 1, 'x');
  EXPECT_TRUE(listen_unix(fits));
  const auto listener = listen_unix(fits.string() + "x");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::BadInput);
  EXPECT_NE(listener.error().message.find("107"), std::string::npos);
}

/// Puts two heartbeats before each trade with an even id, and swallows those that 5 divides.
class TestAdmission final : public Admission {
 public:
  Verdict consider(const native::MessageView& message, Timestamp now, Insert& insert) override {
    if (!message.is<Trade>()) return Verdict::Pass;
    const std::uint64_t id = message.as<Trade>().trade_id.value();
    if (id % 5 == 0) return Verdict::Swallow;
    if (id % 2 != 0) return Verdict::Pass;
    insert.add(Source::System, now, Heartbeat{.sequence = id});
    insert.add(Source::System, now, Heartbeat{.sequence = id});
    return Verdict::Pass;
  }
  void poll(Timestamp now, Insert& insert) override {
    if (std::exchange(due, false)) insert.add(Source::System, now, Heartbeat{.sequence = 99});
  }

  bool due = false;
};

TEST_F(MemoryRelay, AnAdmissionInsertsBeforeAndSwallows) {
  TestAdmission admission;
  auto options = market();
  options.admission = &admission;
  start(options);
  Publisher publisher = this->publisher();
  Reader reader{reading()};
  settle(publisher, reader);
  publish_trades(publisher, 6);
  settle(publisher, reader);
  std::vector<std::pair<int, std::uint64_t>> seen;
  for (const auto& record : reader.seen.records) {
    seen.emplace_back(record.type(), record.header().sequence);
  }
  const std::vector<std::pair<int, std::uint64_t>> expected{{1, 1},   {100, 1}, {100, 2}, {1, 2},
                                                            {1, 3},   {100, 3}, {100, 4}, {1, 4},
                                                            {100, 5}, {100, 6}, {1, 6}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(publisher.acked_sequence(), 6U);
  EXPECT_EQ(server_->metrics().inserted.value(), 6U);
  EXPECT_EQ(server_->metrics().swallowed.value(), 1U);
  admission.due = true;
  settle(publisher, reader);
  EXPECT_EQ(reader.seen.records.back().header().sequence, 7U);
}

}  // namespace
}  // namespace stoa::relay

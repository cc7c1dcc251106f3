#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/temp_dir.h"
#include "model/market.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/subscriber.h"

// A relay and its clients in one thread, on real sockets and a clock that only moves when it is
// told: nothing sleeps.
namespace stoa::relay::test {

using Bytes = std::vector<std::byte>;

/// Writes down what a subscriber hands out.
class Collector final : public SubscriberHandler {
 public:
  struct Record {
    std::uint64_t lsn = 0;
    Bytes message;
    friend bool operator==(const Record&, const Record&) = default;

    [[nodiscard]] native::Header header() const {
      return native::MessageView::trusted(message).header();
    }
    [[nodiscard]] std::uint8_t type() const { return native::MessageView::trusted(message).type(); }
  };
  struct State {
    std::uint64_t lsn = 0;
    Bytes bytes;
  };

  void on_message(Lsn lsn, const native::MessageView& message) override {
    const auto bytes = message.bytes();
    auto& to = lsn == Lsn{0} ? transient : records;
    to.push_back({.lsn = lsn.value(), .message = {bytes.begin(), bytes.end()}});
  }
  void on_gap(const Gap& gap) override { gaps.push_back(gap); }
  void on_checkpoint(Lsn lsn, std::span<const std::byte> state) override {
    states.push_back({.lsn = lsn.value(), .bytes = {state.begin(), state.end()}});
  }
  void on_connected() override { ++connected; }
  void on_disconnected(const Error& why) override {
    ++disconnected;
    last_error = why.text();
  }

  [[nodiscard]] std::vector<std::uint64_t> lsns() const {
    std::vector<std::uint64_t> all;
    for (const Record& record : records) all.push_back(record.lsn);
    return all;
  }

  std::vector<Record> records;
  std::vector<Record> transient;
  std::vector<Gap> gaps;
  std::vector<State> states;
  int connected = 0;
  int disconnected = 0;
  std::string last_error;
};

/// A subscriber with its collector.
struct Reader {
  explicit Reader(Subscriber::Options options)
      : subscriber{Subscriber::open(std::move(options)).value()} {}

  Subscriber subscriber;
  Collector seen;
};

class RelayTest : public testing::Test {
 protected:
  [[nodiscard]] ServerOptions market() const {
    return {
        .domain = native::Domain::Market, .socket = dir_ / "relay.sock", .ring_bytes = 1U << 20U};
  }
  [[nodiscard]] ServerOptions execution() const {
    return {.domain = native::Domain::Execution,
            .socket = dir_ / "relay.sock",
            .journal = ServerOptions::Journal{.dir = dir_ / "wal",
                                              .writer = {.segment_bytes = 1U << 20U,
                                                         .sync = journal::SyncPolicy::None,
                                                         .prepare_ahead = false}},
            .ring_bytes = 1U << 20U};
  }
  void start(ServerOptions options) {
    auto opened = Server::open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    server_ = std::move(*opened);
  }

  [[nodiscard]] Publisher publisher(Source source = Source::Market,
                                    native::Domain domain = native::Domain::Market) const {
    return Publisher::open(
               {.socket = dir_ / "relay.sock", .domain = domain, .source = source, .name = "test"})
        .value();
  }
  [[nodiscard]] Subscriber::Options reading(StartAt start = StartAt::Newest,
                                            native::Domain domain = native::Domain::Market) const {
    return {.socket = dir_ / "relay.sock", .domain = domain, .name = "reader", .start = start};
  }

  [[nodiscard]] nanoseconds now() const { return clock_.monotonic(); }
  void pass(nanoseconds time = std::chrono::milliseconds{20}) {
    clock_.advance_to(clock_.now() + time);
  }
  /// Rounds of everybody until nothing happens any more, and a few to let time pass.
  template <class... Clients>
  void settle(Clients&... clients) {
    int quiet = 0;
    while (quiet < 8) {
      pass();
      std::size_t work = server_ != nullptr ? server_->poll(clock_.now()) : 0;
      ((work += poll_one(clients)), ...);
      quiet = work == 0 ? quiet + 1 : 0;
    }
  }
  std::size_t poll_one(Publisher& publisher) { return publisher.poll(now()); }
  std::size_t poll_one(Reader& reader) { return reader.subscriber.poll(now(), reader.seen); }

  static Trade trade(std::uint64_t id, std::uint32_t instrument = 1) {
    return {.instrument = InstrumentId{instrument}, .trade_id = TradeId{id}};
  }
  static Quote quote(std::uint32_t instrument, std::int64_t px) {
    return {.instrument = InstrumentId{instrument}, .bid_px = Price::from_e8(px)};
  }
  void publish_trades(Publisher& publisher, std::uint64_t count, std::uint8_t flags = 0) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(publisher.publish(trade(publisher.next_sequence()), clock_.now(), flags),
                Publish::Ok);
    }
  }

  TempDir folder_;
  std::filesystem::path dir_ = folder_.path();
  ManualClock clock_{Timestamp::from_ns(1'000'000'000)};
  std::unique_ptr<Server> server_;
};

[[nodiscard]] inline std::vector<std::uint64_t> from_to(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = first; i <= last; ++i) all.push_back(i);
  return all;
}

}  // namespace stoa::relay::test

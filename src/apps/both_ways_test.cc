#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/log_facts.h"
#include "apps/mark_admission.h"
#include "apps/run_start.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/temp_dir.h"
#include "base/text.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/execution_agent.h"
#include "oms/execution_core.h"
#include "oms/venue_port.h"
#include "ops/config.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "relay/admission.h"
#include "relay/mark_keeper.h"
#include "relay/publisher.h"
#include "relay/remote_log.h"
#include "relay/sequencer.h"
#include "relay/server.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"
#include "venues/sim/session.h"

// The execution role over a ring in memory and over a relay: the same orders, the same market and
// the same clock give the same log, byte for byte.
namespace stoa::apps {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;
using relay::Source;

constexpr Timestamp kStart = Timestamp::from_ns(1'704'067'200'000'000'000);

journal::WriterOptions no_sync() {
  return {.segment_bytes = 1U << 20U, .sync = journal::SyncPolicy::None, .prepare_ahead = false};
}

/// A log with the core on it, and a way in for people and for the market.
class Shape {
 public:
  virtual ~Shape() = default;
  virtual void command(const Bytes& message) = 0;
  virtual void mark(const Mark& mark, Timestamp now) = 0;
  /// Until nothing moves any more; time stands still.
  virtual void settle(Timestamp now) = 0;
  [[nodiscard]] virtual std::uint64_t next_command() const = 0;
  virtual oms::ExecutionAgent& agent() = 0;
  virtual void close() = 0;
};

class InMemory final : public Shape {
 public:
  InMemory(const fs::path& dir, oms::OrderPort& venue, const Clock& clock)
      : log_{relay::Sequencer::open({.dir = dir, .journal = no_sync()}).value()},
        commands_{{.capacity_bytes = 1U << 20U}},
        publication_{commands_.publication()},
        reader_{std::move(*commands_.subscribe(bus::Policy::MustHave))},
        agent_{{.core = &core_,
                .log = &log_,
                .marks = &marks_,
                .venue = &venue,
                .commands = &reader_,
                .status = status_.get(),
                .stopwatch = &clock}} {
    // What the engine's listener does.
    for (std::uint32_t id = 1; id <= 3; ++id) marks_.on_instrument(InstrumentId{id});
  }
  void command(const Bytes& message) override {
    ASSERT_EQ(publication_.try_publish(message), bus::PublishResult::Ok);
    ++commands_sent_;
  }
  void mark(const Mark& mark, Timestamp /*now*/) override { marks_.on_mark(mark); }
  void settle(Timestamp now) override {
    while (agent_.poll(now) > 0) {
    }
  }
  [[nodiscard]] std::uint64_t next_command() const override { return commands_sent_ + 1; }
  oms::ExecutionAgent& agent() override { return agent_; }
  void close() override { ASSERT_TRUE(log_.close()); }

 private:
  relay::Sequencer log_;
  relay::MarkKeeper marks_;
  bus::Topic commands_;
  bus::Publication publication_;
  bus::Subscription reader_;
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  oms::ExecutionCore core_;
  oms::ExecutionAgent agent_;
  std::uint64_t commands_sent_ = 0;
};

class OverRelay final : public Shape {
 public:
  OverRelay(const fs::path& dir, oms::OrderPort& venue, const Clock& clock) : clock_{clock} {
    relay::ServerOptions options{.domain = native::Domain::Execution,
                                 .socket = dir.parent_path() / "e.sock"};
    options.journal = {.dir = dir, .writer = no_sync(), .lazy_outputs = true};
    options.restamp = true;
    options.ring_bytes = 1U << 22U;
    options.admission = &admission_;
    server_ = relay::Server::open(std::move(options), clock).value();
    const auto publisher = [&](Source source) {
      return relay::Publisher::open({.socket = dir.parent_path() / "e.sock",
                                     .source = source,
                                     .name = "test",
                                     .outbox_bytes = 1U << 20U})
          .value();
    };
    gateway_.emplace(publisher(Source::Gateway));
    market_.emplace(publisher(Source::Market));
    log_.emplace(relay::RemoteLog::open({.socket = dir.parent_path() / "e.sock",
                                         .name = "execution",
                                         .sources = {Source::Core, Source::Venue, Source::System}})
                     .value());
    for (int i = 0; i < 100 && !(log_->numbered() && gateway_->ready() && market_->ready()); ++i) {
      turn(kStart);
    }
    auto subscriber = relay::Subscriber::open({.socket = dir.parent_path() / "e.sock",
                                               .name = "execution",
                                               .start = relay::StartAt::Lsn,
                                               .from = Lsn{1}});
    log_->follow(std::move(*subscriber), {}, {});
    EXPECT_TRUE(log_->lead());
    agent_.emplace(oms::ExecutionAgent::Links{.core = &core_,
                                              .log = &*log_,
                                              .venue = &venue,
                                              .status = status_.get(),
                                              .stopwatch = &clock});
    // What the role does when its relay has come.
    for (std::uint32_t id = 1; id <= 3; ++id) {
      const Instrument instrument{.instrument = InstrumentId{id}};
      EXPECT_EQ(market_->transient(instrument, kStart), relay::Publish::Ok);
    }
  }
  void command(const Bytes& message) override {
    ASSERT_EQ(gateway_->publish_encoded(message), relay::Publish::Ok);
  }
  void mark(const Mark& mark, Timestamp now) override {
    ASSERT_EQ(market_->transient(mark, now), relay::Publish::Ok);
  }
  void settle(Timestamp now) override {
    // The market is told before what is judged by it, as market-data does.
    for (int i = 0; i < 4; ++i) turn_market(now);
    for (int quiet = 0, turns = 0; quiet < 4 && turns < 100'000; ++turns) {
      const std::size_t work = turn(now);
      const bool done = work == 0 && log_->quiet() && gateway_->unacked() == 0;
      quiet = done ? quiet + 1 : 0;
    }
  }
  [[nodiscard]] std::uint64_t next_command() const override { return gateway_->next_sequence(); }
  oms::ExecutionAgent& agent() override { return *agent_; }
  void close() override { server_.reset(); }

 private:
  void turn_market(Timestamp now) {
    market_->poll(clock_.monotonic());
    server_->poll(now);
  }
  std::size_t turn(Timestamp now) {
    std::size_t work = gateway_->poll(clock_.monotonic());
    work += market_->poll(clock_.monotonic());
    work += log_->poll(clock_.monotonic());
    work += server_->poll(now);
    if (agent_) work += agent_->poll(now);
    return work;
  }

  const Clock& clock_;
  MarkAdmission admission_;
  std::unique_ptr<relay::Server> server_;
  std::optional<relay::Publisher> gateway_;
  std::optional<relay::Publisher> market_;
  std::optional<relay::RemoteLog> log_;
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  oms::ExecutionCore core_;
  std::optional<oms::ExecutionAgent> agent_;
};

/// Marks from the venue's quotes.
class Quotes final : public oms::MarketSink {
 public:
  void on_trade(const Trade& /*trade*/, Timestamp /*at*/) override {}
  void on_quote(const Quote& quote, Timestamp /*at*/) override { quotes.push_back(quote); }
  void on_book(const BookView& /*book*/, Timestamp /*at*/) override {}
  void on_feed_state(const FeedState& /*state*/, Timestamp /*at*/) override {}
  std::vector<Quote> quotes;
};

enum class Way { InMemory, OverRelay };

/// The messages of the log that a seed leads to.
class Flow {
 public:
  Flow(Way way, std::uint64_t seed, const fs::path& root) : random_{seed}, root_{root} {
    fs::create_directories(root);
    clock_.advance_to(kStart);
    venues::sim::SimVenue::Options options;
    options.seed = seed;
    options.start = kStart;
    venue_.emplace(options);
    if (way == Way::InMemory) {
      shape_ = std::make_unique<InMemory>(root / "wal", *venue_, clock_);
    } else {
      shape_ = std::make_unique<OverRelay>(root / "wal", *venue_, clock_);
    }
  }

  std::vector<Bytes> play(int steps) {
    ops::Config config;
    config.paper.initial_cash_e8 = 1'000'000LL * 100'000'000;
    config.limits_e8.fill(1'000'000LL * 100'000'000);
    EXPECT_TRUE(begin_run(shape_->agent(), LogFacts{}, venue_->instruments(), config, "test",
                          clock_.now()));
    shape_->settle(clock_.now());
    for (int i = 0; i < steps; ++i) step(i);
    EXPECT_EQ(shape_->agent().failed(), nullptr);
    hash_ = shape_->agent().core().state_hash();
    shape_->close();
    return records();
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  void step(int number) {
    clock_.advance_to(clock_.now() + std::chrono::milliseconds{7});
    const Timestamp now = clock_.now();
    Quotes seen;
    venue_->poll(now, seen, 64);
    for (const Quote& quote : seen.quotes) {
      market_[quote.instrument.value()] = quote;
      shape_->mark({.instrument = quote.instrument, .bid = quote.bid_px, .ask = quote.ask_px}, now);
    }
    shape_->settle(now);
    if (market_[1].bid_px.e8() == 0) return;
    switch (random_.below(6)) {
      case 0:
        send(CancelIntent{.client_order_id = name(number - 1), .instrument = InstrumentId{1}}, now);
        break;
      default:
        place(number, now);
        break;
    }
    shape_->settle(now);
  }
  void place(int number, Timestamp now) {
    OrderIntent intent;
    intent.client_order_id = name(number);
    intent.instrument = InstrumentId{1};
    intent.side = random_.one_in(2) ? Side::Buy : Side::Sell;
    intent.type = random_.one_in(4) ? OrderType::Market : OrderType::Limit;
    intent.time_in_force = intent.type == OrderType::Market ? TimeInForce::Ioc : TimeInForce::Gtc;
    if (intent.type == OrderType::Limit) {
      intent.px = intent.side == Side::Buy ? market_[1].ask_px : market_[1].bid_px;
    }
    intent.qty = Qty::from_e8(static_cast<std::int64_t>(1 + random_.below(20)) * 100'000);
    send(intent, now);
  }
  static ClientOrderId name(int number) {
    return ClientOrderId::cut("t-" + std::to_string(number));
  }
  template <class M>
  void send(const M& message, Timestamp now) {
    Bytes bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode(bytes,
                                {.domain = native::Domain::Execution,
                                 .source = static_cast<std::uint8_t>(Source::Gateway),
                                 .sequence = shape_->next_command(),
                                 .timestamp = now},
                                message));
    shape_->command(bytes);
  }
  [[nodiscard]] std::vector<Bytes> records() const {
    std::vector<Bytes> all;
    auto reader = journal::Reader::open(root_ / "wal");
    EXPECT_TRUE(reader);
    while (true) {
      const auto record = reader->next();
      EXPECT_TRUE(record);
      const std::optional<journal::Record>& entry = *record;
      if (!entry) return all;
      all.emplace_back(entry->payload.begin(), entry->payload.end());
    }
  }

  Random random_;
  fs::path root_;
  ManualClock clock_{kStart};
  std::optional<venues::sim::SimVenue> venue_;
  std::unique_ptr<Shape> shape_;
  std::array<Quote, 8> market_{};
  std::uint64_t hash_ = 0;
};

class BothWays : public testing::TestWithParam<std::uint64_t> {
 protected:
  TempDir folder_;
  fs::path dir_ = folder_.path();
};

TEST_P(BothWays, the_same_orders_give_the_same_log) {
  Flow one{Way::InMemory, GetParam(), dir_ / "one"};
  const auto expected = one.play(400);
  Flow many{Way::OverRelay, GetParam(), dir_ / "many"};
  const auto found = many.play(400);
  ASSERT_GT(expected.size(), 1'000U);
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    ASSERT_EQ(expected[i], found[i]) << "record " << i + 1 << " of " << expected.size();
  }
  EXPECT_EQ(expected.size(), found.size());
  EXPECT_EQ(one.hash(), many.hash());
}

INSTANTIATE_TEST_SUITE_P(Seeds, BothWays, testing::Values(1, 2, 3));

}  // namespace
}  // namespace stoa::apps

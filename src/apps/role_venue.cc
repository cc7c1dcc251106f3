#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "apps/key_frames.h"
#include "apps/log_facts.h"
#include "apps/market_writer.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/scaled_clock.h"
#include "apps/standing.h"
#include "apps/venue.h"
#include "apps/venue_ledger.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/layout.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/venue_port.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

// `stoa run venue`: the simulated exchange (or a recording) as a process of its own, behind three
// relays that belong to it: its market, what it is asked, what it answers. The last two are logs,
// so that its session outlives it (venues/native).
namespace stoa::apps {
namespace {

using relay::Source;

/// Reads a journal of native messages from its first record; an absent one is empty.
template <class Visit>
Result<Lsn> read_journal(const std::filesystem::path& dir, Visit visit) {
  if (!std::filesystem::exists(dir)) return Lsn{};
  auto reader = journal::Reader::open(dir);
  if (!reader) return std::unexpected(std::move(reader.error()));
  Lsn last{};
  while (true) {
    const auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return last;
    last = entry->lsn;
    if (const auto message = native::decode(entry->payload)) visit(*message);
  }
}

/// Feeds what the market says to the relay and to the key frames.
class FeedSink final : public oms::MarketSink {
 public:
  FeedSink(MarketWriter& writer, KeyFrames& frames) : writer_{writer}, frames_{frames} {}
  void on_trade(const Trade& trade, Timestamp ts_recv) override {
    note(trade, ts_recv);
    writer_.on_trade(trade, ts_recv);
  }
  void on_quote(const Quote& quote, Timestamp ts_recv) override {
    note(quote, ts_recv);
    writer_.on_quote(quote, ts_recv);
  }
  void on_feed_state(const FeedState& state, Timestamp ts_recv) override {
    note(state, ts_recv);
    writer_.on_feed_state(state, ts_recv);
  }
  void on_book(const BookView& book, Timestamp ts_recv) override {
    for_each_part(book, [&](const BookView& part) {
      const std::size_t size = native::encode_book(buffer_, {.timestamp = ts_recv}, part);
      frames_.note(native::MessageView::trusted(std::span{buffer_}.first(size)));
    });
    writer_.on_book(book, ts_recv);
  }

 private:
  template <native::Message M>
  void note(const M& message, Timestamp ts_recv) {
    const std::size_t size =
        native::encode(buffer_, {.domain = native::Domain::Market, .timestamp = ts_recv}, message);
    frames_.note(native::MessageView::trusted(std::span{buffer_}.first(size)));
  }

  MarketWriter& writer_;
  KeyFrames& frames_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(native::kMaxMessageBytes);
};

class VenueRole final : public Role, public relay::SubscriberHandler {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    if (parts.config->market.speed.max) {
      return bad_input(
          "market.speed = max jumps in time, which only one process can do: `stoa run engine`; "
          "here it is a factor, for example 20");
    }
    std::unique_ptr<VenueRole> role{new VenueRole{parts}};
    if (auto read = role->read_log(); !read) return std::unexpected(std::move(read.error()));
    if (auto opened = role->open_relays(parts); !opened) {
      return std::unexpected(std::move(opened.error()));
    }
    if (auto made = role->make_market(*parts.config); !made) {
      return std::unexpected(std::move(made.error()));
    }
    return role;
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = 0;
    if (numbered()) {
      if (!started_) begin(now);
      work += requests_->poll(monotonic, *this, kRequestsPerRound);
      const Timestamp market_now = scaled_.now();
      FeedSink sink{*writer_, frames_};
      if (feed_->outbox_used() < kFeedOutbox / 2) {
        work += venue_.feed->poll(market_now, sink, kEventsPerRound);
      }
      work += take_reports(market_now);
      if (frames_.poll(monotonic, now, *writer_)) ++work;
      lost_.add(writer_->take_lost());
      tell(monotonic, now);
    }
    for (auto* publisher : {feed_.get(), reports_.get(), own_market_.get(), own_system_.get()}) {
      work += publisher->poll(monotonic);
    }
    for (auto* server : {feed_server_.get(), orders_server_.get(), reports_server_.get()}) {
      work += server->poll(now);
    }
    return work;
  }

  void watch(Waiting& waiting) const override {
    for (const auto* server : {feed_server_.get(), orders_server_.get(), reports_server_.get()}) {
      waiting.add(server->fd());
      waiting.add_due(server->next_due());
    }
    for (const auto* publisher :
         {feed_.get(), reports_.get(), own_market_.get(), own_system_.get()}) {
      waiting.add(publisher->fd(), publisher->events());
      waiting.add_due(publisher->next_due());
    }
    waiting.add(requests_->fd(), requests_->events());
    const nanoseconds monotonic = clock_.monotonic();
    for (const auto& due : {venue_.feed->next_due(), venue_.orders->next_report_due()}) {
      if (due) waiting.add_due(monotonic + scaled_.real_time_until(*due));
    }
    waiting.add_due(tell_due_);
  }

  [[nodiscard]] Standing standing() const override {
    if (!started_) return {.state = ops::RoleState::Starting, .reason = "opens its session"};
    return {.state = ops::RoleState::Ready};
  }
  void drain() override {
    draining_ = true;
    for (auto* server : {orders_server_.get(), reports_server_.get(), feed_server_.get()}) {
      server->drain();
    }
  }
  [[nodiscard]] bool drained() const override { return draining_ && reports_->unacked() == 0; }
  [[nodiscard]] const Error* failed() const override {
    for (const auto* server : {feed_server_.get(), orders_server_.get(), reports_server_.get()}) {
      if (const Error* failed = server->failed()) return failed;
    }
    return nullptr;
  }
  void add_metrics(ops::Metrics& metrics) override {
    metrics.counter("stoa_venue_requests_total", "Requests taken", requests_taken_);
    metrics.counter("stoa_venue_repeated_requests_total", "Requests that had come before",
                    requests_repeated_);
    metrics.counter("stoa_venue_reports_total", "Execution reports given", reports_given_);
    metrics.counter("stoa_venue_trades_total", "Trades of ours", trades_);
    metrics.counter("stoa_venue_lost_messages_total", "Market messages the relay had no room for",
                    lost_);
    metrics.gauge("stoa_venue_open_orders", "Orders of ours that rest or are on their way", open_);
    metrics.summary({.messages = &feed_server_->metrics().messages_in,
                     .connections = &feed_server_->metrics().subscribers});
  }

  // SubscriberHandler: what the venue is asked, once it is in its log.
  void on_message(Lsn lsn, const native::MessageView& message) override {
    if (lsn == Lsn{}) return;
    const Timestamp now = scaled_.now();
    if (message.is<OrderSend>()) {
      const auto order = message.as<OrderSend>();
      if (taken(ledger_.on_request(order))) venue_.orders->send(order, now);
    } else if (message.is<CancelSend>()) {
      const auto cancel = message.as<CancelSend>();
      if (taken(ledger_.on_request(cancel))) venue_.orders->cancel(cancel, now);
    } else if (message.is<ReplaceSend>()) {
      const auto replace = message.as<ReplaceSend>();
      if (taken(ledger_.on_request(replace))) venue_.orders->replace(replace, now);
    } else if (message.is<OrderQuery>()) {
      requests_taken_.add();
      const auto query = message.as<OrderQuery>();
      const auto known = ledger_.status_of(query);
      // What has ended before a restart is in the log alone.
      if (known && known->leaves_qty.is_zero()) {
        answers_.push_back(*known);
      } else {
        venue_.orders->query(query, now);
      }
    }
  }

 private:
  static constexpr std::size_t kEventsPerRound = 64;
  static constexpr std::size_t kRequestsPerRound = 512;
  static constexpr std::size_t kFeedOutbox = 16U << 20U;
  static constexpr nanoseconds kTellEvery = std::chrono::milliseconds{100};

  explicit VenueRole(const RoleParts& parts)
      : clock_{*parts.clock},
        scaled_{clock_, parts.config->market.speed.factor},
        layout_{parts.config->data.dir} {}

  Result<void> read_log() {
    const auto orders =
        read_journal(layout_.venue_journal("orders"), [&](const native::MessageView& message) {
          facts_.note(message);
          if (message.is<OrderSend>()) {
            ledger_.on_request(message.as<OrderSend>());
          } else if (message.is<CancelSend>()) {
            ledger_.on_request(message.as<CancelSend>());
          } else if (message.is<ReplaceSend>()) {
            ledger_.on_request(message.as<ReplaceSend>());
          }
        });
    if (!orders) return std::unexpected(orders.error());
    next_request_ = Lsn{orders->value() + 1};
    const auto reports =
        read_journal(layout_.venue_journal("reports"), [&](const native::MessageView& message) {
          if (message.is<ExecutionReport>()) ledger_.on_report(message.as<ExecutionReport>());
        });
    if (!reports) return std::unexpected(reports.error());
    return {};
  }

  Result<void> open_relays(const RoleParts& parts) {
    const auto open = [&](native::Domain domain, std::filesystem::path socket,
                          std::string_view journal) -> Result<std::unique_ptr<relay::Server>> {
      relay::ServerOptions options{.domain = domain, .socket = std::move(socket)};
      options.mode = parts.config->relay.socket_mode;
      options.ring_bytes = 16U << 20U;
      if (!journal.empty()) {
        // A simulated exchange survives its process; the power is its owner's business.
        options.journal = {
            .dir = layout_.venue_journal(journal),
            .writer = {.segment_bytes = 16U << 20U, .sync = journal::SyncPolicy::None}};
        options.restamp = true;
        std::error_code error;
        std::filesystem::create_directories(options.journal->dir.parent_path(), error);
        if (error) {
          return io_error("cannot make the venue's folder", error.value(),
                          options.journal->dir.string());
        }
      }
      return relay::Server::open(std::move(options), clock_);
    };
    auto feed = open(native::Domain::Market, layout_.venue_feed(), "");
    if (!feed) return std::unexpected(std::move(feed.error()));
    auto orders = open(native::Domain::Execution, layout_.venue_orders(), "orders");
    if (!orders) return std::unexpected(std::move(orders.error()));
    auto reports = open(native::Domain::Execution, layout_.venue_reports(), "reports");
    if (!reports) return std::unexpected(std::move(reports.error()));
    feed_server_ = std::move(*feed);
    orders_server_ = std::move(*orders);
    reports_server_ = std::move(*reports);

    const std::uint64_t first = relay::Publisher::numbers_begin_at(clock_.now());
    const auto publish = [&](std::unique_ptr<relay::Publisher>& to, std::filesystem::path socket,
                             native::Domain domain, Source source,
                             std::size_t outbox) -> Result<void> {
      const bool kept = domain == native::Domain::Execution;
      auto publisher = relay::Publisher::open({.socket = std::move(socket),
                                               .domain = domain,
                                               .source = source,
                                               .name = parts.name,
                                               .outbox_bytes = outbox,
                                               .first_sequence = kept ? 0 : first});
      if (!publisher) return std::unexpected(std::move(publisher.error()));
      to = std::make_unique<relay::Publisher>(std::move(*publisher));
      return {};
    };
    for (auto done :
         {publish(feed_, layout_.venue_feed(), native::Domain::Market, Source::Market, kFeedOutbox),
          publish(reports_, layout_.venue_reports(), native::Domain::Execution, Source::Venue,
                  16U << 20U),
          publish(own_market_, layout_.venue_orders(), native::Domain::Execution, Source::Market,
                  1U << 20U),
          publish(own_system_, layout_.venue_orders(), native::Domain::Execution, Source::System,
                  1U << 20U)}) {
      if (!done) return done;
    }
    auto requests = relay::Subscriber::open({.socket = layout_.venue_orders(),
                                             .domain = native::Domain::Execution,
                                             .name = parts.name,
                                             .start = relay::StartAt::Lsn,
                                             .from = next_request_});
    if (!requests) return std::unexpected(std::move(requests.error()));
    requests_ = std::make_unique<relay::Subscriber>(std::move(*requests));
    writer_ = std::make_unique<MarketWriter>(*feed_);
    return {};
  }

  Result<void> make_market(const ops::Config& config) {
    auto venue = make_venue(config, scaled_.now(), facts_);
    if (!venue) return std::unexpected(std::move(venue.error()));
    venue_ = std::move(*venue);
    // The order of these is that of the log: what rests first, then what was never answered.
    for (const OrderUpdate& order : ledger_.resting()) venue_.orders->restore(order);
    return {};
  }

  [[nodiscard]] bool numbered() const {
    return feed_->ready() && reports_->ready() && own_market_->ready() && own_system_->ready();
  }

  void begin(Timestamp now) {
    started_ = true;
    static_cast<void>(own_system_->publish(RunStarted{.run = facts_.runs + 1}, now));
    const Timestamp market_now = scaled_.now();
    const auto again = ledger_.unanswered();
    for (const VenueLedger::Request& request : again) {
      std::visit([&](const auto& what) { resend(what, market_now); }, request);
    }
    log::info("venue_began", {{"run", facts_.runs + 1},
                              {"open_orders", ledger_.open_orders()},
                              {"asked_again", again.size()}});
  }
  void resend(const OrderSend& order, Timestamp now) { venue_.orders->send(order, now); }
  void resend(const CancelSend& cancel, Timestamp now) { venue_.orders->cancel(cancel, now); }
  void resend(const ReplaceSend& replace, Timestamp now) { venue_.orders->replace(replace, now); }

  bool taken(bool fresh) {
    (fresh ? requests_taken_ : requests_repeated_).add();
    return fresh;
  }

  std::size_t take_reports(Timestamp market_now) {
    if (reports_->outbox_used() > 8U << 20U) return 0;  // the market stands still until they go
    const std::size_t count = venue_.orders->poll_reports(market_now, buffer_);
    for (std::size_t i = 0; i < count; ++i) give(buffer_[i]);
    for (const ExecutionReport& answer : answers_) give(answer);
    const std::size_t all = count + answers_.size();
    answers_.clear();
    open_.set(static_cast<std::int64_t>(ledger_.open_orders()));
    return all;
  }
  void give(const ExecutionReport& report) {
    ledger_.on_report(report);
    reports_given_.add();
    if (report.exec_type == ExecType::Trade) trades_.add();
    static_cast<void>(reports_->publish(report, clock_.now()));
  }

  /// That it is there, what is traded, and where the market stands for a run after this one.
  void tell(nanoseconds monotonic, Timestamp now) {
    if (monotonic < tell_due_) return;
    tell_due_ = monotonic + kTellEvery;
    for (const Instrument& instrument : venue_.feed->instruments()) {
      static_cast<void>(reports_->transient(instrument, now));
    }
    const Heartbeat beat{.source = static_cast<std::uint8_t>(Source::Venue),
                         .ready = static_cast<std::uint8_t>(draining_ ? 0 : 1),
                         .interval_ms = 100,
                         .ts_sent = now};
    static_cast<void>(reports_->transient(beat, now));
    if (monotonic < marks_due_) return;
    marks_due_ = monotonic + std::chrono::seconds{5};
    frames_.take_marks(
        [&](const Mark& mark) { static_cast<void>(own_market_->publish(mark, now)); });
  }

  const Clock& clock_;
  ScaledClock scaled_;
  deploy::Layout layout_;
  LogFacts facts_;
  VenueLedger ledger_;
  Lsn next_request_{1};
  std::unique_ptr<relay::Server> feed_server_;
  std::unique_ptr<relay::Server> orders_server_;
  std::unique_ptr<relay::Server> reports_server_;
  std::unique_ptr<relay::Publisher> feed_;
  std::unique_ptr<relay::Publisher> reports_;
  std::unique_ptr<relay::Publisher> own_market_;  // marks, into the log of what it is asked
  std::unique_ptr<relay::Publisher> own_system_;
  std::unique_ptr<relay::Subscriber> requests_;
  std::unique_ptr<MarketWriter> writer_;
  KeyFrames frames_;
  Venue venue_;
  std::array<ExecutionReport, 512> buffer_{};
  std::vector<ExecutionReport> answers_;
  bool started_ = false;
  bool draining_ = false;
  nanoseconds tell_due_{};
  nanoseconds marks_due_{};
  Counter requests_taken_;
  Counter requests_repeated_;
  Counter reports_given_;
  Counter trades_;
  Counter lost_;
  Gauge open_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_venue_role(const RoleParts& parts) {
  return VenueRole::make(parts);
}

}  // namespace stoa::apps

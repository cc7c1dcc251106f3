// Question: how long from a market tick in hand to the order's bytes at the venue, with every risk
// check and the durable log on? Budget: docs/performance.md#order-path: without durability at most
// 200 ns at p50; with it within 20 % of one raw fdatasync of the same bytes, measured in turns with
// it on the same disk.
//
// The parts are the engine's own: market relay, books, runner, execution agent, sequencer, journal.
// The strategy places one IOC order on each book message; the venue notes the time and lets the
// order expire. Three logs:
//   memory   the journal's files swallow what is written: what our own instructions cost
//   none     one pwrite before each send: survives kill -9
//   always   one pwrite and one fdatasync before each send: survives a power cut
//
//   order_path_bench [--smoke] [--ticks N] [--log memory|none|always] [--dir DIR]
//
// DIR is where the logs are made (default: the working directory). sync = always takes a tenth of
// the ticks.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "apps/market_relay.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "journal/file_system.h"
#include "journal/reader.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "oms/execution_agent.h"
#include "oms/execution_core.h"
#include "oms/venue_port.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "relay/mark_keeper.h"
#include "relay/sequencer.h"
#include "relay/source.h"
#include "strategy/registry.h"
#include "strategy/runner.h"
#include "strategy/strategy.h"

namespace stoa::bench {
namespace {

constexpr std::int64_t kOneE8 = 100'000'000;
constexpr InstrumentId kInstrument{1};
constexpr Timestamp kStart = Timestamp::from_ns(1'700'000'000'000'000'000);
constexpr std::chrono::microseconds kTickEvery{500};  // of platform time

/// What a start-up step of a bench cannot do without.
template <class T>
T need(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "order_path_bench: {}\n", result.error().text());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// --- the disk
// ------------------------------------------------------------------------------------------------

/// A file whose writes and syncs can be switched off: then the journal does all of its own work and
/// none of the kernel's.
class SwitchedFile final : public journal::File {
 public:
  SwitchedFile(std::unique_ptr<journal::File> file, const bool& off)
      : file_{std::move(file)}, off_{off} {}

  journal::IoResult<std::size_t> read_at(std::span<std::byte> into, std::uint64_t offset) override {
    return file_->read_at(into, offset);
  }
  journal::IoResult<std::size_t> write_at(std::span<const std::byte> bytes,
                                          std::uint64_t offset) override {
    if (off_) return bytes.size();
    return file_->write_at(bytes, offset);
  }
  journal::IoResult<void> sync_data() override {
    if (off_) return {};
    return file_->sync_data();
  }
  journal::IoResult<void> allocate(std::uint64_t bytes) override { return file_->allocate(bytes); }
  journal::IoResult<std::uint64_t> size() override { return file_->size(); }
  journal::IoResult<void> try_lock() override { return file_->try_lock(); }

 private:
  std::unique_ptr<journal::File> file_;
  const bool& off_;
};

class SwitchedDisk final : public journal::FileSystem {
 public:
  bool off = false;

  journal::IoResult<std::unique_ptr<journal::File>> open(const std::filesystem::path& path,
                                                         journal::OpenMode mode) override {
    auto file = posix_.open(path, mode);
    if (!file) return file;
    return std::make_unique<SwitchedFile>(std::move(*file), off);
  }
  journal::IoResult<std::vector<std::string>> list(const std::filesystem::path& dir) override {
    return posix_.list(dir);
  }
  journal::IoResult<bool> make_directory(const std::filesystem::path& dir) override {
    return posix_.make_directory(dir);
  }
  journal::IoResult<void> rename(const std::filesystem::path& from,
                                 const std::filesystem::path& to) override {
    return posix_.rename(from, to);
  }
  journal::IoResult<void> remove(const std::filesystem::path& path) override {
    return posix_.remove(path);
  }
  journal::IoResult<void> sync_directory(const std::filesystem::path& dir) override {
    return posix_.sync_directory(dir);
  }

 private:
  journal::FileSystem& posix_ = journal::posix_file_system();
};

/// The yardstick: the same bytes into a file of zeros, with the same system calls and nothing else.
class RawLog {
 public:
  RawLog(const std::filesystem::path& path, bool sync, std::uint64_t bytes)
      : file_{*journal::posix_file_system().open(path, journal::OpenMode::Reset)}, sync_{sync} {
    const std::vector<std::byte> zeros(1U << 20U);
    for (size_ = 0; size_ < bytes; size_ += zeros.size()) {
      check(file_->write_at(zeros, size_).has_value(), "the yardstick's file can be written");
    }
    check(file_->sync_data().has_value(), "the yardstick's file can be synced");
  }

  void append(std::size_t bytes) {
    check(offset_ + bytes <= size_ && bytes <= content_.size(),
          "the yardstick's file is long enough");
    check(file_->write_at(std::span{content_}.first(bytes), offset_).has_value(), "pwrite works");
    if (sync_) check(file_->sync_data().has_value(), "fdatasync works");
    offset_ += bytes;
  }

 private:
  std::unique_ptr<journal::File> file_;
  bool sync_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::array<std::byte, 4'096> content_{};
};

// --- strategy and venue
// ------------------------------------------------------------------------------------------------

/// The least a strategy can do: one order on each book message, at the far touch.
class EveryTick final : public strategy::Strategy {
 public:
  void on_book(const strategy::BookEvent& event, strategy::Context& context) override {
    if (!context.book().valid()) return;
    const Side side = event.seq % 2 == 0 ? Side::Buy : Side::Sell;
    const auto touch = side == Side::Buy ? context.book().best_ask() : context.book().best_bid();
    if (!touch) return;
    // A refusal shows in the count of sends.
    [[maybe_unused]] const auto placed = context.place({.side = side,
                                                        .time_in_force = TimeInForce::Ioc,
                                                        .px = touch->px,
                                                        .qty = Qty::from_e8(kOneE8 / 100)});
  }
};

strategy::Registry bench_strategies() {
  strategy::Registry registry;
  need(registry.add({.name = "every_tick",
                     .description = "Places an order on each book message.",
                     .make = []() -> std::unique_ptr<strategy::Strategy> {
                       return std::make_unique<EveryTick>();
                     }}));
  return registry;
}

/// Takes the order's bytes, notes when, and expires the order at the next poll for reports.
class NotingVenue final : public oms::OrderPort {
 public:
  explicit NotingVenue(const Clock& clock) : clock_{clock} {}

  nanoseconds sent_at{};
  std::uint64_t sends = 0;
  std::uint64_t last_cl_ord_id = 0;

  void send(const OrderSend& order, Timestamp /*now*/) override {
    wire_ = order;
    sent_at = clock_.monotonic();
    ++sends;
    last_cl_ord_id = order.cl_ord_id.value();
    pending_ = true;
  }
  void cancel(const CancelSend& /*cancel*/, Timestamp /*now*/) override {}
  void replace(const ReplaceSend& /*replace*/, Timestamp /*now*/) override {}
  void query(const OrderQuery& /*query*/, Timestamp /*now*/) override {}
  void restore(const OrderUpdate& /*order*/) override {}
  std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out) override {
    if (!std::exchange(pending_, false)) return 0;
    out[0] = {.cl_ord_id = wire_.cl_ord_id,
              .order_id = OrderId{sends},
              .instrument = wire_.instrument,
              .exec_type = ExecType::Expired,
              .code = RejectCode::NoLiquidity,
              .ts_event = now};
    return 1;
  }
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept override { return {}; }

 private:
  const Clock& clock_;
  OrderSend wire_{};
  bool pending_ = false;
};

Instrument instrument() {
  return {.instrument = kInstrument,
          .symbol = Symbol::cut("BTCUSDT"),
          .base = Text<8>::cut("BTC"),
          .quote = Text<8>::cut("USDT"),
          .venue = Text<16>::cut("bench"),
          .tick = Price::from_e8(kOneE8 / 100),
          .lot = Qty::from_e8(1'000),
          .min_notional = Price::from_e8(5 * kOneE8),
          .maker_fee_e6 = 750,
          .taker_fee_e6 = 750};
}

// --- the engine's path
// ------------------------------------------------------------------------------------------------

enum class Log : std::uint8_t { Memory, None, Always };

std::string_view name_of(Log log) {
  static constexpr std::array<std::string_view, 3> kNames{"memory", "none", "always"};
  return kNames[static_cast<std::size_t>(log)];
}

/// The engine without its gateway: what lies between a feed and an order port, wired as
/// apps/engine.cc does it.
class Path final : public oms::RecordListener {
 public:
  Path(const std::filesystem::path& dir, Log log, const Clock& clock)
      : clock_{clock},
        log_{need(relay::Sequencer::open({.dir = dir, .journal = options(log)}))},
        venue_{clock},
        wake_{need(bus::Wake::create())},
        agent_{{.core = &core_,
                .log = &log_,
                .marks = &marks_,
                .venue = &venue_,
                .gateway_wake = &wake_,
                .listener = this,
                .status = status_.get(),
                .stopwatch = &clock}},
        market_reader_{*market_.topic().subscribe(bus::Policy::MustHave)},
        log_reader_{*log_.topic().subscribe(bus::Policy::MustHave)} {
    const std::array instruments{instrument()};
    const std::array strategies{strategy::StrategyConfig{
        .id = StrategyId{1}, .name = "every", .type = "every_tick", .instrument = kInstrument}};
    runner_ = need(strategy::Runner::create(bench_strategies(), strategies, instruments, agent_));
    start();
    // From here on, so that the journal's own file is in order.
    disk_.off = log == Log::Memory;
  }

  void on_record(Lsn lsn, const native::MessageView& message) override {
    if (durable_bytes_ == 0) durable_bytes_ = bytes_written();
    if (runner_) runner_->on_execution(lsn, message);
  }

  /// From the feed's hand-over of `book` to the venue; nothing when no order was sent.
  std::optional<nanoseconds> tick(const BookView& book, Timestamp now) {
    const std::uint64_t sends_before = venue_.sends;
    bytes_before_ = bytes_written();
    durable_bytes_ = 0;
    const nanoseconds from = clock_.monotonic();
    agent_.tick(from);
    market_.on_book(book, now);
    market_reader_.poll([&](const bus::Message& message) {
      runner_->on_market(native::MessageView::trusted(message.payload), message.seq);
    });
    runner_->poll(now);
    agent_.poll(now);
    if (venue_.sends != sends_before + 1) return {};
    return venue_.sent_at - from;
  }
  /// The venue's answer comes in, the gateway reads the log, and the next quote moves the mark.
  void settle(const Quote& quote, Timestamp now) {
    agent_.poll(now);
    log_reader_.poll([](const bus::Message&) {});
    marks_.on_quote(quote);
  }

  /// Forgets latencies measured so far.
  void reset_status() {
    std::destroy_at(status_.get());
    std::construct_at(status_.get());
  }
  [[nodiscard]] const ops::EngineStatus& status() const { return *status_; }
  [[nodiscard]] const NotingVenue& venue() const { return venue_; }
  /// What the last tick's order waited for: the bytes of its commit.
  [[nodiscard]] std::uint64_t waited_bytes() const { return durable_bytes_ - bytes_before_; }
  [[nodiscard]] std::uint64_t state_hash() { return agent_.core().state_hash(); }
  void close() {
    disk_.off = false;
    need(log_.close());
  }

 private:
  journal::WriterOptions options(Log log) {
    journal::WriterOptions options;
    options.sync = log == Log::Always ? journal::SyncPolicy::Always : journal::SyncPolicy::None;
    if (log == Log::Memory) options.file_system = &disk_;
    return options;
  }

  template <class M>
  void append(const M& message) {
    need(agent_.append(relay::Source::System, kStart, message));
  }

  [[nodiscard]] std::uint64_t bytes_written() const { return log_.metrics().bytes_written.value(); }

  void start() {
    append(RunStarted{.run = 1, .seed = 1});
    append(instrument());
    marks_.on_instrument(kInstrument);
    append(CashMovement{.amount = Price::from_e8(1'000'000 * kOneE8)});
    // Every check has a limit to hold to, far enough away that none refuses.
    static constexpr std::array<std::int64_t, kLimitKinds> kLimits{
        100, 1'000'000, 1, 10'000'000, 10'000'000, 1'000, 1'000'000, 1'000'000, 100};
    for (std::uint8_t kind = 0; kind < kLimitKinds; ++kind) {
      append(LimitSet{.kind = static_cast<LimitKind>(kind), .value_e8 = kLimits[kind] * kOneE8});
    }
    append(need(runner_->command("every", StrategyAction::Start, "bench", "bench")));
    need(agent_.open_session(Text<16>::cut("bench"), kStart));
    agent_.poll(kStart);
    check(agent_.failed() == nullptr, "the log of a bench works");
    runner_->set_live(true, kStart);
    log_reader_.poll([](const bus::Message&) {});
  }

  const Clock& clock_;
  SwitchedDisk disk_;
  relay::Sequencer log_;
  NotingVenue venue_;
  bus::Wake wake_;
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  oms::ExecutionCore core_;
  relay::MarkKeeper marks_;
  oms::ExecutionAgent agent_;
  apps::MarketRelay market_;
  bus::Subscription market_reader_;
  bus::Subscription log_reader_;
  std::unique_ptr<strategy::Runner> runner_;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t durable_bytes_ = 0;  // written in all when the first input of a round was durable
};

/// A market that walks: each tick moves both sides of the touch.
class Market {
 public:
  Market() {
    for (std::int64_t i = 0; i < kDepth; ++i) {
      bids_.push_back({.px = at(-1 - i), .qty = Qty::from_e8(kOneE8)});
      asks_.push_back({.px = at(1 + i), .qty = Qty::from_e8(kOneE8)});
    }
  }
  [[nodiscard]] BookView snapshot() const {
    return {.head = {.instrument = kInstrument}, .snapshot = true, .bids = bids_, .asks = asks_};
  }
  /// Best bid and ask take another quantity: the book has work to do and keeps its shape.
  [[nodiscard]] BookView next() {
    ++ticks_;
    const Qty qty = Qty::from_e8(kOneE8 + static_cast<std::int64_t>(ticks_ % 1'000) * 1'000);
    bid_ = {.px = bids_.front().px, .qty = qty};
    ask_ = {.px = asks_.front().px, .qty = qty};
    return {
        .head = {.instrument = kInstrument, .first_update_id = ticks_, .last_update_id = ticks_},
        .bids = {&bid_, 1},
        .asks = {&ask_, 1}};
  }
  /// Moves the middle by a fraction, so that each intent logs the mark that it is judged by.
  [[nodiscard]] Quote quote() const {
    return {.instrument = kInstrument,
            .update_id = ticks_,
            .bid_px = at(-1 - static_cast<std::int64_t>(ticks_ % 2)),
            .bid_qty = Qty::from_e8(kOneE8),
            .ask_px = at(1),
            .ask_qty = Qty::from_e8(kOneE8)};
  }

 private:
  static constexpr std::int64_t kDepth = 100;
  static Price at(std::int64_t ticks) {
    return Price::from_e8(60'000 * kOneE8 + ticks * (kOneE8 / 100));
  }

  std::vector<Level> bids_;
  std::vector<Level> asks_;
  Level bid_{};
  Level ask_{};
  std::uint64_t ticks_ = 0;
};

// --- measuring
// ------------------------------------------------------------------------------------------------

/// Exact samples; the engine's histograms round up by as much as 3 %.
class Samples {
 public:
  explicit Samples(std::size_t count) { ns_.reserve(count); }
  void add(nanoseconds span) { ns_.push_back(span.count()); }
  [[nodiscard]] std::int64_t at(double quantile) {
    std::ranges::sort(ns_);
    if (ns_.empty()) return 0;
    const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(ns_.size()));
    return ns_[std::min(rank, ns_.size() - 1)];
  }

 private:
  std::vector<std::int64_t> ns_;
};

/// What the machine takes from a thread that does nothing but read the clock: tails above are its
/// doing.
void spin(const Clock& clock, Histogram& gaps, int reads) {
  nanoseconds last = clock.monotonic();
  for (int i = 0; i < reads; ++i) {
    const nanoseconds now = clock.monotonic();
    gaps.record(static_cast<std::uint64_t>((now - last).count()));
    last = now;
  }
}

void print_row(std::string_view name, auto p50, auto p99, auto p999, auto max) {
  fmt::print("   {:<22} p50 {:>9} ns  p99 {:>9} ns  p99.9 {:>9} ns  max {:>10} ns\n", name, p50,
             p99, p999, max);
}
void print_row(std::string_view name, const Histogram& h) {
  print_row(name, h.percentile(0.5), h.percentile(0.99), h.percentile(0.999), h.max());
}
void print_row(std::string_view name, Samples& s) {
  print_row(name, s.at(0.5), s.at(0.99), s.at(0.999), s.at(1));
}

/// Order intents in the log of a run.
std::uint64_t intents_in(const std::filesystem::path& dir) {
  auto reader = need(journal::Reader::open(dir));
  std::uint64_t count = 0;
  while (const auto record = need(reader.next())) {
    const auto message = native::decode(record->payload);
    check(message.has_value(), "the log holds messages");
    if (message->is<OrderIntent>()) ++count;
  }
  return count;
}

struct Plan {
  std::size_t ticks = 0;
  std::size_t warm_up = 0;
};

/// One log: answers whether each tick became one order that the log holds.
bool bench_log(const std::filesystem::path& dir, Log log, const Plan& plan, const Clock& clock) {
  const std::filesystem::path journal_dir = dir / "wal";
  const auto path = std::make_unique<Path>(journal_dir, log, clock);
  RawLog raw{dir / "raw", log == Log::Always, (plan.ticks + 1) * 2'048 + (1U << 20U)};
  const auto gaps = std::make_unique<Histogram>();
  Samples ours{plan.ticks};
  Samples raws{plan.ticks};
  Market market;
  Timestamp now = kStart + std::chrono::seconds{1};
  std::size_t unsent = 0;

  // The first tick is the snapshot; it is an order too.
  path->settle(market.quote(), now);
  if (!path->tick(market.snapshot(), now)) ++unsent;
  for (std::size_t i = 0; i < plan.warm_up + plan.ticks; ++i) {
    if (i == plan.warm_up) path->reset_status();
    now = now + kTickEvery;
    path->settle(market.quote(), now);
    const BookView book = market.next();
    const auto span = path->tick(book, now);
    if (!span) ++unsent;
    if (i < plan.warm_up || !span) continue;
    ours.add(*span);
    if (log == Log::Memory) continue;
    const nanoseconds from = clock.monotonic();
    raw.append(path->waited_bytes());
    raws.add(clock.monotonic() - from);
    if (i % 16 == 0) spin(clock, *gaps, 1'000);
  }
  if (log == Log::Memory) spin(clock, *gaps, 1'000'000);

  const ops::EngineStatus& status = path->status();
  fmt::print("log {}, {} ticks\n", name_of(log), plan.ticks);
  print_row("tick -> intent", status.tick_to_intent_ns);
  print_row("intent -> durable", status.intent_to_durable_ns);
  print_row("durable -> send", status.durable_to_send_ns);
  print_row("tick -> send", ours);
  if (log != Log::Memory) {
    print_row(fmt::format("raw, {} bytes", path->waited_bytes()), raws);
    fmt::print("   ratio to raw at p50    {:.3f}\n",
               static_cast<double>(ours.at(0.5)) / static_cast<double>(raws.at(0.5)));
  }
  print_row("spinning thread", *gaps);
  fmt::print("   sends {} last cl_ord_id {} state {:016x}\n", path->venue().sends,
             path->venue().last_cl_ord_id, path->state_hash());

  path->close();
  const std::uint64_t wanted = plan.warm_up + plan.ticks + 1;
  if (unsent != 0 || path->venue().sends != wanted ||
      (log != Log::Memory && intents_in(journal_dir) != wanted)) {
    fmt::print("   WRONG: {} ticks without an order, {} orders sent of {}\n", unsent,
               path->venue().sends, wanted);
    return false;
  }
  return true;
}

struct Arguments {
  bool smoke = false;
  std::size_t ticks = 20'000;
  std::filesystem::path dir = ".";
  std::vector<Log> logs{Log::Memory, Log::None, Log::Always};
};

std::optional<Arguments> read_arguments(std::span<char*> words) {
  Arguments arguments;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word{words[i]};
    const std::string_view value = i + 1 < words.size() ? words[i + 1] : std::string_view{};
    if (word == "--smoke") {
      arguments.smoke = true;
    } else if (word == "--dir" && !value.empty()) {
      arguments.dir = words[++i];
    } else if (word == "--log") {
      std::erase_if(arguments.logs, [&](Log log) { return name_of(log) != value; });
      if (arguments.logs.empty()) return {};
      ++i;
    } else if (word == "--ticks") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), arguments.ticks);
      if (error != std::errc{} || end != value.data() + value.size()) return {};
      ++i;
    } else {
      return {};
    }
  }
  return arguments;
}

int run(const Arguments& arguments) {
  const SystemClock clock;
  const std::size_t ticks = arguments.smoke ? 200 : std::max<std::size_t>(arguments.ticks, 1);
  const std::filesystem::path dir = arguments.dir / fmt::format("order_path_bench.{}", ::getpid());
  bool right = true;
  for (const Log log : arguments.logs) {
    std::filesystem::create_directories(dir);
    const Plan plan{.ticks = log == Log::Always ? std::max<std::size_t>(ticks / 10, 1) : ticks,
                    .warm_up = arguments.smoke ? 10U : 1'000U};
    right = bench_log(dir, log, plan, clock) && right;
    std::filesystem::remove_all(dir);
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  const auto arguments = stoa::bench::read_arguments({argv, static_cast<std::size_t>(argc)});
  if (!arguments) {
    fmt::print(
        stderr,
        "usage: order_path_bench [--smoke] [--ticks N] [--log memory|none|always] [--dir DIR]\n");
    return 2;
  }
  return stoa::bench::run(*arguments);
}

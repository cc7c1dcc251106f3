#include "apps/engine.h"

#include <bits/chrono.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <system_error>
#include <utility>

#include "apps/build.h"
#include "apps/checkpoint_state.h"
#include "apps/checkpointer.h"
#include "apps/gateway_parts.h"
#include "apps/journal_options.h"
#include "apps/log_facts.h"
#include "apps/recovery.h"
#include "apps/run_start.h"
#include "apps/strategies.h"
#include "apps/token.h"
#include "apps/venue.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/price.h"
#include "base/text.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "journal/checkpoint.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/execution_agent.h"
#include "ops/config.h"
#include "protocol/native/codec.h"
#include "relay/filter.h"
#include "relay/sequencer.h"
#include "relay/source.h"
#include "strategy/runner.h"

namespace stoa::apps {
namespace {

constexpr std::size_t kFramesPerRound = 16;
constexpr std::size_t kViewsTopicBytes = 8U << 20U;
constexpr std::size_t kCommandsTopicBytes = 1U << 20U;
constexpr nanoseconds kSleepMax =
    std::chrono::milliseconds{20};  // how stale the heartbeat of an idle engine may get

}  // namespace

Engine::Engine(const ops::Config& config, const Build& build)
    : config_{config},
      build_{build},
      scaled_{wall_, config.market.speed.max ? 1.0 : config.market.speed.factor},
      simulated_{Timestamp{}},
      simulated_time_{config.market.speed.max},
      market_reader_{join(market_.topic())},
      views_{{.capacity_bytes = kViewsTopicBytes}},
      views_publication_{views_.publication()},
      views_reader_{join(views_)},
      commands_{{.capacity_bytes = kCommandsTopicBytes}},
      commands_publication_{commands_.publication()},
      commands_reader_{join(commands_)},
      drawdown_{config.risk.max_drawdown_percent_e8} {}

Engine::~Engine() {
  if (gateway_) gateway_->stop();
}

Result<std::unique_ptr<Engine>> Engine::start(const ops::Config& config, const Build& build) {
  std::unique_ptr<Engine> engine{new Engine{config, build}};
  for (const auto step : {&Engine::open_data, &Engine::open_log, &Engine::make_runner,
                          &Engine::open_gateway, &Engine::show_past, &Engine::log_start}) {
    if (auto done = (engine.get()->*step)(); !done) return std::unexpected(std::move(done.error()));
  }
  return engine;
}

// --- start

Result<void> Engine::open_data() {
  const std::filesystem::path& dir = config_.data.dir;
  std::error_code error;
  if (std::filesystem::create_directories(dir, error)) {
    // Orders and positions are their owner's business.
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return io_error("cannot make the data directory", error.value(), dir.string());
  }
  std::filesystem::create_directories(config_.wal.dir.parent_path(), error);
  auto token = load_or_make_token(dir / "token");
  if (!token) return std::unexpected(std::move(token.error()));
  token_ = std::move(*token);

  for (auto* wake : {&engine_wake_, &gateway_wake_}) {
    auto made = bus::Wake::create();
    if (!made) return std::unexpected(std::move(made.error()));
    *wake = std::make_unique<bus::Wake>(std::move(*made));
  }
  return {};
}

Result<void> Engine::open_log() {
  auto log = relay::Sequencer::open(
      {.dir = config_.wal.dir, .journal = journal_options(config_), .wake = gateway_wake_.get()});
  if (!log) return std::unexpected(std::move(log.error()));
  log_ = std::make_unique<relay::Sequencer>(std::move(*log));

  const nanoseconds begun = wall_.monotonic();
  auto recovered = recover(*log_, config_.wal.dir, config_.wal.history);
  if (!recovered) return std::unexpected(std::move(recovered.error()));
  recovered_ = std::move(*recovered);
  core_ = std::move(recovered_->state.core);
  facts_ = std::move(recovered_->state.facts);
  last_checkpoint_ = recovered_->checkpoint;
  for (const std::string& why : recovered_->passed_over) {
    log::warn("checkpoint_passed_over", {{"why", why}});
  }
  const nanoseconds took = wall_.monotonic() - begun;
  status_->start_checkpoint_lsn.set(static_cast<std::int64_t>(last_checkpoint_.value()));
  status_->checkpoint_lsn.set(static_cast<std::int64_t>(last_checkpoint_.value()));
  status_->start_replayed.set(static_cast<std::int64_t>(recovered_->replayed));
  status_->start_ns.set(took.count());
  status_->checkpoints_passed_over.set(static_cast<std::int64_t>(recovered_->passed_over.size()));
  log::info("log_recovered", {{"checkpoint_lsn", last_checkpoint_.value()},
                              {"replayed", recovered_->replayed},
                              {"head_lsn", log_->head().value()},
                              {"ms", took.count() / 1'000'000}});

  auto venue = make_venue(config_, scaled_.now(), facts_);
  if (!venue) return std::unexpected(std::move(venue.error()));
  venue_ = std::move(*venue);
  simulated_.advance_to(venue_.start);
  started_ = wall_.now();
  return {};
}

Result<void> Engine::make_runner() {
  execution_reader_ = std::make_unique<bus::Subscription>(join(log_->topic()));

  agent_ = std::make_unique<oms::ExecutionAgent>(
      oms::ExecutionAgent::Links{.core = core_.get(),
                                 .log = log_.get(),
                                 .marks = &marks_,
                                 .venue = venue_.orders,
                                 .commands = &commands_reader_,
                                 .gateway_wake = gateway_wake_.get(),
                                 .listener = this,
                                 .status = status_.get(),
                                 .stopwatch = &wall_});
  auto runner = make_strategies(config_, facts_.strategies, venue_.feed->instruments(), *agent_);
  if (!runner) return std::unexpected(std::move(runner.error()));
  runner_ = std::move(*runner);
  publisher_ =
      std::make_unique<gateway::MarketPublisher>(views_publication_, venue_.feed->instruments());
  return {};
}

Result<void> Engine::open_gateway() {
  if (!recovered_) {
    fail_check("the log is read before the gateway opens", std::source_location::current());
  }
  const auto instruments = venue_.feed->instruments();
  auto options = gateway_options(config_, build_, *recovered_, *runner_,
                                 {instruments.begin(), instruments.end()}, token_, started_);

  // It takes no command until the engine is ready, and numbers them from what the log holds.
  gateway::Link link;
  link.commands = &commands_publication_;
  link.execution = execution_reader_.get();
  link.views = &views_reader_;
  link.engine_wake = engine_wake_.get();
  link.gateway_wake = gateway_wake_.get();
  link.status = status_.get();
  link.clock = simulated_time_ ? static_cast<const Clock*>(&wall_) : &scaled_;
  link.next_sequence = facts_.gateway_sequence + 1;
  link.journal = &log_->metrics();
  link.checkpoints = &checkpoint_desk_;
  auto gateway = gateway::Gateway::start(std::move(options), link);
  if (!gateway) return std::unexpected(std::move(gateway.error()));
  gateway_ = std::move(*gateway);
  checkpointer_ =
      std::make_unique<Checkpointer>(Checkpointer::Options{.dir = config_.wal.dir,
                                                           .keep_bytes = bytes_to_keep(config_),
                                                           .status = status_.get(),
                                                           .desk = &checkpoint_desk_,
                                                           .gateway_wake = gateway_wake_.get(),
                                                           .clock = &wall_});
  return {};
}

Result<void> Engine::show_past() {
  if (!recovered_) fail_check("the past is shown once", std::source_location::current());
  apps::show_past(*recovered_, [&](Lsn lsn, const native::MessageView& message) {
    log_->publish(lsn, message.bytes());
  });
  apps::show_past(*recovered_, *runner_);
  log_->all_published();
  gateway_wake_->notify();
  recovered_.reset();
  return {};
}

// --- what a run begins with

Result<void> Engine::log_start() {
  const Timestamp now = platform_now();
  auto done = begin_run(*agent_, facts_, venue_.feed->instruments(), config_, build_.version, now);
  if (!done) return done;
  agent_->poll(now);
  if (const Error* failed = agent_->failed()) return std::unexpected(*failed);
  // A strategy that the log has never heard of starts as configured; the others are as they were
  // left.
  runner_->set_live(true, now);
  status_->ready.set(1);
  status_->heartbeat_ns.set(wall_.monotonic().count());
  return {};
}

// --- the loop

Timestamp Engine::platform_now() const noexcept {
  return simulated_time_ ? simulated_.now() : scaled_.now();
}

std::size_t Engine::round(Timestamp now) {
  std::size_t work = venue_.feed->poll(now, market_, kFramesPerRound);
  work += market_reader_.poll([&](const bus::Message& message) { on_market(message); });
  work += runner_->poll(now);
  work += agent_->poll(now);
  if (publisher_->poll(wall_.monotonic()) > 0) gateway_wake_->notify();
  supervise(now);
  consider_checkpoint();

  status_->loops.add();
  status_->now_ns.set(now.ns());
  status_->heartbeat_ns.set(wall_.monotonic().count());
  return work;
}

void Engine::on_market(const bus::Message& bus_message) {
  const auto message = native::MessageView::trusted(bus_message.payload);
  agent_->tick(wall_.monotonic());
  // Marks first: an intent that this message causes is judged by the market of this message.
  if (message.is<Quote>()) {
    marks_.on_quote(message.as<Quote>());
  } else if (message.is<Trade>()) {
    marks_.on_trade(message.as<Trade>());
  }
  runner_->on_market(message, bus_message.seq);
  show_market(*publisher_, runner_->books(), message);
  note_feed(message);
}

void Engine::note_feed(const native::MessageView& message) {
  const InstrumentId instrument{relay::instrument_of(message)};
  const auto instruments = venue_.feed->instruments();
  const auto at = std::ranges::find(instruments, instrument, &Instrument::instrument);
  status_->market_messages.add();
  if (at == instruments.end()) return;
  auto& cell = status_->feeds[static_cast<std::size_t>(at - instruments.begin())];
  cell.messages.add();
  cell.last_message_ns.set(message.header().timestamp.ns());
  if (message.is<FeedState>()) {
    const auto state = message.as<FeedState>();
    cell.state.set(static_cast<std::int64_t>(state.status));
    if (state.status == FeedStatus::Recovering && state.missed > 0) cell.gaps.add();
  }
}

void Engine::on_record(Lsn lsn, const native::MessageView& message) {
  if (message.is<Instrument>()) marks_.on_instrument(message.as<Instrument>().instrument);
  facts_.note(message);
  if (message.is<KillSwitch>()) trip_asked_ = true;
  if (message.is<AccountUpdate>()) trip_asked_ = false;
  runner_->on_execution(lsn, message);
}

/// The supervisor beside the gate: what it decides is an input of the next round.
void Engine::supervise(Timestamp now) {
  if (trip_asked_) return;
  const auto trip = drawdown_.consider(facts_.equity, facts_.peak_equity, facts_.halted != 0);
  if (!trip) return;
  log::error("risk_tripped", {{"reason", trip->reason.view()}});
  trip_asked_ = true;
  // A log that has failed says so itself.
  [[maybe_unused]] const auto appended = agent_->append(relay::Source::Risk, now, *trip);
}

/// Between rounds every output has its record, so state and log agree.
void Engine::consider_checkpoint() {
  const std::uint64_t since = log_->head().value() - last_checkpoint_.value();
  const std::uint64_t every = config_.wal.checkpoint_every;
  const bool due = every > 0 && since >= every;
  if ((!due && !checkpoint_desk_.asked()) || agent_->failed() != nullptr) return;
  if (!checkpointer_->busy()) take_checkpoint();
}

void Engine::take_checkpoint() {
  const nanoseconds begun = wall_.monotonic();
  checkpoint_desk_.begin();
  // A power cut must not leave a checkpoint of records that it took.
  if (const auto synced = log_->sync(); !synced) {
    checkpoint_desk_.end({.error = synced.error().text()});
    return;  // the log has failed: the next round says so
  }
  journal::Checkpoint checkpoint{
      .lsn = log_->head(), .chain = log_->chain(), .epoch = log_->epoch(), .state = {}};
  checkpoint.state.reserve(state_bytes_ + state_bytes_ / 8);
  save_state(checkpoint.state, *core_, facts_, log_->numbers());
  state_bytes_ = checkpoint.state.size();
  last_checkpoint_ = checkpoint.lsn;
  checkpointer_->write(std::move(checkpoint), begun);
}

std::optional<Timestamp> Engine::next_due() const noexcept {
  std::optional<Timestamp> next;
  for (const auto& due :
       {venue_.feed->next_due(), venue_.orders->next_report_due(), runner_->next_due()}) {
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

bool Engine::advance() {
  // Timers alone do not keep simulated time going: it ends with the market.
  if (venue_.feed->ended() && !venue_.orders->next_report_due()) return false;
  const auto due = next_due();
  if (!due) return false;
  simulated_.advance_to(*due);
  return true;
}

void Engine::idle(Timestamp now) {
  if (config_.engine.idle == ops::Idle::Spin && !venue_.feed->ended()) return;
  nanoseconds sleep = kSleepMax;
  if (!simulated_time_) {
    if (const auto due = next_due()) sleep = std::min(sleep, scaled_.real_time_until(*due));
  }
  engine_wake_->prepare();
  if (stop_.load(std::memory_order_acquire) || round(now) > 0) {
    engine_wake_->cancel();
  } else {
    // Rounded up: a paper market that is a millisecond late costs less than a core that spins for
    // it.
    engine_wake_->wait(std::chrono::ceil<std::chrono::milliseconds>(sleep));
  }
}

bool Engine::done(Timestamp now) const {
  if (stop_.load(std::memory_order_acquire) || agent_->failed() != nullptr) return true;
  if (config_.engine.duration_s > 0 &&
      now - first_ >= std::chrono::seconds{static_cast<std::int64_t>(config_.engine.duration_s)}) {
    return true;
  }
  return config_.engine.exit_when_done && venue_.feed->ended() && !venue_.orders->next_report_due();
}

Result<RunReport> Engine::run() {
  const nanoseconds begun = wall_.monotonic();
  first_ = platform_now();
  while (true) {
    const bool moved = !simulated_time_ || advance();
    const Timestamp now = platform_now();
    if (done(now)) break;
    const std::size_t work = round(now);
    if (venue_.feed->ended()) status_->market_done.set(1);
    if (work == 0 && (!simulated_time_ || !moved)) idle(now);
  }
  const nanoseconds ended = wall_.monotonic();
  if (const Error* failed = agent_->failed()) return std::unexpected(*failed);
  status_->ready.set(0);
  gateway_->stop();
  checkpointer_->wait();
  if (config_.wal.checkpoint_every > 0 && log_->head() > last_checkpoint_) {
    take_checkpoint();
    checkpointer_->wait();
  }
  const auto closed = log_->close();
  if (!closed) return std::unexpected(closed.error());
  return RunReport{.feed = venue_.report(),
                   .seconds = std::chrono::duration<double>(ended - begun).count(),
                   .market_messages = market_.messages(),
                   .orders = status_->orders.value(),
                   .fills = status_->fills.value(),
                   .records = closed->value(),
                   .state_hash = agent_->core().state_hash()};
}

void Engine::stop() noexcept {
  stop_.store(true, std::memory_order_release);
  if (engine_wake_) engine_wake_->notify();
}

}  // namespace stoa::apps

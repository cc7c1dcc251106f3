#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/heartbeat.h"
#include "apps/log_facts.h"
#include "apps/log_follower.h"
#include "apps/recovery.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/run_start.h"
#include "apps/standing.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/layout.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/types.h"
#include "oms/execution_agent.h"
#include "oms/execution_core.h"
#include "ops/config.h"
#include "ops/engine_status.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/remote_log.h"
#include "relay/source.h"
#include "venues/native/session.h"

// `stoa run execution`: the execution core over the relay's log, and the venue's session. The only
// process that sends orders.
namespace stoa::apps {
namespace {

using relay::Source;
using venues::native_session::NativeVenue;

/// Steps of a start, in order; each is left when what it waits for is there.
enum class Step : std::uint8_t {
  Numbers,   // the relay says how far our sources have come; an older process of us is out
  Recovery,  // the log is read and applied
  Session,   // the venue is reached, and says what is traded
  Running,
};

class Execution final : public Role, public oms::RecordListener {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto log = relay::RemoteLog::open({.socket = layout.relay("execution"),
                                       .name = parts.name,
                                       .sources = {Source::Core, Source::Venue, Source::System}});
    if (!log) return std::unexpected(std::move(log.error()));
    return std::unique_ptr<Role>{new Execution{parts, std::move(*log)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_.poll(monotonic);
    switch (step_) {
      case Step::Numbers:
        // What an older process of us has sent is in the log or is gone: only now is its end known.
        if (log_.numbered()) work += begin_recovery();
        break;
      case Step::Recovery:
        work += follower_->poll(monotonic, [](Lsn, const native::MessageView&) {});
        if (follower_->failed() != nullptr) {
          failed_ = *follower_->failed();
        } else if (follower_->recovered()) {
          work += end_recovery();
        }
        break;
      case Step::Session:
        work += venue_->poll(monotonic);
        if (venue_->up() && !venue_->instruments().empty()) work += begin(now);
        break;
      case Step::Running:
        work += venue_->poll(monotonic);
        watch_session(now);
        work += agent_->poll(now);
        consider_checkpoint();
        break;
    }
    heart_.poll(monotonic, now, ready(monotonic), log_.publisher(Source::Core), Source::Core,
                log_.head());
    if (venue_ && venue_->failed() != nullptr) failed_ = *venue_->failed();
    if (agent_ && agent_->failed() != nullptr) failed_ = *agent_->failed();
    if (agent_) note_figures();
    return work + (log_.has_more() ? 1U : 0U);
  }

  void watch(Waiting& waiting) const override {
    log_.for_each_fd([&](int fd, short events) { waiting.add(fd, events); });
    waiting.add_due(log_.next_due());
    if (follower_) follower_->watch(waiting);
    if (venue_) {
      venue_->for_each_fd([&](int fd, short events) { waiting.add(fd, events); });
      waiting.add_due(venue_->next_due());
    }
    waiting.add_due(heart_.due());
  }

  [[nodiscard]] Standing standing() const override {
    const nanoseconds now = clock_.monotonic();
    switch (step_) {
      case Step::Numbers:
        return starting("waits for the execution relay");
      case Step::Recovery:
        return {.state = ops::RoleState::Recovering, .reason = follower_->progress()};
      case Step::Session:
        return starting("waits for the venue");
      case Step::Running:
        break;
    }
    if (!log_.connected()) return starting("waits for the execution relay");
    if (!session_up_) return starting("waits for the venue");
    if (venue_->unanswered() > 0) {
      return starting(fmt::format("reconciles: {} orders asked for", venue_->unanswered()));
    }
    if (!risk_.ready(now)) return starting("waits for risk");
    return {.state = ops::RoleState::Ready};
  }

  void drain() override { draining_ = true; }
  /// Every input that was read has been decided, and what follows from it is with relay and venue.
  [[nodiscard]] bool drained() const override {
    return draining_ && (step_ != Step::Running || log_.quiet());
  }
  void close() override { log_.publisher(Source::Core).close(); }
  [[nodiscard]] const Error* failed() const override { return failed_ ? &*failed_ : nullptr; }

  void add_metrics(ops::Metrics& metrics) override {
    const ops::EngineStatus& status = *status_;
    metrics.counter("stoa_execution_inputs_total", "Records applied by the core", status.inputs);
    metrics.counter("stoa_orders_total", "Orders sent to the venue", status.orders,
                    {{"venue", "sim"}, {"result", "sent"}});
    metrics.counter("stoa_fills_total", "Fills", status.fills);
    for (std::size_t i = 1; i < kRejectCodes; ++i) {
      metrics.counter("stoa_risk_rejects_total", "Orders refused by the gate", status.rejects[i],
                      {{"rule", to_string(static_cast<RejectCode>(i))}});
    }
    metrics.gauge("stoa_open_orders", "Orders that may still trade", status.open_orders);
    metrics.gauge("stoa_kill_switch_active", "1: no order is taken", status.kill_active);
    metrics.gauge("stoa_log_cursor_seq", "Newest record applied", status.head_lsn,
                  {{"reader", "execution"}});
    metrics.gauge("stoa_venue_session_up", "1: the venue's session stands", session_gauge_);
    metrics.gauge("stoa_orders_in_doubt", "Orders asked for at the venue", in_doubt_);
    metrics.counter("stoa_checkpoints_total", "Checkpoints handed to the relay",
                    status.checkpoints);
    metrics.counter("stoa_checkpoint_failures_total", "Checkpoints that were not written",
                    status.checkpoint_failures);
    metrics.summary({.messages = &status.inputs, .connections = &session_gauge_});
  }

  // RecordListener
  void on_record(Lsn /*lsn*/, const native::MessageView& message) override { facts_.note(message); }
  void on_told(const native::MessageView& message) override {
    risk_.hear(message, clock_.monotonic());
  }

 private:
  Execution(const RoleParts& parts, relay::RemoteLog log)
      : config_{*parts.config},
        clock_{*parts.clock},
        name_{parts.name},
        version_{parts.version},
        layout_{parts.config->data.dir},
        log_{std::move(log)} {}

  static Standing starting(std::string reason) {
    return {.state = ops::RoleState::Starting, .reason = std::move(reason)};
  }
  [[nodiscard]] bool ready(nanoseconds now) const {
    return step_ == Step::Running && !draining_ && session_up_ && venue_->unanswered() == 0 &&
           risk_.ready(now) && log_.connected();
  }

  std::size_t begin_recovery() {
    auto follower = LogFollower::open({.socket = layout_.relay("execution"), .name = name_});
    if (!follower) return fail(std::move(follower.error()));
    follower_ = std::move(*follower);
    step_ = Step::Recovery;
    return 1;
  }

  std::size_t end_recovery() {
    const auto waiting = follower_->take_unrecorded();
    Recovered found = follower_->take_recovered();
    core_ = std::move(found.state.core);
    facts_ = std::move(found.state.facts);
    last_checkpoint_ = found.checkpoint;
    log::info("log_recovered", {{"checkpoint_lsn", found.checkpoint.value()},
                                {"replayed", found.replayed},
                                {"unrecorded", waiting.size()},
                                {"head_lsn", follower_->head().value()}});
    if (auto done = log_.follow(follower_->take_subscriber(), found.state.numbers, waiting);
        !done) {
      return fail(std::move(done.error()));
    }
    follower_.reset();
    auto venue = NativeVenue::open({.orders = layout_.venue_orders(),
                                    .reports = layout_.venue_reports(),
                                    .name = name_,
                                    .next_report = log_.next_sequence(Source::Venue)});
    if (!venue) return fail(std::move(venue.error()));
    venue_ = std::move(*venue);
    step_ = Step::Session;
    return 1;
  }

  std::size_t begin(Timestamp now) {
    agent_ =
        std::make_unique<oms::ExecutionAgent>(oms::ExecutionAgent::Links{.core = core_.get(),
                                                                         .log = &log_,
                                                                         .venue = venue_.get(),
                                                                         .listener = this,
                                                                         .status = status_.get(),
                                                                         .stopwatch = &clock_});
    if (auto begun = begin_run(*agent_, facts_, venue_->instruments(), config_, version_, now);
        !begun) {
      return fail(std::move(begun.error()));
    }
    session_up_ = true;
    step_ = Step::Running;
    return 1;
  }

  /// The core hears of each loss and return of the venue: what is in flight is in doubt meanwhile,
  /// and asked for afterwards. A relay that comes back has to be told again what there is.
  void watch_session(Timestamp now) {
    const bool up = venue_->up();
    if (up != session_up_) {
      session_up_ = up;
      VenueSession session{.up = static_cast<std::uint8_t>(up ? 1 : 0)};
      if (!venue_->instruments().empty()) session.venue = venue_->instruments().front().venue;
      log::warn("venue_session", {{"up", up}});
      if (auto done = agent_->append(Source::System, now, session); !done) failed_ = done.error();
    }
    relay::Publisher& system = log_.publisher(Source::System);
    if (!system.connected()) {
      instruments_told_ = false;
    } else if (!instruments_told_) {
      instruments_told_ = true;
      core_->for_each_instrument([&](const Instrument& each) {
        if (system.transient(each, now) != relay::Publish::Ok) instruments_told_ = false;
      });
    }
  }

  void consider_checkpoint() {
    relay::Publisher& to = log_.publisher(Source::Core);
    if (const auto upload = to.take_upload()) {
      if (upload->error) {
        status_->checkpoint_failures.add();
        log::warn("checkpoint_not_written", {{"error", upload->error->text()}});
      } else {
        status_->checkpoints.add();
      }
    }
    const std::uint64_t every = config_.wal.checkpoint_every;
    if (every == 0 || log_.head().value() - last_checkpoint_.value() < every) return;
    if (to.uploading() || !to.connected()) return;
    std::vector<std::byte> waiting;
    log_.copy_waiting(waiting);
    std::vector<std::byte> state;
    save_state(state, *core_, facts_, log_.numbers(), waiting);
    last_checkpoint_ = log_.head();
    if (const auto sent = to.upload_checkpoint(last_checkpoint_, state); !sent) {
      log::warn("checkpoint_not_sent", {{"error", sent.error().text()}});
    }
  }

  void note_figures() {
    session_gauge_.set(session_up_ ? 1 : 0);
    in_doubt_.set(static_cast<std::int64_t>(venue_->unanswered()));
  }

  std::size_t fail(Error error) {
    failed_ = std::move(error);
    return 1;
  }

  const ops::Config& config_;
  const Clock& clock_;
  std::string name_;
  std::string version_;
  deploy::Layout layout_;
  relay::RemoteLog log_;
  Step step_ = Step::Numbers;
  std::unique_ptr<LogFollower> follower_;
  std::unique_ptr<oms::ExecutionCore> core_;
  LogFacts facts_;
  Lsn last_checkpoint_{};
  std::unique_ptr<NativeVenue> venue_;
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  std::unique_ptr<oms::ExecutionAgent> agent_;
  Heart heart_;
  Pulse risk_{Source::Risk};
  bool session_up_ = false;
  bool instruments_told_ = false;
  bool draining_ = false;
  Gauge session_gauge_;
  Gauge in_doubt_;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_execution(const RoleParts& parts) {
  return Execution::make(parts);
}

}  // namespace stoa::apps

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
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
#include "apps/holder.h"
#include "apps/leadership.h"
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
#include "base/fail_point.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "deploy/layout.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/execution_agent.h"
#include "oms/execution_core.h"
#include "oms/order_table.h"
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
  Running,   // it leads, or follows the one that does
};

/// The first is the one that counts when two processes take them.
constexpr std::array<Source, 3> kSources{Source::System, Source::Core, Source::Venue};
/// An epoch is opened without the venue's session when that takes longer.
constexpr nanoseconds kVenueWait = std::chrono::milliseconds{250};
constexpr nanoseconds kTellEvery = std::chrono::milliseconds{20};

class Execution final : public Role, public oms::RecordListener {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto log = relay::RemoteLog::open({.socket = layout.relay("execution"),
                                       .name = parts.name,
                                       .sources = {kSources.begin(), kSources.end()},
                                       .beside = parts.beside});
    if (!log) return std::unexpected(std::move(log.error()));
    return std::unique_ptr<Role>{new Execution{parts, std::move(*log)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_.poll(monotonic);
    switch (step_) {
      case Step::Numbers:
        // What an older process of us has sent is in the log or is gone: only now is its end known.
        // One beside does not ask: who leads goes on.
        if (beside_ || log_.numbered()) work += begin_recovery();
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
        if ((beside_ ? venue_->heard() : venue_->up()) && !venue_->instruments().empty()) {
          work += begin(monotonic, now);
        }
        break;
      case Step::Running:
        work += venue_->poll(monotonic);
        venue_->pass_over(log_.next_report());
        if (deciding_) watch_session(now);
        work += agent_->poll(now);
        work += switch_over(monotonic, now);
        if (deciding_) consider_checkpoint();
        break;
    }
    if (step_ != Step::Running && log_.superseded()) superseded_early();
    if (deciding_ || (step_ != Step::Running && log_.owns())) {
      heart_.poll(monotonic, now, ready(monotonic), log_.publisher(Source::Core), Source::Core,
                  log_.head());
    }
    if (venue_ && venue_->failed() != nullptr) failed_ = *venue_->failed();
    if (agent_ && agent_->failed() != nullptr) failed_ = *agent_->failed();
    if (agent_) note_figures();
    tell_place(monotonic);
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
    if (deciding_) waiting.add_due(heart_.due());
    if (const nanoseconds wait = place_.wait(); wait > nanoseconds{}) {
      waiting.add_due(clock_.monotonic() + wait);
    }
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
    if (!deciding_) return {.state = ops::RoleState::Ready, .reason = "follows"};
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
    return draining_ && (step_ != Step::Running || !deciding_ || log_.quiet());
  }
  void close() override {
    if (log_.owns()) log_.publisher(Source::Core).close();
  }
  [[nodiscard]] std::optional<bool> leads() const override {
    return step_ == Step::Running ? place_.mode() != Leadership::Mode::Following : !beside_;
  }
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
  void on_record(Lsn /*lsn*/, const native::MessageView& message) override {
    facts_.note(message);
    if (!deciding_ && message.is<VenueSession>()) {
      session_up_ = message.as<VenueSession>().up != 0;
    }
  }
  void on_told(const native::MessageView& message) override {
    risk_.hear(message, clock_.monotonic());
    if (!message.is<Heartbeat>()) return;
    const auto beat = message.as<Heartbeat>();
    if (beat.source == static_cast<std::uint8_t>(Source::Core)) leader_read_ = beat.lsn;
  }

 private:
  Execution(const RoleParts& parts, relay::RemoteLog log)
      : config_{*parts.config},
        clock_{*parts.clock},
        name_{parts.name},
        version_{parts.version},
        layout_{parts.config->data.dir},
        log_{std::move(log)},
        status_of_{*parts.status},
        beside_{parts.beside},
        holder_{SwitchRole::Execution, parts.colour, parts.release},
        place_{SwitchRole::Execution, parts.colour} {}

  static Standing starting(std::string reason) {
    return {.state = ops::RoleState::Starting, .reason = std::move(reason)};
  }
  [[nodiscard]] bool ready(nanoseconds now) const {
    return step_ == Step::Running && !draining_ && deciding_ && session_up_ &&
           venue_->unanswered() == 0 && risk_.ready(now) && log_.connected();
  }

  std::size_t begin_recovery() {
    auto follower = LogFollower::open(
        {.socket = layout_.relay("execution"), .name = name_, .keep_difference = beside_});
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
    log_.follow(follower_->take_subscriber(), found.state.numbers, waiting);
    early_difference_ = follower_->difference();
    early_difference_at_ = follower_->differs_at();
    follower_.reset();
    // Records of who leads count from where the recovery ended.
    place_.begin(facts_.leads[static_cast<std::size_t>(SwitchRole::Execution)], beside_);
    log_.on_lead([this](const native::MessageView& message) { place_.note(message); });
    auto venue = NativeVenue::open({.orders = layout_.venue_orders(),
                                    .reports = layout_.venue_reports(),
                                    .name = name_,
                                    .next_report = log_.next_report(),
                                    .listen = beside_});
    if (!venue) return fail(std::move(venue.error()));
    venue_ = std::move(*venue);
    step_ = Step::Session;
    return 1;
  }

  std::size_t begin(nanoseconds monotonic, Timestamp now) {
    agent_ =
        std::make_unique<oms::ExecutionAgent>(oms::ExecutionAgent::Links{.core = core_.get(),
                                                                         .log = &log_,
                                                                         .venue = venue_.get(),
                                                                         .listener = this,
                                                                         .status = status_.get(),
                                                                         .stopwatch = &clock_});
    session_up_ = true;
    step_ = Step::Running;
    fresh_ = !beside_;
    taken_at_ = monotonic;
    if (place_.mode() == Leadership::Mode::Leading) {
      begin_to_decide(now);
    } else {
      agent_->set_duty(oms::ExecutionAgent::Duty::Follow);
    }
    return 1;
  }

  // --- who leads (decision 0014)

  /// What the log and the relay say of who leads is followed.
  std::size_t switch_over(nanoseconds monotonic, Timestamp now) {
    using Mode = Leadership::Mode;
    if (log_.held() && !at_order_) {
      at_order_ = true;
      place_.applied_order(core_->state_hash());
    }
    std::size_t work = 0;
    // The venue's session goes to whoever has the log's sources, and not before.
    if (log_.numbered() && !venue_->speaks()) {
      venue_->take();
      work += venue_->poll(monotonic);
    }
    for (int i = 0; i < 4; ++i, ++work) {
      const auto action = place_.next(monotonic, signs(monotonic));
      if (action == Leadership::Action::None) break;
      log::info("switch", {{"does", to_string(action)},
                           {"epoch", place_.log().epoch},
                           {"lsn", log_.head().value()}});
      act(action, monotonic, now);
    }
    const Mode mode = place_.mode();
    if (at_order_ && mode != Mode::Closing) {
      at_order_ = false;
      log_.resume();
      ++work;
    }
    using Duty = oms::ExecutionAgent::Duty;
    agent_->set_duty(!deciding_ ? Duty::Follow : mode == Mode::Closing ? Duty::Finish : Duty::Lead);
    return work;
  }

  [[nodiscard]] Leadership::Signs signs(nanoseconds monotonic) const {
    const bool venue_there = venue_->up() || monotonic - taken_at_ > kVenueWait;
    return {.taken = log_.taken() && venue_there,
            .superseded = log_.superseded(),
            .disturbed = log_.disturbed(),
            .drained = at_order_ && log_.quiet() && venue_->sent(),
            .may_open = log_.difference() == nullptr && early_difference_.empty(),
            .said_the_same = log_.said_the_same() && early_difference_.empty(),
            .up_to_date = log_.connected() && !log_.has_more()};
  }

  void act(Leadership::Action action, nanoseconds monotonic, Timestamp now) {
    using Action = Leadership::Action;
    switch (action) {
      case Action::Take:
        fail_point("before_open");
        taken_at_ = monotonic;
        return log_.take();
      case Action::Open:
        fail_point("after_hello");
        append(now, holder_.open(place_, log_.head()));
        log_.poll(monotonic);
        fail_point("after_open");
        return;
      case Action::Lead:
        begin_to_decide(now);
        fail_point("after_lead");
        return;
      case Action::Close:
        fail_point("before_close");
        append(now, holder_.close(place_, log_.last_output()));
        log_.poll(monotonic);
        return;
      case Action::Drop:
        return follow();
      case Action::Resume:
      case Action::None:
        return;
    }
  }

  template <class M>
  void append(Timestamp now, const M& message) {
    note_result(agent_->append(Source::System, now, message));
  }
  void note_result(Result<void> done) {
    if (!done) failed_ = std::move(done.error());
  }

  void begin_to_decide(Timestamp now) {
    deciding_ = true;
    heart_ = Heart{};
    last_checkpoint_ = std::max(last_checkpoint_, fresh_ ? Lsn{} : log_.head());
    // The log holds digests that this build does not derive: it must not have to read them again.
    checkpoint_now_ = log_.difference() != nullptr;
    agent_->set_duty(oms::ExecutionAgent::Duty::Lead);
    // What another has finished in order leaves nothing in doubt: what it has not decided is
    // decided and sent here. Otherwise the venue is asked.
    const bool clean = place_.orderly() && venue_->up() && session_up_ && !any_in_doubt();
    if (clean) {
      log_.for_each_waiting([&](const native::MessageView& output) { agent_->send(output, now); });
    }
    note_result(log_.lead());
    if (fresh_) {
      fresh_ = false;
      return note_result(begin_run(*agent_, facts_, venue_->instruments(), config_, version_, now));
    }
    if (!clean) {
      session_up_ = venue_->up();
      const Text<16> venue = venue_->instruments().front().venue;
      if (session_up_) {
        note_result(agent_->open_session(venue, now));
      } else {
        append(now, VenueSession{.venue = venue});
      }
    }
    note_result(continue_run(*agent_, facts_, venue_->instruments(), config_, now));
  }
  [[nodiscard]] bool any_in_doubt() const {
    bool any = false;
    core_->for_each_open(
        [&](const oms::Order& order) { any = any || order.state.status == OrdStatus::InDoubt; });
    return any;
  }

  void follow() {
    deciding_ = false;
    log_.drop();
    // Reports that were taken and are not in the log come again.
    note_result(venue_->listen(log_.next_report()));
  }

  /// Before it has read the log there is nothing that it could follow with.
  void superseded_early() {
    failed_ = Error{.code = ErrorCode::Unavailable,
                    .message = "another process has taken over",
                    .source = "execution relay"};
  }

  void tell_place(nanoseconds monotonic) {
    const bool changed = place_.mode() != told_mode_;
    if (!changed && monotonic < tell_due_) return;
    told_mode_ = place_.mode();
    tell_due_ = monotonic + kTellEvery;
    ops::SwitchView view = holder_.view(place_);
    if (step_ != Step::Running) {
      view.mode = beside_ ? ops::SwitchMode::Following : ops::SwitchMode::Leading;
    }
    view.lsn = follower_ ? follower_->head().value() : log_.head().value();
    const std::uint64_t newest = std::max(leader_read_, log_.newest()).value();
    view.lag_records = newest > view.lsn ? newest - view.lsn : 0;
    view.compared = log_.compared();
    if (core_) view.hash = core_->state_hash();
    if (const auto* differs = log_.difference(); differs != nullptr) {
      view.differs_at = differs->lsn.value();
      view.difference = Text<480>::cut(differs->text);
    } else if (!early_difference_.empty()) {
      view.differs_at = early_difference_at_.value();
      view.difference = Text<480>::cut(early_difference_);
    } else if (place_.hash_differs()) {
      view.difference = Text<480>::cut("the state at the order to switch is another one");
    }
    if (view.differs_at != 0 && !difference_told_) {
      difference_told_ = true;
      log::error("shadow_differs",
                 {{"lsn", view.differs_at}, {"difference", view.difference.view()}});
    }
    status_of_.set_place(view);
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
    const bool due = every != 0 && log_.head().value() - last_checkpoint_.value() >= every;
    if (!due && !checkpoint_now_) return;
    if (to.uploading() || !to.connected()) return;
    checkpoint_now_ = false;
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
  ops::RoleStatus& status_of_;
  bool beside_;
  Holder holder_;
  Leadership place_;
  bool deciding_ = false;   // it hands in, sends and answers
  bool fresh_ = false;      // … and begins a run with that
  bool at_order_ = false;   // applied up to an order to switch, and nothing behind it
  nanoseconds taken_at_{};  // the sources, or tried
  Lsn leader_read_{};
  std::string early_difference_;  // of the recovery
  Lsn early_difference_at_{};
  bool difference_told_ = false;
  bool checkpoint_now_ = false;
  Leadership::Mode told_mode_ = Leadership::Mode::Following;
  nanoseconds tell_due_{};
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

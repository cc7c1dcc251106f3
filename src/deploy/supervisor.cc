#include "deploy/supervisor.h"

#include <fmt/core.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): signal names are POSIX

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"

namespace stoa::deploy {
namespace {

/// poll() is called at least each second; after a longer pause it was us who did not run.
constexpr nanoseconds kAbsence = std::chrono::seconds{5};
constexpr nanoseconds kIdleMax = std::chrono::seconds{1};

std::string seconds_text(nanoseconds time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e9);
}

}  // namespace

std::string_view to_string(RoleState state) noexcept {
  switch (state) {
    case RoleState::Down:
      return "down";
    case RoleState::Waiting:
      return "waiting";
    case RoleState::Starting:
      return "starting";
    case RoleState::Ready:
      return "ready";
    case RoleState::Backoff:
      return "backoff";
    case RoleState::Stopping:
      return "stopping";
    case RoleState::Failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(Event::Kind kind) noexcept {
  switch (kind) {
    case Event::Kind::Started:
      return "role_started";
    case Event::Kind::Ready:
      return "role_ready";
    case Event::Kind::Exited:
      return "role_exited";
    case Event::Kind::GivenUp:
      return "role_given_up";
    case Event::Kind::WatchdogMissed:
      return "role_silent";
    case Event::Kind::Stopping:
      return "role_stopping";
    case Event::Kind::Killed:
      return "role_killed";
    case Event::Kind::Stopped:
      return "role_stopped";
    case Event::Kind::HandingOver:
      return "role_handing_over";
    case Event::Kind::HandedOver:
      return "role_handed_over";
    case Event::Kind::BesideStarted:
      return "beside_started";
    case Event::Kind::BesideReady:
      return "beside_ready";
    case Event::Kind::BesideEnded:
      return "beside_ended";
    case Event::Kind::BesideStopped:
      return "beside_stopped";
    case Event::Kind::Promoted:
      return "beside_promoted";
    case Event::Kind::Done:
      return "done";
  }
  return "unknown";
}

Supervisor::Supervisor(const Plan& plan, const SupervisorOptions& options, ProcessPort& port,
                       const Clock& clock)
    : plan_{plan},
      options_{options},
      port_{port},
      clock_{clock},
      random_{options.seed},
      slots_(plan.roles.size()),
      last_poll_{clock.monotonic()} {}

void Supervisor::adopt(std::size_t role, const ProcessId& process, const Build& build, bool ready) {
  Slot& slot = slots_[role];
  slot.view.process = process;
  slot.view.build = build;
  slot.view.since = clock_.now();
  slot.wanted = true;
  slot.began = slot.ready_at = now();
  slot.deadline = now() + options_.start_timeout;
  slot.alive_until = now() + options_.watchdog;
  if (ready) slot.view.ready_since = clock_.now();
  set_state(role, ready ? RoleState::Ready : RoleState::Starting);
}

void Supervisor::set_build(std::size_t role, const Build& build) {
  slots_[role].view.build = build;
  ++changes_;
}

// ---- what people ask for

Result<void> Supervisor::up(std::span<const std::size_t> roles) {
  if (!operation_.over && operation_.kind != Operation::Kind::Up) {
    const bool down = operation_.kind == Operation::Kind::Down;
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = down ? "the platform is being stopped; ask again"
                                                 : "a restart is under way; ask again",
                                 .source = {}});
  }
  if (operation_.over) begin(Operation::Kind::Up, {});
  for (const std::size_t role : roles) {
    Slot& slot = slots_[role];
    if (slot.view.state == RoleState::Ready && slot.wanted) continue;
    if (!in_operation(role)) operation_.roles.push_back(role);
    slot.wanted = true;
    if (slot.view.state == RoleState::Failed || slot.view.state == RoleState::Down) {
      slot.failures = 0;
      slot.restarts.clear();
      slot.given_up = false;
      set_state(role, RoleState::Waiting);
    }
  }
  return {};
}

void Supervisor::down(const DownOptions& options) {
  if (!operation_.over && operation_.kind != Operation::Kind::Down) {
    finish(false, "stopped before it was over");
  }
  if (operation_.over) begin(Operation::Kind::Down, {});
  down_ = options;
  operation_.roles.clear();
  for (std::size_t role = 0; role < slots_.size(); ++role) {
    Slot& slot = slots_[role];
    slot.wanted = slot.start_again = false;
    beside_stop(role);
    if (slot.view.beside && options.force) stand_end(role, "it was to be stopped at once");
    if (slot.beside && (slot.beside->successor || options.force)) kill_beside(role);
    if (!runs(slot)) {
      if (slot.view.state != RoleState::Failed) set_state(role, RoleState::Down);
      continue;
    }
    operation_.roles.push_back(role);
    if (slot.view.state == RoleState::Stopping && options.timeout) {
      slot.deadline = std::min(slot.deadline, now() + *options.timeout);
    }
    if (!options.force) continue;
    if (slot.view.state != RoleState::Stopping) {
      slot.began = now();
      set_state(role, RoleState::Stopping);
    }
    slot.killed = true;
    port_.kill(role);
  }
}

Result<void> Supervisor::restart(std::span<const std::size_t> roles,
                                 const std::optional<Build>& build) {
  if (!operation_.over) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "another start or stop is under way; ask again",
                                 .source = {}});
  }
  begin(Operation::Kind::Restart, {roles.begin(), roles.end()});
  for (const std::size_t role : roles) {
    Slot& slot = slots_[role];
    slot.failures = 0;
    slot.restarts.clear();
    slot.given_up = false;
    slot.start_again = runs(slot);
    slot.wanted = !slot.start_again;
    if (build) slot.view.build = *build;
    if (slot.wanted) set_state(role, RoleState::Waiting);
  }
  return {};
}

// ---- what processes do

void Supervisor::on_notice(std::size_t role, const Notice& notice) {
  Slot& slot = slots_[role];
  if (!runs(slot)) return;
  if (notice.status && slot.view.status != *notice.status) {
    slot.view.status = *notice.status;
    ++changes_;
  }
  if (notice.ready && slot.view.state == RoleState::Starting && !slot.aborted) {
    slot.ready_at = now();
    slot.alive_until = now() + options_.watchdog;
    slot.view.ready_since = clock_.now();
    slot.view.ready_after = now() - operation_began_;
    set_state(role, RoleState::Ready);
    if (slot.handed_from && slot.view.process) {
      event(Event::Kind::HandedOver, role,
            fmt::format("(pid {} -> {})", *slot.handed_from, slot.view.process->pid),
            now() - slot.began);
      slot.handed_from.reset();
    } else {
      event(Event::Kind::Ready, role, {}, now() - slot.began);
    }
  }
  if (notice.watchdog) slot.alive_until = std::max(slot.alive_until, now() + options_.watchdog);
  if (notice.extend) {
    const nanoseconds until = now() + *notice.extend;
    slot.alive_until = std::max(slot.alive_until, until);
    const bool waits = slot.view.state == RoleState::Starting ||
                       (slot.view.state == RoleState::Stopping && !slot.killed);
    if (waits && !slot.aborted) slot.deadline = std::max(slot.deadline, until);
  }
  if (notice.trouble && slot.view.state == RoleState::Ready && !slot.aborted) {
    abort(role, "it asked to be ended (WATCHDOG=trigger)");
  }
}

void Supervisor::on_exit(std::size_t role, const ExitStatus& status) {
  Slot& slot = slots_[role];
  if (!runs(slot)) return;
  if (slot.beside && slot.beside->successor && !slot.beside->killed) {
    const bool in_order = !status.known || (!status.by_signal && status.number == 0);
    if (in_order && !slot.aborted && slot.view.state == RoleState::Ready) {
      promote(role);
      slot.beside.reset();  // that was its end
      return;
    }
    fail_hand_over(role, "the process before it ended: " + status.text());
  }
  const RoleState before = slot.view.state;
  slot.view.process.reset();
  slot.view.since.reset();
  slot.view.ready_since.reset();
  slot.view.status.clear();
  slot.handed_from.reset();
  slot.view.last_exit = fmt::format("{} at {}", status.text(), to_rfc3339(clock_.now()));
  ++changes_;
  if (before == RoleState::Ready && now() - slot.ready_at >= options_.healthy_after) {
    slot.failures = 0;
  }
  if (before != RoleState::Stopping) {
    ended_unasked(role, slot.aborted ? status.text() + " after it was silent" : status.text());
    return;
  }
  event(Event::Kind::Stopped, role, status.text(), now() - slot.began);
  set_state(role, slot.given_up ? RoleState::Failed : RoleState::Down);
  if (slot.start_again) {
    slot.start_again = false;
    slot.wanted = true;
    set_state(role, RoleState::Waiting);
  }
}

/// It starts again after a pause, unless a start is judged by it or it did so too often.
void Supervisor::ended_unasked(std::size_t role, const std::string& how) {
  Slot& slot = slots_[role];
  const bool starting =
      slot.view.state == RoleState::Starting || slot.view.state == RoleState::Waiting;
  slot.view.last_error = how;
  if (!slot.wanted) {
    event(Event::Kind::Exited, role, how);
    if (slot.start_again) {
      slot.start_again = false;
      slot.wanted = true;
      return set_state(role, RoleState::Waiting);
    }
    return set_state(role, RoleState::Down);
  }
  if (starting && in_operation(role) && operation_.kind == Operation::Kind::Up) {
    return fail_start(role, how);
  }
  if (starting && in_operation(role) && failure_.empty()) {
    failure_ =
        fmt::format("{} did not become ready: {}; it is tried again", plan_.roles[role].name, how);
  }
  while (!slot.restarts.empty() && now() - slot.restarts.front() > options_.restart_window) {
    slot.restarts.pop_front();
  }
  if (slot.restarts.size() >= options_.restart_max) {
    auto why = fmt::format("{}; that was after {} restarts within {} s", how, slot.restarts.size(),
                           options_.restart_window.count());
    const bool up = in_operation(role) && operation_.kind == Operation::Kind::Up;
    return up ? fail_start(role, why) : give_up(role, std::move(why));
  }
  slot.restarts.push_back(now());
  const nanoseconds pause = backoff(slot.failures++);
  slot.deadline = now() + pause;
  set_state(role, RoleState::Backoff);
  event(Event::Kind::Exited, role,
        fmt::format("{}; starts again in {} ({} of {})", how, seconds_text(pause),
                    slot.restarts.size(), options_.restart_max));
}

/// Everything that this `up` started goes down again.
void Supervisor::fail_start(std::size_t role, const std::string& why) {
  if (failure_.empty()) {
    failure_ = fmt::format("{} did not become ready: {}", plan_.roles[role].name, why);
  }
  give_up(role, why);
  for (const std::size_t other : operation_.roles) {
    Slot& slot = slots_[other];
    slot.wanted = false;
    if (!runs(slot) && slot.view.state != RoleState::Failed) set_state(other, RoleState::Down);
  }
}

void Supervisor::give_up(std::size_t role, std::string why) {
  Slot& slot = slots_[role];
  slot.wanted = false;
  slot.given_up = true;
  slot.view.last_error = why;
  if (!runs(slot)) set_state(role, RoleState::Failed);
  if (const auto lines = port_.last_lines(role); !lines.empty()) (why += '\n') += lines;
  event(Event::Kind::GivenUp, role, std::move(why));
}

// ---- what is due

void Supervisor::poll() {
  forgive_absence();
  for (std::size_t role = 0; role < slots_.size(); ++role) poll_role(role);
  judge_operation();
}

void Supervisor::poll_role(std::size_t role) {
  Slot& slot = slots_[role];
  if (slot.beside) poll_beside(role);
  if (slot.view.beside) stand_poll(role);
  switch (slot.view.state) {
    case RoleState::Down:
    case RoleState::Failed:
      return;
    case RoleState::Waiting:
      if (slot.wanted && may_start(role)) start(role);
      return;
    case RoleState::Backoff:
      if (now() >= slot.deadline) set_state(role, RoleState::Waiting);
      return;
    case RoleState::Stopping:
      if (now() >= slot.deadline && !slot.killed) kill(role, "it did not end in time");
      return;
    case RoleState::Starting:
    case RoleState::Ready:
      break;
  }
  if (!slot.wanted) {
    if (may_stop(role)) stop(role);
    return;
  }
  if (slot.aborted) {
    if (now() >= slot.deadline && !slot.killed) kill(role, "SIGABRT did not end it");
    return;
  }
  if (slot.view.state == RoleState::Starting && now() >= slot.deadline) {
    auto why = fmt::format("not ready within {} s", options_.start_timeout.count());
    if (!slot.view.status.empty()) why += fmt::format(", it says: {}", slot.view.status);
    if (in_operation(role) && operation_.kind == Operation::Kind::Up) return fail_start(role, why);
    return abort(role, std::move(why));
  }
  if (slot.view.state == RoleState::Ready && options_.watchdog.count() > 0 &&
      now() >= slot.alive_until) {
    abort(role, fmt::format("no sign of life for {} s", options_.watchdog.count()));
  }
}

void Supervisor::start(std::size_t role) {
  Slot& slot = slots_[role];
  slot.began = now();
  slot.deadline = now() + options_.start_timeout;
  slot.killed = slot.aborted = false;
  slot.view.started_after = now() - operation_began_;
  slot.view.waited_for.clear();
  nanoseconds latest = operation_began_;
  for (const std::size_t other : plan_.roles[role].after) {
    if (slots_[other].ready_at <= latest) continue;
    latest = slots_[other].ready_at;
    slot.view.waited_for = plan_.roles[other].name;
  }
  const auto process = port_.start(role, slot.view.build);
  if (!process) return ended_unasked(role, process.error().text());
  if (!slot.restarts.empty()) ++slot.view.restarts;
  slot.view.process = *process;
  slot.view.since = clock_.now();
  set_state(role, RoleState::Starting);
  event(Event::Kind::Started, role);
}

void Supervisor::stop(std::size_t role) {
  Slot& slot = slots_[role];
  const bool down = operation_.kind == Operation::Kind::Down && !operation_.over;
  slot.began = now();
  slot.killed = false;
  slot.deadline =
      now() + (down ? down_.timeout.value_or(options_.stop_timeout) : options_.stop_timeout);
  set_state(role, RoleState::Stopping);
  event(Event::Kind::Stopping, role);
  port_.signal(role, SIGTERM);
  port_.signal(role, SIGCONT);  // a stopped process takes SIGTERM only once it goes on
}

void Supervisor::kill(std::size_t role, std::string_view why) {
  slots_[role].killed = true;
  event(Event::Kind::Killed, role, std::string{why});
  port_.kill(role);
}

void Supervisor::abort(std::size_t role, std::string why) {
  Slot& slot = slots_[role];
  slot.aborted = true;
  slot.killed = false;
  slot.deadline = now() + options_.abort_grace;
  slot.view.last_error = why;
  ++changes_;
  event(Event::Kind::WatchdogMissed, role, std::move(why));
  port_.signal(role, SIGABRT);
}

/// While we did not run, nobody could hear the roles.
void Supervisor::forgive_absence() {
  const nanoseconds absence = now() - last_poll_;
  last_poll_ = now();
  if (absence <= kAbsence) return;
  for (Slot& slot : slots_) {
    slot.alive_until += absence;
    if (slot.view.state == RoleState::Starting) slot.deadline += absence;
    if (slot.beside && slot.beside->successor) slot.beside->deadline += absence;
    slot.stand.alive_until += absence;
    slot.stand.deadline += absence;
  }
}

void Supervisor::judge_operation() {
  if (operation_.over) return;
  const auto& roles = operation_.roles;
  const auto all = [&](auto&& holds) {
    return std::ranges::all_of(roles, [&](std::size_t role) { return holds(slots_[role]); });
  };
  const auto ready = [](const Slot& slot) { return slot.view.state == RoleState::Ready; };
  switch (operation_.kind) {
    case Operation::Kind::None:
      return;
    case Operation::Kind::Up:
      for (const std::size_t role : roles) {
        if (!failure_.empty()) break;
        if (const auto why = waits_in_vain(role); !why.empty()) fail_start(role, why);
      }
      if (!failure_.empty()) {
        if (all([this](const Slot& slot) { return !runs(slot); })) finish(false, failure_);
      } else if (all(ready)) {
        finish(true, {});
      }
      return;
    case Operation::Kind::Restart:
      for (const std::size_t role : roles) {
        if (failure_.empty()) failure_ = waits_in_vain(role);
      }
      if (!failure_.empty()) {
        finish(false, failure_);
      } else if (all(ready)) {
        finish(true, {});
      }
      return;
    case Operation::Kind::Down:
      if (at_rest()) finish(true, {});
      return;
    case Operation::Kind::HandOver:
      judge_hand_over();
      return;
  }
}

// ---- questions

bool Supervisor::in_operation(std::size_t role) const {
  return !operation_.over && std::ranges::find(operation_.roles, role) != operation_.roles.end();
}

bool Supervisor::may_start(std::size_t role) const {
  if (slots_[role].beside) return false;  // it would find its place taken
  return std::ranges::all_of(plan_.roles[role].after, [this](std::size_t other) {
    return slots_[other].wanted && slots_[other].view.state == RoleState::Ready;
  });
}

/// Why a role that waits will not start by itself; empty when it will, or does not wait.
std::string Supervisor::waits_in_vain(std::size_t role) const {
  const Slot& slot = slots_[role];
  if (slot.view.state != RoleState::Waiting || !slot.wanted) return {};
  for (const std::size_t other : plan_.roles[role].after) {
    const Slot& first = slots_[other];
    if (first.wanted || first.start_again) continue;
    return fmt::format("{} waits for {}, which is {}", plan_.roles[role].name,
                       plan_.roles[other].name, to_string(first.view.state));
  }
  return {};
}

/// Once nothing runs that starts after it and is to stop as well.
bool Supervisor::may_stop(std::size_t role) const {
  for (std::size_t other = 0; other < slots_.size(); ++other) {
    const auto& after = plan_.roles[other].after;
    const bool behind = std::ranges::find(after, role) != after.end();
    if (behind && runs(slots_[other]) && !slots_[other].wanted) return false;
  }
  return true;
}

bool Supervisor::at_rest() const {
  return std::ranges::all_of(slots_, [this](const Slot& slot) {
    const bool stands = slot.view.beside && slot.view.beside->process;
    return !runs(slot) && !slot.beside && !stands &&
           (slot.view.state == RoleState::Down || slot.view.state == RoleState::Failed);
  });
}

nanoseconds Supervisor::idle_time() const {
  nanoseconds idle = kIdleMax;
  for (std::size_t role = 0; role < slots_.size(); ++role) {
    const Slot& slot = slots_[role];
    if (slot.beside && !slot.beside->killed) {
      idle = std::min(idle, slot.beside->deadline - now());
    }
    if (const auto due = stand_due(role)) idle = std::min(idle, *due - now());
    switch (slot.view.state) {
      case RoleState::Down:
      case RoleState::Failed:
        break;
      case RoleState::Waiting:
        if (slot.wanted && may_start(role)) return nanoseconds{0};
        break;
      case RoleState::Starting:
      case RoleState::Stopping:
      case RoleState::Backoff:
        if (!slot.killed) idle = std::min(idle, slot.deadline - now());
        break;
      case RoleState::Ready:
        if (!slot.wanted && may_stop(role)) return nanoseconds{0};
        if (slot.aborted) {
          idle = std::min(idle, slot.deadline - now());
        } else if (options_.watchdog.count() > 0) {
          idle = std::min(idle, slot.alive_until - now());
        }
        break;
    }
  }
  return std::max(idle, nanoseconds{0});
}

std::vector<CriticalStep> Supervisor::critical_path() const {
  std::vector<CriticalStep> path;
  const auto latest = std::ranges::max_element(
      operation_.roles, {}, [this](std::size_t role) { return slots_[role].view.ready_after; });
  if (latest == operation_.roles.end()) return path;
  std::optional<std::size_t> role = *latest;
  while (role && path.size() <= slots_.size()) {
    const RoleView& view = slots_[*role].view;
    path.push_back(
        {.role = *role, .started_after = view.started_after, .ready_after = view.ready_after});
    role = view.waited_for.empty() ? std::nullopt : plan_.find(view.waited_for);
  }
  std::ranges::reverse(path);
  return path;
}

std::vector<Event> Supervisor::take_events() { return std::exchange(events_, {}); }

// ---- small things

void Supervisor::begin(Operation::Kind kind, std::vector<std::size_t> roles) {
  operation_ = {.kind = kind, .over = false, .roles = std::move(roles)};
  operation_began_ = now();
  failure_.clear();
  ++changes_;
}

void Supervisor::finish(bool ok, std::string message) {
  operation_.over = true;
  operation_.ok = ok;
  operation_.message = std::move(message);
  operation_.took = now() - operation_began_;
  failure_.clear();
  ++changes_;
  event(Event::Kind::Done, std::nullopt, operation_.message, operation_.took);
}

void Supervisor::set_state(std::size_t role, RoleState state) {
  slots_[role].view.state = state;
  ++changes_;
}

void Supervisor::event(Event::Kind kind, std::optional<std::size_t> role, std::string text,
                       nanoseconds took) {
  events_.push_back({.kind = kind,
                     .role = role,
                     .at = now() - operation_began_,
                     .took = took,
                     .text = std::move(text)});
}

/// 1 s, 2 s, 4 s … 30 s, each shortened by up to a fifth so that roles that fell together do not
/// rise together.
nanoseconds Supervisor::backoff(std::uint32_t failures) {
  nanoseconds pause = options_.backoff_first;
  for (std::uint32_t i = 0; i < failures && pause < options_.backoff_max; ++i) pause *= 2;
  pause = std::min<nanoseconds>(pause, options_.backoff_max);
  return pause - nanoseconds{random_.between(0, pause.count() / 5)};
}

}  // namespace stoa::deploy

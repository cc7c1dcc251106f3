#include <fmt/core.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): signal names are POSIX

#include <algorithm>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervisor.h"

// A second process stands beside a role's own and follows the log (decision 0014). Which of the two
// leads is said in the log; here only which one has the place: what a crash restarts, from which
// build. What stands beside and ends is told and not started again: whoever wanted it decides.
namespace stoa::deploy {
namespace {

std::string name_of(const Build& build) {
  return fmt::format("{}{}{}", to_string(build.colour), build.release.empty() ? "" : ", release ",
                     build.release);
}

std::unexpected<Error> unavailable(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}});
}

}  // namespace

void Supervisor::adopt_beside(std::size_t role, const ProcessId& process, const Build& build,
                              bool ready) {
  Slot& slot = slots_[role];
  slot.view.beside = BesideView{.state = ready ? RoleState::Ready : RoleState::Starting,
                                .build = build,
                                .process = process,
                                .since = clock_.now()};
  if (ready) slot.view.beside->ready_since = clock_.now();
  slot.stand = {.began = now(),
                .deadline = now() + options_.start_timeout,
                .alive_until = now() + options_.watchdog};
  ++changes_;
}

Result<void> Supervisor::beside_start(std::size_t role, const Build& build) {
  Slot& slot = slots_[role];
  const std::string& name = plan_.roles[role].name;
  if (!plan_.roles[role].switches) return bad_input(name + " is not a role that is switched");
  if (build.colour == slot.view.build.colour) {
    return bad_input(fmt::format("{} is {} itself; beside it stands {}", name,
                                 to_string(build.colour), to_string(other(build.colour))));
  }
  if (slot.view.beside && slot.view.beside->process) {
    const BesideView& there = *slot.view.beside;
    if (there.build == build && there.state != RoleState::Stopping) return {};
    return unavailable(fmt::format("beside {} {} {}; stop it first", name,
                                   there.state == RoleState::Stopping ? "ends" : "stands",
                                   name_of(there.build)));
  }
  if (slot.beside) return unavailable(name + " is being handed over; ask again");
  if (!slot.wanted) {
    return unavailable(fmt::format("{} is {}", name, to_string(slot.view.state)));
  }
  const auto process = port_.start_beside(role, build);
  if (!process) return std::unexpected(process.error());
  slot.view.beside = BesideView{.build = build, .process = *process, .since = clock_.now()};
  slot.stand = {.began = now(), .deadline = now() + options_.start_timeout};
  ++changes_;
  event(Event::Kind::BesideStarted, role, name_of(build));
  return {};
}

void Supervisor::beside_stop(std::size_t role) {
  Slot& slot = slots_[role];
  if (!slot.view.beside) return;
  ++changes_;
  if (!slot.view.beside->process) return slot.view.beside.reset();
  if (slot.view.beside->state == RoleState::Stopping) return;
  slot.view.beside->state = RoleState::Stopping;
  slot.stand.began = now();
  slot.stand.deadline = now() + options_.stop_timeout;
  port_.signal_beside(role, SIGTERM);
  port_.signal_beside(role, SIGCONT);
}

Result<void> Supervisor::beside_promote(std::size_t role, Colour colour) {
  Slot& slot = slots_[role];
  const std::string& name = plan_.roles[role].name;
  if (!plan_.roles[role].switches) return bad_input(name + " is not a role that is switched");
  if (slot.view.build.colour == colour) return {};
  std::optional<BesideView>& beside = slot.view.beside;
  if (!beside || !beside->process || beside->build.colour != colour ||
      beside->state == RoleState::Stopping) {
    return unavailable(fmt::format("no {} process stands beside {}", to_string(colour), name));
  }
  if (slot.view.state == RoleState::Stopping || !operation_.over) {
    return unavailable("another start or stop is under way; ask again");
  }
  port_.promote(role);
  const BesideView up = *beside;
  const Stand stand = slot.stand;
  const bool ran = runs(slot);
  beside = BesideView{.state = !ran                                  ? RoleState::Failed
                               : slot.view.state == RoleState::Ready ? RoleState::Ready
                                                                     : RoleState::Starting,
                      .build = slot.view.build,
                      .process = slot.view.process,
                      .since = slot.view.since,
                      .ready_since = slot.view.ready_since,
                      .status = slot.view.status,
                      .last_exit = ran ? std::string{} : slot.view.last_exit};
  slot.stand = {.killed = slot.killed,
                .why = slot.aborted ? slot.view.last_error : std::string{},
                .began = slot.began,
                .deadline = slot.deadline,
                .alive_until = slot.alive_until};
  slot.view.process = up.process;
  slot.view.build = up.build;
  slot.view.since = up.since;
  slot.view.ready_since = up.ready_since;
  slot.view.status = up.status;
  slot.view.last_error.clear();
  slot.wanted = true;
  slot.given_up = slot.start_again = slot.aborted = false;
  slot.killed = stand.killed;
  slot.began = stand.began;
  slot.deadline = stand.deadline;
  slot.alive_until = stand.alive_until;
  slot.ready_at = now();
  slot.failures = 0;
  slot.restarts.clear();
  set_state(role, up.state);
  event(Event::Kind::Promoted, role, name_of(up.build));
  return {};
}

void Supervisor::stand_notice(std::size_t role, const Notice& notice) {
  Slot& slot = slots_[role];
  std::optional<BesideView>& view = slot.view.beside;
  if (!view || !view->process) return;
  BesideView& beside = *view;
  if (notice.status && beside.status != *notice.status) {
    beside.status = *notice.status;
    ++changes_;
  }
  if (notice.ready && beside.state == RoleState::Starting && !slot.stand.killed) {
    beside.state = RoleState::Ready;
    beside.ready_since = clock_.now();
    slot.stand.alive_until = now() + options_.watchdog;
    ++changes_;
    event(Event::Kind::BesideReady, role, name_of(beside.build), now() - slot.stand.began);
  }
  if (notice.watchdog) {
    slot.stand.alive_until = std::max(slot.stand.alive_until, now() + options_.watchdog);
  }
  if (notice.extend) {
    const nanoseconds until = now() + *notice.extend;
    slot.stand.alive_until = std::max(slot.stand.alive_until, until);
    slot.stand.deadline = std::max(slot.stand.deadline, until);
  }
  if (notice.trouble) stand_end(role, "it asked to be ended (WATCHDOG=trigger)");
}

void Supervisor::stand_exit(std::size_t role, const ExitStatus& status) {
  Slot& slot = slots_[role];
  std::optional<BesideView>& view = slot.view.beside;
  if (!view || !view->process) return;
  BesideView& beside = *view;
  ++changes_;
  if (beside.state == RoleState::Stopping) {
    event(Event::Kind::BesideStopped, role, status.text(), now() - slot.stand.began);
    return slot.view.beside.reset();
  }
  beside.process.reset();
  beside.since.reset();
  beside.ready_since.reset();
  beside.state = RoleState::Failed;
  beside.last_exit = fmt::format("{}{}{} at {}", slot.stand.why, slot.stand.why.empty() ? "" : ": ",
                                 status.text(), to_rfc3339(clock_.now()));
  if (const auto lines = port_.last_lines_beside(role); !lines.empty()) {
    (beside.last_exit += '\n') += lines;
  }
  event(Event::Kind::BesideEnded, role,
        fmt::format("{}: {}", name_of(beside.build), beside.last_exit));
}

void Supervisor::stand_end(std::size_t role, std::string why) {
  Stand& stand = slots_[role].stand;
  if (std::exchange(stand.killed, true)) return;
  stand.why = std::move(why);
  port_.kill_beside(role);
}

void Supervisor::stand_poll(std::size_t role) {
  const auto due = stand_due(role);
  const std::optional<BesideView>& view = slots_[role].view.beside;
  if (!due || !view || now() < *due) return;
  const BesideView& beside = *view;
  switch (beside.state) {
    case RoleState::Starting:
      return stand_end(role,
                       fmt::format("not ready within {} s{}{}", options_.start_timeout.count(),
                                   beside.status.empty() ? "" : ", it says: ", beside.status));
    case RoleState::Stopping:
      return stand_end(role, "it did not end in time");
    default:
      return stand_end(role, fmt::format("no sign of life for {} s", options_.watchdog.count()));
  }
}

/// When the process beside has to have done what it is about; nothing while it is left alone.
std::optional<nanoseconds> Supervisor::stand_due(std::size_t role) const {
  const Slot& slot = slots_[role];
  if (!slot.view.beside || !slot.view.beside->process || slot.stand.killed) return std::nullopt;
  if (slot.view.beside->state != RoleState::Ready) return slot.stand.deadline;
  if (options_.watchdog.count() == 0) return std::nullopt;
  return slot.stand.alive_until;
}

}  // namespace stoa::deploy

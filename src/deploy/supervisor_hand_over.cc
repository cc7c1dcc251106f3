#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervisor.h"

// A role's place goes to a second process of it. Who of the two has it is read off what they do:
// the successor says READY=1, or the one before ends in order; whichever is seen first.
namespace stoa::deploy {

Result<void> Supervisor::hand_over(std::size_t role, const std::optional<Build>& build) {
  Slot& slot = slots_[role];
  const std::string& name = plan_.roles[role].name;
  if (!plan_.roles[role].hands_over) return bad_input(name + " cannot be handed over");
  const auto refused = [](std::string message) {
    return std::unexpected(
        Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}});
  };
  if (!operation_.over) return refused("another start or stop is under way; ask again");
  if (slot.view.state != RoleState::Ready || !slot.wanted || slot.aborted) {
    return refused(fmt::format("{} is {}, and only a role that is ready can be handed over", name,
                               slot.aborted ? "silent" : to_string(slot.view.state)));
  }
  begin(Operation::Kind::HandOver, {role});
  const Build next = build.value_or(slot.view.build);
  const auto process = port_.start_successor(role, next);
  if (!process) {
    finish(false, fmt::format("{} was not handed over: {}", name, process.error().text()));
    return {};
  }
  slot.beside = Passing{.process = *process,
                        .since = clock_.now(),
                        .began = now(),
                        .deadline = now() + options_.start_timeout,
                        .build = next};
  event(Event::Kind::HandingOver, role);
  return {};
}

void Supervisor::on_notice_beside(std::size_t role, const Notice& notice) {
  if (slots_[role].view.beside) return stand_notice(role, notice);
  std::optional<Passing>& beside = slots_[role].beside;
  if (!beside || !beside->successor || beside->killed) return;
  if (notice.status) beside->status = *notice.status;
  if (notice.extend) beside->deadline = std::max(beside->deadline, now() + *notice.extend);
  if (notice.trouble) return fail_hand_over(role, "it asked to be ended (WATCHDOG=trigger)");
  if (!notice.ready) return;
  promote(role);
  on_notice(role, notice);
}

void Supervisor::on_exit_beside(std::size_t role, const ExitStatus& status) {
  if (slots_[role].view.beside) return stand_exit(role, status);
  std::optional<Passing>& beside = slots_[role].beside;
  if (!beside) return;
  if (beside->successor) {
    fail_hand_over(role, status.text());
  } else if (status.known && (status.by_signal || status.number != 0)) {
    event(Event::Kind::Exited, role, "the process that handed over: " + status.text());
  }
  beside.reset();
}

/// The successor is the role's process from now on; it is ready once it has said so.
void Supervisor::promote(std::size_t role) {
  Slot& slot = slots_[role];
  if (!slot.beside || !slot.view.process) {
    fail_check("a successor stands beside a process", std::source_location::current());
  }
  const Passing successor = *slot.beside;
  const ProcessId before = *slot.view.process;
  port_.promote(role);
  slot.beside = Passing{.successor = false,
                        .process = before,
                        .began = now(),
                        .deadline = now() + options_.stop_timeout};
  slot.handed_from = before.pid;
  slot.view.process = successor.process;
  slot.view.build = successor.build;
  slot.view.since = successor.since;
  slot.view.ready_since.reset();
  slot.view.status = successor.status;
  slot.began = successor.began;
  slot.deadline = successor.deadline;
  set_state(role, RoleState::Starting);
}

/// What goes wrong first is the reason; the successor ends, if it still runs.
void Supervisor::fail_hand_over(std::size_t role, const std::string& why) {
  const bool ours = in_operation(role) && operation_.kind == Operation::Kind::HandOver;
  if (ours && failure_.empty()) {
    failure_ = fmt::format("{} was not handed over: {}", plan_.roles[role].name, why);
    if (const auto lines = port_.last_lines(role); !lines.empty()) (failure_ += '\n') += lines;
  }
  kill_beside(role);
}

void Supervisor::kill_beside(std::size_t role) {
  std::optional<Passing>& beside = slots_[role].beside;
  if (!beside || std::exchange(beside->killed, true)) return;
  port_.kill_beside(role);
}

void Supervisor::poll_beside(std::size_t role) {
  const std::optional<Passing>& beside = slots_[role].beside;
  if (!beside || beside->killed || now() < beside->deadline) return;
  if (beside->successor) {
    auto why =
        fmt::format("its successor was not ready within {} s", options_.start_timeout.count());
    if (!beside->status.empty()) why += fmt::format(", it says: {}", beside->status);
    return fail_hand_over(role, why);
  }
  event(Event::Kind::Killed, role, "it has handed over and did not end in time");
  kill_beside(role);
}

void Supervisor::judge_hand_over() {
  const Slot& slot = slots_[operation_.roles.front()];
  if (slot.beside) return;  // the one that goes has to be gone
  if (!failure_.empty()) return finish(false, failure_);
  if (slot.view.state == RoleState::Ready) return finish(true, {});
  const bool ended = slot.view.state != RoleState::Starting;
  if (ended) finish(false, "the successor ended at once: " + slot.view.last_exit);
}

}  // namespace stoa::deploy

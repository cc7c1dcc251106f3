#include "ops/role_status.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"

namespace stoa::ops {

std::string_view to_string(RoleState state) noexcept {
  switch (state) {
    case RoleState::Starting:
      return "starting";
    case RoleState::Recovering:
      return "recovering";
    case RoleState::Ready:
      return "ready";
    case RoleState::Draining:
      return "draining";
    case RoleState::Stopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view to_string(CheckResult result) noexcept {
  switch (result) {
    case CheckResult::Pass:
      return "pass";
    case CheckResult::Warn:
      return "warn";
    case CheckResult::Fail:
      return "fail";
  }
  return "unknown";
}

std::string_view to_string(SwitchMode mode) noexcept {
  switch (mode) {
    case SwitchMode::None:
      return "none";
    case SwitchMode::Leading:
      return "leading";
    case SwitchMode::Following:
      return "following";
    case SwitchMode::Closed:
      return "closed";
  }
  return "unknown";
}

RoleStatus::RoleStatus(Identity identity, const Clock& clock)
    : identity_{std::move(identity)}, clock_{clock} {
  heartbeat_.set(clock.monotonic().count());
}

CheckId RoleStatus::add_check(std::string_view name, Probe probes, std::string_view unit) {
  const bool clean = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':';
  });
  check(clean, "the name of a check is [a-z0-9_:-]+");
  check(std::ranges::none_of(checks_, [&](const Check& other) { return other.name == name; }),
        "a check is added once");
  Check& added = checks_.emplace_back();
  added.name = name;
  added.unit = unit;
  added.probes = probes;
  added.own.since_ns = clock_.now().ns();
  added.cell.store(added.own);
  return {.place = checks_.size() - 1};
}

void RoleStatus::set(CheckId check_id, CheckResult result, std::int64_t observed,
                     std::string_view text) noexcept {
  check(check_id.place < checks_.size(), "a check is set by the place that it was given");
  Check& known = checks_[check_id.place];
  CheckCell next{.result = result,
                 .observed = observed,
                 .since_ns = known.own.since_ns,
                 .text = Text<kTextBytes>::cut(text)};
  if (next == known.own) return;
  if (next.result != known.own.result) next.since_ns = clock_.now().ns();
  known.own = next;
  known.cell.store(next);
}

void RoleStatus::set_state(RoleState state, std::string_view reason) noexcept {
  own_ = {.state = state,
          .started = own_.started || state == RoleState::Ready,
          .reason = Text<kTextBytes>::cut(reason)};
  state_.store(own_);
}

void RoleStatus::set_place(const SwitchView& place) noexcept {
  if (place == own_place_) return;
  own_place_ = place;
  place_.store(place);
}

std::uint32_t RoleStatus::take_requests() noexcept {
  if (requests_.load(std::memory_order_relaxed) == 0) return 0;
  return requests_.exchange(0, std::memory_order_acquire);  // pairs with ask()
}

void RoleStatus::ask(RoleRequest request) noexcept {
  requests_.fetch_or(static_cast<std::uint32_t>(request), std::memory_order_release);
}

StatusView RoleStatus::view() const {
  const RoleStateCell state = state_.load();
  StatusView view{.state = state.state,
                  .reason = state.reason,
                  .started = state.started,
                  .heartbeat = nanoseconds{heartbeat_.value()},
                  .place = place_.load()};
  view.checks.reserve(checks_.size());
  for (const Check& known : checks_) {
    const CheckCell cell = known.cell.load();
    view.checks.push_back({.name = known.name,
                           .unit = known.unit,
                           .probes = known.probes,
                           .result = cell.result,
                           .observed = cell.observed,
                           .text = cell.text,
                           .since = Timestamp::from_ns(cell.since_ns)});
  }
  return view;
}

}  // namespace stoa::ops

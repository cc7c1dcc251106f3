#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "deploy/build.h"
#include "deploy/deploy_plan.h"
#include "deploy/soak.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

// What each step of a deployment looks for, asks for and gives up at. Every one of them ends: by
// what it finds, by its deadline, or by a person.
namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A process may take so long to end before it is left to the supervisor, which kills it.
constexpr std::int64_t kEndS = 60;
/// Beyond hold_max: an order that was not obeyed by then will not be.
constexpr milliseconds kOrderGrace{2'000};
/// The role whose outputs always come, its digests among them. What others say is compared as well,
/// but a quiet market gives them nothing to say (decision 0014).
constexpr std::string_view kCompared = "execution";

bool compares(std::string_view role) { return role == kCompared; }

bool leads(const InstanceView& instance) {
  return instance.switching && instance.switching->mode == SwitchMode::Leading;
}

bool runs(const InstanceView* instance) { return instance != nullptr && instance->running; }

std::string how_it_ended(const InstanceView& instance) {
  return fmt::format("{} has ended: {}", instance.name,
                     instance.failure.empty() ? "nobody knows how" : instance.failure);
}

std::string difference_of(const InstanceView& instance) {
  const SwitchStatus status = instance.switching.value_or(SwitchStatus{});
  return fmt::format("{} computes something else from record {} on: {}", instance.name,
                     status.differs_at.value_or(0), status.difference);
}

/// The epoch before was closed for the order that `open` answers.
bool was_closed_for(const Target& target, const EpochRecord& open) {
  using Kind = EpochRecord::Kind;
  const EpochRecord* order = nullptr;
  const EpochRecord* close = nullptr;
  for (const EpochRecord& record : target.epochs()) {
    if (record.role != open.role || record.lsn > open.lsn) continue;
    if (record.kind == Kind::Order && record.epoch == open.epoch) order = &record;
    if (record.kind == Kind::Close) close = &record;
  }
  return order != nullptr && close != nullptr && close->lsn > order->lsn;
}

}  // namespace

bool SwitchMachine::late(const Seen& seen, std::int64_t after_s) const {
  return seen.now - begun_at_ > seconds{after_s};
}

SwitchMachine::Found SwitchMachine::look(const Item& item, const Seen& seen) {
  const DeploySettings& settings = plan_.settings;
  switch (item.step) {
    case Step::Hook:
      return look_hook(item, seen);
    case Step::MakeRoom:
    case Step::Stop:
    case Step::Clear:
      return look_room(item, seen);
    case Step::Start:
      return look_start(item, seen);
    case Step::CatchUp:
      return look_catch_up(item, seen);
    case Step::Shadow:
      return look_shadow(item, seen);
    case Step::Gate:
      if (auto why = broken(seen)) return Fail{std::move(*why)};
      return look_gate();
    case Step::Switch:
      return look_switch(item, seen, false);
    case Step::Settle:
      if (auto why = broken(seen)) return Fail{std::move(*why)};
      if (!late(seen, settings.settle_s)) return Wait{"settling"};
      return Done{};
    case Step::Soak:
      return look_soak(item, seen);
    case Step::Warm:
      if (auto why = broken(seen)) return Fail{std::move(*why)};
      if (!waved_on_ && !late(seen, settings.warm_s)) return Wait{"the build before stays warm"};
      return Done{};
    case Step::Recreate:
      return look_recreate(item, seen, false);
    case Step::Again:
      return look_recreate(item, seen, true);
    case Step::Back:
      return look_back(item, seen);
  }
  return Wait{};
}

/// A hook behind the point of no return, or on the way back, is told and stops nothing.
SwitchMachine::Found SwitchMachine::look_hook(const Item& item, const Seen& seen) const {
  const bool stops = !going_back_ && item.hook != "post-commit";
  const auto failed = [&](std::string why) -> Found {
    if (stops) return Fail{std::move(why)};
    std::string info;
    json::Writer json{info};
    json.begin_object();
    json.field("warning", std::string_view{why});
    json.end_object();
    return Done{std::move(info)};
  };
  if (late(seen, plan_.settings.hook_s)) {
    return failed(fmt::format("it did not end within {} s", plan_.settings.hook_s));
  }
  if (!seen.hook) return Action{RunHook{item.hook}};
  if (!seen.hook->ended) return Wait{"the hook runs"};
  if (seen.hook->exit == 0) return Done{};
  return failed(fmt::format("exit {}{}{}", seen.hook->exit, seen.hook->output.empty() ? "" : ": ",
                            seen.hook->output));
}

/// Nothing that leads is ever stopped here: it gets its place instead, or is left alone.
SwitchMachine::Found SwitchMachine::look_room(const Item& item, const Seen& seen) const {
  for (const std::string& name : item.roles) {
    const TargetRole* const role = seen.target->find(name);
    const InstanceView* const beside = role == nullptr ? nullptr : role->beside();
    if (beside == nullptr) continue;
    const Colour from = planned(name).from;
    const bool meant = item.step == Step::MakeRoom ||
                       beside->colour == (item.step == Step::Stop ? from : other(from));
    if (!meant) continue;
    if (leads(*beside)) {
      if (item.step == Step::MakeRoom) {
        return Fail{
            fmt::format("{} leads and has not its role's place; stoa deploy status tells "
                        "more",
                        beside->name)};
      }
      // What it says may be a moment old: the log knows.
      if (leader_of(*seen.target, planned(name)) == beside->colour || late(seen, kEndS)) continue;
      return Wait{beside->name + " has to say that it leads no more"};
    }
    if (!late(seen, kEndS)) return Action{StopBeside{name}};
    if (item.step == Step::MakeRoom) return Fail{beside->name + " does not end"};
  }
  return Done{};
}

SwitchMachine::Found SwitchMachine::look_start(const Item& item, const Seen& seen) const {
  std::string missing;
  for (const std::string& name : item.roles) {
    const Colour colour = other(planned(name).from);
    const TargetRole* const role = seen.target->find(name);
    if (role == nullptr) return Fail{name + " is not there"};
    const InstanceView* const green = role->of(colour);
    if (green == nullptr) {
      if (late(seen, plan_.settings.start_s)) return Fail{name + " could not be started"};
      return Action{StartBeside{.role = name, .colour = colour, .release = plan_.release}};
    }
    if (!green->running) return Fail{how_it_ended(*green)};
    if (green->release != plan_.release) {
      return Fail{fmt::format("{} runs release {}", green->name, green->release)};
    }
    if (!green->ready || green->version.empty()) {
      missing += (missing.empty() ? "" : ", ") + green->name;
      continue;
    }
    if (!plan_.version.empty() && green->version != plan_.version) {
      return Fail{fmt::format("{} says that it is version {}, release {} is {}", green->name,
                              green->version, plan_.release, plan_.version)};
    }
  }
  if (missing.empty()) return Done{};
  if (late(seen, plan_.settings.start_s)) {
    return Fail{fmt::format("not ready within {} s: {}", plan_.settings.start_s, missing)};
  }
  return Wait{"not ready yet: " + missing};
}

/// Why the new build cannot go on; nothing while all of it runs.
std::optional<std::string> SwitchMachine::broken(const Seen& seen) const {
  if (!seen.target->trouble().empty()) return std::nullopt;
  for (const DeployRole& planned : plan_.roles) {
    const TargetRole* const role = seen.target->find(planned.name);
    if (role == nullptr) continue;
    const bool changed = std::ranges::find(touched_, planned.name) != touched_.end();
    if (plan_.strategy == Strategy::Recreate) {
      if (changed && !runs(role->placed())) return planned.name + " does not run";
      continue;
    }
    const InstanceView* const green = role->of(other(planned.from));
    if (green == nullptr && !changed) continue;  // not started yet
    if (green == nullptr) return planned.name + " lost its new build";
    if (!green->running) return how_it_ended(*green);
  }
  return std::nullopt;
}

SwitchMachine::Found SwitchMachine::look_catch_up(const Item& item, const Seen& seen) {
  if (auto why = broken(seen)) return Fail{std::move(*why)};
  const DeploySettings& settings = plan_.settings;
  std::string behind;
  for (const std::string& name : item.roles) {
    const TargetRole* const role = seen.target->find(name);
    const InstanceView* const green =
        role == nullptr ? nullptr : role->of(other(planned(name).from));
    if (green == nullptr || !green->switching) {
      behind = name + " does not tell";
      continue;
    }
    const SwitchStatus& status = *green->switching;
    const bool near =
        std::cmp_less_equal(status.lag_records, settings.catch_up_records) &&
        status.lag_time.value_or(nanoseconds{0}) <= milliseconds{settings.catch_up_ms};
    if (!near || status.mode != SwitchMode::Following) {
      behind = fmt::format("{} is {}, {} records behind", green->name, to_string(status.mode),
                           status.lag_records);
    }
  }
  if (!behind.empty()) {
    steady_since_.reset();
    if (late(seen, settings.catch_up_deadline_s)) return Fail{"it does not catch up: " + behind};
    return Wait{std::move(behind)};
  }
  if (!steady_since_) steady_since_ = seen.now;
  if (seen.now - *steady_since_ < seconds{settings.catch_up_steady_s}) {
    return Wait{"it follows closely, and has to for a while"};
  }
  return Done{};
}

SwitchMachine::Found SwitchMachine::look_shadow(const Item& item, const Seen& seen) const {
  if (auto why = broken(seen)) return Fail{std::move(*why)};
  const DeploySettings& settings = plan_.settings;
  bool enough = true;
  std::string silent;
  std::string told;
  for (const std::string& name : item.roles) {
    const TargetRole* const role = seen.target->find(name);
    const InstanceView* const green =
        role == nullptr ? nullptr : role->of(other(planned(name).from));
    if (green == nullptr || !green->switching) {
      if (compares(name)) silent = name;
      enough = false;
      continue;
    }
    if (green->switching->differs_at) return Fail{difference_of(*green)};
    if (!compares(name)) continue;
    const std::uint64_t compared = green->switching->compared;
    enough &= std::cmp_greater_equal(compared, settings.shadow_outputs);
    if (compared == 0 && settings.shadow_outputs > 0) silent = name;
    told += fmt::format("{}{} {} equal", told.empty() ? "" : ", ", name, compared);
  }
  if (enough) return Done{};
  if (!late(seen, settings.shadow_s)) return Wait{std::move(told)};
  if (silent.empty()) return Done{};
  return Person{
      fmt::format("no output of {} came to be compared within {} s", silent, settings.shadow_s)};
}

SwitchMachine::Found SwitchMachine::look_gate() const {
  const auto have = static_cast<std::int64_t>(approvers_.size());
  if (have >= plan_.settings.approvals) return Done{};
  return Person{fmt::format("{} of {} approvals of digest {}", have, plan_.settings.approvals,
                            plan_.digest.empty() ? "-" : plan_.digest.substr(0, 12))};
}

// ---- the switch of one role

SwitchMachine::Found SwitchMachine::look_switch(const Item& item, const Seen& seen,
                                                bool back) const {
  const DeployRole& wanted = planned(item.roles.front());
  const TargetRole* const role = seen.target->find(wanted.name);
  const std::int64_t patience = back ? plan_.settings.back_s : plan_.settings.switch_s;
  if (role == nullptr || !seen.target->log_read()) {
    if (late(seen, patience)) return Fail{"the execution log could not be read"};
    return Wait{"the execution log is being read"};
  }
  return look_order(*role, back ? wanted.from : other(wanted.from), seen, back);
}

SwitchCommand SwitchMachine::command(const DeployRole& role, Colour to, std::uint64_t epoch,
                                     bool at_once) const {
  return {.deploy = plan_.id,
          .role = role.name,
          .leader = to,
          .release = to == role.from ? role.release : plan_.release,
          .epoch = epoch,
          .hold_max = milliseconds{plan_.settings.hold_max_ms},
          .at_once = at_once,
          .regardless = going_back_,
          .actor = plan_.actor,
          .reason = going_back_ ? failure_ : plan_.reason};
}

SwitchMachine::Found SwitchMachine::look_order(const TargetRole& role, Colour to, const Seen& seen,
                                               bool back) const {
  const DeployRole& wanted = planned(role.name);
  auto epoch = static_cast<std::uint64_t>(begun_with_["epoch"].integer().value_or(0));
  using Kind = EpochRecord::Kind;
  if (const EpochRecord* open = newest(*seen.target, Kind::Open, role.name, epoch)) {
    // On the way back the one that leads may have died and, started anew, opened the epoch that was
    // ordered: an order that nobody has answered is void to it. So it is given again.
    if (!back || open->leader == to || was_closed_for(*seen.target, *open)) {
      return look_opened(role, to, *open, seen);
    }
    epoch = open->epoch + 1;
  }
  const std::int64_t patience = back ? plan_.settings.back_s : plan_.settings.switch_s;
  const EpochRecord* order = newest(*seen.target, Kind::Order, role.name, epoch);
  // One that an earlier deployment gave in vain is not ours.
  if (order != nullptr && (order->deploy != plan_.id || order->leader != to)) order = nullptr;
  const InstanceView* const next = role.of(to);
  const bool leader_dead = !runs(role.of(other(to)));
  if (late(seen, patience)) {
    return Fail{fmt::format("nobody opened epoch {} within {} s", epoch, patience)};
  }
  if (!runs(next) && order == nullptr) {
    return Fail{next == nullptr ? role.name + " lost its other process" : how_it_ended(*next)};
  }
  if (order == nullptr) return Action{command(wanted, to, epoch, leader_dead)};
  const EpochRecord* const close = newest(*seen.target, Kind::Close, role.name, 0);
  const bool closed = close != nullptr && close->lsn > order->lsn;
  // On the way back one that neither closes nor goes on is as good as dead: the relay keeps it out.
  const bool silent =
      back && seen.now - order->time > milliseconds{plan_.settings.hold_max_ms} + kOrderGrace;
  if ((leader_dead || silent) && !closed && !order->at_once && runs(next)) {
    return Action{command(wanted, to, epoch, true)};
  }
  return Wait{closed ? "closed; the other opens" : "ordered"};
}

SwitchMachine::Found SwitchMachine::look_opened(const TargetRole& role, Colour to,
                                                const EpochRecord& open, const Seen& seen) const {
  if (open.leader != to) {
    return Fail{fmt::format("{} was not opened in time, and the one before leads again (epoch {})",
                            role.name, open.epoch)};
  }
  const InstanceView* const next = role.of(to);
  if (!runs(next)) {
    return Fail{next == nullptr ? role.name + " lost its new leader" : how_it_ended(*next)};
  }
  if (next->beside) return Action{Promote{.role = role.name, .colour = to}};
  const SwitchStatus status = next->switching.value_or(SwitchStatus{});
  const bool serves = leads(*next) && status.epoch >= open.epoch && status.lsn >= open.lsn;
  if (!serves) {
    if (late(seen, plan_.settings.switch_s)) {
      return Fail{next->name + " has opened its epoch and does not say that it leads"};
    }
    return Wait{"opened; it has to say that it leads"};
  }
  std::string info;
  json::Writer json{info};
  json.begin_object();
  json.digits_field("epoch", open.epoch);
  json.digits_field("open_lsn", open.lsn.value());
  json.digits_field("open_ns", open.time.ns());
  using Kind = EpochRecord::Kind;
  const EpochRecord* order = newest(*seen.target, Kind::Order, role.name, open.epoch);
  if (order != nullptr) json.digits_field("order_ns", order->time.ns());
  for (const EpochRecord& record : seen.target->epochs()) {
    if (record.kind != Kind::Close || record.role != role.name || record.lsn > open.lsn) continue;
    if (order == nullptr || record.lsn < order->lsn) continue;
    json.digits_field("close_ns", record.time.ns());
    break;
  }
  json.end_object();
  return Done{std::move(info)};
}

/// Whatever the switch of this role came to: what led before leads again, and has the place.
SwitchMachine::Found SwitchMachine::look_back(const Item& item, const Seen& seen) const {
  const DeployRole& wanted = planned(item.roles.front());
  const TargetRole* const role = seen.target->find(wanted.name);
  if (late(seen, plan_.settings.back_s)) {
    return Fail{
        fmt::format("{} did not come back within {} s", wanted.name, plan_.settings.back_s)};
  }
  if (role == nullptr || !seen.target->log_read()) return Wait{"the execution log is being read"};
  using Kind = EpochRecord::Kind;
  const EpochRecord* const order = newest(*seen.target, Kind::Order, wanted.name, wanted.epoch + 1);
  const bool open =
      order != nullptr && newest(*seen.target, Kind::Open, wanted.name, order->epoch) == nullptr;
  const auto ours = static_cast<std::uint64_t>(begun_with_["epoch"].integer().value_or(0));
  if (open && order->leader != wanted.from &&
      seen.now - order->time < milliseconds{plan_.settings.hold_max_ms} + kOrderGrace) {
    return Wait{"an order is under way; how it ends decides"};
  }
  const InstanceView* const before = role->of(wanted.from);
  if (leader_of(*seen.target, wanted) == wanted.from) {
    if (runs(before) && before->beside) {
      return Action{Promote{.role = wanted.name, .colour = wanted.from}};
    }
    if (const EpochRecord* back = newest(*seen.target, Kind::Open, wanted.name, ours)) {
      return look_opened(*role, wanted.from, *back, seen);
    }
    if (runs(before)) return Done{};
    return Wait{wanted.name + " is started again"};
  }
  if (!runs(before)) {
    if (before != nullptr && !before->beside) return Wait{wanted.name + " is started again"};
    return Action{
        StartBeside{.role = wanted.name, .colour = wanted.from, .release = wanted.release}};
  }
  if (!before->ready || !before->switching) return Wait{before->name + " is not ready yet"};
  return look_switch(item, seen, true);
}

// ---- afterwards

SwitchMachine::Found SwitchMachine::look_soak(const Item& item, const Seen& seen) {
  const DeploySettings& settings = plan_.settings;
  const Sample from = sample_from_json(begun_with_["sample"]);
  const Sample now = sample_of(*seen.target);
  std::string inconclusive = seen.target->trouble();
  if (inconclusive.empty()) {
    if (auto why = broken(seen)) return Fail{std::move(*why)};
    for (const std::string& name : item.roles) {
      const auto before = from.roles.find(name);
      const auto after = now.roles.find(name);
      if (before == from.roles.end() || after == now.roles.end()) continue;
      if (after->second.restarts > before->second.restarts) {
        return Fail{name + " crashed and was started again"};
      }
      const TargetRole* const role = seen.target->find(name);
      const InstanceView* const follower = role == nullptr ? nullptr : role->beside();
      if (runs(follower) && follower->switching && follower->switching->differs_at) {
        return Fail{difference_of(*follower)};
      }
    }
  }
  Judgement judgement =
      judge(sample_from_json(sample_start_), sample_from_json(sample_switch_), from, now, settings);
  if (!inconclusive.empty())
    judgement = {.verdict = SoakVerdict::Inconclusive, .findings = {inconclusive}};
  std::string findings;
  for (const std::string& finding : judgement.findings) {
    findings += (findings.empty() ? "" : "; ") + finding;
  }
  if (judgement.verdict == SoakVerdict::Bad) {
    if (!bad_since_) bad_since_ = seen.now;
    // A single look may be a flap.
    if (seen.now - *bad_since_ >= seconds{settings.bad_s}) return Fail{std::move(findings)};
    return Wait{"bad, and watched: " + findings};
  }
  bad_since_.reset();
  // Kept for whoever looks later: the figures of this moment.
  const auto ended = [&] {
    std::string info;
    json::Writer json{info};
    json.begin_object();
    json.field("promoted", waved_on_);
    json.raw_field("sample", to_json(now));
    json.end_object();
    return Done{std::move(info)};
  };
  if (waved_on_) return ended();
  if (!late(seen, settings.soak_s)) return Wait{"under watch"};
  if (judgement.verdict == SoakVerdict::Inconclusive) return Person{std::move(findings)};
  return ended();
}

SwitchMachine::Found SwitchMachine::look_recreate(const Item& item, const Seen& seen,
                                                  bool back) const {
  const DeployRole& wanted = planned(item.roles.front());
  const std::string& release = back ? wanted.release : plan_.release;
  const TargetRole* const role = seen.target->find(wanted.name);
  const InstanceView* const placed = role == nullptr ? nullptr : role->placed();
  if (late(seen, plan_.settings.start_s + kEndS)) {
    return Fail{fmt::format("{} is not ready{}{}", wanted.name,
                            placed == nullptr || placed->failure.empty() ? "" : ": ",
                            placed == nullptr ? "" : placed->failure)};
  }
  if (placed == nullptr) return Wait{wanted.name + " is not there"};
  if (placed->release != release)
    return Action{RestartRole{.role = wanted.name, .release = release}};
  if (!placed->running || !placed->ready) return Wait{wanted.name + " starts"};
  if (!back && !plan_.version.empty() && placed->version != plan_.version) {
    if (placed->version.empty()) return Wait{wanted.name + " does not answer yet"};
    return Fail{fmt::format("{} says that it is version {}, release {} is {}", wanted.name,
                            placed->version, release, plan_.version)};
  }
  return Done{};
}

}  // namespace stoa::deploy

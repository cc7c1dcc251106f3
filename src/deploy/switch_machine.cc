#include "deploy/switch_machine.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/soak.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

// The state that follows from the records, and what people may ask. What each step looks for is in
// switch_steps.cc.
namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 15> kSteps{
    "hook", "make room", "start", "catch up", "shadow", "gate",  "switch", "settle",
    "soak", "warm",      "stop",  "recreate", "back",   "again", "clear"};
constexpr std::array<std::string_view, 5> kOutcomes{"running", "committed", "rolled_back",
                                                    "rollback_failed", "abandoned"};
constexpr std::array<std::string_view, 6> kVerbs{"pause",   "resume", "promote",
                                                 "approve", "abort",  "rollback"};

std::unexpected<Error> unavailable(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}});
}

/// Steps with the operator's hooks around a stage of them.
class Program {
 public:
  explicit Program(const DeployPlan& plan) : plan_{plan} {
    for (const DeployRole& role : plan.roles) all_.push_back(role.name);
  }

  void hook(const std::string& name) {
    if (std::ranges::find(plan_.hooks, name) == plan_.hooks.end()) return;
    items.push_back({.step = Step::Hook, .hook = name});
  }
  void all(Step step) { items.push_back({.step = step, .roles = all_}); }
  void one(Step step, const std::string& role) { items.push_back({.step = step, .roles = {role}}); }
  [[nodiscard]] const std::vector<std::string>& roles() const { return all_; }

  std::vector<Item> items;

 private:
  const DeployPlan& plan_;
  std::vector<std::string> all_;
};

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::string Item::name() const {
  std::string text{kSteps[static_cast<std::size_t>(step)]};
  if (step == Step::Hook) return text + ' ' + hook;
  if (roles.size() == 1) (text += ' ') += roles.front();
  return text;
}

std::vector<Item> items_of(const DeployPlan& plan) {
  Program program{plan};
  if (plan.strategy == Strategy::Recreate) {
    program.hook("validate");
    program.all(Step::Gate);
    program.hook("pre-switch");
    for (const std::string& role : program.roles()) {
      program.one(Step::Recreate, role);
      program.one(Step::Settle, role);
    }
    program.hook("post-switch");
  } else {
    program.hook("pre-start");
    program.all(Step::MakeRoom);
    const bool together = plan.strategy == Strategy::BlueGreen;
    if (together) {
      program.all(Step::Start);
      program.hook("post-start");
      program.all(Step::CatchUp);
      program.hook("pre-shadow");
      program.all(Step::Shadow);
      program.hook("post-shadow");
    }
    program.hook("validate");
    program.all(Step::Gate);
    program.hook("pre-switch");
    for (const std::string& role : program.roles()) {
      if (!together) {
        for (const Step step : {Step::Start, Step::CatchUp, Step::Shadow}) program.one(step, role);
      }
      program.one(Step::Switch, role);
      if (!together) program.one(Step::Settle, role);
    }
    program.hook("post-switch");
  }
  program.hook("pre-soak");
  program.all(Step::Soak);
  program.hook("post-soak");
  program.hook("pre-commit");
  if (plan.strategy != Strategy::Recreate) {
    program.all(Step::Warm);
    program.all(Step::Stop);
  }
  program.hook("post-commit");
  return std::move(program.items);
}

SwitchMachine::SwitchMachine(DeployPlan plan) : plan_{std::move(plan)}, items_{items_of(plan_)} {}

std::string SwitchMachine::step() const {
  return outcome_ == Outcome::Running && at_ < items_.size() ? items_[at_].name() : std::string{};
}

bool SwitchMachine::unapproved() const noexcept {
  return at_ < items_.size() && items_[at_].step == Step::Gate && !question_.empty();
}

// ---- the records

DeployRecord SwitchMachine::record(RecordKind kind, Timestamp now) const {
  return {.deploy = plan_.id,
          .kind = kind,
          .at = now,
          .item = static_cast<std::uint32_t>(at_),
          .step = step()};
}

void SwitchMachine::take(const DeployRecord& record) {
  switch (record.kind) {
    case RecordKind::Began:
      began_at_ = record.at;
      return;
    case RecordKind::Begun: {
      begun_ = true;
      begun_at_ = record.at;
      begun_with_ = record.info.empty() ? json::Value{}
                                        : json::Value::parse(record.info).value_or(json::Value{});
      steady_since_.reset();
      bad_since_.reset();
      question_.clear();
      waved_on_ = false;
      const Item& item = items_.at(at_);
      const bool touches = item.step == Step::Switch || item.step == Step::Recreate;
      if (touches) touched_.push_back(item.roles.front());
      if (sample_start_.is_null()) sample_start_ = begun_with_["sample"];
      if (touches && sample_switch_.is_null()) sample_switch_ = begun_with_["sample"];
      return;
    }
    case RecordKind::Ended:
      note_switched(record);
      begun_ = false;
      ++at_;
      question_.clear();
      return;
    case RecordKind::Waits:
      question_ = record.text;
      return;
    case RecordKind::Asked:
      if (record.verb == "pause") paused_ = true;
      if (record.verb == "resume") paused_ = false;
      if (record.verb == "promote") waved_on_ = true;
      if (record.verb == "approve") approvers_.insert(record.actor);
      if (record.verb == "promote" || record.verb == "approve") question_.clear();
      return;
    case RecordKind::Failed:
      begun_ = false;
      question_.clear();
      if (going_back_) {
        // One role that does not come back keeps no other from it.
        back_failed_ = true;
        failure_ += "; " + record.text;
        ++at_;
        return;
      }
      failure_ = record.text;
      items_ = way_back();
      going_back_ = true;
      paused_ = false;
      at_ = 0;
      return;
    case RecordKind::Over:
      for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
        if (kOutcomes[i] == record.verb) outcome_ = static_cast<Outcome>(i);
      }
      question_.clear();
      return;
  }
}

std::vector<Item> SwitchMachine::way_back() const {
  Program program{plan_};
  if (!touched_.empty()) program.hook("pre-rollback");
  for (auto role = touched_.rbegin(); role != touched_.rend(); ++role) {
    program.one(plan_.strategy == Strategy::Recreate ? Step::Again : Step::Back, *role);
  }
  if (plan_.strategy != Strategy::Recreate) program.all(Step::Clear);
  if (!touched_.empty()) program.hook("post-rollback");
  return std::move(program.items);
}

void SwitchMachine::note_switched(const DeployRecord& record) {
  const Item& item = items_.at(at_);
  if ((item.step != Step::Switch && item.step != Step::Back) || record.info.empty()) return;
  const auto info = json::Value::parse(record.info);
  if (!info || (*info)["open_ns"].is_null()) return;
  const auto at = [&](std::string_view name) { return (*info)[name].integer(); };
  const std::int64_t open = at("open_ns").value_or(0);
  switched_.push_back({.role = item.roles.front(),
                       .back = item.step == Step::Back,
                       .hold = nanoseconds{open - at("close_ns").value_or(open)},
                       .whole = nanoseconds{open - at("order_ns").value_or(open)}});
}

DeployRecord SwitchMachine::refused(const std::string& why, Timestamp now) const {
  DeployRecord failed = record(RecordKind::Failed, now);
  failed.text = fmt::format("{}: {}", step(), why);
  return failed;
}

// ---- what follows

Next SwitchMachine::next(const Seen& seen) {
  if (outcome_ != Outcome::Running) return {};
  if (at_ >= items_.size()) {
    DeployRecord over = record(RecordKind::Over, seen.now);
    const Outcome outcome = !going_back_   ? Outcome::Committed
                            : back_failed_ ? Outcome::RollbackFailed
                                           : Outcome::RolledBack;
    over.verb = to_string(outcome);
    over.text = failure_;
    return {.record = std::move(over)};
  }
  const Item& item = items_[at_];
  if (!begun_) {
    if (paused_) return {.waits_for = "paused; stoa deploy resume goes on"};
    // What is written down here has to be true: the log and the roles are looked at first.
    const std::string trouble = seen.target->trouble();
    const bool reads_log = item.step == Step::Switch || item.step == Step::Back;
    if (!going_back_ && !trouble.empty()) return {.waits_for = trouble};
    if (reads_log && !seen.target->log_read() && trouble.empty()) {
      return {.waits_for = "the execution log is being read"};
    }
    DeployRecord begun = record(RecordKind::Begun, seen.now);
    begun.info = begin_info(item, seen);
    return {.record = std::move(begun)};
  }
  Found found = look(item, seen);
  if (auto* const person = std::get_if<Person>(&found)) {
    if (waved_on_) {
      found = Done{R"({"promoted":true})"};
    } else if (question_.empty()) {
      DeployRecord waits = record(RecordKind::Waits, seen.now);
      waits.text = std::move(person->question);
      return {.record = std::move(waits)};
    } else {
      return {.waits_for = question_};
    }
  }
  if (auto* const done = std::get_if<Done>(&found)) {
    DeployRecord ended = record(RecordKind::Ended, seen.now);
    ended.info = std::move(done->info);
    return {.record = std::move(ended)};
  }
  if (auto* const fail = std::get_if<Fail>(&found)) return {.record = refused(fail->why, seen.now)};
  if (auto* const action = std::get_if<Action>(&found)) return {.action = std::move(*action)};
  return {.waits_for = std::move(std::get<Wait>(found).what)};
}

std::string SwitchMachine::begin_info(const Item& item, const Seen& seen) const {
  const bool orders = item.step == Step::Switch || item.step == Step::Back;
  const bool samples = item.step == Step::Start || item.step == Step::Switch ||
                       item.step == Step::Recreate || item.step == Step::Soak ||
                       item.step == Step::Gate;
  if (!orders && !samples) return {};
  std::string text;
  json::Writer json{text};
  json.begin_object();
  if (orders) {
    json.digits_field("epoch", open_epoch(*seen.target, planned(item.roles.front())) + 1);
  }
  if (samples) json.raw_field("sample", to_json(sample_of(*seen.target)));
  json.end_object();
  return text;
}

// ---- people

Result<DeployRecord> SwitchMachine::ask(std::string_view verb, const std::string& actor,
                                        const std::string& reason, bool force, const Seen& seen) {
  if (std::ranges::find(kVerbs, verb) == kVerbs.end()) {
    return bad_input(fmt::format("{} is nothing that a deployment can be asked", verb));
  }
  if (outcome_ != Outcome::Running) {
    return unavailable(fmt::format("deployment {} is over: {}", plan_.id, to_string(outcome_)));
  }
  DeployRecord asked = record(RecordKind::Asked, seen.now);
  asked.verb = verb;
  asked.actor = actor;
  asked.text = reason;
  const Step step = at_ < items_.size() ? items_[at_].step : Step::Clear;
  if (verb == "approve") {
    if (actor == plan_.actor) return unavailable("who began a deployment cannot approve it");
    return asked;
  }
  if (verb == "promote") {
    if (question_.empty() && step != Step::Soak && step != Step::Warm) {
      return unavailable("nothing waits for a person; it is at: " + this->step());
    }
    if (unapproved()) return unavailable("it waits for approvals: stoa deploy approve");
    return asked;
  }
  if (verb == "pause" || verb == "resume") return asked;
  if (force && verb == "abort") {
    DeployRecord over = record(RecordKind::Over, seen.now);
    over.verb = to_string(Outcome::Abandoned);
    over.actor = actor;
    over.text = fmt::format("left as it stood at: {}; {}", this->step(), reason);
    return over;
  }
  if (going_back_) return unavailable("it goes back already");
  if (step == Step::Stop) return unavailable("it is committed; stoa deploy rollback takes it back");
  if (const EpochRecord* feature = feature_since(*seen.target, began_at_);
      feature != nullptr && !touched_.empty()) {
    return unavailable(
        fmt::format("feature {} was turned on at lsn {}: the release before cannot read what is "
                    "written since; mend it with a new release",
                    feature->text, feature->lsn.value()));
  }
  DeployRecord failed = record(RecordKind::Failed, seen.now);
  failed.actor = actor;
  failed.text = fmt::format("{} asked for it{}{}", actor, reason.empty() ? "" : ": ", reason);
  return failed;
}

const DeployRole& SwitchMachine::planned(std::string_view role) const {
  const auto found = std::ranges::find(plan_.roles, role, &DeployRole::name);
  if (found == plan_.roles.end()) {
    fail_check("steps name roles of the plan", std::source_location::current());
  }
  return *found;
}

// ---- what the log says

const EpochRecord* newest(const Target& target, EpochRecord::Kind kind, std::string_view role,
                          std::uint64_t epoch) {
  const auto records = target.epochs();
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (record->kind == kind && record->role == role && record->epoch >= epoch) return &*record;
  }
  return nullptr;
}

std::uint64_t open_epoch(const Target& target, const DeployRole& role) {
  std::uint64_t highest = role.epoch;
  if (const auto* const open = newest(target, EpochRecord::Kind::Open, role.name, highest)) {
    highest = open->epoch;
  }
  if (const TargetRole* const known = target.find(role.name)) {
    for (const InstanceView& instance : known->instances) {
      if (instance.switching) highest = std::max(highest, instance.switching->epoch);
    }
  }
  return highest;
}

Colour leader_of(const Target& target, const DeployRole& role) {
  const EpochRecord* const open =
      newest(target, EpochRecord::Kind::Open, role.name, role.epoch + 1);
  return open == nullptr ? role.from : open->leader.value_or(role.from);
}

const EpochRecord* feature_since(const Target& target, Timestamp since) {
  for (const EpochRecord& record : target.epochs()) {
    if (record.kind == EpochRecord::Kind::Feature && record.time >= since) return &record;
  }
  return nullptr;
}

}  // namespace stoa::deploy

#include "deploy/deploy_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/deployer.h"
#include "deploy/soak.h"
#include "deploy/switch_machine.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 7> kStates{"pending", "running", "waiting", "done",
                                                  "failed",  "aborted", "skipped"};
constexpr std::array<std::string_view, 6> kAsks{"promote", "approve", "pause",
                                                "resume",  "abort",   "rollback"};

json::Value info_of(const DeployRecord& record) {
  if (record.info.empty()) return {};
  return json::Value::parse(record.info).value_or(json::Value{});
}

StepView step_of(const Item& item, bool back) {
  return {.name = item.name(), .step = item.step, .roles = item.roles, .back = back};
}

/// "nobody led for 2.31 ms", of the end of a switch.
std::string told_by(const json::Value& info) {
  const auto open = info["open_ns"].integer();
  const auto close = info["close_ns"].integer();
  if (open && close) {
    return fmt::format("nobody led for {:.2f} ms", static_cast<double>(*open - *close) / 1e6);
  }
  if (open) return "opened at once: who led before did not close";
  if (!info["warning"].is_null()) return info["warning"].text();
  return {};
}

/// The steps as records move through them.
class Walk {
 public:
  Walk(const std::vector<Item>& there, std::vector<Item> back) : back_items_{std::move(back)} {
    for (const Item& item : there) steps.push_back(step_of(item, false));
  }

  void take(const DeployRecord& record) {
    StepView* const step = at(record.item);
    if (step == nullptr) return;
    switch (record.kind) {
      case RecordKind::Begun:
        step->state = StepView::State::Running;
        step->began = record.at;
        return;
      case RecordKind::Ended:
        step->state = StepView::State::Done;
        step->ended = record.at;
        step->detail = told_by(info_of(record));
        if (!waved_on_by_.empty()) step->detail = "waved on by " + std::exchange(waved_on_by_, {});
        return;
      case RecordKind::Waits:
        step->state = StepView::State::Waiting;
        step->detail = record.text;
        return;
      case RecordKind::Asked:
        if (record.verb == "promote") waved_on_by_ = record.actor;
        if (step->state == StepView::State::Waiting) step->state = StepView::State::Running;
        return;
      case RecordKind::Failed:
        step->state = record.actor.empty() ? StepView::State::Failed : StepView::State::Aborted;
        step->ended = record.at;
        step->detail = record.text;
        if (!std::exchange(turned_, true)) turn();
        return;
      case RecordKind::Over:
        for (StepView& each : steps) {
          if (each.state == StepView::State::Pending) each.state = StepView::State::Skipped;
          if (!each.ended && each.began) {
            each.state = StepView::State::Aborted;  // left as it stood
            each.ended = record.at;
            each.detail = record.text;
          }
        }
        return;
      case RecordKind::Began:
        return;
    }
  }

  std::vector<StepView> steps;

 private:
  StepView* at(std::size_t item) {
    const std::size_t place = first_back_ + item;
    return place < steps.size() ? &steps[place] : nullptr;
  }
  void turn() {
    for (StepView& each : steps) {
      if (each.state == StepView::State::Pending) each.state = StepView::State::Skipped;
    }
    first_back_ = steps.size();
    for (const Item& item : back_items_) steps.push_back(step_of(item, true));
  }

  std::vector<Item> back_items_;
  std::size_t first_back_ = 0;
  bool turned_ = false;
  std::string waved_on_by_;
};

/// The samples by which a soak is judged, from the records of its deployment.
struct Samples {
  json::Value start{};
  json::Value switched{};
  json::Value soak{};
  json::Value end{};
  bool begun = false;
  bool over = false;
};

Samples samples_of(const std::vector<DeployRecord>& records) {
  Samples samples;
  for (const DeployRecord& record : records) {
    const bool soaks = record.step == "soak";
    const bool touches = record.step.starts_with("switch") || record.step.starts_with("recreate");
    if (record.kind == RecordKind::Begun && !samples.begun) {
      const auto sample = info_of(record)["sample"];
      if (samples.start.is_null()) samples.start = sample;
      if (touches && samples.switched.is_null()) samples.switched = sample;
      if (soaks) {
        samples.soak = sample;
        samples.begun = true;
      }
    } else if (samples.begun && !samples.over &&
               (record.kind == RecordKind::Ended || record.kind == RecordKind::Failed ||
                record.kind == RecordKind::Over)) {
      samples.over = true;
      if (record.kind == RecordKind::Ended) samples.end = info_of(record)["sample"];
    }
  }
  return samples;
}

}  // namespace

Result<void> DeployHistory::refresh() {
  auto more = read_deploys(dir_, Lsn{records_.size() + 1});
  if (!more) return std::unexpected(std::move(more.error()));
  std::ranges::move(*more, std::back_inserter(records_));
  return {};
}

Result<SwitchMachine> machine_of(const std::vector<DeployRecord>& records) {
  if (records.empty() || records.front().kind != RecordKind::Began) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = "no such deployment; stoa deploy history",
                                 .source = {}});
  }
  const auto info = json::Value::parse(records.front().info);
  if (!info) return std::unexpected(info.error());
  auto plan = plan_from_json(*info);
  if (!plan) return std::unexpected(plan.error());
  SwitchMachine machine{std::move(*plan)};
  for (const DeployRecord& record : records) machine.take(record);
  return machine;
}

std::string_view to_string(StepView::State state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

std::vector<StepView> steps_of(const std::vector<DeployRecord>& records,
                               const SwitchMachine& machine) {
  Walk walk{items_of(machine.plan()), machine.going_back() ? machine.items() : std::vector<Item>{}};
  for (const DeployRecord& record : records) walk.take(record);
  return std::move(walk.steps);
}

std::optional<Deadline> deadline_of(const std::vector<StepView>& steps,
                                    const DeploySettings& settings) {
  const auto under_way = std::ranges::find_if(
      steps, [](const StepView& step) { return step.state == StepView::State::Running; });
  if (under_way == steps.end()) return std::nullopt;
  const std::optional<Timestamp>& begun_at = under_way->began;
  if (!begun_at) return std::nullopt;
  const Timestamp began = *begun_at;
  const auto in = [&](std::string what, std::int64_t seconds) {
    return Deadline{.what = std::move(what), .until = began + std::chrono::seconds{seconds}};
  };
  switch (under_way->step) {
    case Step::Hook:
      return in("the hook has to end", settings.hook_s);
    case Step::Start:
      return in("every process has to be ready", settings.start_s);
    case Step::CatchUp:
      return in("it has to follow closely", settings.catch_up_deadline_s);
    case Step::Shadow:
      return in("enough outputs, or this long with none that differs", settings.shadow_s);
    case Step::Switch:
      return in("the new one has to lead", settings.switch_s);
    case Step::Settle:
      return in("the next role", settings.settle_s);
    case Step::Soak:
      return in("the verdict", settings.soak_s);
    case Step::Warm:
      return in("rollback window: the build before follows until then", settings.warm_s);
    case Step::Back:
      return in("the build before has to lead again", settings.back_s);
    case Step::Recreate:
    case Step::Again:
      return in("the process has to be ready", settings.start_s);
    case Step::MakeRoom:
    case Step::Gate:
    case Step::Stop:
    case Step::Clear:
      break;
  }
  return std::nullopt;
}

std::optional<SoakView> soak_of(const std::vector<DeployRecord>& records,
                                const SwitchMachine& machine, const Sample& now) {
  const Samples samples = samples_of(records);
  if (!samples.begun) return std::nullopt;
  SoakView view{.over = samples.over, .told = !samples.over || !samples.end.is_null()};
  if (!view.told) return view;
  const Sample until = samples.over ? sample_from_json(samples.end) : now;
  const Sample start = sample_from_json(samples.start);
  const Sample switched = sample_from_json(samples.switched);
  const Sample soak = sample_from_json(samples.soak);
  const DeploySettings& settings = machine.plan().settings;
  view.judgement = judge(start, switched, soak, until, settings);
  view.figures = figures_of(start, switched, soak, until, settings);
  return view;
}

std::span<const std::string_view> deploy_asks() noexcept { return kAsks; }

std::string why_not(std::string_view ask, const std::string& actor, const SwitchMachine& machine,
                    const Driven& driven, const std::vector<DeployRecord>& all, const Seen& seen) {
  if (std::ranges::find(kAsks, ask) == kAsks.end()) {
    return fmt::format("{} is nothing that a deployment can be asked", ask);
  }
  if (machine.outcome() != Outcome::Running) {
    if (ask != "rollback") {
      return fmt::format("deployment {} is over: {}", machine.plan().id,
                         to_string(machine.outcome()));
    }
    if (!all.empty() && all.back().kind != RecordKind::Over) {
      return fmt::format("deployment {} is under way", all.back().deploy);
    }
    const auto wish = take_back(all, machine.plan().id, *seen.target);
    return wish ? std::string{} : wish.error().message;
  }
  if (!driven.here) {
    if (!driven.elsewhere.empty()) return "it is driven by " + driven.elsewhere;
    return ask == "resume" ? "" : "nobody drives it: resume it first";
  }
  // A way back has no pause: what led before has to lead again.
  if (ask == "pause" && machine.going_back()) return "it goes back already";
  if (ask == "pause" && machine.paused()) return "it is paused already";
  if (ask == "resume" && !machine.paused()) return "it is not paused";
  if (ask == "rollback" && machine.switched().empty() && !machine.going_back()) {
    return "nothing is switched yet: abort ends it";
  }
  if (ask == "approve" && machine.approvers().contains(actor)) {
    return actor + " has approved it already";
  }
  if (ask == "approve" && machine.plan().settings.approvals == 0) {
    return "nobody has to approve it";
  }
  SwitchMachine asked = machine;
  const auto answer = asked.ask(ask, actor, {}, false, seen);
  return answer ? std::string{} : answer.error().message;
}

}  // namespace stoa::deploy

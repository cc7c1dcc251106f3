#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/deploy_view.h"
#include "deploy/soak.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

// The documents that a page reads of deployments; docs/api.md says what each field means.
namespace stoa::deploy {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

void time_field(json::Writer& json, std::string_view name, const std::optional<Timestamp>& time) {
  if (time) {
    json.digits_field(name, time->ns());
  } else {
    json.null_field(name);
  }
}

void texts_field(json::Writer& json, std::string_view name, const auto& texts) {
  json.key(name);
  json.begin_array();
  for (const auto& text : texts) json.value(std::string_view{text});
  json.end_array();
}

void milliseconds_field(json::Writer& json, std::string_view name, nanoseconds time) {
  json.key(name);
  json.milli(time.count() / 1'000);
}

std::optional<Timestamp> ended_at(const std::vector<DeployRecord>& records) {
  if (records.back().kind != RecordKind::Over) return std::nullopt;
  return records.back().at;
}

/// What a list and a single deployment share.
void write_head(json::Writer& json, const SwitchMachine& machine,
                const std::vector<DeployRecord>& records) {
  const DeployPlan& plan = machine.plan();
  json.digits_field("id", plan.id);
  json.field("release", std::string_view{plan.release});
  json.field("version", std::string_view{plan.version});
  json.field("strategy", to_string(plan.strategy));
  json.key("roles");
  json.begin_array();
  for (const DeployRole& role : plan.roles) json.value(std::string_view{role.name});
  json.end_array();
  json.field("actor", std::string_view{plan.actor});
  json.field("reason", std::string_view{plan.reason});
  json.digits_field("rolls_back", plan.rolls_back);
  json.digits_field("began_ns", records.front().at.ns());
  time_field(json, "ended_ns", ended_at(records));
  json.field("outcome", to_string(machine.outcome()));
  json.field("step", std::string_view{machine.step()});
  json.field("question", std::string_view{machine.question()});
  json.field("failure", std::string_view{machine.failure()});
}

void write_steps(json::Writer& json, const std::vector<StepView>& steps) {
  json.key("steps");
  json.begin_array();
  for (const StepView& step : steps) {
    json.begin_object();
    json.field("name", std::string_view{step.name});
    texts_field(json, "roles", step.roles);
    json.field("back", step.back);
    json.field("state", to_string(step.state));
    time_field(json, "began_ns", step.began);
    time_field(json, "ended_ns", step.ended);
    json.field("detail", std::string_view{step.detail});
    json.end_object();
  }
  json.end_array();
}

void write_lanes(json::Writer& json, const SwitchMachine& machine) {
  json.key("lanes");
  json.begin_array();
  for (const DeployRole& role : machine.plan().roles) {
    json.begin_object();
    json.field("role", std::string_view{role.name});
    json.field("from_colour", to_string(role.from));
    json.field("from_release", std::string_view{role.release});
    json.digits_field("from_epoch", role.epoch);
    json.field("to_colour", to_string(other(role.from)));
    json.field("to_release", std::string_view{machine.plan().release});
    json.key("switches");
    json.begin_array();
    for (const SwitchMachine::Switched& switched : machine.switched()) {
      if (switched.role != role.name) continue;
      json.begin_object();
      json.field("back", switched.back);
      milliseconds_field(json, "hold_ms", switched.hold);
      milliseconds_field(json, "whole_ms", switched.whole);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

/// A number that nobody told is null, never 0.
struct Figure {
  std::string_view name{};
  std::string_view unit{};
  std::optional<std::int64_t> now{};
  std::optional<std::int64_t> before{};
  std::optional<std::int64_t> allowed{};
  std::optional<std::int64_t> count{};
  bool ok = true;
};

void write_figure(json::Writer& json, const Figure& figure) {
  json.begin_object();
  json.field("name", figure.name);
  json.field("unit", figure.unit);
  json.field("now", figure.now);
  json.field("before", figure.before);
  json.field("allowed", figure.allowed);
  json.field("count", figure.count);
  json.field("ok", figure.ok);
  json.end_object();
}

std::optional<std::int64_t> ppm(std::optional<std::int64_t> part, std::optional<std::int64_t> of) {
  const std::int64_t whole = of.value_or(0);
  if (!part || whole == 0) return std::nullopt;
  return *part * kMillion / whole;
}

std::optional<std::int64_t> microseconds(std::optional<nanoseconds> time) {
  if (!time) return std::nullopt;
  return time->count() / 1'000;
}

Figure ratio(std::string_view name, std::optional<std::int64_t> before,
             std::optional<std::int64_t> requests_before, std::optional<std::int64_t> now,
             std::optional<std::int64_t> requests, std::int64_t allowed) {
  Figure figure{.name = name,
                .unit = "ppm",
                .now = ppm(now, requests),
                .before = ppm(before, requests_before),
                .count = now};
  figure.allowed = figure.before.value_or(0) + allowed;
  figure.ok = !figure.now || *figure.now <= *figure.allowed;
  return figure;
}

void write_soak(json::Writer& json, const SoakView& soak, const DeploySettings& settings,
                const DeployLook& look, const SwitchMachine& machine) {
  json.key("soak");
  json.begin_object();
  json.field("over", soak.over);
  json.field("verdict", soak.told ? to_string(soak.judgement.verdict) : std::string_view{"failed"});
  texts_field(json, "findings", soak.judgement.findings);
  json.key("figures");
  json.begin_array();
  if (soak.told) {
    const SoakFigures& figures = soak.figures;
    write_figure(json, {.name = "requests",
                        .unit = "count",
                        .now = figures.requests,
                        .before = figures.requests_before,
                        .allowed = settings.soak_requests,
                        .ok = figures.requests.value_or(0) >= settings.soak_requests});
    write_figure(json, ratio("errors", figures.errors_before, figures.requests_before,
                             figures.errors, figures.requests, settings.error_ratio_ppm));
    write_figure(json, ratio("refusals", figures.rejects_before, figures.requests_before,
                             figures.rejects, figures.requests, settings.reject_ratio_ppm));
    const auto p99 = microseconds(figures.p99);
    const auto allowed = microseconds(figures.p99_allowed);
    write_figure(json, {.name = "p99",
                        .unit = "us",
                        .now = p99,
                        .before = microseconds(figures.p99_before),
                        .allowed = allowed,
                        .ok = !p99 || !allowed || *p99 <= *allowed});
    write_figure(json, {.name = "gaps",
                        .unit = "count",
                        .now = figures.gaps,
                        .allowed = settings.gaps,
                        .ok = figures.gaps.value_or(0) <= settings.gaps});
    if (!soak.over) {
      Figure equal{.name = "equal_outputs", .unit = "count"};
      for (const DeployRole& role : machine.plan().roles) {
        const TargetRole* const known = look.seen.target->find(role.name);
        const InstanceView* const beside = known == nullptr ? nullptr : known->beside();
        if (beside == nullptr || !beside->switching) continue;
        equal.now = equal.now.value_or(0) + static_cast<std::int64_t>(beside->switching->compared);
        equal.ok &= !beside->switching->differs_at;
      }
      write_figure(json, equal);
    }
  }
  json.end_array();
  json.end_object();
}

void write_allowed(json::Writer& json, const DeployLook& look, const SwitchMachine& machine) {
  json.key("asks");
  json.begin_array();
  for (const std::string_view ask : deploy_asks()) {
    const auto why = why_not(ask, look.actor, machine, look.driven, look.all, look.seen);
    json.begin_object();
    json.field("ask", ask);
    json.field("allowed", why.empty());
    json.field("why_not", std::string_view{why});
    json.end_object();
  }
  json.end_array();
}

void write_records(json::Writer& json, const std::vector<DeployRecord>& records) {
  json.key("records");
  json.begin_array();
  for (const DeployRecord& record : records) {
    json.begin_object();
    json.digits_field("at_ns", record.at.ns());
    json.field("kind", to_string(record.kind));
    json.field("step", std::string_view{record.step});
    json.field("verb", std::string_view{record.verb});
    json.field("actor", std::string_view{record.actor});
    json.field("text", std::string_view{record.text});
    json.end_object();
  }
  json.end_array();
}

void write_deployment(json::Writer& json, const DeployLook& look, const SwitchMachine& machine) {
  const DeployPlan& plan = machine.plan();
  json.begin_object();
  write_head(json, machine, look.records);
  json.field("digest", std::string_view{plan.digest});
  json.field("paused", machine.paused());
  json.field("going_back", machine.going_back());
  json.field("driven_by",
             look.driven.here ? std::string_view{"hub"} : std::string_view{look.driven.elsewhere});
  json.field("waits_for", std::string_view{look.waits_for});
  json.field("approvals_needed", plan.settings.approvals);
  texts_field(json, "approved_by", machine.approvers());
  json.field("hold_max_ms", plan.settings.hold_max_ms);
  const auto steps = steps_of(look.records, machine);
  write_steps(json, steps);
  const bool runs = machine.outcome() == Outcome::Running;
  if (const auto deadline = deadline_of(steps, plan.settings); deadline && runs) {
    json.key("deadline");
    json.begin_object();
    json.field("what", std::string_view{deadline->what});
    json.digits_field("until_ns", deadline->until.ns());
    json.end_object();
  } else {
    json.null_field("deadline");
  }
  write_lanes(json, machine);
  if (const auto soak = soak_of(look.records, machine, sample_of(*look.seen.target))) {
    write_soak(json, *soak, plan.settings, look, machine);
  } else {
    json.null_field("soak");
  }
  write_allowed(json, look, machine);
  write_records(json, look.records);
  json.end_object();
}

void write_instance(json::Writer& json, const InstanceView& instance) {
  const SwitchStatus status = instance.switching.value_or(SwitchStatus{});
  json.begin_object();
  json.field("name", std::string_view{instance.name});
  json.field("colour", to_string(instance.colour));
  json.field("release", std::string_view{instance.release});
  json.field("version", std::string_view{instance.version});
  json.field("commit", std::string_view{instance.commit});
  json.field("beside", instance.beside);
  json.field("running", instance.running);
  json.field("ready", instance.ready);
  json.field("restarts", instance.restarts);
  json.field("failure", std::string_view{instance.failure});
  json.field("mode", instance.switching ? to_string(status.mode) : std::string_view{"unknown"});
  json.digits_field("epoch", status.epoch);
  json.digits_field("lsn", status.lsn.value());
  json.field("lag_records", status.lag_records);
  json.field("compared", status.compared);
  json.key("differs_at");
  if (status.differs_at) {
    json.digits(*status.differs_at);
  } else {
    json.null();
  }
  json.field("difference", std::string_view{status.difference});
  json.field("state_hash", std::string_view{status.hash});
  json.end_object();
}

void write_platform(json::Writer& json, const Target& target) {
  json.key("platform");
  json.begin_object();
  json.field("trouble", std::string_view{target.trouble()});
  json.key("roles");
  json.begin_array();
  for (const TargetRole& role : target.roles()) {
    json.begin_object();
    json.field("role", std::string_view{role.name});
    json.field("switches", role.switches);
    json.key("instances");
    json.begin_array();
    for (const InstanceView& instance : role.instances) write_instance(json, instance);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace

Result<std::string> deployment_json(const DeployLook& look) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.digits_field("now_ns", look.seen.now.ns());
  json.key("deployment");
  if (look.records.empty()) {
    json.null();
  } else {
    const auto machine = machine_of(look.records);
    if (!machine) return std::unexpected(machine.error());
    write_deployment(json, look, *machine);
  }
  write_platform(json, *look.seen.target);
  json.end_object();
  return text;
}

std::string deployments_json(const std::vector<DeployRecord>& all, std::size_t limit,
                             std::uint64_t before, Timestamp now) {
  std::vector<std::uint64_t> ids;
  for (const DeployRecord& record : all) {
    const bool wanted = before == 0 || record.deploy < before;
    if (record.kind == RecordKind::Began && wanted) ids.push_back(record.deploy);
  }
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.digits_field("now_ns", now.ns());
  json.key("deployments");
  json.begin_array();
  std::uint64_t next = 0;
  std::size_t told = 0;
  for (auto id = ids.rbegin(); id != ids.rend() && told < limit; ++id, ++told) {
    const auto records = records_of(all, *id);
    const auto machine = machine_of(records);
    if (!machine)
      continue;  // of a build that plans otherwise: its log stays, its row cannot be told
    json.begin_object();
    write_head(json, *machine, records);
    json.end_object();
    next = told + 1 < ids.size() ? *id : 0;
  }
  json.end_array();
  json.key("next_cursor");
  if (next != 0) {
    json.digits(next);
  } else {
    json.null();
  }
  json.end_object();
  return text;
}

}  // namespace stoa::deploy

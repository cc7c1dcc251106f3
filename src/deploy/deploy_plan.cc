#include "deploy/deploy_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "deploy/build.h"
#include "ops/config.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 3> kStrategies{"blue-green", "rolling", "recreate"};
constexpr std::array<std::string_view, 4> kOrder{"execution", "risk", "strategy", "gateway"};

using S = DeploySettings;
constexpr auto kSettings = std::to_array<DeploySetting>({
    {"start_s", &S::start_s, "until a process beside is ready"},
    {"catch_up_records", &S::catch_up_records, "a follower may be so many records behind"},
    {"catch_up_ms", &S::catch_up_ms, "and so long, where it knows"},
    {"catch_up_steady_s", &S::catch_up_steady_s, "for this long without a break"},
    {"catch_up_deadline_s", &S::catch_up_deadline_s, "until then it has to have caught up"},
    {"shadow_outputs", &S::shadow_outputs, "outputs of each core that have to be equal, or"},
    {"shadow_s", &S::shadow_s, "so long with some and none that differs"},
    {"approvals", &S::approvals, "people other than who began it"},
    {"hold_max_ms", &S::hold_max_ms, "nobody leads for at most so long"},
    {"switch_s", &S::switch_s, "from an order until the new one leads"},
    {"settle_s", &S::settle_s, "rolling and recreate: pause between two roles"},
    {"soak_s", &S::soak_s, "how long the new one is watched"},
    {"soak_requests", &S::soak_requests, "fewer requests in the soak say nothing; 0: none needed"},
    {"error_ratio_ppm", &S::error_ratio_ppm, "errors per million requests above those before"},
    {"reject_ratio_ppm", &S::reject_ratio_ppm, "refusals per million requests above those before"},
    {"latency_percent", &S::latency_percent, "p99 may be slower than before by so much"},
    {"latency_floor_us", &S::latency_floor_us, "a p99 below this is never too slow"},
    {"gaps", &S::gaps, "gaps in the soak that are borne"},
    {"bad_s", &S::bad_s, "for so long bad before it is taken as bad"},
    {"warm_s", &S::warm_s, "the old one stays hot behind the commit"},
    {"back_s", &S::back_s, "a rollback of one role may take"},
    {"hook_s", &S::hook_s, "a hook may take"},
});

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  names.reserve(kSettings.size());
  for (const DeploySetting& setting : kSettings) names.push_back(setting.name);
  return names;
}

std::uint64_t natural(const json::Value& value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.integer().value_or(0)));
}

}  // namespace

std::string_view to_string(Strategy strategy) noexcept {
  return kStrategies[static_cast<std::size_t>(strategy)];
}

Result<Strategy> parse_strategy(std::string_view text) {
  const auto* const found = std::ranges::find(kStrategies, text);
  if (found != kStrategies.end()) return static_cast<Strategy>(found - kStrategies.begin());
  if (text == "canary") {
    return bad_input(
        "canary: a role has one leader, so a part of its work cannot go to another build; use "
        "blue-green with a long soak, or --role strategy alone");
  }
  return bad_input(
      fmt::format("{}: expected blue-green, rolling or recreate", text.empty() ? "\"\"" : text));
}

std::span<const DeploySetting> deploy_settings() noexcept { return kSettings; }

Result<void> set(DeploySettings& settings, std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  const auto* const found = std::ranges::find(kSettings, name, &DeploySetting::name);
  if (found == kSettings.end()) {
    const auto near = ops::nearest(name, setting_names());
    return bad_input(fmt::format("{} is no setting of a deployment{}", name,
                                 near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  if (equals == std::string_view::npos)
    return bad_input(fmt::format("{}: expected {}=N", name, name));
  const auto number = text.substr(equals + 1);
  std::int64_t value = 0;
  const auto* const end = number.end();
  const auto [stop, error] = std::from_chars(number.begin(), end, value);
  constexpr std::int64_t kMax = 1'000'000'000;
  if (error != std::errc{} || stop != end || value < 0 || value > kMax) {
    return bad_input(fmt::format("{}: expected a whole number, 0 to {}", name, kMax));
  }
  settings.*found->value = value;
  return {};
}

std::string to_json(const DeployPlan& plan) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.digits_field("id", plan.id);
  json.field("release", std::string_view{plan.release});
  json.field("version", std::string_view{plan.version});
  json.field("digest", std::string_view{plan.digest});
  json.field("config_revision", std::string_view{plan.config_revision});
  json.field("strategy", to_string(plan.strategy));
  json.key("roles");
  json.begin_array();
  for (const DeployRole& role : plan.roles) {
    json.begin_object();
    json.field("name", std::string_view{role.name});
    json.field("from", to_string(role.from));
    json.field("release", std::string_view{role.release});
    json.digits_field("epoch", role.epoch);
    json.end_object();
  }
  json.end_array();
  json.key("hooks");
  json.begin_array();
  for (const std::string& hook : plan.hooks) json.value(std::string_view{hook});
  json.end_array();
  json.field("actor", std::string_view{plan.actor});
  json.field("reason", std::string_view{plan.reason});
  json.digits_field("rolls_back", plan.rolls_back);
  json.key("settings");
  json.begin_object();
  for (const DeploySetting& setting : kSettings) {
    json.field(setting.name, plan.settings.*setting.value);
  }
  json.end_object();
  json.end_object();
  return text;
}

Result<DeployPlan> plan_from_json(const json::Value& value) {
  DeployPlan plan{.id = natural(value["id"]),
                  .release = value["release"].text(),
                  .version = value["version"].text(),
                  .digest = value["digest"].text(),
                  .config_revision = value["config_revision"].text(),
                  .actor = value["actor"].text(),
                  .reason = value["reason"].text(),
                  .rolls_back = natural(value["rolls_back"])};
  const auto strategy = parse_strategy(value["strategy"].text());
  if (!strategy) return std::unexpected(strategy.error());
  plan.strategy = *strategy;
  for (const json::Value& each : value["roles"].items()) {
    const auto from = parse_colour(each["from"].text());
    if (!from || each["name"].text().empty()) return bad_input("roles: expected name and from");
    plan.roles.push_back({.name = each["name"].text(),
                          .from = *from,
                          .release = each["release"].text(),
                          .epoch = natural(each["epoch"])});
  }
  if (plan.id == 0 || plan.roles.empty()) return bad_input("expected an id and roles");
  for (const json::Value& hook : value["hooks"].items()) plan.hooks.push_back(hook.text());
  for (const DeploySetting& setting : kSettings) {
    // One that an older program did not know keeps its default.
    if (const auto number = value["settings"][setting.name].integer()) {
      plan.settings.*setting.value = *number;
    }
  }
  return plan;
}

std::vector<std::string> switch_order(std::span<const std::string> roles) {
  std::vector<std::string> ordered;
  for (const std::string_view name : kOrder) {
    if (std::ranges::find(roles, name) != roles.end()) ordered.emplace_back(name);
  }
  for (const std::string& role : roles) {
    if (std::ranges::find(ordered, role) == ordered.end()) ordered.push_back(role);
  }
  return ordered;
}

}  // namespace stoa::deploy

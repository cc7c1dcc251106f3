#include "deploy/report.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/plan.h"
#include "deploy/supervisor.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

void milliseconds(json::Writer& json, std::string_view name, nanoseconds time) {
  json.key(name);
  json.milli(time.count() / 1'000);
}

void stamp(json::Writer& json, std::string_view name, const std::optional<Timestamp>& time) {
  if (time) {
    json.digits_field(name, time->ns());
  } else {
    json.null_field(name);
  }
}

std::string_view to_string(Operation::Kind kind) noexcept {
  switch (kind) {
    case Operation::Kind::None:
      return "none";
    case Operation::Kind::Up:
      return "up";
    case Operation::Kind::Down:
      return "down";
    case Operation::Kind::Restart:
      return "restart";
    case Operation::Kind::HandOver:
      return "hand_over";
  }
  return "unknown";
}

void build(json::Writer& json, const Build& build) {
  json.field("colour", to_string(build.colour));
  json.field("release", std::string_view{build.release});
  json.field("program", std::string_view{build.program.native()});
}

void beside(json::Writer& json, const Role& role, const BesideView& view) {
  json.key("beside");
  json.begin_object();
  json.field("instance",
             std::string_view{role.name + '.' + std::string{to_string(view.build.colour)}});
  json.key("pid");
  if (view.process) {
    json.value(view.process->pid);
  } else {
    json.null();
  }
  json.field("state", to_string(view.state));
  json.field("ready", view.state == RoleState::Ready);
  stamp(json, "since_ns", view.since);
  stamp(json, "ready_since_ns", view.ready_since);
  json.field("status", std::string_view{view.status});
  json.field("last_exit", std::string_view{view.last_exit});
  build(json, view.build);
  json.end_object();
}

void role(json::Writer& json, const Role& role, const RoleView& view) {
  json.begin_object();
  json.field("role", std::string_view{role.name});
  json.key("pid");
  if (view.process) {
    json.value(view.process->pid);
  } else {
    json.null();
  }
  json.field("state", to_string(view.state));
  json.field("ready", view.state == RoleState::Ready);
  json.field("port", role.port);
  stamp(json, "since_ns", view.since);
  stamp(json, "ready_since_ns", view.ready_since);
  json.field("restarts", view.restarts);
  json.field("last_exit", std::string_view{view.last_exit});
  json.field("last_error", std::string_view{view.last_error});
  json.field("status", std::string_view{view.status});
  json.field("log", std::string_view{role.log_file.native()});
  build(json, view.build);
  if (view.beside) beside(json, role, *view.beside);
  json.end_object();
}

void operation(json::Writer& json, const Plan& plan, const Supervisor& supervisor) {
  const Operation& done = supervisor.operation();
  json.field("operation", to_string(done.kind));
  json.field("ok", done.ok);
  json.field("message", std::string_view{done.message});
  milliseconds(json, "took_ms", done.took);
  json.key("roles");
  json.begin_array();
  for (const std::size_t place : done.roles) json.value(std::string_view{plan.roles[place].name});
  json.end_array();
  if (done.kind != Operation::Kind::Up || !done.ok) return;
  json.key("critical_path");
  json.begin_array();
  for (const CriticalStep& step : supervisor.critical_path()) {
    json.begin_object();
    json.field("role", std::string_view{plan.roles[step.role].name});
    milliseconds(json, "started_ms", step.started_after);
    milliseconds(json, "ready_ms", step.ready_after);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string state_json(const SupervisorIdentity& who, const Plan& plan,
                       const Supervisor& supervisor) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("supervisor");
  json.begin_object();
  json.key("pid");
  if (who.pid != 0) {
    json.value(who.pid);
  } else {
    json.null();
  }
  json.digits_field("started_ns", who.started.ns());
  json.field("environment", std::string_view{who.environment});
  json.field("doing", supervisor.operation().over ? std::string_view{"none"}
                                                  : to_string(supervisor.operation().kind));
  json.end_object();
  json.key("roles");
  json.begin_array();
  for (std::size_t i = 0; i < plan.roles.size(); ++i) {
    role(json, plan.roles[i], supervisor.view(i));
  }
  json.end_array();
  json.end_object();
  return text;
}

std::string event_json(const Event& event, const Plan& plan, const Supervisor& supervisor) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("event", to_string(event.kind));
  if (event.role) json.field("role", std::string_view{plan.roles[*event.role].name});
  milliseconds(json, "at_ms", event.at);
  if (event.kind == Event::Kind::Done) {
    operation(json, plan, supervisor);
  } else {
    milliseconds(json, "took_ms", event.took);
    json.field("text", std::string_view{event.text});
    if (event.role && event.kind == Event::Kind::Started) {
      json.field("waited_for", std::string_view{supervisor.view(*event.role).waited_for});
    }
  }
  json.end_object();
  return text;
}

std::map<std::string, Build, std::less<>> read_builds(const std::filesystem::path& file) {
  std::map<std::string, Build, std::less<>> builds;
  std::ifstream in{file, std::ios::binary};
  const auto state = json::Value::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
  if (!state) return builds;
  for (const json::Value& role : (*state)["roles"].items()) {
    Build build{.colour = parse_colour(role["colour"].text()).value_or(Colour::Blue),
                .release = role["release"].text(),
                .program = role["program"].text()};
    std::error_code none;
    const bool there = build.program.empty() || std::filesystem::exists(build.program, none);
    if (there && build != Build{}) builds.emplace(role["role"].text(), std::move(build));
  }
  return builds;
}

std::string done_json() { return R"({"event":"done","ok":true})"; }

std::string refusal_json(const Error& error) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("event", "done");
  json.field("ok", false);
  json.field("refused", true);
  json.field("code", error.code == ErrorCode::Unavailable ? "unavailable" : "refused");
  json.field("message", std::string_view{error.message});
  json.end_object();
  return text;
}

}  // namespace stoa::deploy

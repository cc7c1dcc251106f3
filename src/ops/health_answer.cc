#include "ops/health_answer.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ops/http_text.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

namespace stoa::ops {
namespace {

constexpr std::string_view kHealthJson = "application/health+json";
constexpr std::int64_t kNsPerMs = 1'000'000;

enum class Question : std::uint8_t { Health, Live, Ready, Startup, Status, Metrics };

struct Path {
  std::string_view path;
  Question question;
};
constexpr std::array<Path, 10> kPaths{{{"/health", Question::Health},
                                       {"/ready", Question::Ready},
                                       {"/status", Question::Status},
                                       {"/metrics", Question::Metrics},
                                       {"/livez", Question::Live},
                                       {"/readyz", Question::Ready},
                                       {"/startupz", Question::Startup},
                                       {"/health/live", Question::Live},
                                       {"/health/ready", Question::Ready},
                                       {"/health/startup", Question::Startup}}};

struct RequestPath {
  std::string_view path;
  RoleRequest request;
};
constexpr std::array<RequestPath, 4> kRequests{{{"/-/drain", RoleRequest::Drain},
                                                {"/-/reload", RoleRequest::Reload},
                                                {"/-/pause", RoleRequest::Pause},
                                                {"/-/resume", RoleRequest::Resume}}};

/// What the query of a question may say.
struct Parameters {
  bool verbose = false;
  std::vector<std::string> exclude{};
  std::string format{};
};

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// `%3A` to `:`; a broken escape stays as it is and then names nothing.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The name of the parameter that is not known, or nothing.
std::optional<std::string> read_query(std::string_view query, Question question, Parameters& out) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (part.empty()) continue;
    const std::string_view name = part.substr(0, part.find('='));
    std::string value = name.size() < part.size() ? decoded(part.substr(name.size() + 1)) : "";
    if (question == Question::Metrics && name == "format") {
      out.format = std::move(value);
    } else if (question != Question::Metrics && name == "verbose") {
      out.verbose = value != "0" && value != "false";
    } else if (question != Question::Metrics && name == "exclude") {
      out.exclude.push_back(std::move(value));
    } else {
      return decoded(name);
    }
  }
  return std::nullopt;
}

/// One line of an answer: the checks of the role and the two that every role has.
struct Line {
  std::string_view name{};
  std::string_view unit{};
  CheckResult result = CheckResult::Pass;
  std::int64_t observed = 0;
  std::string output{};
  Timestamp since{};
};

/// The lines that one question looks at, and what they come to.
struct Verdict {
  CheckResult result = CheckResult::Pass;
  std::vector<Line> lines{};
  std::string output{};
  std::vector<std::string> notes{};
};

Line heartbeat_line(const StatusView& view, nanoseconds monotonic_now, nanoseconds silence_max) {
  const std::int64_t age_ms =
      std::max<std::int64_t>(0, (monotonic_now - view.heartbeat).count() / kNsPerMs);
  Line line{.name = "loop:heartbeat", .unit = "ms", .observed = age_ms};
  if (monotonic_now - view.heartbeat > silence_max) {
    line.result = CheckResult::Fail;
    line.output = "the loop has not turned for " + std::to_string(age_ms) + " ms";
  }
  return line;
}

Line state_line(const StatusView& view, Question question) {
  Line line{.name = "role:state"};
  const std::string_view reason = view.reason.view();
  line.output = to_string(view.state);
  if (!reason.empty()) (line.output += ": ") += reason;
  const bool follows =
      view.place.mode == SwitchMode::Following || view.place.mode == SwitchMode::Closed;
  if (question == Question::Ready && view.state == RoleState::Ready && follows) {
    line.result = CheckResult::Fail;
    line.output = "follows the one that leads";
    return line;
  }
  const bool fine = question == Question::Startup ? view.started : view.state == RoleState::Ready;
  if (fine) {
    line.output.clear();
  } else if (question == Question::Health && view.state != RoleState::Stopped) {
    line.result = CheckResult::Warn;  // on its way, or on its way out: no reason for a restart
  } else {
    line.result = CheckResult::Fail;
  }
  return line;
}

bool concerns(Question question, Probe probes) noexcept {
  const auto bits = static_cast<unsigned>(probes);
  if (question == Question::Startup) return (bits & static_cast<unsigned>(Probe::Startup)) != 0;
  if (question == Question::Ready) return (bits & static_cast<unsigned>(Probe::Ready)) != 0;
  return question != Question::Live;
}

Verdict judge(const StatusView& view, Question question, const Parameters& parameters,
              nanoseconds monotonic_now, nanoseconds silence_max) {
  std::vector<Line> lines{heartbeat_line(view, monotonic_now, silence_max)};
  if (question != Question::Live) lines.push_back(state_line(view, question));
  for (const CheckView& check : view.checks) {
    if (!concerns(question, check.probes)) continue;
    lines.push_back({.name = check.name,
                     .unit = check.unit,
                     .result = check.result,
                     .observed = check.observed,
                     .output = std::string{check.text.view()},
                     .since = check.since});
  }
  Verdict verdict;
  for (const std::string& name : parameters.exclude) {
    if (std::erase_if(lines, [&](const Line& line) { return line.name == name; }) == 0) {
      verdict.notes.push_back("exclude names no check of this answer: " + name);
    }
  }
  for (const Line& line : lines) {
    verdict.result = std::max(verdict.result, line.result);
    if (line.result == CheckResult::Pass) continue;
    if (!verdict.output.empty()) verdict.output += "; ";
    verdict.output += line.name;
    verdict.output += line.output.empty() ? std::string{" "} + std::string{to_string(line.result)}
                                          : ": " + line.output;
  }
  verdict.lines = std::move(lines);
  return verdict;
}

void write_lines(json::Writer& json, const std::vector<Line>& lines, Timestamp now) {
  json.key("checks");
  json.begin_object();
  for (const Line& line : lines) {
    json.key(line.name);
    json.begin_array();
    json.begin_object();
    json.field("status", to_string(line.result));
    if (!line.unit.empty()) {
      json.field("observedValue", line.observed);
      json.field("observedUnit", line.unit);
    }
    if (!line.output.empty()) json.field("output", std::string_view{line.output});
    json.field("time", to_rfc3339(now));
    if (line.since != Timestamp{}) json.field("since", to_rfc3339(line.since));
    json.end_object();
    json.end_array();
  }
  json.end_object();
}

void write_identity(json::Writer& json, const RoleStatus& status) {
  const Identity& who = status.identity();
  json.field("version", std::string_view{who.version});
  json.field("releaseId", std::string_view{who.commit});
  json.field("serviceId", std::string_view{who.instance});
  json.field("service", std::string_view{who.service});
  if (!who.colour.empty()) json.field("colour", std::string_view{who.colour});
  json.field("environment", std::string_view{who.environment});
  json.field("mode", std::string_view{who.mode});
  if (who.config_digest.empty()) return;
  json.field("config_revision", std::string_view{who.config_revision});
  json.field("config_digest", std::string_view{who.config_digest});
}

void write_state(json::Writer& json, const RoleStatus& status, const StatusView& view, bool ready,
                 Timestamp now) {
  json.field("state", to_string(view.state));
  json.field("ready", ready);
  json.key("uptime_s");
  json.milli(std::max<std::int64_t>(0, (now - status.identity().started).count() / kNsPerMs));
}

}  // namespace

void write_switch(json::Writer& json, const SwitchView& place) {
  if (place.mode == SwitchMode::None) return;
  json.key("switch");
  json.begin_object();
  json.field("mode", to_string(place.mode));
  json.field("colour", place.colour.view());
  json.field("release", place.release.view());
  json.field("epoch", place.epoch);
  json.digits_field("lsn", place.lsn);
  json.digits_field("compared", place.compared);
  json.digits_field("differs_at", place.differs_at);
  json.field("difference", place.difference.view());
  json.digits_field("lag_records", place.lag_records);
  json.field("hash", std::string_view{fmt::format("{:016x}", place.hash)});
  json.end_object();
}

namespace {

HealthReply answer_verdict(const RoleStatus& status, Question question,
                           const Parameters& parameters, nanoseconds silence_max) {
  const StatusView view = status.view();
  const Timestamp now = status.clock().now();
  const nanoseconds monotonic_now = status.clock().monotonic();
  const Verdict verdict = judge(view, question, parameters, monotonic_now, silence_max);
  const bool ready = question == Question::Ready
                         ? verdict.result != CheckResult::Fail
                         : judge(view, Question::Ready, {}, monotonic_now, silence_max).result !=
                               CheckResult::Fail;
  HealthReply reply{.status = verdict.result == CheckResult::Fail ? 503 : 200,
                    .content_type = kHealthJson};
  json::Writer json{reply.body};
  json.begin_object();
  json.field("status", to_string(verdict.result));
  write_identity(json, status);
  write_state(json, status, view, ready, now);
  if (!verdict.output.empty()) json.field("output", std::string_view{verdict.output});
  if (!verdict.notes.empty()) {
    json.key("notes");
    json.begin_array();
    for (const std::string& note : verdict.notes) json.value(std::string_view{note});
    json.end_array();
  }
  if (parameters.verbose) write_lines(json, verdict.lines, now);
  json.end_object();
  return reply;
}

HealthReply answer_status(const RoleStatus& status, const Parameters& parameters,
                          nanoseconds silence_max) {
  const StatusView view = status.view();
  const Timestamp now = status.clock().now();
  const nanoseconds monotonic_now = status.clock().monotonic();
  const Verdict health = judge(view, Question::Health, parameters, monotonic_now, silence_max);
  const Verdict ready = judge(view, Question::Ready, parameters, monotonic_now, silence_max);
  HealthReply reply{.content_type = "application/json"};
  json::Writer json{reply.body};
  json.begin_object();
  json.field("status", to_string(health.result));
  write_identity(json, status);
  write_state(json, status, view, ready.result != CheckResult::Fail, now);
  json.field("reason", view.reason.view());
  json.field("pid", static_cast<std::int64_t>(::getpid()));
  json.digits_field("started_ns", status.identity().started.ns());
  json.key("heartbeat_age_ms");
  json.value(health.lines.empty()
                 ? std::int64_t{0}
                 : std::max<std::int64_t>(0, (monotonic_now - view.heartbeat).count() / kNsPerMs));
  write_switch(json, view.place);
  write_lines(json, health.lines, now);
  json.end_object();
  return reply;
}

HealthReply answer_metrics(const Metrics& metrics, const Parameters& parameters,
                           std::string_view accept) {
  if (!parameters.format.empty() && parameters.format != "json" && parameters.format != "text") {
    return health_problem(400, "bad_parameter", "format: must be json or text",
                          "Leave it out for the text format.");
  }
  const bool as_json = parameters.format.empty()
                           ? accept.find("application/json") != std::string_view::npos
                           : parameters.format == "json";
  if (as_json) return {.content_type = "application/json", .body = metrics.json()};
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics.text()};
}

}  // namespace

std::optional<HealthReply> answer_health(const RoleStatus& status, const Metrics& metrics,
                                         const HealthQuestion& question, nanoseconds silence_max) {
  const auto* const found = std::ranges::find(kPaths, question.path, &Path::path);
  if (found == kPaths.end()) return std::nullopt;
  Parameters parameters;
  if (const auto unknown = read_query(question.query, found->question, parameters)) {
    return health_problem(400, "bad_parameter", "unknown parameter: " + *unknown,
                          found->question == Question::Metrics
                              ? "There is format=json."
                              : "There are verbose and exclude=CHECK.");
  }
  if (found->question == Question::Metrics) {
    return answer_metrics(metrics, parameters, question.accept);
  }
  if (found->question == Question::Status) {
    return answer_status(status, parameters, silence_max);
  }
  return answer_verdict(status, found->question, parameters, silence_max);
}

std::optional<RoleRequest> request_at(std::string_view path) noexcept {
  const auto* const found = std::ranges::find(kRequests, path, &RequestPath::path);
  if (found == kRequests.end()) return std::nullopt;
  return found->request;
}

HealthReply take_request(RoleStatus& status, RoleRequest request, std::uint32_t obeyed) {
  const auto* const found = std::ranges::find(kRequests, request, &RequestPath::request);
  const std::string_view name = found->path.substr(3);  // behind "/-/"
  if ((obeyed & static_cast<std::uint32_t>(request)) == 0) {
    return health_problem(501, "not_supported",
                          "this process does not " + std::string{name} + " on request",
                          "docs/health.md says which do.");
  }
  status.ask(request);
  HealthReply reply{.status = 202, .content_type = "application/json"};
  json::Writer json{reply.body};
  json.begin_object();
  json.field("requested", name);
  json.end_object();
  return reply;
}

HealthReply health_problem(int status, std::string_view code, std::string_view detail,
                           std::string_view hint) {
  HealthReply reply{.status = status, .content_type = "application/problem+json"};
  json::Writer json{reply.body};
  json.begin_object();
  json.field("type", "about:blank");
  json.field("title", status_text(status));
  json.field("status", status);
  json.field("code", code);
  json.field("detail", detail);
  json.field("hint", hint);
  json.end_object();
  return reply;
}

}  // namespace stoa::ops

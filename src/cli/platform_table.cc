#include "cli/platform_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/role_probe.h"
#include "cli/table.h"
#include "deploy/supervise.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;

std::optional<std::int64_t> uptime_s(const RoleRow& row, Timestamp now) {
  const auto since = row.told["since_ns"].integer();
  if (!since || !row.runs) return std::nullopt;
  return std::max<std::int64_t>(0, (now.ns() - *since) / kNsPerS);
}

std::string short_time(std::int64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3'600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3'600, seconds % 3'600 / 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds % 86'400 / 3'600);
}

/// "green, release 0.2.0"
std::string build_text(const JsonValue& told) {
  const std::string& release = told["release"].text();
  return told["colour"].text() + (release.empty() ? "" : ", release " + release);
}

/// The role's own process and the one beside it.
void instances(json::Writer& json, const RoleRow& row) {
  json.key("instances");
  json.begin_array();
  const auto one = [&](std::string_view name, const JsonValue& told, bool runs) {
    json.begin_object();
    json.field("instance", name);
    json.field("colour", std::string_view{told["colour"].text()});
    json.field("release", std::string_view{told["release"].text()});
    json.raw_field("pid", runs ? told["pid"].text_or("null") : "null");
    json.field("state", std::string_view{told["state"].text()});
    json.field("last_exit", std::string_view{told["last_exit"].text()});
    json.end_object();
  };
  one(row.role, row.told, row.runs);
  const JsonValue& beside = row.told["beside"];
  if (!beside.is_null()) one(beside["instance"].text(), beside, true);
  json.end_array();
}

/// Why a person should look at it; empty when all is well.
std::string trouble(const RoleRow& row) {
  const std::string& error = row.told["last_error"].text();
  if (row.state == "failed" || row.state == "backoff") return error;
  if (row.runs && !row.seen.output.empty()) return row.seen.output;
  if (row.runs && row.seen.ready_status && *row.seen.ready_status != 200) return "says not ready";
  if (row.state == "lost") return "its supervisor is gone; stoa up takes it over";
  return error.empty() ? "" : "earlier: " + error;
}

void real(json::Writer& json, std::string_view name, const std::optional<double>& value) {
  json.key(name);
  if (value && std::isfinite(*value)) {
    json.milli(static_cast<std::int64_t>(std::llround(*value * 1'000)));
  } else {
    json.null();
  }
}

}  // namespace

bool RoleRow::ready() const noexcept {
  return runs && told["ready"].is_true() &&
         (port == 0 || (seen.ready_status && *seen.ready_status == 200));
}

std::vector<RoleRow> role_rows(const Platform& platform, const PlatformState& state,
                               std::chrono::milliseconds patience) {
  std::vector<RoleRow> rows;
  std::vector<ProbeTarget> targets;
  const auto alive = deploy::running_roles(platform.layout);
  const std::string& host = platform.config.health.host;
  for (const JsonValue& told : state.value["roles"].items()) {
    RoleRow row{.role = told["role"].text(), .state = told["state"].text(), .told = told};
    const auto process = std::ranges::find(alive, row.role, &deploy::RunningRole::name);
    row.runs = process != alive.end();
    if (!state.supervised)
      row.state = row.runs ? "lost" : row.state == "failed" ? "failed" : "down";
    row.port = static_cast<std::uint16_t>(told["port"].integer().value_or(0));
    if (row.port == 0) row.port = registered_port(platform.layout, row.role);
    targets.push_back({.host = host.empty() || host == "0.0.0.0" ? "127.0.0.1" : host,
                       .port = row.runs ? row.port : std::uint16_t{0},
                       .pid = row.runs ? process->process.pid : 0});
    rows.push_back(std::move(row));
  }
  auto probes = probe(targets, patience);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].seen = std::move(probes[i]);
  // A reader knows how far it is, the relay how far it could be.
  const auto relay = std::ranges::find(rows, "relay-execution", &RoleRow::role);
  const std::int64_t head = relay == rows.end() ? 0 : relay->seen.head.value_or(0);
  if (head == 0) return rows;
  for (RoleRow& row : rows) {
    if (row.seen.cursor && !row.seen.lag) {
      row.seen.lag = std::max<std::int64_t>(0, head - *row.seen.cursor);
    }
  }
  return rows;
}

std::string rows_text(const std::vector<RoleRow>& rows, Timestamp now) {
  Table table{{"ROLE"},          {"STATE"},          {"PID", kRight}, {"PORT", kRight},
              {"UP", kRight},    {"MEMORY", kRight}, {"CPU", kRight}, {"RESTARTS", kRight},
              {"MSG/S", kRight}, {"LAG", kRight},    {"NOTE"}};
  for (const RoleRow& row : rows) {
    const auto up = uptime_s(row, now);
    const RoleProbe& seen = row.seen;
    table.row({row.role, row.state, row.runs ? row.told["pid"].text_or("-") : "-",
               row.port == 0 ? "-" : std::to_string(row.port), up ? short_time(*up) : "-",
               seen.rss_bytes ? bytes_text(*seen.rss_bytes) : "-",
               seen.cpu_percent ? fmt::format("{:.1f} %", *seen.cpu_percent) : "-",
               row.told["restarts"].text_or("0"),
               seen.messages_per_second ? fmt::format("{:.0f}", *seen.messages_per_second) : "-",
               seen.lag ? std::to_string(*seen.lag) : "-", trouble(row)});
    const JsonValue& beside = row.told["beside"];
    if (beside.is_null()) continue;
    const std::string& exit = beside["last_exit"].text();
    table.row({"  " + beside["instance"].text(), beside["state"].text(), beside["pid"].text_or("-"),
               "-", "-", "-", "-", "-", "-", "-",
               exit.empty() ? build_text(beside) : exit.substr(0, exit.find('\n'))});
  }
  return table.text();
}

std::string rows_json(const std::vector<RoleRow>& rows, Timestamp now) {
  std::string text;
  json::Writer json{text};
  json.begin_array();
  for (const RoleRow& row : rows) {
    json.begin_object();
    json.field("role", std::string_view{row.role});
    json.raw_field("pid", row.runs ? row.told["pid"].text_or("null") : "null");
    json.field("state", std::string_view{row.state});
    json.field("ready", row.ready());
    json.field("port", row.port);
    json.field("ready_since_ns", std::string_view{row.told["ready_since_ns"].text()});
    json.field("uptime_s", uptime_s(row, now));
    json.field("rss_bytes", row.seen.rss_bytes);
    real(json, "cpu_percent", row.seen.cpu_percent);
    json.raw_field("restarts", row.told["restarts"].text_or("0"));
    json.field("last_exit", std::string_view{row.told["last_exit"].text()});
    json.field("last_error", std::string_view{row.told["last_error"].text()});
    real(json, "messages_per_second", row.seen.messages_per_second);
    json.field("lag", row.seen.lag);
    json.field("answers", row.seen.ready_status.has_value());
    json.field("status", std::string_view{row.told["status"].text()});
    json.field("note", std::string_view{trouble(row)});
    json.field("log", std::string_view{row.told["log"].text()});
    instances(json, row);
    json.end_object();
  }
  json.end_array();
  return text;
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/ps.h"
#include "cli/table.h"
#include "deploy/supervise.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

std::string overview(const JsonValue& status) {
  const JsonValue& log = status["log"];
  const JsonValue& kill = status["kill_switch"];
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<12}{}\n", name, value);
  };
  line("engine",
       fmt::format("stoa {} {}  {}  {}", status["version"].text(), status["commit"].text(),
                   status["mode"].text(), status["environment"].text()));
  line("up", fmt::format("{} s since {}", status["uptime_s"].text(),
                         time_cell(status["started_ns"].text())));
  line("market", fmt::format("{}  seed {}", status["market_source"].text(), status["seed"].text()));
  line("log", fmt::format("head {}  durable {}  segments {}  sync p50 {} µs p99 {} µs{}",
                          log["head_lsn"].text(), log["durable_lsn"].text(), log["segments"].text(),
                          log["sync_p50_us"].text(), log["sync_p99_us"].text(),
                          log["failed"].is_true() ? "  FAILED" : ""));
  line("state", status["state_hash"].text());
  line("kill switch", kill["active"].is_true()
                          ? fmt::format("ACTIVE: {}", kill["reason"].text_or("no reason given"))
                          : "off");
  return text;
}

/// The roles of a platform, where one runs or ran last; nothing: ask the engine.
std::optional<Exit> platform_status(Context& context) {
  const Arguments& given = context.arguments;
  if (given.has("--url") || given.has("--port")) return std::nullopt;
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto state = platform_state(platform->layout);
  if (!state) return std::nullopt;
  const bool lives = state->supervised || !deploy::running_roles(platform->layout).empty();
  if (!lives && platform->config.gateway.port != 0) {
    // The same directory may have been given to an engine since.
    const ops::HttpEndpoint endpoint{.port = platform->config.gateway.port};
    if (ops::http_call(endpoint, {.target = "/status"}, std::chrono::milliseconds{200})) {
      return std::nullopt;
    }
  }
  return show_platform(context, *platform, *state);
}

Exit run(Context& context) {
  if (const auto shown = platform_status(context)) return *shown;
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply = engine->get("/status");
  if (!reply) return reply.error();
  const bool failed = reply->value["log"]["failed"].is_true();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
    return failed ? Exit::Finding : Exit::Ok;
  }
  Table feeds{{"FEED"}, {"STATE"}, {"AGE", kRight}, {"MESSAGES", kRight}, {"GAPS", kRight}};
  for (const JsonValue& feed : reply->value["feed"].items()) {
    feeds.row({feed["symbol"].text(), feed["state"].text(), feed["age_ms"].text() + " ms",
               feed["messages"].text(), feed["gaps"].text()});
  }
  context.terminal.out << overview(reply->value) << '\n' << feeds.text();
  return failed ? Exit::Finding : Exit::Ok;
}

}  // namespace

Command status() {
  return {.noun = "status",
          .group = Command::Group::Look,
          .summary = "Show how a running platform or engine is",
          .flags = {engine_flags(), config_flags(), output_flags()},
          .notes =
              "Of a platform that stoa up started: as stoa ps. Of an engine: feeds, log, kill "
              "switch. Exit 3: a role is not ready, or the engine's log has failed.",
          .run = run};
}

}  // namespace stoa::cli

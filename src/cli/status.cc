#include <fmt/core.h>

#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/table.h"

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

Exit run(Context& context) {
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
          .summary = "Show how a running engine is: feeds, log, kill switch",
          .flags = {engine_flags(), config_flags(), output_flags()},
          .notes = "Exit 3: the engine's log has failed.",
          .run = run};
}

}  // namespace stoa::cli

#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/risk_table.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>(
    {{.name = "--reason", .value = "TEXT", .help = "why, for the log", .required = true}});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa risk kill --reason \"runaway quotes\""});

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("reason", std::string_view{context.arguments.required("--reason")});
  json.end_object();
  const auto reply = engine->change("POST", "/api/v1/risk/kill", body);
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : risk_text(reply->value));
  if (!context.json()) context.terminal.err << "undo: stoa risk resume --reason TEXT\n";
  return Exit::Ok;
}

}  // namespace

Command risk_kill() {
  return {.noun = "risk",
          .verb = "kill",
          .group = Command::Group::Run,
          .summary = "Cancel every open order and refuse new ones",
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

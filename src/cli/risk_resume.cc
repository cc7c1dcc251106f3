#include <array>
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

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--reason", .value = "TEXT", .help = "why, for the log", .required = true},
    {.name = "--actor", .value = "NAME", .help = "who, for the log; else $USER"},
});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa risk resume --reason \"quotes fixed\""});

std::string actor_of(const Context& context) {
  const auto& variables = context.surroundings.variables;
  const auto user = variables.find("USER");
  const bool known = user != variables.end() && !user->second.empty();
  return context.arguments.value_or("--actor", known ? user->second : "cli");
}

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("reason", std::string_view{context.arguments.required("--reason")});
  json.field("actor", std::string_view{actor_of(context)});
  json.end_object();
  const auto reply = engine->change("POST", "/api/v1/risk/resume", body);
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : risk_text(reply->value));
  return Exit::Ok;
}

}  // namespace

Command risk_resume() {
  return {.noun = "risk",
          .verb = "resume",
          .group = Command::Group::Run,
          .summary = "Lift the kill switch",
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 5: the kill switch is not active.",
          .run = run};
}

}  // namespace stoa::cli

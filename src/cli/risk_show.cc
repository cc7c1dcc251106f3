
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/risk_table.h"

namespace stoa::cli {
namespace {

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply = engine->get("/api/v1/risk");
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : risk_text(reply->value));
  return Exit::Ok;
}

}  // namespace

Command risk_show() {
  return {.noun = "risk",
          .verb = "show",
          .group = Command::Group::Run,
          .summary = "Show limits, what is used of them, and the kill switch",
          .flags = {engine_flags(), config_flags(), output_flags()},
          .run = run};
}

}  // namespace stoa::cli

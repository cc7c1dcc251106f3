#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/strategy_table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "NAME", .help = "name of the strategy"}});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa strategy stop mm_btc"});

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto name = ops::percent_encode(context.arguments.required("NAME"));
  const auto reply = engine->change("POST", "/api/v1/strategies/" + name + ":stop", "");
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : strategy_line(reply->value));
  return Exit::Ok;
}

}  // namespace

Command strategy_stop() {
  return {.noun = "strategy",
          .verb = "stop",
          .group = Command::Group::Run,
          .summary = "Stop a strategy; its open orders are canceled",
          .arguments = kArguments,
          .flags = {change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

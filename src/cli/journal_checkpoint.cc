#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"

namespace stoa::cli {
namespace {

constexpr auto kExamples = std::to_array<std::string_view>({"stoa journal checkpoint"});

std::string as_text(const JsonValue& reply) {
  return fmt::format("checkpoint of record {}: {} bytes, {} ms ({} ms of them the engine's)\n",
                     reply["lsn"].text(), reply["bytes"].text(), reply["ms"].text(),
                     reply["copy_ms"].text());
}

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply = engine->change("POST", "/api/v1/journal/checkpoint", "");
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : as_text(reply->value));
  return Exit::Ok;
}

}  // namespace

Command journal_checkpoint() {
  return {.noun = "journal",
          .verb = "checkpoint",
          .group = Command::Group::Run,
          .summary = "Have the running engine write a checkpoint of its state now",
          .flags = {change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "The next start begins there and reads only what came after. Trading goes on "
              "meanwhile; while one is being written, a second one is refused.",
          .run = run};
}

}  // namespace stoa::cli

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kRollbackArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "REV",
     .help = "revision or tag; else the newest other content that was applied and went well",
     .required = false},
});
constexpr auto kRestoreArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "REV", .help = "revision or tag"},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--unit", .value = "UNIT", .help = "this document alone, not the whole space"},
});
constexpr auto kRollbackExamples = std::to_array<std::string_view>(
    {"stoa config rollback prod --yes --env-name prod --reason \"fills stopped\""});
constexpr auto kRestoreExamples =
    std::to_array<std::string_view>({"stoa config restore dev good --unit limits"});

Exit run(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto verb = "config." + std::string{context.command.verb};
  const auto answer = hub->ask(verb, space, [&](json::Writer& json) {
    json.field("what", std::string_view{context.arguments.value_or("REV", "")});
    json.field("unit", std::string_view{context.arguments.value_or("--unit", "")});
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return Exit::Ok;
}

}  // namespace

Command config_rollback() {
  return {.noun = "config",
          .verb = "rollback",
          .group = Command::Group::Setup,
          .summary = "Make a new head that is equal to an old content",
          .arguments = kRollbackArguments,
          .flags = {kFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kRollbackExamples,
          .notes =
              "Open conflicts count as decided for the space's own side. Nothing runs with it "
              "before stoa config apply, which then restarts in reverse order.",
          .run = run};
}
Command config_restore() {
  return {.noun = "config",
          .verb = "restore",
          .group = Command::Group::Setup,
          .summary = "Make a new head that is equal to a named revision or tag",
          .arguments = kRestoreArguments,
          .flags = {kFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kRestoreExamples,
          .run = run};
}

}  // namespace stoa::cli

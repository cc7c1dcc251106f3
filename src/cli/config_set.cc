#include <fmt/core.h>

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

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "UNIT", .help = "limits, strategies, environment, instruments, or a role"},
    {.name = "KEY=VALUE",
     .help = "limits.max_order_rate=500; strategy.NAME.params.PARAMETER=4",
     .required = false,
     .repeats = true},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--unset", .value = "KEY", .help = "take it, or all below it, away", .repeats = true},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa config set dev limits limits.max_order_rate=500 --reason \"quieter market\"",
    "stoa config set dev strategies --unset strategy.mm_eth",
});

Exit run(Context& context) {
  const auto pairs = context.arguments.all("KEY=VALUE");
  const auto gone = context.arguments.all("--unset");
  if (pairs.empty() && gone.empty()) return context.usage("say a KEY=VALUE or --unset KEY");
  for (const auto& pair : pairs) {
    if (pair.find('=') == std::string::npos) {
      return context.usage(fmt::format("{}: expected KEY=VALUE", pair));
    }
  }
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.set", space, [&](json::Writer& json) {
    json.field("unit", std::string_view{context.arguments.required("UNIT")});
    json.key("edits");
    json.begin_object();
    for (const auto& pair : pairs) {
      const auto equals = pair.find('=');
      json.text_key(pair.substr(0, equals));
      json.value(std::string_view{pair}.substr(equals + 1));
    }
    for (const auto& key : gone) {
      json.text_key(key);
      json.null();
    }
    json.end_object();
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return Exit::Ok;
}

}  // namespace

Command config_set() {
  return {.noun = "config",
          .verb = "set",
          .group = Command::Group::Setup,
          .summary = "Change keys of a document: a new revision of the space",
          .arguments = kArguments,
          .flags = {kFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Exit 2: an unknown key or a wrong value, with its line. Exit 5: the head is "
              "another one than --if-head. Exit 6: you may not.",
          .run = run};
}

}  // namespace stoa::cli


#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/table.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "WHAT", .help = "A..B of spaces or revisions, dev..prod@12; one: against what runs"},
    {.name = "UNIT", .help = "this document alone", .required = false},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa config diff prod",
    "stoa config diff prod@11..prod@12",
    "stoa config diff prod..staging limits",
});

Exit run(Context& context) {
  const auto what = context.arguments.required("WHAT");
  const auto dots = what.find("..");
  const bool two = dots != std::string::npos;
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer = hub->ask("config.diff", "", [&](json::Writer& json) {
    json.field("from", std::string_view{what}.substr(0, two ? dots : 0));
    json.field("to", std::string_view{what}.substr(two ? dots + 2 : 0));
    json.field("unit", std::string_view{context.arguments.value_or("UNIT", "")});
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  auto& out = context.terminal.out;
  const auto& paths = (*answer)["paths"].items();
  if (!paths.empty()) {
    Table table{{"UNIT"}, {"PATH"}, {(*answer)["from"].text()}, {(*answer)["to"].text()}};
    for (const auto& path : paths) {
      table.row({path["unit"].text(), path["path"].text(), path["from"].text_or("-"),
                 path["to"].text_or("-")});
    }
    out << table.text() << '\n';
  }
  for (const auto& word : (*answer)["words"].items()) out << word.text() << '\n';
  return Exit::Ok;
}

}  // namespace

Command config_diff() {
  return {.noun = "config",
          .verb = "diff",
          .group = Command::Group::Setup,
          .summary = "Compare revisions: which paths, which roles restart, who must approve",
          .arguments = kArguments,
          .flags = {config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

#include <array>
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

constexpr auto kSpace =
    std::to_array<Argument>({{.name = "SPACE", .help = "as stoa config space list names it"}});
constexpr auto kUnit = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "UNIT", .help = "limits, strategies, environment, instruments, or a role"},
});
constexpr auto kListFlags = std::to_array<Flag>({
    {.name = "--where",
     .value = "FILTER",
     .help = "by labels: project, environment, service, layer, order"},
});
constexpr auto kShowFlags = std::to_array<Flag>({
    {.name = "--rev", .value = "REV", .help = "a revision or tag of the space; else its head"},
});
constexpr auto kListExamples = std::to_array<std::string_view>(
    {"stoa config unit list dev --where 'layer=trade and order<3'"});
constexpr auto kShowExamples =
    std::to_array<std::string_view>({"stoa config unit show prod limits --rev 12"});

Exit run_list(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer =
      hub->ask("config.unit.list", context.arguments.required("SPACE"), [&](json::Writer& json) {
        json.field("where", std::string_view{context.arguments.value_or("--where", "")});
      });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  Table table{{"UNIT"},  {"REV", kRight},   {"HASH"}, {"KEYS", kRight},
              {"LAYER"}, {"ORDER", kRight}, {"WHAT"}};
  for (const auto& unit : (*answer)["units"].items()) {
    table.row({unit["unit"].text(), unit["number"].text(), unit["hash"].text().substr(0, 8),
               unit["keys"].text(), unit["labels"]["layer"].text(), unit["labels"]["order"].text(),
               unit["doc"].text()});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

Exit run_show(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer =
      hub->ask("config.unit.show", context.arguments.required("SPACE"), [&](json::Writer& json) {
        json.field("unit", std::string_view{context.arguments.required("UNIT")});
        json.field("revision", std::string_view{context.arguments.value_or("--rev", "")});
      });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  context.terminal.out << (*answer)["text"].text();
  return Exit::Ok;
}

Exit run_create(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.unit.create", space, [&](json::Writer& json) {
    json.field("unit", std::string_view{context.arguments.required("UNIT")});
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return Exit::Ok;
}

}  // namespace

Command config_unit_list() {
  return {.noun = "config",
          .verb = "unit list",
          .group = Command::Group::Setup,
          .summary = "List the documents of a space, by labels if asked",
          .arguments = kSpace,
          .flags = {kListFlags, config_flags(), output_flags()},
          .examples = kListExamples,
          .run = run_list};
}
Command config_unit_show() {
  return {.noun = "config",
          .verb = "unit show",
          .group = Command::Group::Setup,
          .summary = "Show a document of a space",
          .arguments = kUnit,
          .flags = {kShowFlags, config_flags(), output_flags()},
          .examples = kShowExamples,
          .run = run_show};
}
Command config_unit_create() {
  return {.noun = "config",
          .verb = "unit create",
          .group = Command::Group::Setup,
          .summary = "Begin a document that a space lacks",
          .arguments = kUnit,
          .flags = {hub_change_flags(), config_flags(), output_flags()},
          .run = run_create};
}

}  // namespace stoa::cli


#include <array>
#include <ostream>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/json_value.h"
#include "ops/config_file.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kExportArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "REV", .help = "number or tag; else the head", .required = false},
});
constexpr auto kImportArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "FILE", .help = "what stoa config export wrote"},
});
constexpr auto kExportExamples =
    std::to_array<std::string_view>({"stoa config export prod > prod.json"});
constexpr auto kImportExamples =
    std::to_array<std::string_view>({"stoa config import dev prod.json --dry-run"});

Exit run_export(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer =
      hub->ask("config.export", context.arguments.required("SPACE"), [&](json::Writer& json) {
        json.field("revision", std::string_view{context.arguments.value_or("REV", "")});
      });
  if (!answer) return answer.error();
  context.terminal.out << answer->compact() << '\n';
  return Exit::Ok;
}

Exit run_import(Context& context) {
  const auto file = context.arguments.required("FILE");
  const auto text = ops::read_text_file(file);
  if (!text) return context.fail(text.error());
  const auto value = JsonValue::parse(*text);
  if (!value) return context.fail({.message = value.error().message, .source = file});
  if ((*value)["kind"].text() != "Space") {
    return context.fail({.message = "this is no export of a space", .source = file});
  }
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.import", space, [&](json::Writer& json) {
    json.raw_field("units", (*value)["units"].compact());
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return Exit::Ok;
}

}  // namespace

Command config_export() {
  return {.noun = "config",
          .verb = "export",
          .group = Command::Group::Setup,
          .summary = "Write a revision of a space as one JSON document",
          .arguments = kExportArguments,
          .flags = {config_flags(), output_flags()},
          .examples = kExportExamples,
          .run = run_export};
}
Command config_import() {
  return {.noun = "config",
          .verb = "import",
          .group = Command::Group::Setup,
          .summary = "Make what was exported a new revision of a space",
          .arguments = kImportArguments,
          .flags = {hub_change_flags(), config_flags(), output_flags()},
          .examples = kImportExamples,
          .run = run_import};
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/json_value.h"
#include "cli/table.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kSpace =
    std::to_array<Argument>({{.name = "SPACE", .help = "as stoa config space list names it"}});
constexpr auto kRevision = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "REV", .help = "number or tag; else the head", .required = false},
});
constexpr auto kTag = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "TAG", .help = "name, not a number"},
    {.name = "REV", .help = "number or tag; else the head", .required = false},
});
constexpr auto kListFlags = std::to_array<Flag>({
    {.name = "--limit",
     .value = "N",
     .help = "newest N, 20 unless told",
     .kind = Flag::Kind::Integer},
});

Exit run_list(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer =
      hub->ask("config.rev.list", context.arguments.required("SPACE"), [&](json::Writer& json) {
        json.field("limit", std::string_view{context.arguments.value_or("--limit", "20")});
      });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  Table table{{"REV", kRight}, {"HASH"},     {"TIME"}, {"HOW"},
              {"BY"},          {"APPROVED"}, {"TAGS"}, {"REASON"}};
  for (const auto& each : (*answer)["revisions"].items()) {
    const auto tags = joined(each["tags"]);
    const bool live = each["live"].is_true();
    table.row({each["revision"].text(), each["hash"].text().substr(0, 8),
               time_text(each["time"].text()), each["verb"].text(), each["user"].text(),
               joined(each["approved_by"]), live ? (tags == "-" ? "live" : "live, " + tags) : tags,
               each["reason"].text()});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

Exit run_show(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.rev.show", space, [&](json::Writer& json) {
    json.field("revision", std::string_view{context.arguments.value_or("REV", "")});
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  const JsonValue& revision = (*answer)["revision"];
  auto& out = context.terminal.out;
  out << fmt::format("{} revision {}\n  sha256    {}\n  by        {} at {} ({})\n", space,
                     revision["revision"].text(), revision["hash"].text(), revision["user"].text(),
                     time_text(revision["time"].text()), revision["verb"].text());
  out << fmt::format("  reason    {}\n  authors   {}\n  approved  {}\n  units     {}\n",
                     revision["reason"].text_or("-"), joined(revision["authors"]),
                     joined(revision["approved_by"]), joined((*answer)["units"]));
  for (const auto& path : (*answer)["paths"].items()) {
    out << fmt::format("  {}/{}: {} -> {}\n", path["unit"].text(), path["path"].text(),
                       path["from"].text_or("nothing"), path["to"].text_or("nothing"));
  }
  return Exit::Ok;
}

Exit run_tag(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto tag = context.arguments.required("TAG");
  const auto answer = hub->ask("config.rev.tag", space, [&](json::Writer& json) {
    json.field("tag", std::string_view{tag});
    json.field("revision", std::string_view{context.arguments.value_or("REV", "")});
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  context.terminal.out << fmt::format("{}: {} names revision {}\n", space, tag,
                                      context.arguments.value_or("REV", "head"));
  return Exit::Ok;
}

}  // namespace

Command config_rev_list() {
  return {.noun = "config",
          .verb = "rev list",
          .group = Command::Group::Setup,
          .summary = "List revisions of a space: content, author, reason, approvals",
          .arguments = kSpace,
          .flags = {kListFlags, config_flags(), output_flags()},
          .run = run_list};
}
Command config_rev_show() {
  return {.noun = "config",
          .verb = "rev show",
          .group = Command::Group::Setup,
          .summary = "Show one revision and what it changed",
          .arguments = kRevision,
          .flags = {config_flags(), output_flags()},
          .run = run_show};
}
Command config_rev_tag() {
  return {.noun = "config",
          .verb = "rev tag",
          .group = Command::Group::Setup,
          .summary = "Give a revision a name",
          .arguments = kTag,
          .flags = {hub_change_flags(), config_flags(), output_flags()},
          .run = run_tag};
}

}  // namespace stoa::cli

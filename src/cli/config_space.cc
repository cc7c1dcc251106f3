#include <fmt/core.h>

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

constexpr std::array<std::string_view, 5> kRoles{"viewer", "editor", "approver", "deployer",
                                                 "admin"};
constexpr auto kSpace =
    std::to_array<Argument>({{.name = "SPACE", .help = "as stoa config space list names it"}});
constexpr auto kGrantArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "USER", .help = "login name"},
    {.name = "ROLE", .help = "what they may do there", .choices = kRoles},
});
constexpr auto kProtectArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "PATH", .help = "a key, or a table: limits.max_daily_loss, gateway"},
});
constexpr auto kCreateFlags = std::to_array<Flag>({
    {.name = "--upstream", .value = "SPACE", .help = "begin as a copy of it, and follow it"},
    {.name = "--environment", .value = "NAME", .help = "development, staging, production, …"},
    {.name = "--approvals",
     .value = "N",
     .help = "how many others must approve what is applied",
     .kind = Flag::Kind::Integer},
});
constexpr auto kGrantFlags = std::to_array<Flag>(
    {{.name = "--revoke", .help = "take it away instead", .kind = Flag::Kind::Switch}});
constexpr auto kProtectFlags = std::to_array<Flag>(
    {{.name = "--remove", .help = "no longer protected", .kind = Flag::Kind::Switch}});
constexpr auto kCreateExamples = std::to_array<std::string_view>(
    {"stoa config space create canary --upstream staging --approvals 1"});
constexpr auto kGrantExamples =
    std::to_array<std::string_view>({"stoa config space grant prod bob approver --yes --env-name "
                                     "prod --reason \"on call\""});
constexpr auto kProtectExamples =
    std::to_array<std::string_view>({"stoa config space protect staging limits.max_daily_loss"});

Exit run_list(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer = hub->ask("config.space.list", "");
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  Table table{{"SPACE"},        {"UPSTREAM"},          {"ENVIRONMENT"},       {"HEAD"},
              {"LIVE", kRight}, {"APPROVALS", kRight}, {"CONFLICTS", kRight}, {"YOUR ROLES"}};
  for (const auto& space : (*answer)["spaces"].items()) {
    const auto live = space["live"].text();
    table.row({space["space"].text(), space["upstream"].text_or("-"), space["environment"].text(),
               space["head"].text(), live == "0" ? "-" : live, space["approvals_required"].text(),
               space["conflicts"].text(), joined(space["your_roles"])});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

Exit run_create(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.space.create", space, [&](json::Writer& json) {
    json.field("upstream", std::string_view{context.arguments.value_or("--upstream", "")});
    json.field("environment", std::string_view{context.arguments.value_or("--environment", "")});
    if (const auto count = context.arguments.value("--approvals")) {
      json.field("approvals", std::string_view{*count});
    }
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return Exit::Ok;
}

Exit run_grant(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto user = context.arguments.required("USER");
  const auto role = context.arguments.required("ROLE");
  const bool revoke = context.arguments.has("--revoke");
  const auto answer = hub->ask("config.space.grant", space, [&](json::Writer& json) {
    json.field("to", std::string_view{user});
    json.field("role", std::string_view{role});
    json.field("revoke", revoke);
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  context.terminal.out << fmt::format("{} {} {} in {}\n", user, revoke ? "no longer is" : "is",
                                      role, space);
  return Exit::Ok;
}

Exit run_protect(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto path = context.arguments.required("PATH");
  const bool remove = context.arguments.has("--remove");
  const auto answer = hub->ask("config.space.protect", space, [&](json::Writer& json) {
    json.field("path", std::string_view{path});
    json.field("remove", remove);
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  context.terminal.out << fmt::format("{}: {} {}\n", space, path,
                                      remove ? "is no longer protected" : "is its own from now on");
  return Exit::Ok;
}

}  // namespace

Command config_space_list() {
  return {.noun = "config",
          .verb = "space list",
          .group = Command::Group::Setup,
          .summary = "List the hub's spaces: head, what runs, conflicts, your roles",
          .flags = {config_flags(), output_flags()},
          .run = run_list};
}
Command config_space_create() {
  return {.noun = "config",
          .verb = "space create",
          .group = Command::Group::Setup,
          .summary = "Begin a space, as a copy of its upstream",
          .arguments = kSpace,
          .flags = {kCreateFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kCreateExamples,
          .run = run_create};
}
Command config_space_grant() {
  return {.noun = "config",
          .verb = "space grant",
          .group = Command::Group::Setup,
          .summary = "Give a person a role in a space, or take it away",
          .arguments = kGrantArguments,
          .flags = {kGrantFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kGrantExamples,
          .run = run_grant};
}
Command config_space_protect() {
  return {.noun = "config",
          .verb = "space protect",
          .group = Command::Group::Setup,
          .summary = "Keep a path as the space has it, whatever upstream says",
          .arguments = kProtectArguments,
          .flags = {kProtectFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kProtectExamples,
          .run = run_protect};
}

}  // namespace stoa::cli

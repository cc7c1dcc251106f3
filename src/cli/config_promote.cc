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

constexpr auto kPromoteArguments = std::to_array<Argument>({
    {.name = "FROM", .help = "the upstream"},
    {.name = "TO", .help = "the space that follows it"},
});
constexpr auto kPromoteFlags = std::to_array<Flag>({
    {.name = "--resolve",
     .value = "PATH=SIDE",
     .help = "decide a conflict of the last promotion: ours or theirs",
     .repeats = true},
});
constexpr auto kPromoteExamples = std::to_array<std::string_view>({
    "stoa config promote dev staging --dry-run",
    "stoa config promote dev staging --resolve limits.max_order_rate=theirs",
});
constexpr auto kApproveArguments = std::to_array<Argument>({
    {.name = "SPACE", .help = "as stoa config space list names it"},
    {.name = "REV:HASH8", .help = "exactly the content that you looked at"},
});
constexpr auto kApproveExamples = std::to_array<std::string_view>(
    {"stoa config approve prod 12:ab12cd34 --yes --env-name prod --reason \"looks right\""});

Exit run_promote(Context& context) {
  const auto choices = context.arguments.all("--resolve");
  for (const auto& choice : choices) {
    if (choice.rfind('=') == std::string::npos) {
      return context.usage(fmt::format("--resolve {}: expected PATH=ours or PATH=theirs", choice));
    }
  }
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("TO");
  const auto answer = hub->ask("config.promote", space, [&](json::Writer& json) {
    json.field("from", std::string_view{context.arguments.required("FROM")});
    if (choices.empty()) return;
    json.key("resolve");
    json.begin_object();
    for (const auto& choice : choices) {
      const auto equals = choice.rfind('=');
      json.text_key(choice.substr(0, equals));
      json.value(std::string_view{choice}.substr(equals + 1));
    }
    json.end_object();
  });
  if (!answer) return answer.error();
  if (!told_as_json(context, *answer)) tell_change(context, space, *answer);
  return (*answer)["conflicts"].items().empty() ? Exit::Ok : Exit::Conflict;
}

Exit run_approve(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto what = context.arguments.required("REV:HASH8");
  const auto answer = hub->ask("config.approve", space, [&](json::Writer& json) {
    json.field("what", std::string_view{what});
  });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  context.terminal.out << fmt::format("{}: {} is approved by {}\n", space, what, hub_user(context));
  return Exit::Ok;
}

}  // namespace

Command config_promote() {
  return {.noun = "config",
          .verb = "promote",
          .group = Command::Group::Setup,
          .summary = "Take over what upstream changed, path by path",
          .arguments = kPromoteArguments,
          .flags = {kPromoteFlags, hub_change_flags(), config_flags(), output_flags()},
          .examples = kPromoteExamples,
          .notes =
              "Exit 5: conflicts, which block approval and apply until each is decided; or "
              "those of the last promotion are open.",
          .run = run_promote};
}
Command config_approve() {
  return {.noun = "config",
          .verb = "approve",
          .group = Command::Group::Setup,
          .summary = "Approve exactly one content of a space; never one's own",
          .arguments = kApproveArguments,
          .flags = {hub_change_flags(), config_flags(), output_flags()},
          .examples = kApproveExamples,
          .notes = "Exit 5: the head has changed. Exit 6: you wrote or promoted some of it.",
          .run = run_approve};
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <array>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/json_value.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SPACE", .help = "as stoa config space list names it"}});

Exit run(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer = hub->ask("config.status", context.arguments.required("SPACE"));
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  auto& out = context.terminal.out;
  const JsonValue& status = *answer;
  const JsonValue& head = status["head"];
  out << fmt::format("{} ({}{})\n", status["space"].text(), status["environment"].text(),
                     status["upstream"].text().empty()
                         ? ""
                         : ", follows " + status["upstream"].text() + " up to revision " +
                               status["merged_revision"].text());
  out << fmt::format("  head       {} {} by {} at {}: {}\n", head["head"].text(),
                     head["verb"].text(), head["user"].text(), time_text(head["time"].text()),
                     head["reason"].text_or("-"));
  out << fmt::format("  approvals  {} of {} ({})\n", head["approved_by"].items().size(),
                     status["approvals_required"].text(), joined(head["approved_by"]));
  const JsonValue& apply = status["apply"];
  out << fmt::format("  live       {}\n", status["live"]["name"].text_or("-"));
  if (!apply.is_null()) {
    out << fmt::format("  apply      revision {} by {} at {}: {}\n", apply["revision"].text(),
                       apply["user"].text(), time_text(apply["time"].text()),
                       apply["over"].is_true() ? apply["result"].text()
                                               : "not over; stoa config apply goes on with it");
  }
  out << fmt::format("  protected  {}\n", joined(status["protected"]));
  for (const auto& [user, roles] : status["grants"].members()) {
    out << fmt::format("  {:<9}  {}\n", user, joined(roles));
  }
  for (const auto& conflict : status["conflicts"].items()) {
    out << fmt::format("  CONFLICT   {}: was {}, here {}, upstream {}\n", conflict["path"].text(),
                       conflict["base"].text_or("nothing"), conflict["ours"].text_or("nothing"),
                       conflict["theirs"].text_or("nothing"));
  }
  tell_broken_glass(context, status);
  return Exit::Ok;
}

}  // namespace

Command config_status() {
  return {.noun = "config",
          .verb = "status",
          .group = Command::Group::Setup,
          .summary = "Show where a space stands: head, approvals, what runs, what hinders",
          .arguments = kArguments,
          .flags = {config_flags(), output_flags()},
          .run = run};
}

}  // namespace stoa::cli

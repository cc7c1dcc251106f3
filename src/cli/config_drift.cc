#include <fmt/core.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/hub_ticket.h"
#include "cli/table.h"
#include "deploy/apply.h"
#include "deploy/drift.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SPACE", .help = "as stoa config space list names it"}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--target",
     .value = "DIR",
     .help = "data directory of the platform; else that of the hub",
     .kind = Flag::Kind::Path},
});

Exit run(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  const auto answer = hub->ask("config.status", space);
  if (!answer) return answer.error();
  if ((*answer)["live"].is_null()) {
    return context.fail(
        {.code = ErrorCode::NotFound, .message = "nothing of it was applied yet", .source = space});
  }
  const auto ticket = ticket_of((*answer)["live"]);
  const deploy::Layout layout{
      .data = context.arguments.value_or("--target", hub->layout().data.string())};
  deploy::DriftFindings findings;
  deploy::find_file_drift(layout, ticket, findings);
  const SystemClock clock;
  const auto opened = platform_target(layout, clock);
  if (!opened) return context.fail(opened.error());
  const auto& target = *opened;
  const std::string trouble = target->trouble();
  if (trouble.empty()) {
    for (const deploy::TargetRole& role : target->roles()) {
      if (auto drift = deploy::drift_of(ticket, role); !drift.empty()) {
        findings.emplace_back(role.name, std::move(drift));
      }
    }
  }
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("space", std::string_view{space});
    json.field("wanted", std::string_view{ticket.name});
    json.field("running", trouble.empty());
    json.field("in_sync", findings.empty());
    json.key("drift");
    json.begin_array();
    for (const auto& [where, what] : findings) {
      json.begin_object();
      json.field("where", std::string_view{where});
      json.field("what", std::string_view{what});
      json.end_object();
    }
    json.end_array();
    json.end_object();
    context.terminal.out << text << '\n';
  } else {
    Table table{{"WHERE"}, {"DRIFT"}};
    for (const auto& [where, what] : findings) table.row({where, what});
    if (!findings.empty()) context.terminal.out << table.text();
    if (!trouble.empty()) context.terminal.err << trouble << '\n';
    context.terminal.out << fmt::format(
        "{}: {}\n", ticket.name,
        findings.empty() ? "everything runs with it"
                         : "not everything runs with it; stoa config apply " + space + " mends it");
  }
  tell_broken_glass(context, *answer);
  return findings.empty() ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command config_drift() {
  return {.noun = "config",
          .verb = "drift",
          .group = Command::Group::Setup,
          .summary = "Compare what was applied with what every role says it runs with",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .notes =
              "Exit 3: something runs with another configuration, or the file was changed by "
              "hand.",
          .run = run};
}

}  // namespace stoa::cli

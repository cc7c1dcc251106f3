#include <array>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/deploy_run.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "protocol/json/writer.h"

// What a person may say to a deployment that is under way.
namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--reason", .value = "TEXT", .help = "why, for the log and for the next reader"},
});
constexpr auto kForce = std::to_array<Flag>({
    {.name = "--force",
     .help = "leave everything as it stands and end it; always works",
     .kind = Flag::Kind::Switch},
});

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  return deploy_verb(context, *platform, "deploy.ask", [&](json::Writer& json) {
    json.field("ask", context.command.verb);
    json.field("reason", std::string_view{context.arguments.value_or("--reason", "")});
    json.field("force", context.arguments.has("--force"));
  });
}

Command ask(std::string_view verb, std::string_view summary, std::string_view notes = {}) {
  return {.noun = "deploy",
          .verb = verb,
          .group = Command::Group::Run,
          .summary = summary,
          .flags = {kFlags, deploy_wait_flags(), config_flags(), output_flags()},
          .notes = notes,
          .run = run};
}

}  // namespace

Command deploy_pause() { return ask("pause", "Begin no further step of the deployment under way"); }
Command deploy_promote() {
  return ask("promote", "Wave a deployment on that waits for a person, or end its soak",
             "No way around approvals.");
}
Command deploy_approve() {
  return ask("approve", "Approve the deployment under way, exactly as it was planned",
             "Who began it cannot.");
}
Command deploy_abort() {
  auto command = ask("abort", "End the deployment under way: what ran before leads again",
                     "Exit 8 once that is so. --force ends it where it stands.");
  command.flags.insert(command.flags.begin(), kForce);
  return command;
}

}  // namespace stoa::cli


#include <array>
#include <ostream>
#include <string_view>

#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/role_process.h"
#include "deploy/supervise.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--idle",
     .help = "start nothing until a command asks for it",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa run supervisor --data /var/lib/stoa --env production",
});

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const log::Session session{log_options(context, "supervisor", platform->config)};
  const auto only = context.arguments.all("--only");
  const auto places = platform->plan.with_those_before(only);
  if (!places) return context.usage(places.error().message);
  const bool idle = context.arguments.has("--idle");
  const auto hindrances = hindrances_of(*platform, *places);
  for (const auto& hindrance : hindrances) {
    context.terminal.err << "stoa run supervisor: " << hindrance.text() << '\n';
  }
  if (!hindrances.empty()) return Exit::Failed;
  log::info("supervisor_starting",
            {{"environment", platform->config.environment}, {"roles", places->size()}});
  using First = deploy::SuperviseOptions::First;
  const auto done =
      deploy::supervise(platform->plan, {.layout = platform->layout,
                                         .timing = platform->timing,
                                         .logs = platform->logs,
                                         .environment_name = platform->config.environment,
                                         .environment = own_environment(),
                                         .only = only,
                                         .first = idle ? First::Wait : First::Up});
  log::info("supervisor_ends");
  if (!done) return context.fail(done.error());
  return Exit::Ok;
}

}  // namespace

Command run_supervisor() {
  return {.noun = "run",
          .verb = "supervisor",
          .group = Command::Group::Run,
          .summary = "Start every role and keep them running; what stoa up starts for you",
          .flags = {kFlags, supervisor_flags(), platform_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Stays until SIGTERM or stoa down, then stops the roles in reverse order. A "
              "second SIGTERM or SIGQUIT kills them. Roles that outlived an earlier "
              "supervisor are taken over.",
          .run = run};
}

}  // namespace stoa::cli

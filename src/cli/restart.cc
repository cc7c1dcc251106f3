#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/progress.h"
#include "deploy/control.h"
#include "deploy/plan.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "ROLE", .help = "as stoa status names it", .required = false, .repeats = true},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--all", .help = "every role, in order", .kind = Flag::Kind::Switch},
    {.name = "--hand-over",
     .help = "of one relay: a successor takes its place while it runs, and nobody is disconnected",
     .kind = Flag::Kind::Switch},
    {.name = "--dry-run",
     .help = "show what would be restarted; change nothing",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa restart gateway",
    "stoa restart --all --data /var/lib/stoa",
    "stoa restart relay-execution --hand-over",
});

/// Nothing when a successor can take the role's place; else what to tell the user.
std::optional<std::string> cannot_hand_over(const deploy::Plan& plan,
                                            std::span<const std::size_t> places) {
  if (places.size() == 1 && plan.roles[places.front()].hands_over) return std::nullopt;
  std::string able;
  for (const deploy::Role& role : plan.roles) {
    if (role.hands_over) able += (able.empty() ? "" : ", ") + role.name;
  }
  return "--hand-over takes one of: " + able;
}

Exit run(Context& context) {
  const auto roles = context.arguments.all("ROLE");
  const bool all = context.arguments.has("--all");
  if (roles.empty() != all) return context.usage("say either a ROLE or --all");
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto places = platform->plan.places(roles);
  if (!places) return context.usage(places.error().message);
  const bool hand_over = context.arguments.has("--hand-over");
  if (hand_over) {
    if (const auto why = cannot_hand_over(platform->plan, *places)) return context.usage(*why);
  }
  auto client = deploy::ControlClient::connect(platform->layout.control());
  if (!client) {
    return context.fail(
        Error{.code = ErrorCode::NotFound,
              .message = "no platform runs here; start it with stoa up" + platform->data_flag(),
              .source = platform->layout.data.string()});
  }
  if (context.arguments.has("--dry-run")) {
    for (const deploy::Role& role : platform->plan.roles) {
      const bool chosen = all || std::ranges::find(roles, role.name) != roles.end();
      if (!chosen) continue;
      context.terminal.out << fmt::format("would {} {}\n", hand_over ? "hand over" : "restart",
                                          role.name);
    }
    return Exit::Ok;
  }
  using Verb = deploy::Request::Verb;
  Progress progress{context};
  const auto done = operate(context, *client,
                            {.verb = hand_over ? Verb::HandOver : Verb::Restart, .roles = roles},
                            platform->longest_silence(), progress);
  if (!done) return done.error();
  if (context.json()) context.terminal.out << operation_json(progress, *done, {}) << '\n';
  if ((*done)["ok"].is_true()) return Exit::Ok;
  context.terminal.err << fmt::format("stoa restart: {}\n", (*done)["message"].text());
  return (*done)["refused"].is_true() ? Exit::Conflict : Exit::Failed;
}

}  // namespace

Command restart() {
  return {.noun = "restart",
          .group = Command::Group::Run,
          .summary = "Stop and start roles of a running platform; the others stay",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 5: another start or stop is under way.",
          .run = run};
}

}  // namespace stoa::cli

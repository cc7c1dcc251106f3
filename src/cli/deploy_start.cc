
#include <array>
#include <expected>
#include <ostream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/deploy_run.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_service.h"
#include "deploy/deployer.h"
#include "protocol/json/writer.h"

// Commands that begin a deployment, or say what would happen.
namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 3> kStrategies{"blue-green", "rolling", "recreate"};
constexpr auto kRelease = std::to_array<Argument>({
    {.name = "RELEASE", .help = "as stoa release list names it; current: what the platform runs"},
});
constexpr auto kWishFlags = std::to_array<Flag>({
    {.name = "--strategy",
     .value = "STRATEGY",
     .help = "blue-green, rolling or recreate (blue-green)"},
    {.name = "--role",
     .value = "ROLE",
     .help = "this role; every one that can be switched when none is named",
     .repeats = true},
    {.name = "--with",
     .value = "SETTING=N",
     .help = "a setting of the deployment, such as soak_s=60; docs/deploying.md lists them",
     .repeats = true},
    {.name = "--reason", .value = "TEXT", .help = "why, for the log and for the next reader"},
});
constexpr auto kDeployment = std::to_array<Argument>({
    {.name = "ID",
     .help = "as stoa deploy history shows it; the newest when none is named",
     .required = false},
});
constexpr auto kReasonFlags = std::to_array<Flag>({
    {.name = "--reason", .value = "TEXT", .help = "why, for the log and for the next reader"},
});
constexpr auto kStartExamples = std::to_array<std::string_view>({
    "stoa deploy start 0.2.0 --wait",
    "stoa deploy start 0.2.0 --role strategy --with soak_s=60",
});

Result<deploy::DeployWish> wish_of(const Context& context) {
  deploy::DeployWish wish{.release = context.arguments.required("RELEASE"),
                          .roles = context.arguments.all("--role"),
                          .reason = context.arguments.value_or("--reason", "")};
  const auto strategy =
      deploy::parse_strategy(context.arguments.value_or("--strategy", kStrategies.front()));
  if (!strategy) return std::unexpected(strategy.error());
  wish.strategy = *strategy;
  for (const std::string& setting : context.arguments.all("--with")) {
    if (auto taken = deploy::set(wish.settings, setting); !taken) {
      return std::unexpected(taken.error());
    }
  }
  return wish;
}

Exit start(Context& context) {
  const auto wish = wish_of(context);
  if (!wish) return context.usage(wish.error().message);
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  return deploy_verb(context, *platform, "deploy.start",
                     [&](json::Writer& json) { deploy::write_wish(json, *wish); });
}

Exit plan(Context& context) {
  const auto wish = wish_of(context);
  if (!wish) return context.usage(wish.error().message);
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  return deploy_verb(
      context, *platform, "deploy.plan",
      [&](json::Writer& json) { deploy::write_wish(json, *wish); },
      [&](const JsonValue& answer) {
        if (context.json()) {
          context.terminal.out << answer.compact() << '\n';
          return;
        }
        for (const JsonValue& line : answer["told"].items()) {
          context.terminal.out << line.text() << '\n';
        }
      });
}

Exit rollback(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto id = context.arguments.value_or("ID", "0");
  return deploy_verb(context, *platform, "deploy.rollback", [&](json::Writer& json) {
    json.field("id", std::string_view{id});
    json.field("reason", std::string_view{context.arguments.value_or("--reason", "")});
  });
}

Exit resume(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  // One that is paused goes on; one whose driver has died is taken up.
  return deploy_verb(context, *platform, "deploy.resume", {}, [&](const JsonValue& answer) {
    if (answer["id"].text() == "0") context.terminal.out << "no deployment is unfinished\n";
  });
}

}  // namespace

Command deploy_plan() {
  return {.noun = "deploy",
          .verb = "plan",
          .group = Command::Group::Run,
          .summary = "Say in words what a deployment would do; change nothing",
          .arguments = kRelease,
          .flags = {kWishFlags, config_flags(), output_flags()},
          .run = plan};
}

Command deploy_start() {
  return {.noun = "deploy",
          .verb = "start",
          .group = Command::Group::Run,
          .summary = "Put a release in the place of what runs, without losing an order",
          .arguments = kRelease,
          .flags = {kWishFlags, deploy_wait_flags(), config_flags(), output_flags()},
          .examples = kStartExamples,
          .notes =
              "Without a hub it runs in the foreground. Exit 5: another deploys; 6: approvals are "
              "missing; 8: it failed and was rolled back; 9: the rollback failed, act now; 10: too "
              "little to judge by, a person decides.",
          .run = start};
}

Command deploy_rollback() {
  return {.noun = "deploy",
          .verb = "rollback",
          .group = Command::Group::Run,
          .summary = "Take a committed deployment back: the release before leads again",
          .arguments = kDeployment,
          .flags = {kReasonFlags, deploy_wait_flags(), config_flags(), output_flags()},
          .notes =
              "Of one that is under way: stoa deploy abort. Refused once a feature was turned "
              "on that the release before cannot read.",
          .run = rollback};
}

Command deploy_resume() {
  return {.noun = "deploy",
          .verb = "resume",
          .group = Command::Group::Run,
          .summary = "Go on with a deployment that was interrupted or paused",
          .flags = {deploy_wait_flags(), config_flags(), output_flags()},
          .notes = "Its log says where it stands; nothing is done twice.",
          .run = resume};
}

}  // namespace stoa::cli

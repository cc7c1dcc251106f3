#include <fmt/core.h>

#include <array>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/instance_json.h"
#include "ops/discovery.h"
#include "ops/registry.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SERVICE", .help = "what is looked for, risk"}});
// Turns would need a process that stays.
constexpr std::array<std::string_view, 2> kPolicies{"first-healthy", "priority"};
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--policy",
     .value = "POLICY",
     .help = "which of several; first-healthy unless told",
     .kind = Flag::Kind::Choice,
     .choices = kPolicies},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa discovery resolve risk --data data", "stoa discovery resolve gateway -o json"});

Exit nobody(const Context& context, std::string_view service, const std::filesystem::path& dir) {
  context.terminal.err << fmt::format("no healthy {} is registered below {}\n", service,
                                      dir.string());
  return Exit::Finding;
}

Exit run(Context& context) {
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return Exit::Finding;
  const auto dir = ops::services_dir(loaded->config.data.dir);
  const auto service = context.arguments.required("SERVICE");
  // Looking makes no directories.
  std::error_code ignored;
  if (!std::filesystem::exists(dir, ignored)) return nobody(context, service, dir);
  const SystemClock clock;
  const auto discovery = ops::Discovery::open(dir, clock);
  if (!discovery) return context.fail(discovery.error());
  ops::Resolver resolver{**discovery};
  const bool by_priority = context.arguments.value_or("--policy", kPolicies[0]) == kPolicies[1];
  const ops::Instance* const found =
      resolver.resolve(service, by_priority ? ops::Policy::Priority : ops::Policy::FirstHealthy);
  if (found == nullptr) return nobody(context, service, dir);
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    append_instance(json, *found);
    context.terminal.out << text << '\n';
    return Exit::Ok;
  }
  for (const auto& [name, address] : found->endpoints) {
    context.terminal.out << fmt::format("{} {} {}\n", found->instance, name, address);
  }
  return Exit::Ok;
}

}  // namespace

Command discovery_resolve() {
  return {.noun = "discovery",
          .verb = "resolve",
          .group = Command::Group::Look,
          .summary = "Say where a healthy instance of a service answers",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 3: none is healthy.",
          .run = run};
}

}  // namespace stoa::cli

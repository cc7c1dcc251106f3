#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "cli/platform.h"
#include "cli/role_process.h"
#include "deploy/config_units.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 3> kDomains{"market", "signal", "execution"};
constexpr auto kDomainFlags = std::to_array<Flag>({
    {.name = "--domain",
     .value = "DOMAIN",
     .help = "market, signal or execution",
     .kind = Flag::Kind::Choice,
     .required = true,
     .choices = kDomains},
    {.name = "--take-over",
     .help = "take the log over from the relay that runs, without a pause anyone sees",
     .kind = Flag::Kind::Switch},
});
constexpr std::array<std::string_view, 4> kSwitched{"execution", "risk", "strategy", "gateway"};
constexpr std::array<std::string_view, 2> kColours{"blue", "green"};
constexpr auto kSwitchFlags = std::to_array<Flag>({
    {.name = "--beside",
     .help = "follow the one that leads, until the log says to take over",
     .kind = Flag::Kind::Switch},
    {.name = "--colour",
     .value = "COLOUR",
     .help = "blue or green: which of the two it is (blue)",
     .kind = Flag::Kind::Choice,
     .choices = kColours},
    {.name = "--release", .value = "NAME", .help = "the release that it runs, for the log"},
    {.name = "--port",
     .value = "PORT",
     .help = "health port beside; 0: the system picks (0)",
     .kind = Flag::Kind::Integer},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--log-level", .value = "LEVEL", .help = "error, warn, info or debug (log.level)"},
    {.name = "--config-revision",
     .value = "NAME",
     .help = "of the hub, as /health tells it; else the one that the file names"},
});

/// False: the port is none.
bool read_switch(const Arguments& arguments, RoleOptions& options) {
  options.colour = arguments.value_or("--colour", "blue");
  options.release = arguments.value_or("--release", "");
  options.beside = arguments.has("--beside");
  if (!options.beside) return true;
  options.instance += "." + options.colour;
  const std::string port = arguments.value_or("--port", "0");
  options.port = 0;
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  return error == std::errc{};  // digits: the table asks
}

/// One of the processes that stoa up starts, by hand.
Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const std::string role{context.command.verb};
  RoleOptions options{.name = role, .domain = context.arguments.value_or("--domain", "")};
  if (!options.domain.empty()) options.name += "-" + options.domain;
  options.take_over = context.arguments.has("--take-over");
  options.config_revision =
      context.arguments.value_or("--config-revision", platform->config_revision);
  options.config_digest = deploy::role_digest(platform->loaded, options.name);
  const auto place = platform->plan.find(options.name);
  options.port = place ? platform->plan.roles[*place].port : std::uint16_t{0};
  options.place_port = options.port;
  options.instance = options.name;
  if (std::ranges::find(kSwitched, role) != kSwitched.end() &&
      !read_switch(context.arguments, options)) {
    return context.usage("--port: expected 0 to 65535");
  }
  const auto log_settings = log_options(context, options.instance, platform->config);
  options.log_file = log_settings.file;
  const log::Session session{log_settings};
  const auto lacks = [&] {
    return context.fail(Error{
        .code = ErrorCode::Unavailable, .message = "this build has no role " + role, .source = {}});
  };
  if (!context.hooks.run_role) return lacks();
  const std::optional<int> ended = context.hooks.run_role(role, platform->config, options);
  if (!ended) return lacks();
  return static_cast<Exit>(*ended);
}

Command role(std::string_view verb, std::string_view summary,
             std::span<const std::string_view> examples = {}) {
  return {.noun = "run",
          .verb = verb,
          .group = Command::Group::Run,
          .summary = summary,
          .flags = {kFlags, platform_flags(), config_flags(), output_flags()},
          .examples = examples,
          .notes =
              "One process of the platform; stoa up starts them all in order. Speaks sd_notify "
              "to whoever started it. SIGTERM: ends clean. SIGUSR1: opens its log anew.",
          .run = run};
}

/// One whose work can go to another process while it is under load.
Command switched(std::string_view verb, std::string_view summary,
                 std::span<const std::string_view> examples = {}) {
  auto command = role(verb, summary, examples);
  command.flags.insert(command.flags.begin(), kSwitchFlags);
  return command;
}

}  // namespace

Command run_relay() {
  static constexpr auto kExamples =
      std::to_array<std::string_view>({"stoa run relay --domain execution --data /var/lib/stoa"});
  auto command =
      role("relay", "Run one relay: a domain's log, its order and its subscribers", kExamples);
  command.flags.insert(command.flags.begin(), kDomainFlags);
  return command;
}
Command run_venue() { return role("venue", "Run the simulated exchange"); }
Command run_market_data() {
  return role("market-data", "Run the market data role: venue feeds to the market relay");
}
Command run_risk() { return switched("risk", "Run the risk role: exposure, limits, kill switch"); }
Command run_execution() {
  static constexpr auto kExamples = std::to_array<std::string_view>(
      {"stoa run execution --beside --colour green --data /var/lib/stoa"});
  return switched("execution", "Run the execution role: orders, positions, venue sessions",
                  kExamples);
}
Command run_strategy() { return switched("strategy", "Run the strategy role"); }
Command run_gateway() { return switched("gateway", "Run the gateway: API, WebSocket and page"); }
Command run_hub() { return role("hub", "Run the hub: who changed which configuration, and why"); }

}  // namespace stoa::cli

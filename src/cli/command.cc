#include "cli/command.h"

#include <fmt/core.h>

#include <array>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "cli/exit.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 2> kOutputs{"table", "json"};
constexpr auto kOutputFlags = std::to_array<Flag>({
    {.name = "-o,--output",
     .value = "FORMAT",
     .help = "table (default) or json",
     .kind = Flag::Kind::Choice,
     .choices = kOutputs},
    {.name = "--json", .help = "the same as -o json", .kind = Flag::Kind::Switch},
});

constexpr auto kConfigFlags = std::to_array<Flag>({
    {.name = "--env", .value = "NAME", .help = "environment, instead of STOA_ENV and guessing"},
    {.name = "--config",
     .value = "FILE",
     .help = "TOML file, laid over the environment's",
     .kind = Flag::Kind::Path},
    {.name = "--data",
     .value = "DIR",
     .help = "data directory (data.dir)",
     .kind = Flag::Kind::Path},
    {.name = "--set",
     .value = "KEY=VALUE",
     .help = "any key of docs/configuration.md",
     .repeats = true},
});

constexpr auto kExitCodes = std::to_array<ExitCode>({
    {Exit::Ok, "done"},
    {Exit::Failed, "could not: no engine, no file, refused by the system"},
    {Exit::Usage, "asked wrongly: unknown word, missing or impossible value"},
    {Exit::Finding, "looked and found a fault: damage, a failed check, a mismatch"},
    {Exit::Conflict, "conflict: duplicate id, order already ended, wrong state"},
    {Exit::Refused, "refused by the risk gate or the venue"},
    {Exit::Timeout, "no answer in time: the outcome is not known, ask before repeating"},
    {Exit::RolledBack, "a deployment failed, and what ran before runs again"},
    {Exit::RollbackFailed, "a deployment failed and could not be rolled back: act now"},
    {Exit::Inconclusive, "a deployment has too little to judge by: a person decides"},
});

}  // namespace

std::span<const ExitCode> exit_codes() noexcept { return kExitCodes; }
std::span<const Flag> output_flags() noexcept { return kOutputFlags; }
std::span<const Flag> config_flags() noexcept { return kConfigFlags; }

std::string Command::name() const {
  return verb.empty() ? std::string{noun} : fmt::format("{} {}", noun, verb);
}

void Arguments::add(std::string_view name, std::string value) {
  values_[std::string{name}].push_back(std::move(value));
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::string Arguments::required(std::string_view name) const {
  auto found = value(name);
  check(found.has_value(), "the table says that it is required");
  return std::move(found).value_or(std::string{});
}

std::string Arguments::value_or(std::string_view name, std::string_view otherwise) const {
  return value(name).value_or(std::string{otherwise});
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Exit Context::fail(const Error& error, Exit exit) const {
  terminal.err << "stoa " << command.name() << ": " << error.text() << '\n';
  return exit;
}

Exit Context::usage(std::string_view what) const {
  terminal.err << "stoa " << command.name() << ": " << what << "\n  see: stoa " << command.name()
               << " --help\n";
  return Exit::Usage;
}

ops::LoadOptions load_options(const Context& context) {
  const Arguments& given = context.arguments;
  ops::LoadOptions options{.environment = given.value("--env"),
                           .surroundings = context.surroundings,
                           .check_strategy = context.hooks.check_strategy};
  if (const auto file = given.value("--config")) options.file = *file;
  if (const auto dir = given.value("--data")) {
    options.overrides.push_back({.key = "data.dir", .values = {*dir}, .flag = "--data"});
  }
  for (const auto& text : given.all("--set")) {
    const auto equals = text.find('=');
    const bool pair = equals != std::string::npos;
    options.overrides.push_back({.key = text.substr(0, equals),
                                 .values = {pair ? text.substr(equals + 1) : std::string{}},
                                 .flag = "--set"});
  }
  return options;
}

std::optional<ops::Loaded> load_config(const Context& context, const ops::LoadOptions& options) {
  auto loaded = ops::load(options);
  if (loaded) return std::move(*loaded);
  for (const Error& error : loaded.error()) {
    context.terminal.err << "configuration: " << error.text() << '\n';
  }
  return std::nullopt;
}

}  // namespace stoa::cli

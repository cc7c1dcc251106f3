#include <fmt/core.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa config check --env production --config /etc/stoa/stoa.toml"});

Exit run(Context& context) {
  const auto loaded = ops::load(load_options(context));
  if (!context.json()) {
    if (!loaded) {
      for (const Error& error : loaded.error()) context.terminal.err << error.text() << '\n';
      context.terminal.err << fmt::format("problems: {}\n", loaded.error().size());
      return Exit::Finding;
    }
    context.terminal.out << fmt::format("valid: environment {} ({}), {} strategies\n",
                                        loaded->config.environment, loaded->environment_reason,
                                        loaded->config.strategies.size());
    return Exit::Ok;
  }
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("valid", loaded.has_value());
  json.key("problems");
  json.begin_array();
  if (!loaded) {
    for (const Error& error : loaded.error()) {
      json.begin_object();
      json.field("where", std::string_view{error.source});
      json.field("message", std::string_view{error.message});
      json.end_object();
    }
  }
  json.end_array();
  json.end_object();
  context.terminal.out << text << '\n';
  return loaded ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command config_check() {
  return {.noun = "config",
          .verb = "check",
          .group = Command::Group::Look,
          .summary = "Check every file, variable and flag without starting anything",
          .flags = {config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 3: problems found, each with file, line and column.",
          .run = run};
}

}  // namespace stoa::cli

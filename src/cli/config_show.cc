#include <fmt/core.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/config_json.h"
#include "cli/exit.h"
#include "cli/table.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--changed",
     .help = "only keys whose value is not the default",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa config show --env production", "stoa config show -o json"});

std::string as_json(const ops::Loaded& loaded, bool changed_only) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("environment", std::string_view{loaded.config.environment});
  json.field("environment_from", std::string_view{loaded.environment_reason});
  json.key("settings");
  json.begin_array();
  for (const ops::Setting& setting : loaded.settings) {
    if (!changed_only || setting.says.size() > 1) append_setting(json, setting);
  }
  json.end_array();
  json.key("strategies");
  json.begin_array();
  for (const auto& strategy : loaded.config.strategies) {
    json.begin_object();
    json.field("name", std::string_view{strategy.name});
    json.field("type", std::string_view{strategy.type});
    json.field("symbol", std::string_view{strategy.symbol});
    json.field("enabled", strategy.enabled);
    json.key("params");
    json.begin_object();
    for (const auto& param : strategy.params) {
      json.text_key(param.name);
      json.value(std::string_view{param.value});
    }
    json.end_object();
    json.field("from", std::string_view{strategy.source});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

Exit run(Context& context) {
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return Exit::Finding;
  const bool changed_only = context.arguments.has("--changed");
  auto& out = context.terminal.out;
  if (context.json()) {
    out << as_json(*loaded, changed_only) << '\n';
    return Exit::Ok;
  }
  Table settings{{"KEY"}, {"VALUE"}, {"FROM"}};
  for (const ops::Setting& setting : loaded->settings) {
    if (changed_only && setting.says.size() == 1) continue;
    settings.row({std::string{setting.key->name}, setting.value, setting.winner().where});
  }
  out << fmt::format("environment {} ({})\n\n", loaded->config.environment,
                     loaded->environment_reason)
      << settings.text();
  if (loaded->config.strategies.empty()) return Exit::Ok;
  Table strategies{{"STRATEGY"}, {"TYPE"}, {"SYMBOL"}, {"ENABLED"}, {"FROM"}};
  for (const auto& strategy : loaded->config.strategies) {
    strategies.row({strategy.name, strategy.type, strategy.symbol, strategy.enabled ? "yes" : "no",
                    strategy.source});
  }
  out << '\n' << strategies.text();
  return Exit::Ok;
}

}  // namespace

Command config_show() {
  return {.noun = "config",
          .verb = "show",
          .group = Command::Group::Look,
          .summary = "Show every setting and where it comes from",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 3: the configuration is not valid.",
          .run = run};
}

}  // namespace stoa::cli

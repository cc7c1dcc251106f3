#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/risk_table.h"
#include "model/risk.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>(
    {{.name = "LIMIT=VALUE", .help = "what to set: max_order_notional=25000", .repeats = true}});
constexpr auto kFlags = std::to_array<Flag>(
    {{.name = "--reason", .value = "TEXT", .help = "why, for the log", .required = true}});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa risk set max_order_notional=25000 max_open_orders=50 --reason \"smaller size\""});

std::vector<std::string_view> limit_names() {
  std::vector<std::string_view> names;
  names.reserve(kLimitKinds);
  for (std::uint8_t kind = 0; kind < kLimitKinds; ++kind) {
    names.push_back(to_string(static_cast<LimitKind>(kind)));
  }
  return names;
}

Exit run(Context& context) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("limits");
  json.begin_object();
  const auto names = limit_names();
  for (const auto& pair : context.arguments.all("LIMIT=VALUE")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) {
      return context.usage(fmt::format("{}: expected LIMIT=VALUE", pair));
    }
    const auto name = pair.substr(0, equals);
    if (std::ranges::find(names, name) == names.end()) {
      const auto near = ops::nearest(name, names);
      return context.usage(fmt::format("{}: unknown limit{}", name,
                                       near ? fmt::format("; did you mean {}?", *near) : ""));
    }
    json.field(name, std::string_view{pair}.substr(equals + 1));
  }
  json.end_object();
  json.field("reason", std::string_view{context.arguments.required("--reason")});
  json.end_object();
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply = engine->change("PUT", "/api/v1/risk/limits", body);
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : risk_text(reply->value));
  return Exit::Ok;
}

}  // namespace

Command risk_set() {
  return {.noun = "risk",
          .verb = "set",
          .group = Command::Group::Run,
          .summary = "Change limits while the engine runs",
          .arguments = kArguments,
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/strategy_table.h"
#include "ops/http_client.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "NAME", .help = "name of the strategy"},
    {.name = "PARAM=VALUE", .help = "what to change: half_spread_ticks=4", .repeats = true},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa strategy set mm_btc half_spread_ticks=4 order_qty=0.02"});

/// true, false and numbers as the schema types them: a text is sent as it is when the parameter is
/// a text or a decimal.
void put(json::Writer& json, std::string_view value, const JsonValue& schema) {
  const auto& type = schema["type"].text();
  const bool literal = type == "integer" || type == "number" || type == "boolean";
  if (literal && JsonValue::parse(value)) {
    json.raw(value);
  } else {
    json.value(value);
  }
}

/// The parameters' schema as the engine tells it; null for an unknown strategy, which the engine
/// then names.
JsonValue schema_of(const JsonValue& list, std::string_view name) {
  for (const JsonValue& strategy : list["strategies"].items()) {
    if (strategy["name"].text() == name) return strategy["schema"]["properties"];
  }
  return {};
}

Exit run(Context& context) {
  const auto name = context.arguments.required("NAME");
  const auto pairs = context.arguments.all("PARAM=VALUE");
  for (const auto& pair : pairs) {
    if (pair.find('=') == std::string::npos) {
      return context.usage(fmt::format("{}: expected PARAM=VALUE", pair));
    }
  }
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto list = engine->get("/api/v1/strategies");
  if (!list) return list.error();
  const auto schema = schema_of(list->value, name);
  std::string body;
  json::Writer json{body};
  json.begin_object();
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    const auto param = pair.substr(0, equals);
    json.text_key(param);
    put(json, std::string_view{pair}.substr(equals + 1), schema[param]);
  }
  json.end_object();
  const auto target = "/api/v1/strategies/" + ops::percent_encode(name) + "/params";
  const auto reply = engine->change("PUT", target, body);
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : strategy_line(reply->value));
  return Exit::Ok;
}

}  // namespace

Command strategy_set() {
  return {.noun = "strategy",
          .verb = "set",
          .group = Command::Group::Run,
          .summary = "Change parameters of a strategy while it runs",
          .arguments = kArguments,
          .flags = {change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/order_table.h"
#include "ops/http_client.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "ID", .help = "client order id of an open order"}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--price", .value = "P", .help = "new limit price"},
    {.name = "--quantity", .value = "Q", .help = "new total quantity, what is filled included"},
});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa order replace eth-1 --price 2501.5 --quantity 2"});

Exit run(Context& context) {
  const auto price = context.arguments.value("--price");
  const auto quantity = context.arguments.value("--quantity");
  if (!price && !quantity) return context.usage("say --price, --quantity or both");
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  std::string body;
  json::Writer json{body};
  json.begin_object();
  if (price) json.field("price", std::string_view{*price});
  if (quantity) json.field("quantity", std::string_view{*quantity});
  json.end_object();
  const auto target = "/api/v1/orders/" + ops::percent_encode(context.arguments.required("ID"));
  const auto reply = engine->change("PATCH", target, body);
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : order_line(reply->value));
  return Exit::Ok;
}

}  // namespace

Command order_replace() {
  return {.noun = "order",
          .verb = "replace",
          .group = Command::Group::Trade,
          .summary = "Change price or quantity of an open order",
          .arguments = kArguments,
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

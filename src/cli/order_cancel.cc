#include <fmt/core.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/order_table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>(
    {{.name = "ID", .help = "client order id; or say --all", .required = false}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--all", .help = "cancel every open order", .kind = Flag::Kind::Switch},
    {.name = "--symbol", .value = "SYMBOL", .help = "with --all: of this instrument only"},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa order cancel eth-1", "stoa order cancel --all --symbol BTCUSDT"});

Exit cancel_all(const Context& context, const EngineClient& engine) {
  std::string target = "/api/v1/orders";
  if (const auto symbol = context.arguments.value("--symbol")) {
    target += "?symbol=" + ops::percent_encode(*symbol);
  }
  const auto reply = engine.change("DELETE", target, "");
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
  } else {
    context.terminal.out << fmt::format("cancels requested: {}\n",
                                        reply->value["requested"].text());
  }
  return Exit::Ok;
}

Exit run(Context& context) {
  const auto id = context.arguments.value("ID");
  const bool all = context.arguments.has("--all");
  if (all == id.has_value()) return context.usage("say either an ID or --all");
  if (!all && context.arguments.has("--symbol")) return context.usage("--symbol goes with --all");
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  if (all) return cancel_all(context, *engine);
  const auto reply = engine->change("DELETE", "/api/v1/orders/" + ops::percent_encode(*id), "");
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : order_line(reply->value));
  return Exit::Ok;
}

}  // namespace

Command order_cancel() {
  return {.noun = "order",
          .verb = "cancel",
          .group = Command::Group::Trade,
          .summary = "Cancel one order, or all open ones",
          .arguments = kArguments,
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 5: too late, the order has already ended.",
          .run = run};
}

}  // namespace stoa::cli

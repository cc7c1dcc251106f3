#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/order_table.h"
#include "cli/risk_checks.h"
#include "ops/http_client.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 2> kSideNames{"buy", "sell"};
constexpr std::array<std::string_view, 2> kTypes{"limit", "market"};
constexpr std::array<std::string_view, 4> kTimesInForceNames{"GTC", "IOC", "FOK", "GTX"};
constexpr auto kArguments = std::to_array<Argument>({
    {.name = "SYMBOL", .help = "instrument, BTCUSDT"},
    {.name = "SIDE", .help = "buy or sell", .choices = kSideNames},
    {.name = "QUANTITY", .help = "how much, in units of the instrument: 0.01"},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--price", .value = "P", .help = "limit price; a limit order needs it"},
    {.name = "--type",
     .value = "TYPE",
     .help = "limit (default) or market",
     .kind = Flag::Kind::Choice,
     .choices = kTypes},
    {.name = "--tif",
     .value = "T",
     .help = "GTC (default), IOC, FOK or GTX (post only)",
     .kind = Flag::Kind::Choice,
     .choices = kTimesInForceNames},
    {.name = "--client-order-id", .value = "ID", .help = "your own id; one is made when absent"},
    {.name = "--check",
     .help = "ask the risk gate only: every check with its headroom, nothing is sent",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa order place BTCUSDT buy 0.01 --price 60000",
    "stoa order place BTCUSDT sell 0.01 --type market",
    "stoa order place ETHUSDT buy 1 --price 2500 --tif GTX --client-order-id eth-1 -o json",
    "stoa order place BTCUSDT buy 5 --price 60000 --check",
});

/// "cli-6f1c…": not predictable, and never given twice.
std::string new_client_order_id() {
  std::random_device device;
  const auto high = std::uint64_t{device()} << 32;
  return fmt::format("cli-{:016x}", high | device());
}

std::string body_of(const Arguments& given, std::string_view id) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("symbol", std::string_view{given.required("SYMBOL")});
  json.field("side", std::string_view{given.required("SIDE")});
  json.field("type", std::string_view{given.value_or("--type", "limit")});
  json.field("quantity", std::string_view{given.required("QUANTITY")});
  if (const auto price = given.value("--price")) json.field("price", std::string_view{*price});
  if (const auto tif = given.value("--tif")) {
    json.field("time_in_force", std::string_view{*tif});
  } else if (given.value("--type") == "market") {
    json.field("time_in_force", "IOC");
  }
  json.field("client_order_id", id);
  json.end_object();
  return text;
}

Exit show(const Context& context, const Reply& reply) {
  context.terminal.out << (context.json() ? reply.text + "\n" : order_line(reply.value));
  const bool rejected = reply.value["status"].text() == "rejected";
  return rejected ? Exit::Refused : Exit::Ok;
}

/// The answer is lost, the order perhaps not: ask for it, and never send it again.
Exit ask_for_it(const Context& context, const EngineClient& engine, std::string_view id) {
  auto& err = context.terminal.err;
  err << fmt::format("the outcome is unknown: the order {} may exist; asking for it\n", id);
  const auto reply = engine.call({.target = "/api/v1/orders/" + ops::percent_encode(id)});
  if (reply && reply->status == 200) {
    const auto order = engine.judge(*reply);
    if (!order) return order.error();
    err << "it exists; its answer came late\n";
    return show(context, *order);
  }
  err << fmt::format(
      "{}; it is not known yet\n  ask again: stoa order show {}\n"
      "  do not place it again under another id\n",
      reply && reply->status == 404 ? "the engine does not know it" : "the engine did not answer",
      id);
  return Exit::Timeout;
}

Exit check_only(const Context& context, const EngineClient& engine, const std::string& body) {
  const auto reply = engine.change("POST", "/api/v1/orders:check", body);
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
  } else {
    context.terminal.out << checks_table(reply->value["checks"])
                         << fmt::format("{}  notional {}  fee about {}\n",
                                        reply->value["accepted"].is_true()
                                            ? "would be accepted"
                                            : "would be refused: " + reply->value["code"].text(),
                                        reply->value["notional"].text_or("-"),
                                        reply->value["fee_estimate"].text_or("-"));
  }
  return reply->value["accepted"].is_true() ? Exit::Ok : Exit::Refused;
}

Exit run(Context& context) {
  const Arguments& given = context.arguments;
  const bool market = given.value("--type") == "market";
  if (!market && !given.has("--price")) {
    return context.usage("a limit order needs --price; say --type market for one without");
  }
  if (market && given.has("--price")) return context.usage("a market order takes no --price");
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto id = given.value_or("--client-order-id", new_client_order_id());
  const auto body = body_of(given, id);
  if (given.has("--check")) return check_only(context, *engine, body);
  const auto request = engine->signed_request("POST", "/api/v1/orders", body);
  if (!request) return request.error();
  const auto reply = engine->call(*request);
  const bool unknown = reply ? reply->status == 504 : reply.error().sent;
  if (unknown) return ask_for_it(context, *engine, id);
  if (!reply) return engine->tell(reply.error());
  const auto order = engine->judge(*reply);
  if (!order) return order.error();
  return show(context, *order);
}

}  // namespace

Command order_place() {
  return {.noun = "order",
          .verb = "place",
          .group = Command::Group::Trade,
          .summary = "Place an order",
          .arguments = kArguments,
          .flags = {kFlags, change_flags(), engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Exit 6: refused by the risk gate or the venue. Exit 7: the outcome is not known; "
              "the order is asked for by its id and never sent again.",
          .run = run};
}

}  // namespace stoa::cli

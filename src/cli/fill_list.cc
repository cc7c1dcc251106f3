#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/order_table.h"
#include "cli/table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--symbol", .value = "SYMBOL", .help = "of this instrument only"},
    {.name = "--client-order-id", .value = "ID", .help = "of this order only"},
    {.name = "--limit",
     .value = "N",
     .help = "at most so many, 1 to 1000, 100 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--cursor", .value = "C", .help = "go on behind an earlier page"},
});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa fill list --symbol BTCUSDT --limit 20"});

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const Arguments& given = context.arguments;
  auto target = "/api/v1/fills?limit=" + given.value_or("--limit", "100");
  if (const auto symbol = given.value("--symbol"))
    target += "&symbol=" + ops::percent_encode(*symbol);
  if (const auto id = given.value("--client-order-id")) {
    target += "&client_order_id=" + ops::percent_encode(*id);
  }
  if (const auto cursor = given.value("--cursor"))
    target += "&cursor=" + ops::percent_encode(*cursor);
  const auto reply = engine->get(target);
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
    return Exit::Ok;
  }
  Table table{{"TIME (UTC)"},      {"SYMBOL"},      {"SIDE"},       {"QUANTITY", kRight},
              {"PRICE", kRight},   {"FEE", kRight}, {"LIQUIDITY"},  {"REALIZED", kRight},
              {"CLIENT ORDER ID"}, {"STRATEGY"},    {"LSN", kRight}};
  for (const JsonValue& fill : reply->value["fills"].items()) {
    table.row({time_cell(fill["ts_ns"].text()), fill["symbol"].text(), fill["side"].text(),
               fill["quantity"].text(), fill["price"].text(),
               fill["fee"].text() + " " + fill["fee_asset"].text(), fill["liquidity"].text(),
               fill["realized_pnl"].text(), fill["client_order_id"].text(),
               fill["strategy"].text_or("-"), fill["lsn"].text()});
  }
  context.terminal.out << table.text();
  context.terminal.err << more_line(reply->value);
  return Exit::Ok;
}

}  // namespace

Command fill_list() {
  return {.noun = "fill",
          .verb = "list",
          .group = Command::Group::Trade,
          .summary = "List fills, newest first",
          .flags = {kFlags, engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

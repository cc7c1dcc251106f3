#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>(
    {{.name = "SYMBOL", .help = "instrument, else market.symbol", .required = false}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--depth",
     .value = "N",
     .help = "levels of each side, 1 to 50, 10 unless told",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa book show BTCUSDT --depth 5"});

/// Bids and asks side by side, best first.
std::string ladder(const JsonValue& book) {
  const auto& bids = book["bids"].items();
  const auto& asks = book["asks"].items();
  Table table{{"BID QUANTITY", kRight}, {"BID", kRight}, {"ASK", kRight}, {"ASK QUANTITY", kRight}};
  const auto cell = [](const std::vector<JsonValue>& side, std::size_t row, std::size_t column) {
    const bool there = row < side.size() && column < side[row].items().size();
    return there ? side[row].items()[column].text() : std::string{};
  };
  for (std::size_t row = 0; row < std::max(bids.size(), asks.size()); ++row) {
    table.row({cell(bids, row, 1), cell(bids, row, 0), cell(asks, row, 0), cell(asks, row, 1)});
  }
  return fmt::format("{}  {}  {}\n", book["symbol"].text(), book["state"].text(),
                     time_cell(book["ts_ns"].text())) +
         table.text();
}

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto symbol = context.arguments.value_or("SYMBOL", engine->default_symbol());
  const auto reply = engine->get("/api/v1/book/" + ops::percent_encode(symbol) +
                                 "?depth=" + context.arguments.value_or("--depth", "10"));
  if (!reply) return reply.error();
  context.terminal.out << (context.json() ? reply->text + "\n" : ladder(reply->value));
  return Exit::Ok;
}

}  // namespace

Command book_show() {
  return {.noun = "book",
          .verb = "show",
          .group = Command::Group::Trade,
          .summary = "Show the order book of an instrument",
          .arguments = kArguments,
          .flags = {kFlags, engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

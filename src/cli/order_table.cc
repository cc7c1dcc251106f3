#include "cli/order_table.h"

#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/json_value.h"
#include "cli/table.h"

namespace stoa::cli {

std::string orders_table(const std::vector<JsonValue>& orders) {
  Table table{{"TIME (UTC)"},
              {"CLIENT ORDER ID"},
              {"SYMBOL"},
              {"SIDE"},
              {"TYPE"},
              {"QUANTITY", kRight},
              {"PRICE", kRight},
              {"FILLED", kRight},
              {"AVERAGE", kRight},
              {"STATUS"},
              {"FROM"}};
  for (const JsonValue& order : orders) {
    const bool strategy = !order["strategy"].is_null();
    auto status = order["status"].text();
    if (!order["code"].is_null()) status += " " + order["code"].text();
    table.row({time_cell(order["created_ns"].text()), order["client_order_id"].text(),
               order["symbol"].text(), order["side"].text(),
               order["type"].text() + " " + order["time_in_force"].text(), order["quantity"].text(),
               order["price"].text_or("market"), order["filled_quantity"].text(),
               order["average_price"].text_or("-"), std::move(status),
               strategy ? order["strategy"].text() : order["source"].text()});
  }
  return table.text();
}

std::string order_words(const JsonValue& order) {
  return fmt::format("{} {} {} {} ({} {})", order["side"].text(), order["quantity"].text(),
                     order["symbol"].text(),
                     order["price"].is_null() ? "at market" : "at " + order["price"].text(),
                     order["type"].text(), order["time_in_force"].text());
}

std::string order_line(const JsonValue& order) {
  auto text = fmt::format("{}  {}  {}", order["client_order_id"].text(), order_words(order),
                          order["status"].text());
  if (const auto& filled = order["filled_quantity"].text(); !filled.empty() && filled != "0") {
    text += fmt::format(", filled {} at {}", filled, order["average_price"].text_or("-"));
  }
  if (!order["code"].is_null()) text += ", " + order["code"].text();
  if (!order["reason"].is_null()) text += ": " + order["reason"].text();
  return text + "\n";
}

std::string more_line(const JsonValue& page) {
  const auto& cursor = page["next_cursor"];
  return cursor.is_null() ? "" : fmt::format("more: --cursor {}\n", cursor.text());
}

}  // namespace stoa::cli

#pragma once

#include <string>
#include <vector>

#include "cli/json_value.h"

namespace stoa::cli {

/// Orders as a table: one line each, newest first as the engine sends them.
[[nodiscard]] std::string orders_table(const std::vector<JsonValue>& orders);
/// "buy 0.5 BTCUSDT at 60000 (limit GTC)".
[[nodiscard]] std::string order_words(const JsonValue& order);
/// What a changing command says of the order it got back, on one line.
[[nodiscard]] std::string order_line(const JsonValue& order);
/// A list's page: what is behind it, for stderr; empty on the last page.
[[nodiscard]] std::string more_line(const JsonValue& page);

}  // namespace stoa::cli

#pragma once

#include <string>

#include "cli/json_value.h"

namespace stoa::cli {

/// "mm_btc  market_maker BTCUSDT  running": what a changing command says of a strategy.
[[nodiscard]] std::string strategy_line(const JsonValue& strategy);

}  // namespace stoa::cli

#pragma once

#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "model/instrument.h"

namespace stoa::venues::sim {

/// How the population of one instrument behaves; figures a trader would name.
struct AgentOptions {
  double events_per_second = 40;       // agents' actions in simulated time, on average
  double annual_volatility = 0.45;     // of the fair value: 0.45 is 45 % a year
  Qty typical_qty;                     // median size of an order
  std::uint32_t levels_per_side = 60;  // the book is topped up to this many
};

/// One instrument of the venue with the market around it.
struct SimInstrument {
  Instrument rules;
  Price start_px;  // fair value at the start; a restart passes the last price it knows
  AgentOptions agents;
};

/// BTCUSDT (1), ETHUSDT (2) and SOLUSDT (3) with Binance's steps, 0.02 % maker and 0.05 % taker.
[[nodiscard]] std::vector<SimInstrument> default_instruments();

}  // namespace stoa::venues::sim

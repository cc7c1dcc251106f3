#include "venues/sim/symbols.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/types.h"

namespace stoa::venues::sim {
namespace {

constexpr std::int64_t kUnit = 100'000'000;  // 1e8

struct Row {
  std::uint32_t id;
  std::string_view base;
  std::string_view symbol;
  std::int64_t lot_e8;
  std::uint8_t qty_decimals;
  std::int64_t max_order_qty;  // units
  std::int64_t start_px;       // units
  std::int64_t typical_qty_e8;
  double annual_volatility;
};

constexpr Row kRows[] = {
    {1, "BTC", "BTCUSDT", 1'000, 5, 9'000, 60'000, kUnit / 40, 0.40},
    {2, "ETH", "ETHUSDT", 10'000, 4, 9'000, 3'000, kUnit * 4 / 10, 0.50},
    {3, "SOL", "SOLUSDT", 100'000, 3, 90'000, 150, kUnit * 8, 0.70},
};

}  // namespace

std::vector<SimInstrument> default_instruments() {
  std::vector<SimInstrument> result;
  for (const Row& row : kRows) {
    result.push_back({
        .rules = {.instrument = InstrumentId{row.id},
                  .price_decimals = 2,
                  .qty_decimals = row.qty_decimals,
                  .symbol = Symbol::cut(row.symbol),
                  .base = Text<8>::cut(row.base),
                  .quote = Text<8>::cut("USDT"),
                  .venue = Text<16>::cut("sim"),
                  .tick = Price::from_e8(kUnit / 100),
                  .lot = Qty::from_e8(row.lot_e8),
                  .min_notional = Price::from_e8(5 * kUnit),
                  .max_order_qty = Qty::from_e8(row.max_order_qty * kUnit),
                  .maker_fee_e6 = 200,
                  .taker_fee_e6 = 500},
        .start_px = Price::from_e8(row.start_px * kUnit),
        .agents = {.annual_volatility = row.annual_volatility,
                   .typical_qty = Qty::from_e8(row.typical_qty_e8)},
    });
  }
  return result;
}

}  // namespace stoa::venues::sim

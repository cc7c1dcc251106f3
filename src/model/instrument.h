#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa {

/// What is traded at one venue, and its rules. Reference data assigns the id; the execution log
/// carries it, so that a replay needs nothing but the log.
struct Instrument {
  InstrumentId instrument{};
  std::uint8_t tradable = 1;  // 0 while halted
  std::uint8_t price_decimals = 2;
  std::uint8_t qty_decimals = 5;
  std::uint8_t reserved = 0;
  Symbol symbol{};                // "BTCUSDT"
  Text<8> base{};                 // "BTC"
  Text<8> quote{};                // "USDT"
  Text<16> venue{};               // "sim"
  Price tick{};                   // smallest price step, > 0
  Qty lot{};                      // smallest quantity step, > 0
  Price min_notional{};           // least price x quantity of an order, in quote currency; 0: none
  Qty max_order_qty{};            // 0: none
  std::int32_t maker_fee_e6 = 0;  // fee rate x 1e6: 0.075 % is 750; negative is a rebate
  std::int32_t taker_fee_e6 = 0;
};

}  // namespace stoa

#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/onchain.h"
#include "model/token_amount.h"
#include "model/types.h"

namespace stoa {

// What strategies think. A signal is told once by its identity; economics, targets and orders then
// name it by its id.

/// One opinion of one strategy; unique over the life of a log.
using SignalId = Id<struct SignalTag, std::uint64_t>;

/// Who thinks what, of which instrument, how strongly and for how long.
struct SignalIdentity {
  SignalId signal{};
  InstrumentId instrument{};
  StrategyId strategy{};
  Side side = Side::Buy;
  std::uint8_t reserved = 0;
  std::int64_t confidence_e8 = 0;  // 0 to 1
  Price fair_px{};                 // 0: the signal names no price
  Timestamp ts_created{};
  Timestamp valid_until{};
  Text<24> name{};  // of the model that gave it
  Note note{};      // the reason in words
};

/// What acting on a signal should bring, in quote currency: net = profit - fees - gas - slippage.
struct SignalEconomics {
  SignalId signal{};
  Text<8> currency{};  // "USDT"
  Price capital{};     // needed to act
  Price profit{};      // before costs
  Price fees{};
  Price gas_cost{};
  Price slippage{};
  Price net_profit{};
  std::int64_t confidence_e8 = 0;  // 0 to 1
  Timestamp ts_created{};
  Timestamp valid_until{};
};

/// A chance to buy here and sell there within one chain, in exact amounts of one token; `leg_count`
/// ArbitrageLegs follow, in the order in which they are to be done.
struct ArbitrageSignal {
  SignalId signal{};
  StrategyId strategy{};
  std::uint16_t leg_count = 0;
  std::uint32_t chain_id = 0;
  ChainAddress token{};  // in which the amounts below are counted
  std::uint32_t reserved = 0;
  TokenAmount profit{};  // before costs
  TokenAmount fees{};    // of the pools
  TokenAmount gas_cost{};
  TokenAmount slippage{};
  TokenAmount net_profit{};  // profit - fees - gas - slippage; below zero it is not worth acting
  Timestamp ts_created{};
  Timestamp valid_until{};
};

/// One swap of an arbitrage.
struct ArbitrageLeg {
  InstrumentId instrument{};
  std::uint32_t fee_e6 = 0;  // of the pool, x 1e6
  Text<16> venue{};          // "uniswap_v3"
  ChainAddress pool{};
  ChainAddress token_in{};
  ChainAddress token_out{};
  std::uint32_t reserved = 0;
  TokenAmount amount_in{};
  TokenAmount amount_out{};  // expected
};

/// Where a strategy wants its position to be; an execution algorithm finds the way.
struct TargetPosition {
  InstrumentId instrument{};
  StrategyId strategy{};
  AccountId account{};
  SignalId signal{};  // 0: none
  Qty qty{};          // signed, the whole position and not the change
  Price limit_px{};   // worst price to get there; 0: any
  Timestamp ts_created{};
  Timestamp valid_until{};
  Note note{};
};

}  // namespace stoa

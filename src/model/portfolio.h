#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/risk.h"
#include "model/token_amount.h"
#include "model/types.h"

namespace stoa {

// What the account holds and risks, as venues and the risk supervisor tell it.

/// A venue's word on one asset, whole and exact.
struct Balance {
  AccountId account{};
  std::array<std::uint8_t, 6> reserved{};
  Text<8> asset{};  // "USDT"
  Text<16> venue{};
  TokenAmount total{};
  TokenAmount available{};
  TokenAmount locked{};  // in open orders
  Timestamp ts_event{};
};

/// An account with everything it holds, whole; `position_count` PortfolioPositions follow.
struct Portfolio {
  AccountId account{};
  std::uint16_t position_count = 0;
  std::uint32_t reserved = 0;
  Price cash{};
  Price equity{};
  Price peak_equity{};  // the highest so far; drawdown is measured from it
  Price realized_pnl{};
  Price unrealized_pnl{};
  Price fees{};
  Price gross_exposure{};
  Price net_exposure{};
  Timestamp ts_event{};
};

/// One instrument of a portfolio.
struct PortfolioPosition {
  InstrumentId instrument{};
  StrategyId strategy{};
  std::uint16_t reserved = 0;
  Qty qty{};  // signed
  Price avg_px{};
  Price mark_px{};
  Price realized_pnl{};
  Price unrealized_pnl{};
};

enum class AlertSeverity : std::uint8_t { Info, Warning, Critical };
inline constexpr std::uint8_t kAlertSeverities = 3;
[[nodiscard]] std::string_view to_string(AlertSeverity value) noexcept;  // "warning"

/// The supervisor saw a limit near or past; `limit` and `value` share a unit, 1e-8 of it each.
struct RiskAlert {
  AlertSeverity severity = AlertSeverity::Info;
  LimitKind limit = LimitKind::MaxOrderQty;
  StrategyId strategy{};      // 0: the account
  InstrumentId instrument{};  // 0: all
  std::int64_t limit_e8 = 0;
  std::int64_t value_e8 = 0;
  Timestamp ts_event{};
  Text<120> reason{};
};

/// Position plus open orders of one instrument, whole; orders in doubt count at their worst.
struct Exposure {
  InstrumentId instrument{};
  StrategyId strategy{};  // 0: the account
  AccountId account{};
  Qty position{};  // signed
  Qty open_buy_qty{};
  Qty open_sell_qty{};
  Qty in_doubt_qty{};  // part of the two above
  Price mark_px{};
  Price gross{};  // quote currency
  Price net{};
  Price worst{};  // if every open order fills
  Timestamp ts_event{};
};

/// Closed lets orders through, Open refuses them, HalfOpen lets a few through to see.
enum class BreakerState : std::uint8_t { Closed, Open, HalfOpen };
inline constexpr std::uint8_t kBreakerStates = 3;
[[nodiscard]] std::string_view to_string(BreakerState value) noexcept;  // "half_open"

enum class BreakerScope : std::uint8_t { Account, Strategy, Instrument, Venue };
inline constexpr std::uint8_t kBreakerScopes = 4;
[[nodiscard]] std::string_view to_string(BreakerScope value) noexcept;  // "strategy"

/// A breaker changed its state.
struct Breaker {
  BreakerState state = BreakerState::Closed;
  BreakerScope scope = BreakerScope::Account;
  StrategyId strategy{};      // scope Strategy
  InstrumentId instrument{};  // scope Instrument
  std::uint64_t trips = 0;    // so far
  std::int64_t limit_e8 = 0;  // what was passed, 0 when a person did it
  std::int64_t value_e8 = 0;
  Timestamp ts_until{};  // when it will half open; 0: when a person says so
  Text<16> venue{};      // scope Venue
  Text<120> reason{};
};

}  // namespace stoa

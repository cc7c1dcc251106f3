#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa {

/// The checks of the gate, in the order in which they run.
enum class RiskCheck : std::uint8_t {
  Instrument,
  KillSwitch,
  Tradable,
  Lot,
  Tick,
  OrderQty,
  MarketPrice,
  PriceBand,
  MinNotional,
  OrderNotional,
  Position,
  GrossExposure,
  OpenOrders,
  OrderRate,
  DailyLoss,
  Funds,
};
inline constexpr std::uint8_t kRiskChecks = 16;
[[nodiscard]] std::string_view to_string(RiskCheck value) noexcept;  // "price_band"

/// One check as it was evaluated; `limit` and `value` share a unit, 1e-8 of it each.
struct CheckResult {
  RiskCheck check = RiskCheck::Instrument;
  std::uint8_t ok = 0;
  RejectCode code = RejectCode::None;  // what a breach is called
  std::array<std::uint8_t, 5> reserved{};
  std::int64_t limit_e8 = 0;
  std::int64_t value_e8 = 0;
};

/// The gate's decision on one intent: an output; `check_count` CheckResults follow on the wire.
struct RiskDecision {
  ClOrdId intent{};
  InstrumentId instrument{};
  std::uint8_t accepted = 0;
  RejectCode code = RejectCode::None;  // of the first breach
  std::uint16_t check_count = 0;
};

/// Limits that a person can set; each is one number.
enum class LimitKind : std::uint8_t {
  MaxOrderQty,          // units of the instrument
  MaxOrderNotional,     // quote currency
  PriceBandRatio,       // distance from the market as a ratio, 0.1 is 10 %
  MaxPositionNotional,  // |position + open orders| x mark, per instrument
  MaxGrossExposure,     // sum of the above over instruments
  MaxOpenOrders,        // count
  MaxOrderRate,         // orders per second and source (each strategy, the API)
  MaxDailyLoss,         // quote currency; the day is UTC
  MaxLeverage,          // gross exposure over equity
};
inline constexpr std::uint8_t kLimitKinds = 9;
[[nodiscard]] std::string_view to_string(LimitKind value) noexcept;  // "max_order_qty"

/// Sets one limit, account-wide: an input.
struct LimitSet {
  LimitKind kind = LimitKind::MaxOrderQty;
  std::array<std::uint8_t, 7> reserved{};
  std::int64_t value_e8 = 0;
  Note actor{};
  Note reason{};
};

/// Trips (active 1) or resumes (active 0) the kill switch: an input. While active every new order
/// is refused; tripping cancels all open ones.
struct KillSwitch {
  std::uint8_t active = 0;
  std::array<std::uint8_t, 7> reserved{};
  Note actor{};
  Text<120> reason{};
};

/// The market as the execution core knows it: an input, appended just before an intent that needs
/// it. A side without orders, or no trade yet, is zero.
struct Mark {
  InstrumentId instrument{};
  std::uint32_t reserved = 0;
  Price bid{};
  Price ask{};
  Price last{};
};

/// Deposit (positive) or withdrawal: an input.
struct CashMovement {
  AccountId account{};
  std::array<std::uint8_t, 6> reserved{};
  Price amount{};
  Note reason{};
};

/// Position of the account (strategy_book 0) or of one strategy in one instrument: an output,
/// whole.
struct PositionUpdate {
  InstrumentId instrument{};
  StrategyId strategy{};
  AccountId account{};
  std::uint8_t strategy_book = 0;  // 1: only this strategy's own trades
  std::array<std::uint8_t, 7> reserved{};
  Qty qty{};             // signed
  Price avg_px{};        // average cost of what is held, 0 when flat
  Price realized_pnl{};  // before fees
  Price fees{};
  Qty bought_qty{};
  Qty sold_qty{};
  Price mark_px{};  // what unrealised P&L was valued at; 0: never seen
  Price unrealized_pnl{};
};

/// Sums over the account: an output, whole.
struct AccountUpdate {
  AccountId account{};
  std::uint8_t kill_active = 0;
  std::array<std::uint8_t, 5> reserved{};
  Price cash{};
  Price equity{};
  Price realized_pnl{};
  Price unrealized_pnl{};
  Price fees{};
  Price day_pnl{};  // since 00:00 UTC, fees included
  Price gross_exposure{};
  Price net_exposure{};
  std::uint64_t open_orders = 0;
};

}  // namespace stoa

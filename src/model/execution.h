#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa {

/// Any venue message on one of our orders: an input of the execution core.
struct ExecutionReport {
  ClOrdId cl_ord_id{};       // the request it answers
  ClOrdId orig_cl_ord_id{};  // Canceled, Replaced, *Rejected: the order meant; else 0
  OrderId order_id{};
  ExecId exec_id{};  // Trade: unique per venue; else 0
  InstrumentId instrument{};
  ExecType exec_type = ExecType::New;
  Liquidity liquidity = Liquidity::None;  // Trade only
  RejectCode code = RejectCode::None;     // why, for refusals and unasked cancels
  std::uint8_t reserved = 0;
  Price last_px{};   // Trade
  Qty last_qty{};    // Trade
  Qty cum_qty{};     // filled so far, by the venue
  Qty leaves_qty{};  // still open at the venue
  Price fee{};       // Trade: in quote currency, negative is a rebate
  Timestamp ts_event{};
};

/// A venue session came up (ask about every open order) or went down (what is in flight is in
/// doubt).
struct VenueSession {
  Text<16> venue{};
  std::uint8_t up = 0;
  std::array<std::uint8_t, 7> reserved{};
};

/// Where one order stands after a change: an output of the core, whole, so that a reader needs no
/// earlier one.
struct OrderUpdate {
  ClientOrderId client_order_id{};
  InstrumentId instrument{};
  StrategyId strategy{};
  AccountId account{};
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  OrdStatus status = OrdStatus::PendingNew;
  ClOrdId intent{};     // lsn of the OrderIntent: the order's identity for its whole life
  ClOrdId cl_ord_id{};  // of the last accepted request (changes with a replace)
  OrderId order_id{};
  Price px{};
  Qty order_qty{};
  Qty cum_qty{};
  Price avg_px{};  // volume-weighted price of the fills, half-even; 0 when none
  Price fees{};    // sum in quote currency
  Timestamp ts_created{};
  Timestamp ts_updated{};
  RejectCode code = RejectCode::None;
  std::array<std::uint8_t, 7> reserved{};
};

/// One trade seen from one of our orders: an output of the core.
struct Fill {
  ClientOrderId client_order_id{};
  InstrumentId instrument{};
  ClOrdId intent{};
  ExecId exec_id{};
  Price px{};
  Qty qty{};
  Price fee{};
  Price realized_pnl{};  // of this fill, before its fee, on the account's average cost
  StrategyId strategy{};
  Side side = Side::Buy;
  Liquidity liquidity = Liquidity::None;
  std::array<std::uint8_t, 4> reserved{};
  Timestamp ts_event{};
};

}  // namespace stoa

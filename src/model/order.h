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

// Inputs from producers (strategies, people, programs) and what the execution core sends to venues.

/// "Please buy or sell": the input that, once durable, may become an order. Its lsn becomes the
/// order's cl_ord_id.
struct OrderIntent {
  ClientOrderId client_order_id{};
  InstrumentId instrument{};
  StrategyId strategy{};  // 0: a person or program at the API
  AccountId account{};
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  std::uint8_t reserved = 0;
  Price px{};              // limit price; zero for market orders
  Qty qty{};               // > 0
  Timestamp ts_trigger{};  // our receive time of the market message that caused it; zero for people
  std::uint64_t trigger_seq = 0;  // that message's place on the market topic; 0 for people
  Price signal{};  // the strategy's own figure at the decision (fair price, average difference)
  Note note{};     // the strategy's reason in words
};

enum class CancelReason : std::uint8_t { Requested, KillSwitch, StrategyStopped };
inline constexpr std::uint8_t kCancelReasons = 3;
[[nodiscard]] std::string_view to_string(CancelReason value) noexcept;  // "requested"

/// "Please cancel" one order, named by cl_ord_id or, when that is zero, by client_order_id.
struct CancelIntent {
  ClientOrderId client_order_id{};
  InstrumentId instrument{};
  ClOrdId orig_cl_ord_id{};
  StrategyId strategy{};
  CancelReason reason = CancelReason::Requested;
  std::array<std::uint8_t, 5> reserved{};
};

/// "Please cancel" every open order of an instrument and a strategy.
struct CancelAllIntent {
  InstrumentId instrument{};  // 0: every instrument
  StrategyId strategy{};      // only when one_strategy
  std::uint8_t one_strategy = 0;
  CancelReason reason = CancelReason::Requested;
};

/// "Please change" price, quantity or both of an open order; zero leaves a field as it is.
struct ReplaceIntent {
  ClientOrderId client_order_id{};
  InstrumentId instrument{};
  ClOrdId orig_cl_ord_id{};  // 0: by client_order_id
  Price px{};
  Qty qty{};  // the new total quantity, filled part included
  StrategyId strategy{};
  std::array<std::uint8_t, 6> reserved{};
};

/// To the venue: a new order.
struct OrderSend {
  ClOrdId cl_ord_id{};
  InstrumentId instrument{};
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  std::uint8_t resend = 0;  // 1: the venue said that it never had this cl_ord_id
  Price px{};
  Qty qty{};
};

/// To the venue: cancel `orig_cl_ord_id`.
struct CancelSend {
  ClOrdId cl_ord_id{};
  ClOrdId orig_cl_ord_id{};
  OrderId order_id{};
  InstrumentId instrument{};
  std::uint32_t reserved = 0;
};

/// To the venue: replace `orig_cl_ord_id` by `cl_ord_id` with this price and total quantity.
struct ReplaceSend {
  ClOrdId cl_ord_id{};
  ClOrdId orig_cl_ord_id{};
  OrderId order_id{};
  InstrumentId instrument{};
  std::uint32_t reserved = 0;
  Price px{};
  Qty qty{};
};

/// To the venue: where does `cl_ord_id` stand? Answered by OrderStatus or NotFound.
struct OrderQuery {
  ClOrdId cl_ord_id{};
  OrderId order_id{};
  InstrumentId instrument{};
  std::uint32_t reserved = 0;
};

}  // namespace stoa

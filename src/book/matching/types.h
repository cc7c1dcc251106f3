#pragma once

#include <cstdint>
#include <string_view>

#include "model/types.h"

namespace stoa::book::matching {

// What goes into and comes out of the matching engine. The engine knows no decimals: a price is a
// count of ticks, a quantity a count of lots; who calls it converts with the instrument's steps.

using Ticks = std::int64_t;
using Lots = std::int64_t;
/// Who an order belongs to, for self-trade prevention; 0 is nobody and is never prevented.
using Owner = std::uint32_t;

inline constexpr Ticks kTicksMin = 1;
inline constexpr Ticks kTicksMax = Ticks{1} << 62;
/// Bounds one order so that the sum over a full book stays inside 63 bits.
inline constexpr Lots kLotsMax = Lots{1} << 42;
inline constexpr std::uint32_t kOrdersMax = 1U << 20;

/// What happens when an inbound order meets a resting one of the same owner. Nothing ever trades.
enum class SelfTrade : std::uint8_t {
  ExpireTaker,  // the inbound order's remainder is cancelled, the resting one keeps its place
  ExpireMaker,  // the resting order is cancelled, the inbound one goes on
  ExpireBoth,
};

/// Why a request was refused; a refused request changes nothing and calls nothing.
enum class Refusal : std::uint8_t {
  None,
  InvalidQty,         // not in [1, kLotsMax]
  InvalidPrice,       // limit price not in [kTicksMin, kTicksMax]
  InvalidType,        // a market order cannot be post-only
  DuplicateId,        // an order with this id rests
  UnknownOrder,       // no order with this id rests
  PostOnlyWouldTake,  // GTX and the price reaches the other side
  FokNotFillable,     // FOK and not all of it can trade now
  BookFull,           // as many orders rest as the engine was made for
};
[[nodiscard]] std::string_view to_string(Refusal value) noexcept;  // "PostOnlyWouldTake"

/// Why an order, or what was left of it, ended without a trade.
enum class CancelCause : std::uint8_t { Requested, NoLiquidity, SelfTrade };
[[nodiscard]] std::string_view to_string(CancelCause value) noexcept;  // "NoLiquidity"

/// An inbound order. Ids are the caller's and may be used again once the order is gone.
struct NewOrder {
  std::uint64_t id = 0;
  Owner owner = 0;
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;  // Market trades what it can at once; only Fok changes that
  TimeInForce time_in_force = TimeInForce::Gtc;
  Ticks px = 0;  // ignored by market orders
  Lots qty = 0;
};

/// New price and new open quantity of a resting order. Only a smaller quantity at the same price
/// keeps the place in the queue; anything else goes through the book like an inbound order.
struct Replacement {
  std::uint64_t id = 0;
  Ticks px = 0;
  Lots qty = 0;
};

/// One trade.
struct Fill {
  std::uint64_t maker_id;
  std::uint64_t taker_id;
  Owner maker_owner;
  Owner taker_owner;
  Side taker_side;
  Ticks px;  // the maker's
  Lots qty;
  Lots maker_leaves;
  Lots taker_leaves;

  friend bool operator==(const Fill&, const Fill&) = default;
};

/// An order left the book, or an inbound remainder did not enter it.
struct Cancel {
  std::uint64_t id;
  Owner owner;
  Side side;
  CancelCause cause;
  Ticks px;  // 0 for market orders
  Lots qty;  // what was still open

  friend bool operator==(const Cancel&, const Cancel&) = default;
};

/// All resting orders at one price after a change; quantity 0 means that the level is gone.
struct LevelChange {
  Side side;
  Ticks px;
  Lots qty;
  std::uint32_t orders_count;

  friend bool operator==(const LevelChange&, const LevelChange&) = default;
};

/// What a request came to; a submitted quantity is filled + resting + what on_cancel reported.
struct Result {
  Refusal refusal = Refusal::None;
  Lots filled = 0;
  Lots resting = 0;

  friend bool operator==(const Result&, const Result&) = default;
};

/// One resting order, as queries tell it.
struct Resting {
  std::uint64_t id;
  Owner owner;
  Side side;
  bool post_only;
  Ticks px;
  Lots qty;

  friend bool operator==(const Resting&, const Resting&) = default;
};

}  // namespace stoa::book::matching

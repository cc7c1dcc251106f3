#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.h"

namespace stoa {

// Enumerators are wire values: never renumber, only append. `count` constants bound what a decoder
// accepts.

enum class Side : std::uint8_t { Buy, Sell };
inline constexpr std::uint8_t kSides = 2;
[[nodiscard]] constexpr Side opposite(Side side) noexcept {
  return side == Side::Buy ? Side::Sell : Side::Buy;
}

enum class OrderType : std::uint8_t { Limit, Market };
inline constexpr std::uint8_t kOrderTypes = 2;

/// Gtx is good-till-cancel and post-only.
enum class TimeInForce : std::uint8_t { Gtc, Ioc, Fok, Gtx };
inline constexpr std::uint8_t kTimesInForce = 4;

/// Where an order stands (FIX 39). `PendingNew`: the intent is durable, the venue has not answered.
/// `InDoubt`: sent, the answer is lost; counted at worst case until the venue has been asked.
enum class OrdStatus : std::uint8_t {
  PendingNew,
  New,
  PartiallyFilled,
  PendingCancel,
  PendingReplace,
  InDoubt,
  Filled,
  Canceled,
  Rejected,
  Expired,
};
inline constexpr std::uint8_t kOrdStatuses = 10;
[[nodiscard]] constexpr bool is_terminal(OrdStatus status) noexcept {
  return status >= OrdStatus::Filled;
}

/// What just happened to an order (FIX 150), as a venue reports it.
enum class ExecType : std::uint8_t {
  New,
  Trade,
  Canceled,
  Replaced,
  Rejected,
  Expired,
  CancelRejected,
  ReplaceRejected,
  OrderStatus,  // answer to a query: cum_qty and leaves_qty are the venue's truth
  NotFound,     // answer to a query: the venue is certain that it never had the order
};
inline constexpr std::uint8_t kExecTypes = 10;

enum class Liquidity : std::uint8_t { None, Maker, Taker };
inline constexpr std::uint8_t kLiquidities = 3;

/// Why an order was refused or ended; the names are the API's stable codes (docs/api.md).
enum class RejectCode : std::uint8_t {
  None,
  UnknownInstrument,
  NotTradable,
  KillSwitch,
  LotSize,
  TickSize,
  MinNotional,
  MaxOrderQty,
  MaxOrderNotional,
  PriceBand,
  NoMarketPrice,
  PositionLimit,
  ExposureLimit,
  OpenOrdersLimit,
  OrderRate,
  InsufficientFunds,
  DailyLoss,
  DuplicateClientOrderId,
  UnknownOrder,
  TooLate,
  StrategyStopped,
  TableFull,
  PostOnlyWouldTake,
  FokNotFillable,
  NoLiquidity,
  SelfTrade,
  VenueRejected,
};
inline constexpr std::uint8_t kRejectCodes = 27;

/// State of one instrument's feed, as strategies and people are told.
enum class FeedStatus : std::uint8_t { Recovering, Live, Stale, Ended };
inline constexpr std::uint8_t kFeedStatuses = 4;

/// Why a feed is not live, or a book is void.
enum class FeedReason : std::uint8_t {
  None,
  Disconnected,
  Auth,         // the venue does not let us in
  RateLimited,  // the venue told us to wait
  Stale,        // connected, and nothing comes
  Maintenance,  // the venue announced it
  Gap,          // updates are missing
  Recovery,     // being built anew
};
inline constexpr std::uint8_t kFeedReasons = 8;

// Names as the API and the logs write them.
[[nodiscard]] std::string_view to_string(Side value) noexcept;         // "buy"
[[nodiscard]] std::string_view to_string(OrderType value) noexcept;    // "limit"
[[nodiscard]] std::string_view to_string(TimeInForce value) noexcept;  // "GTC"
[[nodiscard]] std::string_view to_string(OrdStatus value) noexcept;    // "partially_filled"
[[nodiscard]] std::string_view to_string(ExecType value) noexcept;     // "trade"
[[nodiscard]] std::string_view to_string(Liquidity value) noexcept;    // "maker"
[[nodiscard]] std::string_view to_string(RejectCode value) noexcept;   // "PriceBand"
[[nodiscard]] std::string_view to_string(FeedStatus value) noexcept;   // "live"
[[nodiscard]] std::string_view to_string(FeedReason value) noexcept;   // "rate_limited"

/// The caller's own id of an order, 1 to 36 bytes of [A-Za-z0-9._:-]; unique per account.
using ClientOrderId = Text<36>;
/// A venue's text for an instrument: "BTCUSDT".
using Symbol = Text<24>;
/// A few words of why, for people: "skew -2 ticks".
using Note = Text<40>;

}  // namespace stoa

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"

// The only place that knows message types, sizes, domains and fields. Encoders, decoders, JSON, the
// page docs/formats/native.md and the tests derive from it; a static_assert holds each list to its
// struct, byte for byte.
namespace stoa::native {

enum class Domain : std::uint8_t { Market = 1, Signal = 2, Execution = 3, System = 4 };

/// The domain a type belongs to; types 200 to 254 are the users' own and may travel anywhere.
[[nodiscard]] constexpr bool type_allowed(Domain domain, std::uint8_t type) noexcept {
  if (type >= 200 && type <= 254) return true;
  if (type >= 100 && type <= 119) return true;  // system records live in the log that they concern
  switch (domain) {
    case Domain::Market:
      return type >= 1 && type <= 19;
    case Domain::Signal:
      return type >= 20 && type <= 39;
    case Domain::Execution:
      return type >= 40 && type <= 79;
    case Domain::System:
      return false;
  }
  return false;
}

/// How a field's bytes are to be read and shown.
enum class FieldKind : std::uint8_t { Unsigned, Signed, Decimal, Time, Text, Enum, Bool, Reserved };

struct Field {
  std::string_view name{};
  std::uint16_t offset = 0;
  std::uint16_t size = 0;
  FieldKind kind = FieldKind::Unsigned;
  std::uint8_t enum_count = 0;                            // Enum: values must be below
  std::string_view (*enum_name)(std::uint8_t) = nullptr;  // Enum: for people
};

/// What is known of one message type.
struct MessageInfo {
  std::uint8_t type = 0;
  std::string_view name{};
  std::uint16_t size = 0;  // of the fixed part
  std::span<const Field> fields{};
  std::uint16_t item_size = 0;  // of one item of the tail; 0: no tail
  std::span<const Field> item_fields{};
  std::string_view purpose{};  // one line for the documentation page
};

namespace detail {

template <class E>
inline constexpr std::uint8_t kEnumCount = 0;
template <>
inline constexpr std::uint8_t kEnumCount<Side> = kSides;
template <>
inline constexpr std::uint8_t kEnumCount<OrderType> = kOrderTypes;
template <>
inline constexpr std::uint8_t kEnumCount<TimeInForce> = kTimesInForce;
template <>
inline constexpr std::uint8_t kEnumCount<OrdStatus> = kOrdStatuses;
template <>
inline constexpr std::uint8_t kEnumCount<ExecType> = kExecTypes;
template <>
inline constexpr std::uint8_t kEnumCount<Liquidity> = kLiquidities;
template <>
inline constexpr std::uint8_t kEnumCount<RejectCode> = kRejectCodes;
template <>
inline constexpr std::uint8_t kEnumCount<FeedStatus> = kFeedStatuses;
template <>
inline constexpr std::uint8_t kEnumCount<RiskCheck> = kRiskChecks;
template <>
inline constexpr std::uint8_t kEnumCount<LimitKind> = kLimitKinds;
template <>
inline constexpr std::uint8_t kEnumCount<CancelReason> = kCancelReasons;
template <>
inline constexpr std::uint8_t kEnumCount<StrategyAction> = kStrategyActions;

template <class T>
struct IsText : std::false_type {};
template <std::size_t N>
struct IsText<Text<N>> : std::true_type {};
template <class T>
struct IsReserved : std::false_type {};
template <std::size_t N>
struct IsReserved<std::array<std::uint8_t, N>> : std::true_type {};

template <class T>
consteval Field field(std::string_view name, std::size_t offset) {
  Field f{.name = name, .offset = static_cast<std::uint16_t>(offset), .size = sizeof(T)};
  if constexpr (std::is_same_v<T, Price> || std::is_same_v<T, Qty>) {
    f.kind = FieldKind::Decimal;
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    f.kind = FieldKind::Time;
  } else if constexpr (IsText<T>::value) {
    f.kind = FieldKind::Text;
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(kEnumCount<T> > 0, "an enum on the wire needs its count");
    f.kind = FieldKind::Enum;
    f.enum_count = kEnumCount<T>;
    f.enum_name = [](std::uint8_t value) { return to_string(static_cast<T>(value)); };
  } else if constexpr (IsReserved<T>::value) {
    f.kind = FieldKind::Reserved;
  } else if constexpr (std::is_signed_v<T>) {
    // Fields named *_e8 are decimals that no Price or Qty describes: limits and checks carry many
    // units.
    f.kind = name.ends_with("_e8") ? FieldKind::Decimal : FieldKind::Signed;
  } else {
    f.kind = name == "reserved" ? FieldKind::Reserved : FieldKind::Unsigned;
  }
  return f;
}

/// True when the fields lie end to end and fill the struct: nothing forgotten, no padding.
template <class M, std::size_t N>
consteval bool tiles(const std::array<Field, N>& fields) {
  std::size_t at = 0;
  for (const Field& f : fields) {
    if (f.offset != at) return false;
    at += f.size;
  }
  return at == sizeof(M) && std::is_trivially_copyable_v<M> &&
         std::has_unique_object_representations_v<M>;
}

}  // namespace detail

/// Binds a model struct to its type number; specialised below through STOA_WIRE.
template <class M>
struct Wire;

template <class M>
concept Message = requires { Wire<M>::kType; };

// NOLINTBEGIN(bugprone-macro-parentheses): member names and types cannot be wrapped.
#define STOA_FIELD(Struct, member) \
  ::stoa::native::detail::field<decltype(Struct::member)>(#member, offsetof(Struct, member))
// NOLINTEND(bugprone-macro-parentheses)

inline constexpr auto kLevelFields =
    std::to_array<Field>({STOA_FIELD(Level, px), STOA_FIELD(Level, qty)});
static_assert(detail::tiles<Level>(kLevelFields));

inline constexpr auto kCheckFields = std::to_array<Field>({
    STOA_FIELD(CheckResult, check),
    STOA_FIELD(CheckResult, ok),
    STOA_FIELD(CheckResult, code),
    STOA_FIELD(CheckResult, reserved),
    STOA_FIELD(CheckResult, limit_e8),
    STOA_FIELD(CheckResult, value_e8),
});
static_assert(detail::tiles<CheckResult>(kCheckFields));

#define STOA_WIRE(Struct, type_number, bytes, text, ...)                                    \
  template <>                                                                               \
  struct Wire<Struct> {                                                                     \
    static constexpr std::uint8_t kType = type_number;                                      \
    static constexpr std::string_view kName = #Struct;                                      \
    static constexpr std::string_view kPurpose = text;                                      \
    static constexpr auto kFields = std::to_array<Field>({__VA_ARGS__});                    \
    static_assert(sizeof(Struct) == (bytes), "the wire size of a message never changes");   \
    static_assert(detail::tiles<Struct>(kFields), "fields must fill the struct, in order"); \
  }

// Market, 1 to 19. BookSnapshot (3) and BookDelta (4) share BookUpdate; see kBookSnapshotType.
STOA_WIRE(Trade, 1, 40, "one public trade", STOA_FIELD(Trade, instrument),
          STOA_FIELD(Trade, taker_side), STOA_FIELD(Trade, reserved), STOA_FIELD(Trade, trade_id),
          STOA_FIELD(Trade, px), STOA_FIELD(Trade, qty), STOA_FIELD(Trade, ts_event));
STOA_WIRE(Quote, 2, 56, "best bid and ask", STOA_FIELD(Quote, instrument),
          STOA_FIELD(Quote, reserved), STOA_FIELD(Quote, update_id), STOA_FIELD(Quote, bid_px),
          STOA_FIELD(Quote, bid_qty), STOA_FIELD(Quote, ask_px), STOA_FIELD(Quote, ask_qty),
          STOA_FIELD(Quote, ts_event));
STOA_WIRE(BookUpdate, 4, 40, "changed levels of a book; bids, then asks follow",
          STOA_FIELD(BookUpdate, instrument), STOA_FIELD(BookUpdate, part),
          STOA_FIELD(BookUpdate, parts), STOA_FIELD(BookUpdate, bid_count),
          STOA_FIELD(BookUpdate, ask_count), STOA_FIELD(BookUpdate, reserved),
          STOA_FIELD(BookUpdate, first_update_id), STOA_FIELD(BookUpdate, last_update_id),
          STOA_FIELD(BookUpdate, ts_event));
inline constexpr std::uint8_t kBookSnapshotType = 3;
inline constexpr std::uint8_t kBookDeltaType = Wire<BookUpdate>::kType;
STOA_WIRE(Candle, 7, 64, "one interval of trades", STOA_FIELD(Candle, instrument),
          STOA_FIELD(Candle, interval_s), STOA_FIELD(Candle, open_s), STOA_FIELD(Candle, open),
          STOA_FIELD(Candle, high), STOA_FIELD(Candle, low), STOA_FIELD(Candle, close),
          STOA_FIELD(Candle, volume), STOA_FIELD(Candle, trades));
STOA_WIRE(FeedState, 12, 16, "a feed is recovering, live, stale or ended",
          STOA_FIELD(FeedState, instrument), STOA_FIELD(FeedState, status),
          STOA_FIELD(FeedState, reserved), STOA_FIELD(FeedState, missed));

// Execution, 40 to 59: orders.
STOA_WIRE(OrderIntent, 40, 128, "please buy or sell (input)",
          STOA_FIELD(OrderIntent, client_order_id), STOA_FIELD(OrderIntent, instrument),
          STOA_FIELD(OrderIntent, strategy), STOA_FIELD(OrderIntent, account),
          STOA_FIELD(OrderIntent, side), STOA_FIELD(OrderIntent, type),
          STOA_FIELD(OrderIntent, time_in_force), STOA_FIELD(OrderIntent, reserved),
          STOA_FIELD(OrderIntent, px), STOA_FIELD(OrderIntent, qty),
          STOA_FIELD(OrderIntent, ts_trigger), STOA_FIELD(OrderIntent, trigger_seq),
          STOA_FIELD(OrderIntent, signal), STOA_FIELD(OrderIntent, note));
STOA_WIRE(CancelIntent, 41, 56, "please cancel one order (input)",
          STOA_FIELD(CancelIntent, client_order_id), STOA_FIELD(CancelIntent, instrument),
          STOA_FIELD(CancelIntent, orig_cl_ord_id), STOA_FIELD(CancelIntent, strategy),
          STOA_FIELD(CancelIntent, reason), STOA_FIELD(CancelIntent, reserved));
STOA_WIRE(ReplaceIntent, 42, 72, "please change price or quantity (input)",
          STOA_FIELD(ReplaceIntent, client_order_id), STOA_FIELD(ReplaceIntent, instrument),
          STOA_FIELD(ReplaceIntent, orig_cl_ord_id), STOA_FIELD(ReplaceIntent, px),
          STOA_FIELD(ReplaceIntent, qty), STOA_FIELD(ReplaceIntent, strategy),
          STOA_FIELD(ReplaceIntent, reserved));
STOA_WIRE(CancelAllIntent, 43, 8, "please cancel all open orders (input)",
          STOA_FIELD(CancelAllIntent, instrument), STOA_FIELD(CancelAllIntent, strategy),
          STOA_FIELD(CancelAllIntent, one_strategy), STOA_FIELD(CancelAllIntent, reason));
STOA_WIRE(RiskDecision, 46, 16, "the gate's decision, its checks follow (output)",
          STOA_FIELD(RiskDecision, intent), STOA_FIELD(RiskDecision, instrument),
          STOA_FIELD(RiskDecision, accepted), STOA_FIELD(RiskDecision, code),
          STOA_FIELD(RiskDecision, check_count));
STOA_WIRE(OrderSend, 47, 32, "a new order for the venue (output)", STOA_FIELD(OrderSend, cl_ord_id),
          STOA_FIELD(OrderSend, instrument), STOA_FIELD(OrderSend, side),
          STOA_FIELD(OrderSend, type), STOA_FIELD(OrderSend, time_in_force),
          STOA_FIELD(OrderSend, resend), STOA_FIELD(OrderSend, px), STOA_FIELD(OrderSend, qty));
STOA_WIRE(CancelSend, 48, 32, "a cancel for the venue (output)", STOA_FIELD(CancelSend, cl_ord_id),
          STOA_FIELD(CancelSend, orig_cl_ord_id), STOA_FIELD(CancelSend, order_id),
          STOA_FIELD(CancelSend, instrument), STOA_FIELD(CancelSend, reserved));
STOA_WIRE(ReplaceSend, 49, 48, "a replace for the venue (output)",
          STOA_FIELD(ReplaceSend, cl_ord_id), STOA_FIELD(ReplaceSend, orig_cl_ord_id),
          STOA_FIELD(ReplaceSend, order_id), STOA_FIELD(ReplaceSend, instrument),
          STOA_FIELD(ReplaceSend, reserved), STOA_FIELD(ReplaceSend, px),
          STOA_FIELD(ReplaceSend, qty));
STOA_WIRE(ExecutionReport, 50, 88, "a venue's message on an order (input)",
          STOA_FIELD(ExecutionReport, cl_ord_id), STOA_FIELD(ExecutionReport, orig_cl_ord_id),
          STOA_FIELD(ExecutionReport, order_id), STOA_FIELD(ExecutionReport, exec_id),
          STOA_FIELD(ExecutionReport, instrument), STOA_FIELD(ExecutionReport, exec_type),
          STOA_FIELD(ExecutionReport, liquidity), STOA_FIELD(ExecutionReport, code),
          STOA_FIELD(ExecutionReport, reserved), STOA_FIELD(ExecutionReport, last_px),
          STOA_FIELD(ExecutionReport, last_qty), STOA_FIELD(ExecutionReport, cum_qty),
          STOA_FIELD(ExecutionReport, leaves_qty), STOA_FIELD(ExecutionReport, fee),
          STOA_FIELD(ExecutionReport, ts_event));
STOA_WIRE(OrderUpdate, 51, 136, "where an order stands after a change (output)",
          STOA_FIELD(OrderUpdate, client_order_id), STOA_FIELD(OrderUpdate, instrument),
          STOA_FIELD(OrderUpdate, strategy), STOA_FIELD(OrderUpdate, account),
          STOA_FIELD(OrderUpdate, side), STOA_FIELD(OrderUpdate, type),
          STOA_FIELD(OrderUpdate, time_in_force), STOA_FIELD(OrderUpdate, status),
          STOA_FIELD(OrderUpdate, intent), STOA_FIELD(OrderUpdate, cl_ord_id),
          STOA_FIELD(OrderUpdate, order_id), STOA_FIELD(OrderUpdate, px),
          STOA_FIELD(OrderUpdate, order_qty), STOA_FIELD(OrderUpdate, cum_qty),
          STOA_FIELD(OrderUpdate, avg_px), STOA_FIELD(OrderUpdate, fees),
          STOA_FIELD(OrderUpdate, ts_created), STOA_FIELD(OrderUpdate, ts_updated),
          STOA_FIELD(OrderUpdate, code), STOA_FIELD(OrderUpdate, reserved));
STOA_WIRE(Fill, 52, 104, "one trade on one of our orders (output)",
          STOA_FIELD(Fill, client_order_id), STOA_FIELD(Fill, instrument), STOA_FIELD(Fill, intent),
          STOA_FIELD(Fill, exec_id), STOA_FIELD(Fill, px), STOA_FIELD(Fill, qty),
          STOA_FIELD(Fill, fee), STOA_FIELD(Fill, realized_pnl), STOA_FIELD(Fill, strategy),
          STOA_FIELD(Fill, side), STOA_FIELD(Fill, liquidity), STOA_FIELD(Fill, reserved),
          STOA_FIELD(Fill, ts_event));
STOA_WIRE(OrderQuery, 53, 24, "a question to the venue about an order (output)",
          STOA_FIELD(OrderQuery, cl_ord_id), STOA_FIELD(OrderQuery, order_id),
          STOA_FIELD(OrderQuery, instrument), STOA_FIELD(OrderQuery, reserved));
STOA_WIRE(VenueSession, 54, 24, "a venue session came up or went down (input)",
          STOA_FIELD(VenueSession, venue), STOA_FIELD(VenueSession, up),
          STOA_FIELD(VenueSession, reserved));

// Execution, 60 to 79: portfolio, risk, control.
STOA_WIRE(Instrument, 60, 104, "reference data of one instrument (input)",
          STOA_FIELD(Instrument, instrument), STOA_FIELD(Instrument, tradable),
          STOA_FIELD(Instrument, price_decimals), STOA_FIELD(Instrument, qty_decimals),
          STOA_FIELD(Instrument, reserved), STOA_FIELD(Instrument, symbol),
          STOA_FIELD(Instrument, base), STOA_FIELD(Instrument, quote),
          STOA_FIELD(Instrument, venue), STOA_FIELD(Instrument, tick), STOA_FIELD(Instrument, lot),
          STOA_FIELD(Instrument, min_notional), STOA_FIELD(Instrument, max_order_qty),
          STOA_FIELD(Instrument, maker_fee_e6), STOA_FIELD(Instrument, taker_fee_e6));
STOA_WIRE(Mark, 61, 32, "the market as the core knows it (input)", STOA_FIELD(Mark, instrument),
          STOA_FIELD(Mark, reserved), STOA_FIELD(Mark, bid), STOA_FIELD(Mark, ask),
          STOA_FIELD(Mark, last));
STOA_WIRE(LimitSet, 62, 96, "sets one risk limit (input)", STOA_FIELD(LimitSet, kind),
          STOA_FIELD(LimitSet, reserved), STOA_FIELD(LimitSet, value_e8),
          STOA_FIELD(LimitSet, actor), STOA_FIELD(LimitSet, reason));
STOA_WIRE(KillSwitch, 63, 168, "trips or resumes the kill switch (input)",
          STOA_FIELD(KillSwitch, active), STOA_FIELD(KillSwitch, reserved),
          STOA_FIELD(KillSwitch, actor), STOA_FIELD(KillSwitch, reason));
STOA_WIRE(PositionUpdate, 64, 80, "a position, whole (output)",
          STOA_FIELD(PositionUpdate, instrument), STOA_FIELD(PositionUpdate, strategy),
          STOA_FIELD(PositionUpdate, account), STOA_FIELD(PositionUpdate, strategy_book),
          STOA_FIELD(PositionUpdate, reserved), STOA_FIELD(PositionUpdate, qty),
          STOA_FIELD(PositionUpdate, avg_px), STOA_FIELD(PositionUpdate, realized_pnl),
          STOA_FIELD(PositionUpdate, fees), STOA_FIELD(PositionUpdate, bought_qty),
          STOA_FIELD(PositionUpdate, sold_qty), STOA_FIELD(PositionUpdate, mark_px),
          STOA_FIELD(PositionUpdate, unrealized_pnl));
STOA_WIRE(AccountUpdate, 65, 80, "sums over the account (output)",
          STOA_FIELD(AccountUpdate, account), STOA_FIELD(AccountUpdate, kill_active),
          STOA_FIELD(AccountUpdate, reserved), STOA_FIELD(AccountUpdate, cash),
          STOA_FIELD(AccountUpdate, equity), STOA_FIELD(AccountUpdate, realized_pnl),
          STOA_FIELD(AccountUpdate, unrealized_pnl), STOA_FIELD(AccountUpdate, fees),
          STOA_FIELD(AccountUpdate, day_pnl), STOA_FIELD(AccountUpdate, gross_exposure),
          STOA_FIELD(AccountUpdate, net_exposure), STOA_FIELD(AccountUpdate, open_orders));
STOA_WIRE(CashMovement, 66, 56, "deposit or withdrawal (input)", STOA_FIELD(CashMovement, account),
          STOA_FIELD(CashMovement, reserved), STOA_FIELD(CashMovement, amount),
          STOA_FIELD(CashMovement, reason));
STOA_WIRE(StrategyCommand, 68, 224, "starts, stops or changes a strategy (input)",
          STOA_FIELD(StrategyCommand, strategy), STOA_FIELD(StrategyCommand, action),
          STOA_FIELD(StrategyCommand, reserved), STOA_FIELD(StrategyCommand, value_e8),
          STOA_FIELD(StrategyCommand, name), STOA_FIELD(StrategyCommand, parameter),
          STOA_FIELD(StrategyCommand, actor), STOA_FIELD(StrategyCommand, reason));

// System, 100 to 119: inside the log that they concern.
STOA_WIRE(RunStarted, 104, 72, "an engine began to run on this log (input)",
          STOA_FIELD(RunStarted, run), STOA_FIELD(RunStarted, seed),
          STOA_FIELD(RunStarted, version), STOA_FIELD(RunStarted, environment),
          STOA_FIELD(RunStarted, market_source));
STOA_WIRE(StateDigest, 105, 16, "digest of the core's state (output)", STOA_FIELD(StateDigest, lsn),
          STOA_FIELD(StateDigest, hash));

#undef STOA_WIRE

/// Every known message, by ascending type.
[[nodiscard]] std::span<const MessageInfo> messages() noexcept;

/// Nothing for a type that this build does not know.
[[nodiscard]] const MessageInfo* find_message(std::uint8_t type) noexcept;

}  // namespace stoa::native

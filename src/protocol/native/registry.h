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
#include "base/uint256.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/onchain.h"
#include "model/order.h"
#include "model/portfolio.h"
#include "model/risk.h"
#include "model/signal.h"
#include "model/system.h"
#include "model/token_amount.h"
#include "model/types.h"

// The only place that knows message types, sizes, domains and fields. Encoders, decoders, JSON, the
// page docs/formats/native.md and the tests derive from it; a static_assert holds each list to its
// struct, byte for byte.
namespace stoa::native {

enum class Domain : std::uint8_t { Market = 1, Signal = 2, Execution = 3, System = 4 };
inline constexpr std::uint8_t kDomains = 4;

/// Types of the users' own.
[[nodiscard]] constexpr bool is_user_type(std::uint8_t type) noexcept {
  return type >= 200 && type <= 254;
}

/// The domain a type belongs to; the users' own may travel anywhere.
[[nodiscard]] constexpr bool type_allowed(Domain domain, std::uint8_t type) noexcept {
  if (is_user_type(type)) return true;
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

/// Where a message of this type belongs; system types travel anywhere.
[[nodiscard]] constexpr Domain domain_of(std::uint8_t type) noexcept {
  if (type >= 100) return Domain::System;
  if (type_allowed(Domain::Market, type)) return Domain::Market;
  return type_allowed(Domain::Signal, type) ? Domain::Signal : Domain::Execution;
}

/// How a field's bytes are to be read and shown.
enum class FieldKind : std::uint8_t {
  Unsigned,
  Signed,
  Decimal,
  Time,
  Text,
  Enum,
  Bool,
  Reserved,
  Count,   // how many items of one sort follow the fixed part
  Hex,     // bytes that are no number: addresses, hashes
  Wide,    // Uint256
  Amount,  // TokenAmount
};
/// False where a decoder refuses some bytes.
[[nodiscard]] constexpr bool may_hold_any_bytes(FieldKind kind) noexcept {
  return kind != FieldKind::Enum && kind != FieldKind::Reserved && kind != FieldKind::Count &&
         kind != FieldKind::Amount;
}

struct Field {
  std::string_view name{};
  std::uint16_t offset = 0;
  std::uint16_t size = 0;
  FieldKind kind = FieldKind::Unsigned;
  std::uint8_t enum_count = 0;                            // Enum: values must be below
  std::string_view (*enum_name)(std::uint8_t) = nullptr;  // Enum: for people

  /// Where one byte has fewer than 256 values, and how many; 0: nowhere.
  [[nodiscard]] constexpr std::size_t limited_at() const noexcept {
    return offset + (kind == FieldKind::Amount ? offsetof(TokenAmount, negative) : 0U);
  }
  [[nodiscard]] constexpr std::uint8_t limit() const noexcept {
    return kind == FieldKind::Amount ? 2 : enum_count;
  }
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
  // What a decoder asks of every message of the type, looked up once.
  std::span<const std::uint16_t> counts_at{};  // offsets of the counts of the tail
  bool limited = false;                        // some byte of the fixed part is limited
  bool item_limited = false;                   // or of an item
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

template <>
inline constexpr std::uint8_t kEnumCount<FeedReason> = kFeedReasons;
template <>
inline constexpr std::uint8_t kEnumCount<PoolKind> = kPoolKinds;
template <>
inline constexpr std::uint8_t kEnumCount<AlertSeverity> = kAlertSeverities;
template <>
inline constexpr std::uint8_t kEnumCount<BreakerState> = kBreakerStates;
template <>
inline constexpr std::uint8_t kEnumCount<BreakerScope> = kBreakerScopes;
template <>
inline constexpr std::uint8_t kEnumCount<SnapshotEdge> = kSnapshotEdges;
template <>
inline constexpr std::uint8_t kEnumCount<ErrorSeverity> = kErrorSeverities;
template <>
inline constexpr std::uint8_t kEnumCount<HealthState> = kHealthStates;
template <>
inline constexpr std::uint8_t kEnumCount<RecoveryStatus> = kRecoveryStatuses;
template <>
inline constexpr std::uint8_t kEnumCount<SwitchRole> = kSwitchRoles;

template <class T>
struct IsText : std::false_type {};
template <std::size_t N>
struct IsText<Text<N>> : std::true_type {};
template <class T>
struct IsReserved : std::false_type {};
template <std::size_t N>
struct IsReserved<std::array<std::uint8_t, N>> : std::true_type {};
template <class T>
struct IsHex : std::false_type {};
template <std::size_t N>
struct IsHex<std::array<std::byte, N>> : std::true_type {};

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
  } else if constexpr (IsHex<T>::value) {
    f.kind = FieldKind::Hex;
  } else if constexpr (std::is_same_v<T, Uint256>) {
    f.kind = FieldKind::Wide;
  } else if constexpr (std::is_same_v<T, TokenAmount>) {
    f.kind = FieldKind::Amount;
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    f.kind = name.ends_with("_count") ? FieldKind::Count
             : name == "reserved"     ? FieldKind::Reserved
                                      : FieldKind::Unsigned;
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
// STOA_FIELDS(Struct, a, b, c) is STOA_FIELD(Struct, a), STOA_FIELD(Struct, b), …: each rescan of
// STOA_RESCAN takes one more member, and it gives room for sixty-four.
#define STOA_RESCAN(...) STOA_RESCAN_3(STOA_RESCAN_3(STOA_RESCAN_3(STOA_RESCAN_3(__VA_ARGS__))))
#define STOA_RESCAN_3(...) STOA_RESCAN_2(STOA_RESCAN_2(STOA_RESCAN_2(STOA_RESCAN_2(__VA_ARGS__))))
#define STOA_RESCAN_2(...) STOA_RESCAN_1(STOA_RESCAN_1(STOA_RESCAN_1(STOA_RESCAN_1(__VA_ARGS__))))
#define STOA_RESCAN_1(...) __VA_ARGS__
#define STOA_PARENTHESES ()
#define STOA_FIELDS(Struct, ...) STOA_RESCAN(STOA_FIELDS_STEP(Struct, __VA_ARGS__))
#define STOA_FIELDS_STEP(Struct, member, ...) \
  STOA_FIELD(Struct, member) __VA_OPT__(, STOA_FIELDS_AGAIN STOA_PARENTHESES(Struct, __VA_ARGS__))
#define STOA_FIELDS_AGAIN() STOA_FIELDS_STEP
// NOLINTEND(bugprone-macro-parentheses)

inline constexpr auto kLevelFields = std::to_array<Field>({STOA_FIELDS(Level, px, qty)});
static_assert(detail::tiles<Level>(kLevelFields));

inline constexpr auto kCheckFields =
    std::to_array<Field>({STOA_FIELDS(CheckResult, check, ok, code, reserved, limit_e8, value_e8)});
static_assert(detail::tiles<CheckResult>(kCheckFields));

inline constexpr auto kLegFields =
    std::to_array<Field>({STOA_FIELDS(ArbitrageLeg, instrument, fee_e6, venue, pool, token_in,
                                      token_out, reserved, amount_in, amount_out)});
static_assert(detail::tiles<ArbitrageLeg>(kLegFields));

inline constexpr auto kPositionFields =
    std::to_array<Field>({STOA_FIELDS(PortfolioPosition, instrument, strategy, reserved, qty,
                                      avg_px, mark_px, realized_pnl, unrealized_pnl)});
static_assert(detail::tiles<PortfolioPosition>(kPositionFields));

#define STOA_WIRE(Struct, type_number, bytes, text, ...)                                      \
  template <>                                                                                 \
  struct Wire<Struct> {                                                                       \
    static constexpr std::uint8_t kType = type_number;                                        \
    static constexpr std::string_view kName = #Struct;                                        \
    static constexpr std::string_view kPurpose = text;                                        \
    static constexpr auto kFields = std::to_array<Field>({STOA_FIELDS(Struct, __VA_ARGS__)}); \
    static_assert(sizeof(Struct) == (bytes), "the wire size of a message never changes");     \
    static_assert(detail::tiles<Struct>(kFields), "fields must fill the struct, in order");   \
  }

// Market, 1 to 19. BookSnapshot (3) and BookDelta (4) share BookUpdate; see kBookSnapshotType.
STOA_WIRE(Trade, 1, 40, "one public trade", instrument, taker_side, reserved, trade_id, px, qty,
          ts_event);
STOA_WIRE(Quote, 2, 56, "best bid and ask", instrument, reserved, update_id, bid_px, bid_qty,
          ask_px, ask_qty, ts_event);
STOA_WIRE(BookUpdate, 4, 40, "changed levels of a book; bids, then asks follow", instrument, part,
          parts, bid_count, ask_count, reserved, first_update_id, last_update_id, ts_event);
inline constexpr std::uint8_t kBookSnapshotType = 3;
inline constexpr std::uint8_t kBookDeltaType = Wire<BookUpdate>::kType;
STOA_WIRE(BookReset, 5, 24, "a book is void until its next snapshot", instrument, reason, reserved,
          last_update_id, ts_event);
STOA_WIRE(Candle, 7, 64, "one interval of trades", instrument, interval_s, open_s, open, high, low,
          close, volume, trades);
STOA_WIRE(PoolSwap, 8, 232, "a swap in a pool", instrument, chain_id, pool, log_index, block,
          tx_hash, amount0, amount1, sqrt_price_x96, liquidity, tick, reserved, ts_event);
STOA_WIRE(PoolMint, 9, 224, "liquidity came into a pool", instrument, chain_id, pool, log_index,
          block, tx_hash, owner, tick_lower, tick_upper, reserved, liquidity, amount0, amount1,
          ts_event);
STOA_WIRE(PoolBurn, 10, 224, "liquidity was taken out of a pool", instrument, chain_id, pool,
          log_index, block, tx_hash, owner, tick_lower, tick_upper, reserved, liquidity, amount0,
          amount1, ts_event);
STOA_WIRE(PoolTick, 11, 120, "one tick of a pool, whole", instrument, chain_id, pool, tick, block,
          liquidity_gross, liquidity_net, ts_event);
STOA_WIRE(FeedState, 12, 16, "a feed is recovering, live, stale or ended, and why", instrument,
          status, reason, reserved, missed);
STOA_WIRE(PoolSync, 13, 160, "the reserves of a pool, whole", instrument, chain_id, pool, log_index,
          block, tx_hash, reserve0, reserve1, ts_event);
STOA_WIRE(PoolState, 14, 248, "a pool at the end of a block, whole", instrument, chain_id, pool,
          tick, block, token0, token1, fee_e6, tick_spacing, kind, reserved, sqrt_price_x96,
          liquidity, reserve0, reserve1, ts_event);
STOA_WIRE(GasPrice, 15, 120, "what gas costs on a chain", chain_id, reserved, block, base_fee,
          priority_fee, gas_used, gas_limit, ts_event);

// Signal, 20 to 39.
STOA_WIRE(SignalIdentity, 20, 112, "who thinks what, of which instrument", signal, instrument,
          strategy, side, reserved, confidence_e8, fair_px, ts_created, valid_until, name, note);
STOA_WIRE(SignalEconomics, 21, 88, "what acting on a signal should bring", signal, currency,
          capital, profit, fees, gas_cost, slippage, net_profit, confidence_e8, ts_created,
          valid_until);
STOA_WIRE(ArbitrageSignal, 22, 256, "buy here and sell there on one chain, its legs follow", signal,
          strategy, leg_count, chain_id, token, reserved, profit, fees, gas_cost, slippage,
          net_profit, ts_created, valid_until);
STOA_WIRE(TargetPosition, 23, 88, "where a strategy wants its position to be", instrument, strategy,
          account, signal, qty, limit_px, ts_created, valid_until, note);

// Execution, 40 to 59: orders.
STOA_WIRE(OrderIntent, 40, 128, "please buy or sell (input)", client_order_id, instrument, strategy,
          account, side, type, time_in_force, reserved, px, qty, ts_trigger, trigger_seq, signal,
          note);
STOA_WIRE(CancelIntent, 41, 56, "please cancel one order (input)", client_order_id, instrument,
          orig_cl_ord_id, strategy, reason, reserved);
STOA_WIRE(ReplaceIntent, 42, 72, "please change price or quantity (input)", client_order_id,
          instrument, orig_cl_ord_id, px, qty, strategy, reserved);
STOA_WIRE(CancelAllIntent, 43, 8, "please cancel all open orders (input)", instrument, strategy,
          one_strategy, reason);
STOA_WIRE(RiskDecision, 46, 16, "the gate's decision, its checks follow (output)", intent,
          instrument, accepted, code, check_count);
STOA_WIRE(OrderSend, 47, 32, "a new order for the venue (output)", cl_ord_id, instrument, side,
          type, time_in_force, resend, px, qty);
STOA_WIRE(CancelSend, 48, 32, "a cancel for the venue (output)", cl_ord_id, orig_cl_ord_id,
          order_id, instrument, reserved);
STOA_WIRE(ReplaceSend, 49, 48, "a replace for the venue (output)", cl_ord_id, orig_cl_ord_id,
          order_id, instrument, reserved, px, qty);
STOA_WIRE(ExecutionReport, 50, 88, "a venue's message on an order (input)", cl_ord_id,
          orig_cl_ord_id, order_id, exec_id, instrument, exec_type, liquidity, code, reserved,
          last_px, last_qty, cum_qty, leaves_qty, fee, ts_event);
STOA_WIRE(OrderUpdate, 51, 136, "where an order stands after a change (output)", client_order_id,
          instrument, strategy, account, side, type, time_in_force, status, intent, cl_ord_id,
          order_id, px, order_qty, cum_qty, avg_px, fees, ts_created, ts_updated, code, reserved);
STOA_WIRE(Fill, 52, 104, "one trade on one of our orders (output)", client_order_id, instrument,
          intent, exec_id, px, qty, fee, realized_pnl, strategy, side, liquidity, reserved,
          ts_event);
STOA_WIRE(OrderQuery, 53, 24, "a question to the venue about an order (output)", cl_ord_id,
          order_id, instrument, reserved);
STOA_WIRE(VenueSession, 54, 24, "a venue session came up or went down (input)", venue, up,
          reserved);

// Execution, 60 to 79: portfolio, risk, control.
STOA_WIRE(Instrument, 60, 104, "reference data of one instrument (input)", instrument, tradable,
          price_decimals, qty_decimals, reserved, symbol, base, quote, venue, tick, lot,
          min_notional, max_order_qty, maker_fee_e6, taker_fee_e6);
STOA_WIRE(Mark, 61, 32, "the market as the core knows it (input)", instrument, reserved, bid, ask,
          last);
STOA_WIRE(LimitSet, 62, 96, "sets one risk limit (input)", kind, reserved, value_e8, actor, reason);
STOA_WIRE(KillSwitch, 63, 168, "trips or resumes the kill switch (input)", active, reserved, actor,
          reason);
STOA_WIRE(PositionUpdate, 64, 80, "a position, whole (output)", instrument, strategy, account,
          strategy_book, reserved, qty, avg_px, realized_pnl, fees, bought_qty, sold_qty, mark_px,
          unrealized_pnl);
STOA_WIRE(AccountUpdate, 65, 80, "sums over the account (output)", account, kill_active, reserved,
          cash, equity, realized_pnl, unrealized_pnl, fees, day_pnl, gross_exposure, net_exposure,
          open_orders);
STOA_WIRE(CashMovement, 66, 56, "deposit or withdrawal (input)", account, reserved, amount, reason);
STOA_WIRE(StrategyCommand, 68, 224, "starts, stops or changes a strategy (input)", strategy, action,
          reserved, value_e8, name, parameter, actor, reason);

STOA_WIRE(Balance, 69, 160, "a venue's word on one asset, whole (input)", account, reserved, asset,
          venue, total, available, locked, ts_event);
STOA_WIRE(Portfolio, 70, 80, "an account, whole, its positions follow (supervisor)", account,
          position_count, reserved, cash, equity, peak_equity, realized_pnl, unrealized_pnl, fees,
          gross_exposure, net_exposure, ts_event);
STOA_WIRE(RiskAlert, 71, 152, "a limit is near or passed (supervisor)", severity, limit, strategy,
          instrument, limit_e8, value_e8, ts_event, reason);
STOA_WIRE(Exposure, 72, 80, "position plus open orders, whole (supervisor)", instrument, strategy,
          account, position, open_buy_qty, open_sell_qty, in_doubt_qty, mark_px, gross, net, worst,
          ts_event);
STOA_WIRE(Breaker, 73, 176, "a breaker closed, opened or half opened (supervisor)", state, scope,
          strategy, instrument, trips, limit_e8, value_e8, ts_until, venue, reason);

// System, 100 to 119: inside the log that they concern.
STOA_WIRE(Heartbeat, 100, 32, "a source is there, and how far it is", source, ready, reserved,
          interval_ms, sequence, lsn, ts_sent);
STOA_WIRE(Gap, 101, 32, "messages of a source are missing", source, reserved, first_missing,
          last_missing, ts_seen);
STOA_WIRE(SnapshotMark, 102, 40, "a snapshot begins or ends", snapshot, edge, reserved, lsn,
          records, hash);
STOA_WIRE(ErrorReport, 103, 152, "something went wrong in a role", code, severity, source, reserved,
          offset_bytes, lsn, ts_event, reason);
STOA_WIRE(RunStarted, 104, 72, "an engine began to run on this log (input)", run, seed, version,
          environment, market_source);
STOA_WIRE(StateDigest, 105, 16, "digest of the core's state (output)", lsn, hash);
STOA_WIRE(TraceContext, 106, 32, "which request it belongs to; rides behind any body", trace_id,
          span_id, flags, reserved);
STOA_WIRE(ConfigRevision, 107, 144, "a revision of the configuration took effect", revision,
          previous, digest, environment, actor, reason);
STOA_WIRE(SystemHealth, 108, 80, "how one role is, whole", role, state, reserved, cpu_e8,
          memory_bytes, queue_used, queue_capacity, lag_ns, errors, ts_event);
STOA_WIRE(RecoveryRequest, 109, 56, "a reader wants records again", request, domain, reserved,
          first, last, reader);
STOA_WIRE(RecoveryResponse, 110, 80, "what the reader will get", request, status, reserved, first,
          last, snapshot, reason);
STOA_WIRE(EpochOpen, 111, 64, "a leader took over", epoch, oldest_version, newest_version, role,
          reserved, after, holder, release);
STOA_WIRE(EpochClose, 112, 88, "a leader let go", epoch, role, reserved, last, hash, holder,
          reason);
STOA_WIRE(FeatureOn, 113, 112, "writers may write a newer version from here on", version, reserved,
          feature, actor, reason);
STOA_WIRE(SwitchOrder, 114, 128, "another process of a role is to lead (input)", deploy, epoch,
          hold_max_ms, role, at_once, reserved, to, actor, reason);

#undef STOA_WIRE

template <class... M>
struct MessageList {};
/// Every struct that is a message or the head of one, by ascending type.
using MessageStructs =
    MessageList<Trade, Quote, BookUpdate, BookReset, Candle, PoolSwap, PoolMint, PoolBurn, PoolTick,
                FeedState, PoolSync, PoolState, GasPrice, SignalIdentity, SignalEconomics,
                ArbitrageSignal, TargetPosition, OrderIntent, CancelIntent, ReplaceIntent,
                CancelAllIntent, RiskDecision, OrderSend, CancelSend, ReplaceSend, ExecutionReport,
                OrderUpdate, Fill, OrderQuery, VenueSession, Instrument, Mark, LimitSet, KillSwitch,
                PositionUpdate, AccountUpdate, CashMovement, StrategyCommand, Balance, Portfolio,
                RiskAlert, Exposure, Breaker, Heartbeat, Gap, SnapshotMark, ErrorReport, RunStarted,
                StateDigest, TraceContext, ConfigRevision, SystemHealth, RecoveryRequest,
                RecoveryResponse, EpochOpen, EpochClose, FeatureOn, SwitchOrder>;

namespace detail {

/// Where an enumerator stands in a body, and the first value that is none.
struct EnumRule {
  std::uint8_t offset = 0;
  std::uint8_t limit = 0;
};
/// What decides on a message whose one value is of a fixed size and short: two of these fill a
/// cache line.
struct Shape {
  static constexpr std::size_t kEnumsMax = 14;

  std::uint8_t domains = 0;     // bit 1 << domain: may travel there
  std::uint8_t body_bytes = 0;  // 0: no such type, or one that is not of a fixed size and short
  std::uint8_t enums_count = 0;
  std::uint8_t reserved = 0;
  std::array<EnumRule, kEnumsMax> enums{};
};
static_assert(sizeof(Shape) == 32);
consteval Shape shape_of(std::uint8_t type, std::size_t body_bytes, std::span<const Field> fields) {
  Shape shape;
  if (body_bytes > 255) return shape;
  shape.body_bytes = static_cast<std::uint8_t>(body_bytes);
  for (std::uint8_t domain = 1; domain <= kDomains; ++domain) {
    const bool allowed = type_allowed(static_cast<Domain>(domain), type);
    shape.domains = static_cast<std::uint8_t>(shape.domains | (allowed ? 1U << domain : 0U));
  }
  for (const Field& field : fields) {
    if (field.limit() == 0) continue;
    shape.enums.at(shape.enums_count++) = {.offset = static_cast<std::uint8_t>(field.limited_at()),
                                           .limit = field.limit()};
  }
  return shape;
}
/// A struct whose messages have a tail has none.
template <Message M>
consteval Shape shape_of() {
  for (const Field& field : Wire<M>::kFields) {
    if (field.kind == FieldKind::Count) return {};
  }
  return shape_of(Wire<M>::kType, sizeof(M), Wire<M>::kFields);
}
/// By type; from the same fields as everything else.
extern const std::array<Shape, 256> kShapes;

}  // namespace detail

/// Every known message, by ascending type.
[[nodiscard]] std::span<const MessageInfo> messages() noexcept;

/// Nothing for a type that this build does not know.
[[nodiscard]] const MessageInfo* find_message(std::uint8_t type) noexcept;

}  // namespace stoa::native

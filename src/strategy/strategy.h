#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "strategy/parameter.h"

// What the author of a strategy works with: events come in, a Context answers questions and takes
// orders. The same code runs on a simulated market, a recording, paper and live.
namespace stoa::strategy {

/// A book message was applied; the book is in the Context.
struct BookEvent {
  Timestamp ts_event{};   // the venue's
  Timestamp ts_recv{};    // ours
  std::uint64_t seq = 0;  // place on the market topic
  bool snapshot = false;  // the book was replaced
};

/// One public trade.
struct TradeEvent {
  TradeId trade_id{};
  Price px{};
  Qty qty{};
  Side taker_side = Side::Buy;
  Timestamp ts_event{};
  Timestamp ts_recv{};
  std::uint64_t seq = 0;
};

/// What a strategy asks for. `signal` and `note` are its answer to "why?", kept with the order for
/// ever.
struct OrderRequest {
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  Price px{};      // on the instrument's tick, > 0; zero for market orders
  Qty qty{};       // on the instrument's lot, > 0
  Price signal{};  // the figure that decided (fair price, distance of averages)
  Note note{};     // the reason in words
};

/// Why nothing was asked for. The strategy may try again on a later event.
enum class PlaceError : std::uint8_t {
  Busy,              // the execution inbox is full
  NotLive,           // the log is being replayed, or no run has begun
  Stopped,           // on_stop, or after it
  BadQty,            // not positive, off the lot, or over the instrument's largest order
  BadPrice,          // not positive, off the tick, or a price on a market order
  BelowMinNotional,  // the venue would refuse it
  NotTradable,       // the instrument is halted
  TooManyOrders,     // kWorkingOrdersMax are open
  TooManyAtOnce,     // kRequestsPerCallback were made in this callback
  UnknownOrder,      // no open order of this strategy has the id
  ChangePending,     // a cancel or replace of it is under way
};
[[nodiscard]] std::string_view to_string(PlaceError error) noexcept;  // "busy"

/// Open orders of one strategy, requests in flight included.
inline constexpr std::size_t kWorkingOrdersMax = 64;
/// Requests of one strategy in one callback; more is a bug of the strategy.
inline constexpr std::size_t kRequestsPerCallback = 16;
/// A cancel or replace that is not answered by then may be asked for again.
inline constexpr nanoseconds kChangePatience = std::chrono::seconds{5};

[[nodiscard]] constexpr bool is_change(OrdStatus status) noexcept {
  return status == OrdStatus::PendingCancel || status == OrdStatus::PendingReplace;
}

/// One open order of the strategy.
struct WorkingOrder {
  ClientOrderId client_order_id{};
  ClOrdId intent{};  // zero until the intent is known to be durable
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  OrdStatus status = OrdStatus::PendingNew;  // also while the intent is on its way to the log
  Price px{};
  Qty qty{};
  Qty cum_qty{};
  Timestamp ts_placed{};
  Timestamp ts_change_asked{};  // of a cancel or replace under way; zero: none
  ClOrdId request{};            // lsn of the last request on it, once durable

  [[nodiscard]] Qty leaves_qty() const noexcept { return qty - cum_qty; }
};

/// What the strategy itself holds, by its own trades only.
struct StrategyPosition {
  Qty qty{};             // signed
  Price avg_px{};        // average cost, zero when flat
  Price realized_pnl{};  // before fees
  Price unrealized_pnl{};
  Price fees{};
};

struct StrategyCounters {
  // Over the life of the log:
  std::uint64_t orders = 0;
  std::uint64_t fills = 0;
  std::uint64_t rejects = 0;  // by risk or venue
  // Since the start of the process:
  std::uint64_t changes = 0;  // cancels and replaces handed in
  std::uint64_t invalid = 0;  // requests that the strategy must not make: bad lot, tick, bounds
  std::uint64_t busy = 0;     // requests that the execution inbox had no room for
};

/// A strategy's desk: everything it knows and everything it can do. Engine thread; references are
/// valid during the callback. Nothing here allocates.
class Context {
 public:
  /// Time of the event: our receive time of market messages, the log's time of execution messages.
  /// Strategies have no other clock.
  [[nodiscard]] Timestamp now() const noexcept { return now_; }
  /// Tick, lot, fees and limits of the instrument.
  [[nodiscard]] const Instrument& instrument() const noexcept { return instrument_; }
  /// The book as of the event; void (`valid()` is false) when the feed is not to be believed.
  [[nodiscard]] const book::OrderBook& book() const noexcept { return *book_; }
  /// Live until the feed says otherwise.
  [[nodiscard]] FeedStatus feed() const noexcept { return feed_; }
  /// As of the last PositionUpdate; a fill's own follows within the same input of the log.
  [[nodiscard]] const StrategyPosition& position() const noexcept { return position_; }
  /// Open orders, requests in flight included; in the order in which they were placed.
  [[nodiscard]] std::span<const WorkingOrder> working_orders() const noexcept { return working_; }
  /// `const auto spread = context.parameter(kHalfSpread);`
  template <ParameterKind kKind>
  [[nodiscard]] auto parameter(ParameterHandle<kKind> handle) const noexcept {
    return parameters_.get(handle);
  }
  /// True while a cancel or replace of the order is under way, whoever asked for it.
  [[nodiscard]] bool change_pending(const WorkingOrder& order) const noexcept {
    return is_change(order.status) ||
           (order.ts_change_asked != Timestamp{} && now_ - order.ts_change_asked < kChangePatience);
  }

  /// Hands in a new order. It stands in `working_orders()` from now on; `on_order` tells what
  /// becomes of it.
  [[nodiscard]] std::expected<ClientOrderId, PlaceError> place(const OrderRequest& request);
  /// Asks for the cancel of an own order.
  [[nodiscard]] std::expected<void, PlaceError> cancel(const ClientOrderId& client_order_id);
  /// Asks for another price and total quantity (filled part included) of an own limit order.
  [[nodiscard]] std::expected<void, PlaceError> replace(const ClientOrderId& client_order_id,
                                                        Price px, Qty qty);
  /// Asks for the cancel of every own order, whatever is pending. One request.
  [[nodiscard]] std::expected<void, PlaceError> cancel_all();
  /// A decision worth showing that places nothing ("feed stale: quotes pulled").
  void explain(std::string_view decision) noexcept { last_decision_ = Note::cut(decision); }

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() = default;

 private:
  friend class Runner;

  Context(StrategyId strategy, const Parameters& parameters, oms::IntentSink& sink);

  // The runner's side: what the log and the feed say.
  void begin_callback(Timestamp now, Timestamp ts_trigger, std::uint64_t trigger_seq) noexcept;
  void begin_run(std::string_view strategy, std::uint64_t run) noexcept;
  void apply(const OrderUpdate& update);
  void apply(const PositionUpdate& update) noexcept;
  void request_durable(const ClientOrderId& client_order_id, ClOrdId intent) noexcept;
  void decided(const RiskDecision& decision) noexcept;
  [[nodiscard]] bool submit_cancel_all(CancelReason reason);

  // The strategy's side.
  [[nodiscard]] std::expected<void, PlaceError> may_act() noexcept;
  [[nodiscard]] std::expected<void, PlaceError> check_px(Price px) const noexcept;
  [[nodiscard]] std::expected<void, PlaceError> check_qty(Qty qty) const noexcept;
  [[nodiscard]] std::expected<void, PlaceError> check_order(
      const OrderRequest& request) const noexcept;
  [[nodiscard]] std::unexpected<PlaceError> refuse(PlaceError error) noexcept;
  [[nodiscard]] WorkingOrder* find(const ClientOrderId& client_order_id) noexcept;
  [[nodiscard]] ClientOrderId id_of(std::uint64_t number) const noexcept;
  void note_number(const ClientOrderId& client_order_id) noexcept;

  // Read on every market message.
  const book::OrderBook* book_ = nullptr;
  Timestamp now_;
  Timestamp ts_trigger_;
  std::uint64_t trigger_seq_ = 0;
  std::size_t requests_ = 0;  // in this callback
  FeedStatus feed_ = FeedStatus::Live;
  std::optional<PlaceError> closed_ = PlaceError::NotLive;  // why nothing may be asked for
  std::vector<WorkingOrder> working_;  // room for kWorkingOrdersMax is taken at the start
  StrategyPosition position_;
  Parameters parameters_;
  Instrument instrument_;
  // Read when something is asked for.
  oms::IntentSink* sink_;
  StrategyId strategy_;
  ClientOrderId id_prefix_;     // "mm-3-"; empty before a run has begun
  std::uint64_t id_count_ = 0;  // of the last id of this run
  StrategyCounters counters_;
  Note last_decision_;
};

/// Base of every strategy. A strategy is a function of its events: it reads no clock, draws no
/// random number and does no I/O, so the same events give the same orders anywhere. Callbacks run
/// to completion on the engine thread; an exception out of one ends this strategy (state faulted,
/// its orders cancelled) and no other.
///
/// State that must outlive a restart belongs into the log, which gives back position, working
/// orders and parameters before `on_start`; members start afresh.
class Strategy {
 public:
  Strategy() = default;
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;
  virtual ~Strategy() = default;

  /// Distance of `on_timer` calls, which fall on multiples of it; zero: none. Asked once, after
  /// construction.
  [[nodiscard]] virtual nanoseconds timer_interval() const noexcept { return nanoseconds{0}; }

  /// The engine is live and the strategy is to trade.
  virtual void on_start(Context& /*context*/) {}
  /// No further callback follows; its open orders are being cancelled.
  virtual void on_stop(Context& /*context*/) {}
  virtual void on_book(const BookEvent& /*event*/, Context& /*context*/) {}
  virtual void on_trade(const TradeEvent& /*event*/, Context& /*context*/) {}
  virtual void on_feed(const FeedState& /*state*/, Context& /*context*/) {}
  virtual void on_timer(Context& /*context*/) {}
  /// One of its orders changed; a terminal one has left `working_orders()` already.
  virtual void on_order(const OrderUpdate& /*update*/, Context& /*context*/) {}
  virtual void on_fill(const Fill& /*fill*/, Context& /*context*/) {}
  /// A parameter has a new value.
  virtual void on_parameters(Context& /*context*/) {}
};

}  // namespace stoa::strategy

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "book/matching/types.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/flat_index.h"
#include "venues/sim/fifo.h"
#include "venues/sim/market.h"

namespace stoa::venues::sim {

/// An order of ours as the venue knows it.
struct VenueOrder {
  ClOrdId cl_ord_id;             // of the last accepted request
  ClOrdId previous_cl_ord_id{};  // the one before, still answered for; 0: none
  OrderId order_id;
  std::uint32_t market = 0;  // index
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  bool open = false;
  Price px;
  Qty order_qty;
  Qty cum_qty;

  [[nodiscard]] Qty leaves_qty() const noexcept { return open ? order_qty - cum_qty : Qty{}; }
};

/// The venue's side of our one account: our orders by both of their ids, and the reports on their
/// way to us. Applies requests that have arrived to the markets; latency is the session's.
///
/// bounds  `orders_max` orders are remembered; the one that ended first is forgotten first, and a
///         new order is refused with TableFull when all are open. `reports_max` reports wait;
///         `room_for_event` says whether one more event is sure to fit
/// thread  one owner
class Account {
 public:
  struct Options {
    std::size_t orders_max;
    std::size_t reports_max;
    std::size_t event_reports_max;  // the most that one event can cause
    std::uint32_t open_orders_max;  // per market
    nanoseconds report_latency;
    nanoseconds jitter_max;
    std::uint64_t seed;
  };

  Account(const Options& options, std::span<Market* const> markets);

  void apply(const OrderSend& order, Timestamp now);
  void apply(const CancelSend& cancel, Timestamp now);
  void apply(const ReplaceSend& replace, Timestamp now);
  void apply(const OrderQuery& query, Timestamp now);
  /// Puts an order of an earlier run back with what is open; reported only when it trades.
  void restore(const OrderSend& order, Qty cum_qty, Timestamp now);
  /// A request that the session could not take.
  void refuse(const OrderSend& order, RejectCode code, Timestamp now);
  void refuse(const CancelSend& cancel, RejectCode code, Timestamp now);
  void refuse(const ReplaceSend& replace, RejectCode code, Timestamp now);
  /// Reports what the last event in a market did to our orders.
  void collect(const Market& market, Timestamp now);

  [[nodiscard]] bool room_for_event() const noexcept {
    return reports_.room() >= event_reports_max_;
  }
  /// Takes the reports due at or before `now`; returns how many.
  std::size_t take_reports(Timestamp now, std::span<ExecutionReport> out);
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept;
  /// Reports that found no room: requests beyond every bound, in doubt until asked for.
  [[nodiscard]] std::uint64_t lost_reports_count() const noexcept { return lost_reports_count_; }

 private:
  using Record = std::uint32_t;
  struct Underway {
    Timestamp due;
    ExecutionReport report;
  };

  [[nodiscard]] RejectCode refusal_of(const OrderSend& order, std::size_t market) const;
  [[nodiscard]] std::size_t index_of(InstrumentId instrument) const noexcept;
  [[nodiscard]] Record find(ClOrdId id) const noexcept;
  [[nodiscard]] Record find(OrderId id) const noexcept;
  [[nodiscard]] Record add(const OrderSend& order, std::size_t market, Qty cum_qty);
  void rename(Record record, ClOrdId to);
  void close(Record record);
  void forget(ClOrdId id, Record record);
  void place(Record record, Timestamp now);
  void on_trade(const Market& market, const Market::Traded& traded, OrderId order_id, bool maker,
                Timestamp now);
  void on_cancel(const matching::Cancel& cancel, Timestamp now);
  [[nodiscard]] ExecutionReport report_on(const VenueOrder& order, ExecType type,
                                          Timestamp now) const;
  void push(const ExecutionReport& report);

  std::size_t event_reports_max_;
  nanoseconds report_latency_;
  nanoseconds jitter_max_;
  Random random_;
  std::uint32_t open_orders_max_;
  std::vector<Market*> markets_;
  std::vector<std::uint32_t> open_count_;  // by market
  std::vector<VenueOrder> orders_;
  Record fresh_ = 0;
  Fifo<Record> closed_;  // oldest first
  oms::FlatIndex by_cl_ord_id_;
  oms::FlatIndex by_order_id_;
  ClOrdId forgotten_;  // the highest id no longer answered for
  Fifo<Underway> reports_;
  Timestamp last_due_;  // reports do not overtake each other
  std::uint64_t lost_reports_count_ = 0;
};

}  // namespace stoa::venues::sim

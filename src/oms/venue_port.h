#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/clock.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"

namespace stoa::oms {

/// Where a feed puts what it has parsed. Called on the engine thread; borrowed data is valid during
/// the call. `ts_recv` is our time of the frame.
class MarketSink {
 public:
  virtual ~MarketSink() = default;
  virtual void on_trade(const Trade& trade, Timestamp ts_recv) = 0;
  virtual void on_quote(const Quote& quote, Timestamp ts_recv) = 0;
  virtual void on_book(const BookView& book, Timestamp ts_recv) = 0;
  virtual void on_feed_state(const FeedState& state, Timestamp ts_recv) = 0;
};

/// A venue's market data. Driven by one thread; never blocks, never reads a clock.
class FeedPort {
 public:
  virtual ~FeedPort() = default;
  /// What is traded here; stable once constructed.
  [[nodiscard]] virtual std::span<const Instrument> instruments() const noexcept = 0;
  /// Emits everything due at or before `now`, at most `limit` frames or events; returns how many.
  virtual std::size_t poll(Timestamp now, MarketSink& sink, std::size_t limit) = 0;
  /// When the next event is due, for simulated time; nothing when there is none.
  [[nodiscard]] virtual std::optional<Timestamp> next_due() const noexcept = 0;
  /// True once nothing will ever come again (a recording that has been played).
  [[nodiscard]] virtual bool ended() const noexcept = 0;
};

/// A venue's order entry. The execution core is the only caller, on the engine thread, after the
/// intent is durable. Requests never fail here: a refusal is a report. A venue drops a second
/// OrderSend with a cl_ord_id it knows.
class OrderPort {
 public:
  virtual ~OrderPort() = default;
  virtual void send(const OrderSend& order, Timestamp now) = 0;
  virtual void cancel(const CancelSend& cancel, Timestamp now) = 0;
  virtual void replace(const ReplaceSend& replace, Timestamp now) = 0;
  /// Answered by an OrderStatus or a NotFound report; NotFound only when the venue is certain.
  virtual void query(const OrderQuery& query, Timestamp now) = 0;
  /// A paper venue lives and dies with its engine: at start it is told every order that the log
  /// shows as resting, with what is still open, and puts them back behind the others at their
  /// price. Real venues ignore it.
  virtual void restore(const OrderUpdate& order) = 0;
  /// Takes the reports due at or before `now`, oldest first; returns how many were written to
  /// `out`.
  virtual std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out) = 0;
  /// When the next report is due, for simulated time.
  [[nodiscard]] virtual std::optional<Timestamp> next_report_due() const noexcept = 0;
};

}  // namespace stoa::oms

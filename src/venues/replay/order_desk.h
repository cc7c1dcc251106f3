#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <variant>
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
#include "model/types.h"
#include "venues/replay/fill_model.h"

namespace stoa::venues::replay {

/// Our account at the replayed venue: requests under way, orders, reports under way. The session
/// tells it what the recording did and calls `serve` as time passes.
///
/// A request takes effect `order_latency` after it was sent, a report is due `report_latency` after
/// what it reports; nothing overtakes. Ids are `run` in the upper 24 bits above a counter: two runs
/// of one log never share any.
///
/// bounds  kRequestsMax under way, further ones are refused with OrderRate (a query stays silent);
///         kReportsMax under way, then `full` and the session stands still;
///         kOrdersMax remembered: of older ended ones a second send is dropped, a query not
///         answered
class OrderDesk {
 public:
  static constexpr std::size_t kRequestsMax = 8'192;
  static constexpr std::size_t kReportsMax = 32'768;
  static constexpr std::size_t kOrdersMax = 32'768;

  struct Options {
    std::uint64_t run = 1;
    nanoseconds order_latency = std::chrono::milliseconds{2};
    nanoseconds report_latency = std::chrono::milliseconds{1};
  };
  /// One instrument as orders see it; both borrowed for the life of the desk.
  struct Market {
    const Instrument* rules = nullptr;
    const book::OrderBook* book = nullptr;  // null: none that can be believed
    bool ended = false;                     // nothing will ever fill here again
    FillModel model;
  };

  OrderDesk(const Options& options, std::span<const Instrument> instruments);

  template <class Message>
  void enqueue(const Message& request, Timestamp now);
  void restore(const OrderUpdate& order);

  /// Lets requests take effect that arrive at or before `until`.
  void serve(Timestamp until);
  // The recording: called in its order, each after everything that arrived before it was served.
  void on_trade(std::size_t market, const Trade& trade, Timestamp at);
  void on_book(std::size_t market, const book::OrderBook* book, Timestamp at);
  void on_end(Timestamp at);

  std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out);
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept;
  /// When the next request arrives.
  [[nodiscard]] std::optional<Timestamp> next_arrival() const noexcept;
  [[nodiscard]] bool full() const noexcept { return reports_.size() >= kReportsMax; }

  [[nodiscard]] std::uint64_t fills() const noexcept { return fills_total_; }
  [[nodiscard]] std::uint64_t orders() const noexcept { return orders_total_; }

 private:
  struct Request {
    Timestamp due{};
    std::variant<OrderSend, CancelSend, ReplaceSend, OrderQuery> what{};
  };
  struct Report {
    Timestamp due{};
    ExecutionReport report{};
  };

  void apply(const OrderSend& send, Timestamp at);
  void apply(const CancelSend& cancel, Timestamp at);
  void apply(const ReplaceSend& replace, Timestamp at);
  void apply(const OrderQuery& query, Timestamp at);
  void refuse(const OrderSend& send, RejectCode code, Timestamp at);
  void refuse(const CancelSend& cancel, RejectCode code, Timestamp at);
  void refuse(const ReplaceSend& replace, RejectCode code, Timestamp at);
  void refuse(const OrderQuery& query, RejectCode code, Timestamp at);

  [[nodiscard]] Market* market_of(InstrumentId instrument) noexcept;
  [[nodiscard]] PaperOrder* find(ClOrdId cl_ord_id) noexcept;
  PaperOrder& remember(const PaperOrder& order);
  void close(PaperOrder& order);
  void forget_oldest();
  void place(PaperOrder& order, Market& market, Timestamp at);
  void report_fills(const Market& market, Timestamp at);
  [[nodiscard]] static ExecutionReport report_on(const PaperOrder& order, ExecType type,
                                                 Timestamp at) noexcept;
  void push(const ExecutionReport& report, Timestamp at);
  [[nodiscard]] OrderId next_order_id() noexcept;
  [[nodiscard]] std::uint64_t next_id() noexcept { return ids_base_ + ++ids_; }

  Options options_;
  std::uint64_t ids_base_;
  std::uint64_t ids_ = 0;
  std::vector<Market> markets_;
  std::deque<Request> requests_;
  std::deque<Report> reports_;
  std::unordered_map<OrderId, std::unique_ptr<PaperOrder>> orders_;
  std::unordered_map<ClOrdId, PaperOrder*> by_cl_ord_id_;
  std::deque<OrderId> closed_;  // in the order of ending
  ClOrdId forgotten_;           // the highest id that is no longer remembered
  std::vector<PaperFill> fills_;
  std::uint64_t fills_total_ = 0;
  std::uint64_t orders_total_ = 0;
};

template <class Message>
void OrderDesk::enqueue(const Message& request, Timestamp now) {
  const Timestamp due = now + options_.order_latency;
  if (requests_.size() == kRequestsMax) return refuse(request, RejectCode::OrderRate, due);
  // Requests that were sent by one thread do not overtake each other, whatever its clock does.
  const Timestamp last = requests_.empty() ? due : requests_.back().due;
  requests_.push_back({.due = due < last ? last : due, .what = request});
}

}  // namespace stoa::venues::replay

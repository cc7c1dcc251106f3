#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "book/matching/types.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "oms/venue_port.h"
#include "venues/sim/account.h"
#include "venues/sim/agents.h"
#include "venues/sim/fifo.h"
#include "venues/sim/market.h"
#include "venues/sim/symbols.h"

namespace stoa::venues::sim {

/// A simulated exchange: one matching engine per instrument, a population of agents around each,
/// and our account. Our orders rest in the same books, so the market trades with them and moves
/// when they trade.
///
/// Feed      FeedState Live, a snapshot and a quote per instrument at the first `poll`; then per
///           event its trades, one delta (update ids are contiguous) and a quote when the top
///           changed
/// Orders    a request reaches the book `order_latency` plus jitter after it was sent, in the order
///           sent; its report is due `report_latency` plus jitter after it happened, in the order
///           in which things happened. Own orders never trade with each other
/// Time      all of it comes in through `poll(now)` and the requests; events happen in `poll`, so a
///           simulation steps to the earlier of `next_due` and `next_report_due` and polls the feed
///           first. The same options and the same calls give the same messages
/// Bounds    `requests_max` requests under way: further ones are refused with OrderRate.
///           `reports_max` reports under way: the market stands still until they are taken
/// Restart   a new venue knows nothing; `restore` puts our resting orders back, before the first
///           poll. Ids never repeat unless two runs start in the same millisecond
///
/// thread    one owner
/// cost      under a microsecond per event plus the sink's; construction a few milliseconds
class SimVenue final : public oms::FeedPort, public oms::OrderPort {
 public:
  struct Options {
    std::uint64_t seed = 1;
    Timestamp start;  // of simulated time, and the base of all ids; nothing happens before it
    std::vector<SimInstrument> instruments = default_instruments();
    nanoseconds order_latency = std::chrono::milliseconds{2};
    nanoseconds report_latency = std::chrono::milliseconds{1};
    nanoseconds jitter_max = std::chrono::microseconds{500};  // added to both, uniform
    book::matching::SelfTrade self_trade = book::matching::SelfTrade::ExpireMaker;
    bool agents = true;  // false: empty books in which only we trade, for tests of order handling
    std::size_t requests_max = 8'192;
    std::size_t reports_max = 32'768;  // at least kReportsPerEvent
    std::size_t orders_max = 32'768;   // of ours that are remembered, open and ended
  };

  /// Orders that can rest in one book, and those of them that can be ours.
  static constexpr std::uint32_t kOrdersPerBook = 8'192;
  static constexpr std::uint32_t kOurOrdersPerBook = 2'000;
  /// What one event can cause: one order through a whole book, and its own two reports.
  static constexpr std::size_t kReportsPerEvent = kOrdersPerBook + 2;

  explicit SimVenue(const Options& options);

  // FeedPort
  [[nodiscard]] std::span<const Instrument> instruments() const noexcept override {
    return instruments_;
  }
  std::size_t poll(Timestamp now, oms::MarketSink& sink, std::size_t limit) override;
  [[nodiscard]] std::optional<Timestamp> next_due() const noexcept override;
  [[nodiscard]] bool ended() const noexcept override { return false; }

  // OrderPort
  void send(const OrderSend& order, Timestamp now) override;
  void cancel(const CancelSend& cancel, Timestamp now) override;
  void replace(const ReplaceSend& replace, Timestamp now) override;
  void query(const OrderQuery& query, Timestamp now) override;
  void restore(const OrderUpdate& order) override;
  std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out) override;
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept override;

 private:
  struct Restore {
    OrderSend order;
    Qty cum_qty;
  };
  struct Request {
    Timestamp due;
    std::variant<OrderSend, CancelSend, ReplaceSend, OrderQuery, Restore> what;
  };
  /// An agent's place in the schedule; `order` breaks ties, so that a seed is one schedule.
  struct Wake {
    Timestamp due;
    std::uint64_t order = 0;
    std::uint16_t market = 0;
    Population::Agent agent = Population::Agent::News;
    bool again = false;  // comes back after its own pause; a follow-up visit does not

    friend auto operator<=>(const Wake&, const Wake&) = default;
  };

  void add_instrument(const SimInstrument& instrument, const Options& options);
  void announce(Timestamp now, oms::MarketSink& sink);
  void schedule(std::size_t market, Population::Agent agent, Timestamp due, bool again);
  void wake_next(Timestamp now, oms::MarketSink& sink);
  void serve_next(Timestamp now, oms::MarketSink& sink);
  void finish(std::size_t market, Timestamp now, oms::MarketSink& sink);
  template <class Message>
  void enqueue(const Message& message, Timestamp now);
  [[nodiscard]] nanoseconds jitter() noexcept;

  nanoseconds order_latency_;
  nanoseconds jitter_max_;
  bool agents_;
  Random random_;
  IdSource ids_;
  std::vector<Instrument> instruments_;
  std::vector<std::unique_ptr<Market>> markets_;
  std::vector<Population> populations_;
  std::unique_ptr<Account> account_;
  std::vector<Wake> schedule_;  // a heap, earliest on top
  std::uint64_t wakes_count_ = 0;
  Fifo<Request> requests_;
  Timestamp now_;           // of the last event
  Timestamp last_arrival_;  // requests do not overtake each other
  bool announced_ = false;
};

}  // namespace stoa::venues::sim

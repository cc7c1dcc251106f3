#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/matching/engine.h"
#include "book/matching/types.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "oms/venue_port.h"

namespace stoa::venues::sim {

namespace matching = book::matching;

/// The owner of this platform's orders; agents are nobody's and never count as self-trades.
inline constexpr matching::Owner kOurs = 1;

/// Ids of one run: strictly increasing, unlike those of any run that began in another millisecond,
/// and below 2^53 until 2069, so that a page can hold them as numbers. Leaves 4,096 ids per
/// simulated millisecond on average.
class IdSource {
 public:
  explicit IdSource(Timestamp start) noexcept;
  [[nodiscard]] std::uint64_t next() noexcept { return ++last_; }

 private:
  std::uint64_t last_;
};

/// One instrument's market: the book, and what the outside is told about it. What happens between
/// two calls of `publish` is one event: its trades, then one book delta with the final quantity of
/// each level touched, then a quote when the top changed.
///
/// thread   one owner
class Market {
 public:
  /// A trade, or the unasked end of an order, in the order in which they happened.
  struct Traded {
    matching::Fill fill;
    TradeId trade_id;
  };
  using Outcome = std::variant<Traded, matching::Cancel>;

  Market(const Instrument& rules, std::uint32_t orders_max, matching::SelfTrade self_trade,
         IdSource& ids);

  [[nodiscard]] const Instrument& rules() const noexcept { return rules_; }
  [[nodiscard]] const matching::Engine& book() const noexcept { return engine_; }
  [[nodiscard]] std::uint64_t next_order_id() noexcept { return ids_->next(); }

  [[nodiscard]] matching::Result submit(const matching::NewOrder& order) {
    return engine_.submit(order, *this);
  }
  matching::Refusal cancel(std::uint64_t id) { return engine_.cancel(id, *this); }
  [[nodiscard]] matching::Result replace(const matching::Replacement& change) {
    return engine_.replace(change, *this);
  }
  /// Distinct prices on a side now.
  [[nodiscard]] std::size_t levels_count(Side side) const noexcept {
    return engine_.levels_count(side);
  }

  /// What happened since the last `publish`; the account reads its own part.
  [[nodiscard]] std::span<const Outcome> outcomes() const noexcept { return outcomes_; }
  /// The whole book as it stands and the quote; what happened before is not told. Snapshots and
  /// deltas travel in parts of at most `kLevelsPerPart` a side.
  void publish_snapshot(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink);
  /// Tells the outside about the event and forgets it.
  void publish(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink);

  [[nodiscard]] matching::Ticks ticks_of(Price px) const noexcept {
    return px.e8() / rules_.tick.e8();
  }
  [[nodiscard]] matching::Lots lots_of(Qty qty) const noexcept {
    return qty.e8() / rules_.lot.e8();
  }
  [[nodiscard]] Price px_of(matching::Ticks ticks) const noexcept {
    return Price::from_e8(ticks * rules_.tick.e8());
  }
  [[nodiscard]] Qty qty_of(matching::Lots lots) const noexcept {
    return Qty::from_e8(lots * rules_.lot.e8());
  }

  // The matching engine's sink.
  void on_fill(const matching::Fill& fill);
  void on_cancel(const matching::Cancel& cancel);
  void on_level(const matching::LevelChange& change);

  static constexpr std::size_t kLevelsPerPart = 1'000;

 private:
  void forget_event() noexcept;
  [[nodiscard]] Quote current_quote(Timestamp ts_event) const;
  void publish_trades(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink) const;
  void publish_book(bool snapshot, Timestamp ts_event, Timestamp ts_recv,
                    oms::MarketSink& sink) const;
  void publish_quote(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink);

  Instrument rules_;
  matching::Engine engine_;
  IdSource* ids_;
  std::vector<Outcome> outcomes_;
  std::array<std::vector<Level>, 2> changed_;  // of this event, by side, each price once
  std::uint64_t update_id_;
  Quote quote_;
};

}  // namespace stoa::venues::sim

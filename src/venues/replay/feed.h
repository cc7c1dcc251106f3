#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "book/order_book.h"
#include "model/instrument.h"
#include "model/market.h"
#include "oms/venue_port.h"
#include "venues/binance/parse.h"
#include "venues/replay/symbols.h"
#include "venues/replay/time_map.h"
#include "venues/replay/top_of_book.h"

namespace stoa::venues::replay {

/// What was seen of one instrument, or of all of them.
struct FeedStats {
  std::uint64_t trades = 0;
  std::uint64_t quotes = 0;
  std::uint64_t depths = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t trades_repeated = 0;       // same or older trade id: dropped
  std::uint64_t depths_stale = 0;          // already in the snapshot or the book: dropped
  std::uint64_t depths_unused = 0;         // waited for a snapshot that did not come
  std::uint64_t snapshots_unused = 0;      // partial, older than the book, or not bridged by diffs
  std::uint64_t gaps = 0;                  // updates missing between two diffs
  std::uint64_t doubts = 0;                // a damaged line may have been a diff
  std::uint64_t crossed = 0;               // best bid above best ask after an update
  std::uint64_t top_of_book_compared = 0;  // by the rule of TopOfBookCheck
  std::uint64_t top_of_book_equal = 0;

  FeedStats& operator+=(const FeedStats& other) noexcept;
};

/// One instrument's side of a recording: the documented depth synchronisation over its frames, and
/// what consumers are told.
///
/// Diffs wait (the last kWaitingMax) for a snapshot; those with u <= lastUpdateId are dropped, the
/// first one kept must bridge (spot: U <= lastUpdateId + 1; futures: U <= lastUpdateId or
/// pu == lastUpdateId), and each one after must continue (spot: U <= last + 1; futures: pu ==
/// last). A break is FeedState Recovering and no book until the next snapshot. A damaged line that
/// may have been a diff puts the book in doubt: Recovering until the next diff proves that none is
/// missing; then the book is published whole again.
///
/// times   `at` is platform time of the frame; `venue_time` maps the venue's own
/// source  Binance "How to manage a local order book correctly" (spot, USD-M, COIN-M)
class InstrumentFeed {
 public:
  static constexpr std::size_t kWaitingMax = 4'096;
  static constexpr std::size_t kLevelsPerPart = 1'000;

  InstrumentFeed(const ReplayInstrument& instrument, TimeMap venue_time);

  void begin(Timestamp at, oms::MarketSink& sink);  // tells that there is no book yet
  void end(Timestamp at, oms::MarketSink& sink);
  /// The trade as it was handed on; nothing when it is a repetition.
  std::optional<Trade> on_trade(const binance::TradeFrame& frame, Timestamp at,
                                oms::MarketSink& sink);
  void on_quote(const binance::QuoteFrame& frame, Timestamp at, oms::MarketSink& sink);
  /// True when the book changed, or went, or came back.
  bool on_depth(const binance::DepthFrame& frame, Timestamp at, oms::MarketSink& sink);
  bool on_snapshot(const binance::SnapshotFrame& frame, Timestamp at, oms::MarketSink& sink);
  /// A line that may have been a diff could not be read. True when that put the book in doubt.
  bool on_damage(Timestamp at, oms::MarketSink& sink);

  /// The book, while it can be believed.
  [[nodiscard]] const book::OrderBook* book() const noexcept {
    return book_.valid() && !in_doubt_ ? &book_ : nullptr;
  }
  /// True when the diffs that wait reach over this id: how a nameless snapshot finds its owner.
  [[nodiscard]] bool waits_around(std::uint64_t last_update_id) const noexcept;
  [[nodiscard]] const Instrument& rules() const noexcept { return instrument_.rules; }
  [[nodiscard]] binance::Market market() const noexcept { return instrument_.market; }
  [[nodiscard]] FeedStats stats() const noexcept;

 private:
  struct Diff {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> prev{};
    Timestamp ts_event{};
    std::vector<Level> bids{};
    std::vector<Level> asks{};
  };

  [[nodiscard]] BookView view_of(const binance::DepthFrame& frame) const;
  [[nodiscard]] bool continues(std::uint64_t first,
                               std::optional<std::uint64_t> prev) const noexcept;
  void apply(const BookView& view);
  void wait(const binance::DepthFrame& frame);
  [[nodiscard]] bool start_book(const binance::SnapshotFrame& frame);
  void apply_waiting();
  void publish_book(Timestamp at, oms::MarketSink& sink);
  void tell(FeedStatus status, std::uint64_t missed, Timestamp at, oms::MarketSink& sink) const;

  ReplayInstrument instrument_;
  TimeMap venue_time_;
  book::OrderBook book_;
  std::deque<Diff> waiting_;
  TopOfBookCheck top_;
  std::uint64_t last_trade_id_ = 0;
  bool first_after_snapshot_ = false;  // the next diff must bridge, not continue
  bool in_doubt_ = false;
  FeedStats stats_;
  std::vector<Level> bids_out_;
  std::vector<Level> asks_out_;
};

}  // namespace stoa::venues::replay

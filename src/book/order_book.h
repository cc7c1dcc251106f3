#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::book {

/// What became of a book message. Anything but `Ok` and `Partial` leaves the book void.
enum class Applied : std::uint8_t {
  Ok,          // the book is whole
  Partial,     // a part was taken, more of the same message must follow
  NoSnapshot,  // a delta without a snapshot before it; nothing was changed
  BadPart,     // a part is missing or out of order; the book is void until the next snapshot
};

/// One side of a book, best level first; borrowed until the book changes.
using BestFirst = std::ranges::reverse_view<std::span<const Level>>;

/// Price-level book of one instrument (MBP). It believes what it is told: whether updates are
/// contiguous is the feed's business, which says so with FeedState (call `clear` then).
///
/// cost    a level near the touch: a few compares and a short move; a snapshot: one copy.
///         A new level k places from the touch moves k levels of 16 bytes
/// thread  one owner; nothing is allocated once the sides have reached their largest size
class OrderBook {
 public:
  OrderBook() = default;

  /// Snapshots replace the book, deltas set absolute quantities (zero removes the level). Parts of
  /// one message must come in order; the book is void between the first and the last of a snapshot.
  Applied apply(const BookView& view);
  /// Back to "no book": after a gap, or when the feed went stale.
  void clear() noexcept;

  /// True from the last part of a snapshot until `clear`; everything below is empty otherwise.
  [[nodiscard]] bool valid() const noexcept { return valid_; }
  [[nodiscard]] std::uint64_t last_update_id() const noexcept { return last_update_id_; }
  /// The venue's time of the last message applied.
  [[nodiscard]] Timestamp ts_event() const noexcept { return ts_event_; }

  [[nodiscard]] std::optional<Level> best_bid() const noexcept { return best(bids_); }
  [[nodiscard]] std::optional<Level> best_ask() const noexcept { return best(asks_); }
  /// Best bid above best ask: the feed is wrong, or updates are missing. Equal is locked, not
  /// crossed.
  [[nodiscard]] bool crossed() const noexcept;
  [[nodiscard]] bool locked() const noexcept;

  [[nodiscard]] BestFirst bids() const noexcept { return best_first(Side::Buy); }
  [[nodiscard]] BestFirst asks() const noexcept { return best_first(Side::Sell); }
  /// Buy is the bid side, Sell the ask side.
  [[nodiscard]] BestFirst levels(Side side) const noexcept { return best_first(side); }
  /// Copies the best levels of a side into `out`, best first; returns how many there were to copy.
  [[nodiscard]] std::size_t top(Side side, std::span<Level> out) const noexcept;
  /// Quantity displayed at a price; zero when there is no such level.
  [[nodiscard]] Qty level_qty(Side side, Price px) const noexcept;

 private:
  using Levels = std::vector<Level>;  // sorted, best at the back, no zero quantities

  void apply_snapshot(const BookView& view);
  [[nodiscard]] BestFirst best_first(Side side) const noexcept {
    const Levels& side_levels = side == Side::Buy ? bids_ : asks_;
    return BestFirst{valid_ ? std::span<const Level>{side_levels} : std::span<const Level>{}};
  }
  [[nodiscard]] std::optional<Level> best(const Levels& levels) const noexcept {
    if (!valid_ || levels.empty()) return std::nullopt;
    return levels.back();
  }

  Levels bids_;
  Levels asks_;
  std::uint64_t last_update_id_ = 0;
  Timestamp ts_event_;
  std::uint16_t next_part_ = 0;  // 0: no message is under way
  bool in_snapshot_ = false;     // of the message under way
  bool valid_ = false;
};

}  // namespace stoa::book

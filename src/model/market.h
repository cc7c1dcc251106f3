#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa {

// Market messages. Every struct in model/ is laid out as it travels (docs/decisions/0006):
// little-endian, naturally aligned, no padding, reserved bytes zero. `ts_event` is the venue's
// time, the message header's timestamp is ours.

/// One public trade.
struct Trade {
  InstrumentId instrument{};
  Side taker_side = Side::Buy;
  std::array<std::uint8_t, 3> reserved{};
  TradeId trade_id{};
  Price px{};
  Qty qty{};
  Timestamp ts_event{};
};

/// Best bid and ask; a side without orders has quantity zero.
struct Quote {
  InstrumentId instrument{};
  std::uint32_t reserved = 0;
  std::uint64_t update_id = 0;  // the venue's, comparable with BookUpdate's
  Price bid_px{};
  Qty bid_qty{};
  Price ask_px{};
  Qty ask_qty{};
  Timestamp ts_event{};
};

/// All orders at one price.
struct Level {
  Price px{};
  Qty qty{};  // absolute; zero removes the level
};

/// Head of a book snapshot or delta; on the wire `bid_count` bid levels, then `ask_count` ask
/// levels follow. A snapshot replaces the book, a delta changes levels. Large snapshots travel in
/// parts: the first has part 0, and the book is whole once part == parts - 1 has been applied.
struct BookUpdate {
  InstrumentId instrument{};
  std::uint16_t part = 0;
  std::uint16_t parts = 1;
  std::uint16_t bid_count = 0;
  std::uint16_t ask_count = 0;
  std::uint32_t reserved = 0;
  std::uint64_t first_update_id = 0;
  std::uint64_t last_update_id = 0;
  Timestamp ts_event{};
};

/// A book message as adapters hand it on and books apply it: the head, and levels borrowed for the
/// call.
struct BookView {
  BookUpdate head{};
  bool snapshot = false;
  std::span<const Level> bids{};  // best first
  std::span<const Level> asks{};  // best first
};

/// A feed went stale, came back, or ended. Books of the instrument are void unless `status` is
/// Live.
struct FeedState {
  InstrumentId instrument{};
  FeedStatus status = FeedStatus::Recovering;
  FeedReason reason = FeedReason::None;  // why it is not live
  std::array<std::uint8_t, 2> reserved{};
  std::uint64_t missed = 0;  // updates known to be missing (a gap), 0 when none or unknown
};

/// The book of an instrument is void; it is whole again after the next snapshot.
struct BookReset {
  InstrumentId instrument{};
  FeedReason reason = FeedReason::None;
  std::array<std::uint8_t, 3> reserved{};
  std::uint64_t last_update_id = 0;  // the last that was applied; 0: none
  Timestamp ts_event{};
};

/// Open, high, low, close and volume of the trades of one interval; whole, so that a later one
/// replaces an earlier.
struct Candle {
  InstrumentId instrument{};
  std::uint32_t interval_s = 0;
  std::int64_t open_s = 0;  // start of the interval, seconds since 1970
  Price open{};
  Price high{};
  Price low{};
  Price close{};
  Qty volume{};
  std::uint64_t trades = 0;
};

}  // namespace stoa

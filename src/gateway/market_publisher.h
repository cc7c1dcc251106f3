#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "book/order_book.h"
#include "gateway/candle_builder.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::bus {
class Publication;
}

namespace stoa::gateway {

/// Conflates the market for the gateway's clients. Runs on the engine thread: `on_*` note what
/// changed, `poll` writes it to the views topic every 50 ms. When the topic is full the rest stays
/// noted and goes with a later poll, so it never waits and never drops a book or a candle; of
/// trades the newest 1,024 per instrument wait, what falls out is counted in FeedState::missed.
///
/// A view message is native, of the market domain: BookSnapshot (best 50 a side), Trade, Candle,
/// FeedState. Nothing is allocated after construction.
///
/// cost    under 50 ns per on_*; poll: a copy of what changed
class MarketPublisher {
 public:
  static constexpr std::size_t kLevelsPerSide = 50;
  static constexpr std::size_t kTapeTrades = 1'024;
  static constexpr nanoseconds kPeriod = std::chrono::milliseconds{50};

  /// `views` is borrowed. Messages of instruments that are not in the list are ignored.
  MarketPublisher(bus::Publication& views, std::span<const Instrument> instruments);

  void on_trade(const Trade& trade, Timestamp ts_recv) noexcept;
  /// Shown as a book of one level a side, for feeds without depth.
  void on_quote(const Quote& quote, Timestamp ts_recv) noexcept;
  /// After a book message was applied to `book`, whose address must hold from now on.
  void on_book(InstrumentId instrument, const book::OrderBook& book, Timestamp ts_recv) noexcept;
  /// Instrument 0 means every instrument.
  void on_feed_state(const FeedState& state, Timestamp ts_recv) noexcept;

  /// Publishes what changed if 50 ms have passed since it last did; returns messages written. Ring
  /// the gateway's wake when it is not zero.
  std::size_t poll(nanoseconds monotonic_now);

 private:
  struct Lane {
    InstrumentId instrument{};
    const book::OrderBook* book = nullptr;
    Quote quote{};
    Timestamp ts_recv{};
    FeedStatus status = FeedStatus::Recovering;
    bool book_dirty = false;
    bool state_dirty = true;
    std::uint64_t missed = 0;
    std::vector<Trade> tape;  // ring of kTapeTrades
    std::size_t tape_first = 0;
    std::size_t tape_size = 0;
    CandleBuilder candles;
  };

  [[nodiscard]] Lane* find(InstrumentId instrument) noexcept;
  bool flush(Lane& lane);
  bool flush_book(Lane& lane);
  bool flush_trades(Lane& lane);
  bool flush_candles(Lane& lane);
  template <class M>
  bool publish(const M& message, Timestamp ts_recv);
  bool publish_bytes(std::size_t bytes);

  bus::Publication& views_;
  std::vector<Lane> lanes_;
  std::vector<std::uint16_t> lane_of_;  // by instrument id, kNoLane when unknown
  std::size_t next_lane_ = 0;           // where the last poll ran out of room
  nanoseconds next_due_{0};
  std::uint64_t sequence_ = 0;
  std::size_t written_ = 0;
  std::array<Level, kLevelsPerSide> bids_{};
  std::array<Level, kLevelsPerSide> asks_{};
  std::array<std::byte, 4'096> buffer_{};
};

}  // namespace stoa::gateway

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "gateway/candle_builder.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {

/// The market of one instrument as the publisher last told it.
struct MarketLane {
  static constexpr std::int64_t kNoCandle = std::numeric_limits<std::int64_t>::max();

  Instrument instrument{};
  FeedStatus status = FeedStatus::Recovering;
  std::vector<Level> bids{};  // best first, at most 50
  std::vector<Level> asks{};
  std::uint64_t book_seq = 0;  // counts book messages
  Timestamp book_ts{};
  std::deque<Trade> trades{};     // newest last, at most kTradesKept
  std::uint64_t trades_seen = 0;  // kept or not
  std::uint64_t missed = 0;       // trades that the publisher had to skip, in all
  Timestamp known_since{};        // time of the first book or trade seen; zero: none yet
  Timestamp missed_at{};          // when trades were skipped for the last time
  std::array<CandleSeries, kCandleIntervalsS.size()> candles{};
  std::array<std::uint64_t, kCandleIntervalsS.size()> candle_changes{};  // counts messages
  /// Earliest candle that changed since the clients' channel last told of it.
  std::array<std::int64_t, kCandleIntervalsS.size()> candles_from{kNoCandle, kNoCandle, kNoCandle,
                                                                  kNoCandle, kNoCandle};

  /// Middle of the best bid and ask, else the last trade's price; nothing before either.
  [[nodiscard]] std::optional<Price> mark() const noexcept;
};

/// What clients may ask about the market, filled from the views topic. Gateway thread.
class MarketBoard {
 public:
  static constexpr std::size_t kTradesKept = 1'000;

  explicit MarketBoard(std::span<const Instrument> instruments);

  void apply(const native::MessageView& message);

  [[nodiscard]] std::span<const MarketLane> lanes() const noexcept { return lanes_; }
  [[nodiscard]] const MarketLane* find(std::string_view symbol) const noexcept;
  [[nodiscard]] const MarketLane* find(InstrumentId instrument) const noexcept;
  /// The channel has told of every candle of the interval.
  void candles_told(InstrumentId instrument, std::size_t interval) noexcept {
    if (MarketLane* at = lane(instrument)) at->candles_from[interval] = MarketLane::kNoCandle;
  }
  /// "BTCUSDT"; "?" for an instrument that reference data does not have.
  [[nodiscard]] std::string_view symbol(InstrumentId instrument) const noexcept;

 private:
  [[nodiscard]] MarketLane* lane(InstrumentId instrument) noexcept;
  void on_book(const native::MessageView& message);
  void on_candle(const Candle& candle);

  std::vector<MarketLane> lanes_;
  std::vector<Level> levels_;  // scratch
};

}  // namespace stoa::gateway

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "model/market.h"

namespace stoa::gateway {

/// Lengths of a candle, shortest first.
inline constexpr std::array<std::uint32_t, 5> kCandleIntervalsS{1, 60, 300, 900, 3'600};
inline constexpr std::array<std::string_view, 5> kCandleIntervalNames{"1s", "1m", "5m", "15m",
                                                                      "1h"};
/// Closed candles kept per interval, beside the open one.
inline constexpr std::size_t kClosedCandles = 1'000;

/// The candles of one instrument and one interval: the newest `kClosedCandles + 1`, oldest first.
/// A candle exists only for intervals with trades. One owner; allocates at construction only.
class CandleSeries {
 public:
  CandleSeries() : CandleSeries(kClosedCandles + 1) {}
  explicit CandleSeries(std::size_t capacity) : ring_(capacity) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Candle& operator[](std::size_t index) const noexcept {
    return ring_[(first_ + index) % ring_.size()];
  }
  [[nodiscard]] Candle& operator[](std::size_t index) noexcept {
    return ring_[(first_ + index) % ring_.size()];
  }
  /// Index of the first candle that does not open before `open_s`; looked for from the newest.
  [[nodiscard]] std::size_t place_of(std::int64_t open_s) const noexcept;
  /// Puts `candle` at `index`, shifting newer ones; drops the oldest when full. Answers the index
  /// it has now; an index of 0 in a full series drops the candle itself and answers `size()`.
  std::size_t insert(std::size_t index, const Candle& candle) noexcept;

 private:
  std::vector<Candle> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

/// Candles of one instrument, exact: every trade counts in the interval of its own time, also one
/// that comes late, as long as that interval is still among the kept ones.
///
/// cost    a trade of the newest intervals: five compares and sums
/// thread  one owner
class CandleBuilder {
 public:
  void on_trade(const Trade& trade) noexcept;

  /// Candles changed since `mark_taken`, oldest first: indices [first_dirty, size) of a series.
  [[nodiscard]] const CandleSeries& series(std::size_t interval) const noexcept {
    return lanes_[interval].series;
  }
  [[nodiscard]] std::size_t first_dirty(std::size_t interval) const noexcept {
    return lanes_[interval].first_dirty;
  }
  /// Everything before `index` has been handed on.
  void mark_taken(std::size_t interval, std::size_t index) noexcept {
    lanes_[interval].first_dirty = index;
  }

 private:
  struct Lane {
    CandleSeries series;
    std::size_t first_dirty = 0;
    std::int64_t open_ns = std::numeric_limits<std::int64_t>::max();  // of the newest candle
    std::int64_t end_ns = std::numeric_limits<std::int64_t>::min();
  };
  static void add_elsewhere(Lane& lane, std::uint32_t interval_s, const Trade& trade) noexcept;

  std::array<Lane, kCandleIntervalsS.size()> lanes_;
};

}  // namespace stoa::gateway

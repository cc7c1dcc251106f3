#include "gateway/candle_builder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "model/market.h"

namespace stoa::gateway {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;

/// Start of the interval that `ns` lies in; also right before 1970.
std::int64_t open_of(std::int64_t ns, std::uint32_t interval_s) noexcept {
  const std::int64_t length = std::int64_t{interval_s} * kNsPerS;
  std::int64_t index = ns / length;
  if (ns % length < 0) --index;
  return index * interval_s;
}

void add(Candle& candle, const Trade& trade) noexcept {
  candle.high = std::max(candle.high, trade.px);
  candle.low = std::min(candle.low, trade.px);
  candle.close = trade.px;
  candle.volume += trade.qty;
  ++candle.trades;
}

Candle first_of(const Trade& trade, std::uint32_t interval_s, std::int64_t open_s) noexcept {
  return Candle{.instrument = trade.instrument,
                .interval_s = interval_s,
                .open_s = open_s,
                .open = trade.px,
                .high = trade.px,
                .low = trade.px,
                .close = trade.px,
                .volume = trade.qty,
                .trades = 1};
}

}  // namespace

std::size_t CandleSeries::place_of(std::int64_t open_s) const noexcept {
  std::size_t index = size_;
  while (index > 0 && (*this)[index - 1].open_s >= open_s) --index;
  return index;
}

std::size_t CandleSeries::insert(std::size_t index, const Candle& candle) noexcept {
  if (size_ == ring_.size()) {
    if (index == 0) return size_;
    first_ = (first_ + 1) % ring_.size();
    --size_;
    --index;
  }
  ++size_;
  for (std::size_t at = size_ - 1; at > index; --at) (*this)[at] = (*this)[at - 1];
  (*this)[index] = candle;
  return index;
}

void CandleBuilder::on_trade(const Trade& trade) noexcept {
  const std::int64_t ns = trade.ts_event.ns();
  for (std::size_t i = 0; i < kCandleIntervalsS.size(); ++i) {
    Lane& lane = lanes_[i];
    if (ns >= lane.open_ns && ns < lane.end_ns) [[likely]] {
      const std::size_t newest = lane.series.size() - 1;
      add(lane.series[newest], trade);
      lane.first_dirty = std::min(lane.first_dirty, newest);
    } else {
      add_elsewhere(lane, kCandleIntervalsS[i], trade);
    }
  }
}

void CandleBuilder::add_elsewhere(Lane& lane, std::uint32_t interval_s,
                                  const Trade& trade) noexcept {
  const std::int64_t open_s = open_of(trade.ts_event.ns(), interval_s);
  std::size_t index = lane.series.place_of(open_s);
  const std::size_t size_before = lane.series.size();
  if (index < size_before && lane.series[index].open_s == open_s) {
    add(lane.series[index], trade);
  } else {
    const bool full = size_before == kClosedCandles + 1;
    index = lane.series.insert(index, first_of(trade, interval_s, open_s));
    if (index == lane.series.size()) return;  // older than everything kept
    // The oldest one fell out, so what was noted has moved one place down.
    if (full && lane.first_dirty > 0) --lane.first_dirty;
  }
  lane.first_dirty = std::min(lane.first_dirty, index);
  const Candle& newest = lane.series[lane.series.size() - 1];
  lane.open_ns = newest.open_s * kNsPerS;
  lane.end_ns = lane.open_ns + std::int64_t{interval_s} * kNsPerS;
}

}  // namespace stoa::gateway

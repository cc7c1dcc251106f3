#include "gateway/market_board.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/price.h"
#include "gateway/candle_builder.h"
#include "model/instrument.h"
#include "model/market.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {

std::optional<Price> MarketLane::mark() const noexcept {
  if (!bids.empty() && !asks.empty()) {
    // Halved before the sum, so that it cannot overflow.
    const std::int64_t bid = bids.front().px.e8();
    const std::int64_t ask = asks.front().px.e8();
    return Price::from_e8(bid / 2 + ask / 2 + (bid % 2 + ask % 2) / 2);
  }
  if (!trades.empty()) return trades.back().px;
  return std::nullopt;
}

MarketBoard::MarketBoard(std::span<const Instrument> instruments)
    : levels_(native::kLevelsPerMessage) {
  for (const Instrument& instrument : instruments) {
    lanes_.push_back(MarketLane{.instrument = instrument});
  }
}

void MarketBoard::apply(const native::MessageView& message) {
  if (message.is_book()) {
    on_book(message);
  } else if (message.is<Trade>()) {
    const auto trade = message.as<Trade>();
    MarketLane* at = lane(trade.instrument);
    if (at == nullptr) return;
    if (at->known_since == Timestamp{}) at->known_since = trade.ts_event;
    at->trades.push_back(trade);
    ++at->trades_seen;
    if (at->trades.size() > kTradesKept) at->trades.pop_front();
  } else if (message.is<Candle>()) {
    on_candle(message.as<Candle>());
  } else if (message.is<FeedState>()) {
    const auto state = message.as<FeedState>();
    MarketLane* at = lane(state.instrument);
    if (at == nullptr) return;
    if (at->status != state.status) ++at->book_seq;  // the state is part of what a book shows
    at->status = state.status;
    at->missed += state.missed;
    if (state.missed > 0) at->missed_at = message.header().timestamp;
  }
}

void MarketBoard::on_book(const native::MessageView& message) {
  const BookView view = native::read_book(message, levels_);
  MarketLane* at = lane(view.head.instrument);
  if (at == nullptr) return;
  at->bids.assign(view.bids.begin(), view.bids.end());
  at->asks.assign(view.asks.begin(), view.asks.end());
  at->book_ts = view.head.ts_event;
  if (at->known_since == Timestamp{}) at->known_since = at->book_ts;
  ++at->book_seq;
}

void MarketBoard::on_candle(const Candle& candle) {
  MarketLane* at = lane(candle.instrument);
  if (at == nullptr) return;
  for (std::size_t i = 0; i < kCandleIntervalsS.size(); ++i) {
    if (kCandleIntervalsS[i] != candle.interval_s) continue;
    CandleSeries& series = at->candles[i];
    const std::size_t place = series.place_of(candle.open_s);
    if (place < series.size() && series[place].open_s == candle.open_s) {
      series[place] = candle;
    } else {
      series.insert(place, candle);
    }
    ++at->candle_changes[i];
    at->candles_from[i] = std::min(at->candles_from[i], candle.open_s);
  }
}

MarketLane* MarketBoard::lane(InstrumentId instrument) noexcept {
  for (MarketLane& at : lanes_) {
    if (at.instrument.instrument == instrument) return &at;
  }
  return nullptr;
}

const MarketLane* MarketBoard::find(InstrumentId instrument) const noexcept {
  for (const MarketLane& at : lanes_) {
    if (at.instrument.instrument == instrument) return &at;
  }
  return nullptr;
}

const MarketLane* MarketBoard::find(std::string_view symbol) const noexcept {
  for (const MarketLane& at : lanes_) {
    if (at.instrument.symbol.view() == symbol) return &at;
  }
  return nullptr;
}

std::string_view MarketBoard::symbol(InstrumentId instrument) const noexcept {
  const MarketLane* at = find(instrument);
  return at == nullptr ? std::string_view{"?"} : at->instrument.symbol.view();
}

}  // namespace stoa::gateway

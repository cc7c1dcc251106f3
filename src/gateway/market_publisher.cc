#include "gateway/market_publisher.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "book/order_book.h"
#include "bus/topic.h"
#include "gateway/candle_builder.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::gateway {
namespace {

constexpr std::uint16_t kNoLane = 0xFFFF;
/// Instrument ids are dense (reference data counts them up); beyond this they are not indexed.
constexpr std::uint32_t kInstrumentIdMax = 1U << 20U;

}  // namespace

MarketPublisher::MarketPublisher(bus::Publication& views, std::span<const Instrument> instruments)
    : views_{views} {
  std::uint32_t id_max = 0;
  for (const Instrument& instrument : instruments) {
    id_max = std::max(id_max, instrument.instrument.value());
  }
  check(id_max <= kInstrumentIdMax && instruments.size() < kNoLane,
        "instrument ids are assigned densely");
  lane_of_.assign(id_max + 1, kNoLane);
  lanes_.resize(instruments.size());
  for (std::size_t i = 0; i < instruments.size(); ++i) {
    lanes_[i].instrument = instruments[i].instrument;
    lanes_[i].tape.resize(kTapeTrades);
    lane_of_[instruments[i].instrument.value()] = static_cast<std::uint16_t>(i);
  }
}

MarketPublisher::Lane* MarketPublisher::find(InstrumentId instrument) noexcept {
  if (instrument.value() >= lane_of_.size()) return nullptr;
  const std::uint16_t lane = lane_of_[instrument.value()];
  return lane == kNoLane ? nullptr : &lanes_[lane];
}

void MarketPublisher::on_trade(const Trade& trade, Timestamp ts_recv) noexcept {
  Lane* lane = find(trade.instrument);
  if (lane == nullptr) return;
  lane->ts_recv = ts_recv;
  if (lane->tape_size == kTapeTrades) {
    lane->tape_first = (lane->tape_first + 1) % kTapeTrades;
    --lane->tape_size;
    ++lane->missed;
    lane->state_dirty = true;
  }
  lane->tape[(lane->tape_first + lane->tape_size) % kTapeTrades] = trade;
  ++lane->tape_size;
  lane->candles.on_trade(trade);
}

void MarketPublisher::on_quote(const Quote& quote, Timestamp ts_recv) noexcept {
  Lane* lane = find(quote.instrument);
  if (lane == nullptr) return;
  lane->ts_recv = ts_recv;
  lane->quote = quote;
  if (lane->book == nullptr) lane->book_dirty = true;
}

void MarketPublisher::on_book(InstrumentId instrument, const book::OrderBook& book,
                              Timestamp ts_recv) noexcept {
  Lane* lane = find(instrument);
  if (lane == nullptr) return;
  lane->ts_recv = ts_recv;
  lane->book = &book;
  lane->book_dirty = true;
}

void MarketPublisher::on_feed_state(const FeedState& state, Timestamp ts_recv) noexcept {
  for (Lane& lane : lanes_) {
    if (state.instrument != InstrumentId{} && state.instrument != lane.instrument) continue;
    lane.ts_recv = ts_recv;
    lane.status = state.status;
    lane.state_dirty = true;
    lane.book_dirty = true;  // a feed that is not live has voided its book
  }
}

std::size_t MarketPublisher::poll(nanoseconds monotonic_now) {
  if (monotonic_now < next_due_) return 0;
  next_due_ = monotonic_now + kPeriod;
  written_ = 0;
  // Begins where room ran out the last time, so that a full ring starves no instrument.
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!flush(lanes_[next_lane_])) break;
    next_lane_ = (next_lane_ + 1) % lanes_.size();
  }
  if (written_ > 0) views_.flush();
  return written_;
}

bool MarketPublisher::flush(Lane& lane) {
  if (lane.state_dirty) {
    const FeedState state{
        .instrument = lane.instrument, .status = lane.status, .missed = lane.missed};
    if (!publish(state, lane.ts_recv)) return false;
    lane.state_dirty = false;
    lane.missed = 0;
  }
  return flush_book(lane) && flush_trades(lane) && flush_candles(lane);
}

bool MarketPublisher::flush_book(Lane& lane) {
  if (!lane.book_dirty) return true;
  BookView view{.head = {.instrument = lane.instrument}, .snapshot = true};
  if (lane.book != nullptr) {
    const std::size_t bids = std::min(lane.book->top(Side::Buy, bids_), bids_.size());
    const std::size_t asks = std::min(lane.book->top(Side::Sell, asks_), asks_.size());
    view.bids = std::span{bids_}.first(bids);
    view.asks = std::span{asks_}.first(asks);
    view.head.last_update_id = lane.book->last_update_id();
    view.head.ts_event = lane.book->ts_event();
  } else if (lane.status == FeedStatus::Live) {
    bids_[0] = {lane.quote.bid_px, lane.quote.bid_qty};
    asks_[0] = {lane.quote.ask_px, lane.quote.ask_qty};
    view.bids = std::span{bids_}.first(lane.quote.bid_qty.is_zero() ? 0 : 1);
    view.asks = std::span{asks_}.first(lane.quote.ask_qty.is_zero() ? 0 : 1);
    view.head.last_update_id = lane.quote.update_id;
    view.head.ts_event = lane.quote.ts_event;
  }
  view.head.first_update_id = view.head.last_update_id;
  const native::Stamp stamp{.domain = native::Domain::Market,
                            .source = static_cast<std::uint8_t>(relay::Source::Market),
                            .sequence = sequence_ + 1,
                            .timestamp = lane.ts_recv};
  if (!publish_bytes(native::encode_book(buffer_, stamp, view))) return false;
  lane.book_dirty = false;
  return true;
}

bool MarketPublisher::flush_trades(Lane& lane) {
  while (lane.tape_size > 0) {
    if (!publish(lane.tape[lane.tape_first], lane.ts_recv)) return false;
    lane.tape_first = (lane.tape_first + 1) % kTapeTrades;
    --lane.tape_size;
  }
  return true;
}

bool MarketPublisher::flush_candles(Lane& lane) {
  for (std::size_t i = 0; i < kCandleIntervalsS.size(); ++i) {
    const CandleSeries& series = lane.candles.series(i);
    for (std::size_t at = lane.candles.first_dirty(i); at < series.size(); ++at) {
      if (!publish(series[at], lane.ts_recv)) return false;
      lane.candles.mark_taken(i, at + 1);
    }
  }
  return true;
}

template <class M>
bool MarketPublisher::publish(const M& message, Timestamp ts_recv) {
  const native::Stamp stamp{.domain = native::Domain::Market,
                            .source = static_cast<std::uint8_t>(relay::Source::Market),
                            .sequence = sequence_ + 1,
                            .timestamp = ts_recv};
  return publish_bytes(native::encode(buffer_, stamp, message));
}

bool MarketPublisher::publish_bytes(std::size_t bytes) {
  if (views_.try_stage(std::span{buffer_}.first(bytes)) != bus::PublishResult::Ok) return false;
  ++sequence_;
  ++written_;
  return true;
}

}  // namespace stoa::gateway

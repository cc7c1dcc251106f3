#include "venues/replay/feed.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/ids.h"
#include "book/order_book.h"
#include "model/market.h"
#include "model/types.h"
#include "oms/venue_port.h"
#include "venues/binance/parse.h"
#include "venues/replay/symbols.h"
#include "venues/replay/time_map.h"

namespace stoa::venues::replay {

FeedStats& FeedStats::operator+=(const FeedStats& other) noexcept {
  trades += other.trades;
  quotes += other.quotes;
  depths += other.depths;
  snapshots += other.snapshots;
  trades_repeated += other.trades_repeated;
  depths_stale += other.depths_stale;
  depths_unused += other.depths_unused;
  snapshots_unused += other.snapshots_unused;
  gaps += other.gaps;
  doubts += other.doubts;
  crossed += other.crossed;
  top_of_book_compared += other.top_of_book_compared;
  top_of_book_equal += other.top_of_book_equal;
  return *this;
}

InstrumentFeed::InstrumentFeed(const ReplayInstrument& instrument, TimeMap venue_time)
    : instrument_{instrument}, venue_time_{venue_time} {}

FeedStats InstrumentFeed::stats() const noexcept {
  FeedStats result = stats_;
  result.top_of_book_compared = top_.compared();
  result.top_of_book_equal = top_.equal();
  result.depths_unused += waiting_.size();
  return result;
}

void InstrumentFeed::begin(Timestamp at, oms::MarketSink& sink) {
  tell(FeedStatus::Recovering, 0, at, sink);
}

void InstrumentFeed::end(Timestamp at, oms::MarketSink& sink) {
  book_.clear();
  tell(FeedStatus::Ended, 0, at, sink);
}

std::optional<Trade> InstrumentFeed::on_trade(const binance::TradeFrame& frame, Timestamp at,
                                              oms::MarketSink& sink) {
  ++stats_.trades;
  if (frame.trade.trade_id.value() <= last_trade_id_) {
    ++stats_.trades_repeated;
    return std::nullopt;
  }
  last_trade_id_ = frame.trade.trade_id.value();
  Trade trade = frame.trade;
  trade.instrument = rules().instrument;
  trade.ts_event = venue_time_(trade.ts_event);
  sink.on_trade(trade, at);
  return trade;
}

void InstrumentFeed::on_quote(const binance::QuoteFrame& frame, Timestamp at,
                              oms::MarketSink& sink) {
  ++stats_.quotes;
  Quote quote = frame.quote;
  quote.instrument = rules().instrument;
  // Spot's bookTicker has no time: ours stands in.
  quote.ts_event = quote.ts_event == Timestamp{} ? at : venue_time_(quote.ts_event);
  top_.on_quote(quote);
  sink.on_quote(quote, at);
}

bool InstrumentFeed::continues(std::uint64_t first,
                               std::optional<std::uint64_t> prev) const noexcept {
  const std::uint64_t last = book_.last_update_id();
  if (!prev) return first <= last + 1;
  return *prev == last || (first_after_snapshot_ && first <= last);
}

bool InstrumentFeed::on_depth(const binance::DepthFrame& frame, Timestamp at,
                              oms::MarketSink& sink) {
  ++stats_.depths;
  if (!book_.valid()) {
    wait(frame);
    return false;
  }
  const std::uint64_t last = book_.last_update_id();
  if (frame.last_update_id <= last) {
    ++stats_.depths_stale;
    return false;
  }
  if (!continues(frame.first_update_id, frame.prev_update_id)) {
    ++stats_.gaps;
    // Futures ids are not consecutive: how many are missing cannot be known.
    const bool known = !frame.prev_update_id && frame.first_update_id > last;
    book_.clear();
    top_.on_gap();
    in_doubt_ = false;
    wait(frame);
    tell(FeedStatus::Recovering, known ? frame.first_update_id - last - 1 : 0, at, sink);
    return true;
  }
  const BookView view = view_of(frame);
  apply(view);
  if (std::exchange(in_doubt_, false)) {
    publish_book(at, sink);
  } else {
    sink.on_book(view, at);
  }
  return true;
}

BookView InstrumentFeed::view_of(const binance::DepthFrame& frame) const {
  BookView view;
  view.head.instrument = rules().instrument;
  view.head.bid_count = static_cast<std::uint16_t>(frame.bids.size());
  view.head.ask_count = static_cast<std::uint16_t>(frame.asks.size());
  view.head.first_update_id = frame.first_update_id;
  view.head.last_update_id = frame.last_update_id;
  view.head.ts_event = venue_time_(frame.ts_event);
  view.bids = frame.bids;
  view.asks = frame.asks;
  return view;
}

void InstrumentFeed::apply(const BookView& view) {
  const std::uint64_t before = book_.last_update_id();
  book_.apply(view);
  first_after_snapshot_ = false;
  if (book_.crossed()) ++stats_.crossed;
  top_.on_diff(before, view.head.last_update_id, book_.best_bid(), book_.best_ask());
}

void InstrumentFeed::wait(const binance::DepthFrame& frame) {
  if (waiting_.size() == kWaitingMax) {
    waiting_.pop_front();
    ++stats_.depths_unused;
  }
  waiting_.push_back({.first = frame.first_update_id,
                      .last = frame.last_update_id,
                      .prev = frame.prev_update_id,
                      .ts_event = frame.ts_event,
                      .bids = {frame.bids.begin(), frame.bids.end()},
                      .asks = {frame.asks.begin(), frame.asks.end()}});
}

bool InstrumentFeed::on_snapshot(const binance::SnapshotFrame& frame, Timestamp at,
                                 oms::MarketSink& sink) {
  ++stats_.snapshots;
  const bool older = book_.valid() && frame.last_update_id <= book_.last_update_id();
  if (frame.partial || older || !start_book(frame)) {
    ++stats_.snapshots_unused;
    return false;
  }
  apply_waiting();
  if (!book_.valid()) return false;
  in_doubt_ = false;
  publish_book(at, sink);
  return true;
}

bool InstrumentFeed::start_book(const binance::SnapshotFrame& frame) {
  while (!waiting_.empty() && waiting_.front().last <= frame.last_update_id) {
    waiting_.pop_front();
    ++stats_.depths_stale;
  }
  BookView view;
  view.head.instrument = rules().instrument;
  view.head.first_update_id = frame.last_update_id;
  view.head.last_update_id = frame.last_update_id;
  view.head.ts_event = venue_time_(frame.ts_event);
  view.snapshot = true;
  view.bids = frame.bids;
  view.asks = frame.asks;
  book_.apply(view);
  first_after_snapshot_ = true;
  top_.on_gap();
  if (waiting_.empty() || continues(waiting_.front().first, waiting_.front().prev)) {
    if (book_.crossed()) ++stats_.crossed;
    return true;
  }
  // Older than what has been missed: of no use.
  book_.clear();
  return false;
}

void InstrumentFeed::apply_waiting() {
  while (!waiting_.empty()) {
    const Diff& diff = waiting_.front();
    if (!continues(diff.first, diff.prev)) {
      ++stats_.gaps;
      book_.clear();
      top_.on_gap();
      return;
    }
    apply(view_of({.first_update_id = diff.first,
                   .last_update_id = diff.last,
                   .prev_update_id = diff.prev,
                   .ts_event = diff.ts_event,
                   .bids = diff.bids,
                   .asks = diff.asks}));
    waiting_.pop_front();
  }
}

bool InstrumentFeed::on_damage(Timestamp at, oms::MarketSink& sink) {
  if (book() == nullptr) return false;
  ++stats_.doubts;
  in_doubt_ = true;
  tell(FeedStatus::Recovering, 0, at, sink);
  return true;
}

bool InstrumentFeed::waits_around(std::uint64_t last_update_id) const noexcept {
  return !waiting_.empty() && waiting_.front().first <= last_update_id + 1 &&
         last_update_id <= waiting_.back().last + kWaitingMax;
}

void InstrumentFeed::publish_book(Timestamp at, oms::MarketSink& sink) {
  bids_out_.assign(book_.bids().begin(), book_.bids().end());
  asks_out_.assign(book_.asks().begin(), book_.asks().end());
  const std::size_t longest = std::max(bids_out_.size(), asks_out_.size());
  const std::size_t parts =
      std::max<std::size_t>(1, (longest + kLevelsPerPart - 1) / kLevelsPerPart);
  const auto part_of = [](std::span<const Level> levels, std::size_t part) {
    const std::size_t from = std::min(levels.size(), part * kLevelsPerPart);
    return levels.subspan(from, std::min(kLevelsPerPart, levels.size() - from));
  };
  for (std::size_t part = 0; part < parts; ++part) {
    BookView view;
    view.snapshot = true;
    view.bids = part_of(bids_out_, part);
    view.asks = part_of(asks_out_, part);
    view.head.instrument = rules().instrument;
    view.head.part = static_cast<std::uint16_t>(part);
    view.head.parts = static_cast<std::uint16_t>(parts);
    view.head.bid_count = static_cast<std::uint16_t>(view.bids.size());
    view.head.ask_count = static_cast<std::uint16_t>(view.asks.size());
    view.head.first_update_id = book_.last_update_id();
    view.head.last_update_id = book_.last_update_id();
    view.head.ts_event = book_.ts_event() == Timestamp{} ? at : book_.ts_event();
    sink.on_book(view, at);
  }
  tell(FeedStatus::Live, 0, at, sink);
}

void InstrumentFeed::tell(FeedStatus status, std::uint64_t missed, Timestamp at,
                          oms::MarketSink& sink) const {
  FeedState state;
  state.instrument = rules().instrument;
  state.status = status;
  state.missed = missed;
  sink.on_feed_state(state, at);
}

}  // namespace stoa::venues::replay

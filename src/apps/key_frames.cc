#include "apps/key_frames.h"

#include <cstddef>

#include "apps/market_writer.h"
#include "base/clock.h"
#include "base/ids.h"
#include "book/order_book.h"
#include "model/market.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "relay/mark_keeper.h"

namespace stoa::apps {

KeyFrames::Lane& KeyFrames::lane(InstrumentId instrument) {
  const auto [at, made] = lanes_.try_emplace(instrument);
  if (made) {
    at->second.state.instrument = instrument;
    at->second.mark.instrument = instrument;
  }
  return at->second;
}

void KeyFrames::note(const native::MessageView& message) {
  if (message.is_book()) {
    const BookView view = native::read_book(message, levels_);
    lane(view.head.instrument);
    books_.apply(view);
  } else if (message.is<Quote>()) {
    const auto quote = message.as<Quote>();
    Lane& at = lane(quote.instrument);
    at.quote = quote;
    at.quoted = true;
    relay::take_quote(at.mark, quote);
    at.mark_changed = true;
  } else if (message.is<Trade>()) {
    const auto trade = message.as<Trade>();
    Lane& at = lane(trade.instrument);
    at.mark.last = trade.px;
    at.mark_changed = true;
  } else if (message.is<FeedState>()) {
    const auto state = message.as<FeedState>();
    books_.apply(state);
    if (state.instrument != InstrumentId{}) {
      lane(state.instrument).state = state;
      return;
    }
    for (auto& [instrument, at] : lanes_) {
      at.state = state;
      at.state.instrument = instrument;
      at.quoted = at.quoted && state.status == FeedStatus::Live;
    }
  }
}

std::size_t KeyFrames::live() const noexcept {
  std::size_t live = 0;
  for (const auto& [instrument, at] : lanes_) live += at.state.status == FeedStatus::Live ? 1U : 0U;
  return live;
}

bool KeyFrames::poll(nanoseconds monotonic_now, Timestamp now, MarketWriter& writer) {
  if (monotonic_now < due_ || lanes_.empty()) return false;
  due_ = monotonic_now + kPeriod;
  ++frames_;
  writer.write(SnapshotMark{.snapshot = frames_, .edge = SnapshotEdge::Begin}, now,
               native::kFlagKey);
  for (const auto& [instrument, at] : lanes_) {
    writer.on_feed_state(at.state, now);
    const book::OrderBook* book = books_.find(instrument);
    if (book != nullptr && book->valid()) {
      bids_.assign(book->bids().begin(), book->bids().end());
      asks_.assign(book->asks().begin(), book->asks().end());
      BookView view{.head = {.instrument = instrument, .parts = 1}, .snapshot = true};
      view.head.last_update_id = book->last_update_id();
      view.head.first_update_id = book->last_update_id();
      view.head.ts_event = book->ts_event();
      view.bids = bids_;
      view.asks = asks_;
      writer.on_book(view, now);
    }
    if (at.quoted) writer.on_quote(at.quote, now);
  }
  writer.write(SnapshotMark{.snapshot = frames_, .edge = SnapshotEdge::End}, now);
  return true;
}

}  // namespace stoa::apps

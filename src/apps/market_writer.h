#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "model/market.h"
#include "oms/venue_port.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"

namespace stoa::apps {

/// What a feed says, onto the market domain of a relay. A feed cannot wait: what the publisher has
/// no room for is dropped and counted, and `take_lost` lets its owner say so.
///
/// thread  one
class MarketWriter final : public oms::MarketSink {
 public:
  /// `publisher` outlives it.
  explicit MarketWriter(relay::Publisher& publisher) : publisher_{publisher} {}

  void on_trade(const Trade& trade, Timestamp ts_recv) override { write(trade, ts_recv); }
  void on_quote(const Quote& quote, Timestamp ts_recv) override { write(quote, ts_recv); }
  void on_feed_state(const FeedState& state, Timestamp ts_recv) override { write(state, ts_recv); }
  /// Books of more levels than a message holds are split into parts.
  void on_book(const BookView& book, Timestamp ts_recv) override;
  /// Another relay's message under this one's numbers and time.
  void pass_on(const native::MessageView& message, Timestamp ts_recv);

  template <native::Message M>
  void write(const M& message, Timestamp ts_recv, std::uint8_t flags = 0) {
    note(publisher_.publish(message, ts_recv, flags));
  }

  /// Messages dropped since the last call.
  [[nodiscard]] std::uint64_t take_lost() noexcept { return std::exchange(lost_, 0); }
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  void note(relay::Publish result) noexcept {
    (result == relay::Publish::Ok ? written_ : lost_) += 1;
  }
  void write_book(const BookView& book, Timestamp ts_recv);

  relay::Publisher& publisher_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(native::kMaxMessageBytes);
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
};

/// `visit(part)` for each message that `book` takes.
template <class Visit>
void for_each_part(const BookView& book, Visit visit) {
  const std::size_t levels = book.bids.size() + book.asks.size();
  if (levels <= native::kLevelsPerMessage) return visit(book);
  const std::size_t parts = (levels + native::kLevelsPerMessage - 1) / native::kLevelsPerMessage;
  std::span<const Level> bids = book.bids;
  std::span<const Level> asks = book.asks;
  for (std::size_t part = 0; part < parts; ++part) {
    BookView piece = book;
    piece.head.part = static_cast<std::uint16_t>(part);
    piece.head.parts = static_cast<std::uint16_t>(parts);
    piece.bids = bids.first(std::min(bids.size(), native::kLevelsPerMessage));
    piece.asks = asks.first(std::min(asks.size(), native::kLevelsPerMessage - piece.bids.size()));
    bids = bids.subspan(piece.bids.size());
    asks = asks.subspan(piece.asks.size());
    visit(piece);
  }
}

}  // namespace stoa::apps

#include "apps/market_relay.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "apps/market_writer.h"
#include "base/check.h"
#include "base/clock.h"
#include "model/market.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::apps {

MarketRelay::MarketRelay()
    : topic_{{.capacity_bytes = kTopicBytes}}, publication_{topic_.publication()} {}

native::Stamp MarketRelay::stamp(Timestamp ts_recv) noexcept {
  return {.domain = native::Domain::Market,
          .source = static_cast<std::uint8_t>(relay::Source::Market),
          .sequence = ++sequence_,
          .timestamp = ts_recv};
}

std::span<std::byte> MarketRelay::claim(std::size_t bytes) {
  const std::span<std::byte> room = publication_.claim(bytes);
  check(!room.empty(), "one poll of a feed fits the market topic");
  return room;
}

template <native::Message M>
void MarketRelay::publish(const M& message, Timestamp ts_recv) {
  publication_.commit(
      native::encode(claim(native::detail::message_bytes(sizeof(M))), stamp(ts_recv), message));
}

void MarketRelay::publish_book(const BookView& book, Timestamp ts_recv) {
  const std::size_t body =
      sizeof(BookUpdate) + (book.bids.size() + book.asks.size()) * sizeof(Level);
  publication_.commit(
      native::encode_book(claim(native::detail::message_bytes(body)), stamp(ts_recv), book));
}

void MarketRelay::on_book(const BookView& book, Timestamp ts_recv) {
  for_each_part(book, [&](const BookView& part) { publish_book(part, ts_recv); });
}

}  // namespace stoa::apps

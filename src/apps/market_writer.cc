#include "apps/market_writer.h"

#include <cstddef>
#include <cstring>
#include <span>

#include "base/clock.h"
#include "model/market.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"

namespace stoa::apps {

void MarketWriter::on_book(const BookView& book, Timestamp ts_recv) {
  for_each_part(book, [&](const BookView& part) { write_book(part, ts_recv); });
}

void MarketWriter::write_book(const BookView& book, Timestamp ts_recv) {
  const std::size_t size = native::encode_book(buffer_, publisher_.stamp(ts_recv), book);
  note(publisher_.publish_encoded(std::span{buffer_}.first(size)));
}

void MarketWriter::pass_on(const native::MessageView& message, Timestamp ts_recv) {
  const auto bytes = message.bytes();
  std::memcpy(buffer_.data(), bytes.data(), bytes.size());
  const std::span<std::byte> mine = std::span{buffer_}.first(bytes.size());
  native::readdress(mine, publisher_.stamp(ts_recv));
  note(publisher_.publish_encoded(mine));
}

}  // namespace stoa::apps

// Claims: decoding any bytes ends, with a message or an error inside the bytes; what was decoded
// encodes to a message that decodes to the same; a message cut anywhere asks for more; and every
// message can be shown as JSON. The first byte of the input chooses:
//   even  the rest is taken as it is
//   odd   magic, version, domain, size and checksum are mended first, so that the values behind
//   them
//         are reached
// Corpus: corpus/native_message_fuzz, the messages of tests/golden/native_messages.txt.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "model/market.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"

namespace {

namespace native = stoa::native;
using Bytes = std::vector<std::byte>;

void demand(bool holds) {
  if (!holds) std::abort();
}

/// Makes the header believable and leaves the values as they are.
void mend(Bytes& bytes) {
  if (bytes.size() < sizeof(native::Header)) bytes.resize(sizeof(native::Header));
  if (bytes.size() > native::kMaxMessageBytes) bytes.resize(native::kMaxMessageBytes);
  native::Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.magic = native::kMagic;
  header.version = native::kVersion;
  header.domain = static_cast<std::uint8_t>(1 + header.domain % 4);
  header.payload_bytes = static_cast<std::uint32_t>(bytes.size() - sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  const std::span<const std::byte> all{bytes};
  header.crc32c = stoa::crc32c(stoa::crc32c(all.first(28)), all.subspan(sizeof header));
  std::memcpy(bytes.data(), &header, sizeof header);
}

std::string json_of(const native::MessageView& message) {
  std::string json;
  native::append_json(json, message);
  demand(json.size() > 2 && json.front() == '{' && json.back() == '}');
  return json;
}

/// Encodes header and body of a message anew; its other values, which nobody reads, are left out.
Bytes encoded_again(const native::MessageView& message) {
  const native::Header& header = message.header();
  const native::Stamp stamp{.domain = static_cast<native::Domain>(header.domain),
                            .source = header.source,
                            .flags = header.flags,
                            .sequence = header.sequence,
                            .timestamp = header.timestamp};
  Bytes bytes(native::detail::message_bytes(message.body().size()));
  std::byte* body = native::detail::begin(bytes, stamp, message.type(), message.body().size());
  if (!message.body().empty()) std::memcpy(body, message.body().data(), message.body().size());
  native::detail::finish(bytes.data(), bytes.size());
  return bytes;
}

void round_trip(const native::MessageView& message) {
  const Bytes again = encoded_again(message);
  const auto view = native::decode(again);
  demand(view.has_value());
  demand(view->bytes().size() == again.size() && view->type() == message.type());
  demand(view->body().size() == message.body().size() &&
         std::memcmp(view->body().data(), message.body().data(), view->body().size()) == 0);
  demand(json_of(*view) == json_of(message));
  // A writer uses the short form where it fits, and so a message of one value is byte for byte its
  // own encoding.
  const auto trusted = native::MessageView::trusted(again);
  demand(trusted.type() == view->type() && trusted.body().size() == view->body().size());
  if (!message.is_book()) return;
  std::vector<stoa::Level> levels(message.body().size() / sizeof(stoa::Level));
  const stoa::BookView book = native::read_book(message, levels);
  demand(book.bids.size() == book.head.bid_count && book.asks.size() == book.head.ask_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes bytes(size - 1);
  if (!bytes.empty()) std::memcpy(bytes.data(), data + 1, bytes.size());
  if (data[0] % 2 != 0) mend(bytes);
  const auto view = native::decode(bytes);
  if (!view) {
    demand(view.error().offset <= bytes.size());
    return 0;
  }
  demand(view->bytes().size() <= bytes.size());
  round_trip(*view);
  // Three cuts, by the input itself, so that long messages stay cheap.
  const std::size_t whole = view->bytes().size();
  for (const std::size_t cut : {std::size_t{0}, (data[0] * whole) / 256, whole - 1}) {
    const auto part = native::decode(std::span{bytes}.first(cut));
    demand(!part && part.error().error == native::DecodeError::NeedMore);
  }
  return 0;
}

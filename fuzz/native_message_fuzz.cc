// Claims: decoding any bytes ends, with a message or an error inside the bytes, and the short cut
// answers as the full way does; what was decoded, encoded value by value, is the same bytes again
// (or, where a value took the longer of two forms, means the same); a message cut anywhere asks for
// more; every message can be shown as JSON, by a checked view and a trusted one alike; and every
// token amount is read back from its text. The first byte of the input chooses:
//   1  magic, version, domain, size and checksum are mended first, so that the values behind them
//      are reached
//   2  the reader does not ask for a checksum
//   4  the reader reads version 2 as well
//   8  when mending, the checksum is left out
// Corpus: corpus/native_message_fuzz, the messages of tests/golden/native_messages.txt.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "model/market.h"
#include "model/onchain.h"
#include "model/signal.h"
#include "model/token_amount.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"
#include "protocol/native/version.h"

namespace {

namespace native = stoa::native;
using Bytes = std::vector<std::byte>;

void demand(bool holds) {
  if (!holds) std::abort();
}

/// Makes the header believable and leaves the values as they are.
void mend(Bytes& bytes, bool checked) {
  if (bytes.size() < sizeof(native::Header)) bytes.resize(sizeof(native::Header));
  if (bytes.size() > native::kMaxMessageBytes) bytes.resize(native::kMaxMessageBytes);
  native::Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.magic = native::kMagic;
  header.version = native::kVersion;
  header.domain = static_cast<std::uint8_t>(1 + header.domain % 4);
  header.payload_bytes = static_cast<std::uint32_t>(bytes.size() - sizeof header);
  const auto unchecked = checked ? 0 : native::kFlagUnchecked;
  header.flags = static_cast<std::uint8_t>((header.flags & ~native::kFlagUnchecked) | unchecked);
  std::memcpy(bytes.data(), &header, sizeof header);
  native::detail::finish(bytes.data(), bytes.size());
}

std::string json_of(const native::MessageView& message) {
  std::string json;
  native::append_json(json, message);
  demand(json.size() > 2 && json.front() == '{' && json.back() == '}');
  return json;
}

using Decoded = std::expected<native::MessageView, native::DecodeFailure>;

void demand_same(const Decoded& a, const Decoded& b) {
  demand(a.has_value() == b.has_value());
  if (!a) return demand(a.error().error == b.error().error && a.error().offset == b.error().offset);
  demand(a->type() == b->type() && a->body().data() == b->body().data());
  demand(a->body().size() == b->body().size() && a->bytes().size() == b->bytes().size());
}

/// All values of a message, encoded anew in the form that a writer would choose; nothing when one
/// has the number of the mark, which no writer writes.
Bytes encoded_again(const native::MessageView& message) {
  const native::Header header = message.header();
  const native::Stamp stamp{.domain = static_cast<native::Domain>(header.domain),
                            .source = header.source,
                            .flags = header.flags,
                            .sequence = header.sequence,
                            .timestamp = header.timestamp,
                            .version = header.version};
  Bytes bytes(native::kMaxMessageBytes);
  std::size_t used = 0;
  bool writable = true;
  message.for_each_value([&](const native::Value& value) {
    writable = writable && value.type != 0xFF;
    if (!writable) return;
    if (used > 0) {
      used = native::add_value(bytes, used, value.type, value.bytes);
      return;
    }
    std::byte* const body = native::detail::begin(bytes, stamp, value.type, value.bytes.size());
    if (!value.bytes.empty()) std::memcpy(body, value.bytes.data(), value.bytes.size());
    used = native::detail::message_bytes(value.bytes.size());
    native::detail::finish(bytes.data(), used);
  });
  bytes.resize(writable ? used : 0);
  return bytes;
}

void read_amounts(std::span<const native::Field> fields, std::span<const std::byte> bytes) {
  for (const native::Field& field : fields) {
    if (field.kind != native::FieldKind::Amount) continue;
    stoa::TokenAmount amount;
    std::memcpy(&amount, &bytes[field.offset], sizeof amount);
    amount.reserved = {};  // not looked at
    demand(stoa::parse_token_amount(stoa::TokenAmountText{amount}.view()) == amount);
  }
}

void read_book(const native::MessageView& message) {
  std::vector<stoa::Level> levels(message.body().size() / sizeof(stoa::Level));
  const stoa::BookView book = native::read_book(message, levels);
  demand(book.bids.size() == book.head.bid_count && book.asks.size() == book.head.ask_count);
}

void round_trip(const native::MessageView& message, const native::Accept& accept) {
  const std::string json = json_of(message);
  demand(json_of(native::MessageView::trusted(message.bytes())) == json);
  if (message.is_book()) read_book(message);
  if (const native::MessageInfo* info = native::find_message(message.type())) {
    read_amounts(info->fields, message.body());
    for (std::size_t at = info->size; at < message.body().size(); at += info->item_size) {
      read_amounts(info->item_fields, message.body().subspan(at));
    }
  }
  const Bytes again = encoded_again(message);
  if (again.empty()) return;
  const auto view = native::decode(again, accept);
  demand(view.has_value() && json_of(*view) == json);
  if (again.size() == message.bytes().size())
    demand(std::memcmp(again.data(), message.bytes().data(), again.size()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  Bytes bytes(size - 1);
  if (!bytes.empty()) std::memcpy(bytes.data(), data + 1, bytes.size());
  if ((choice & 1U) != 0) mend(bytes, (choice & 8U) == 0);
  const native::Accept accept{
      .checksum = (choice & 2U) != 0 ? native::Checksum::Off : native::Checksum::On,
      .versions = (choice & 4U) != 0 ? native::readable_by(2) : native::kReadableVersions};
  const auto view = native::decode(bytes, accept);
  demand_same(view, native::detail::decode_in_full(bytes, accept));
  demand_same(view, native::decode_likely<stoa::Trade>(bytes, accept));
  demand_same(view, native::decode_likely<stoa::PoolSwap>(bytes, accept));
  demand_same(view, native::decode_likely<stoa::ArbitrageSignal>(bytes, accept));
  if (!view) {
    demand(view.error().offset <= bytes.size());
    return 0;
  }
  demand(view->bytes().size() <= bytes.size());
  round_trip(*view, accept);
  // Three cuts, by the input itself, so that long messages stay cheap.
  const std::size_t whole = view->bytes().size();
  for (const std::size_t cut : {std::size_t{0}, (choice * whole) / 256, whole - 1}) {
    const auto part = native::decode(std::span{bytes}.first(cut), accept);
    demand(!part && part.error().error == native::DecodeError::NeedMore);
  }
  return 0;
}

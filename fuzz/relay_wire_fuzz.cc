// Claim: whatever a client or a relay says, the other side answers with frames, with "more", or
// with an error inside what it was given; a control frame that is believed is encoded again to the
// same bytes; and a prefix of an input gives a prefix of its frames. The first byte chooses the
// direction, and its highest bit asks for a fitting checksum of the first control frame. Corpus:
// corpus/relay_wire_fuzz holds one of everything, each way.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "protocol/native/codec.h"
#include "relay/filter.h"
#include "relay/numbers_file.h"
#include "relay/wire.h"

namespace {

using stoa::relay::Frame;
using stoa::relay::WireError;
using Bytes = std::vector<std::byte>;

void demand(bool holds) {
  if (!holds) std::abort();
}

std::expected<Frame, stoa::relay::WireFailure> decode(bool to_relay,
                                                      std::span<const std::byte> input) {
  return to_relay ? stoa::relay::decode_to_relay(input) : stoa::relay::decode_from_relay(input);
}

void fit_checksum(Bytes& bytes, std::size_t at) {
  stoa::relay::ControlHeader header;
  if (bytes.size() < at + sizeof header) return;
  std::memcpy(&header, bytes.data() + at, sizeof header);
  const std::span<std::byte> all{bytes};
  const auto body = all.subspan(at + sizeof header);
  if (header.body_bytes > body.size()) return;
  header.crc32c = stoa::crc32c(stoa::crc32c(all.subspan(at, 12)), body.first(header.body_bytes));
  std::memcpy(bytes.data() + at, &header, sizeof header);
}

/// The frame's bytes made from what it says.
Bytes encode(bool to_relay, const Frame& frame) {
  Bytes out;
  if (frame.message) {
    if (!to_relay) {
      stoa::relay::put_entry(out, frame.lsn, frame.message->bytes());
    } else {
      out.assign(frame.message->bytes().begin(), frame.message->bytes().end());
    }
    return out;
  }
  if (!to_relay) stoa::relay::detail::put_control_lsn(out);
  stoa::relay::detail::put_control(out, frame.control.kind, frame.control.body, {});
  return out;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer asks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool to_relay = (data[0] & 1U) != 0;
  const auto given = std::as_bytes(std::span{data + 1, size - 1});
  Bytes bytes{given.begin(), given.end()};
  if ((data[0] & 0x80U) != 0) fit_checksum(bytes, to_relay ? 0 : stoa::relay::kLsnBytes);
  std::size_t at = 0;
  while (true) {
    const auto input = std::span{bytes}.subspan(at);
    const auto frame = decode(to_relay, input);
    if (!frame) {
      demand(frame.error().offset <= input.size() || frame.error().error == WireError::NeedMore);
      demand(!frame.error().text(at).empty());
      break;
    }
    demand(frame->bytes > 0 && frame->bytes <= input.size());
    const Bytes again = encode(to_relay, *frame);
    demand(std::ranges::equal(again, input.first(frame->bytes)));
    const auto cut = decode(to_relay, input.first(frame->bytes - 1));
    demand(!cut && cut.error().error == WireError::NeedMore);
    if (!frame->message && frame->control.kind == stoa::relay::ControlKind::SubscriberHello) {
      demand(stoa::relay::filters_of(frame->control).size() <= stoa::relay::kFiltersMax);
    }
    at += frame->bytes;
  }
  const auto numbers = stoa::relay::decode_numbers(bytes);
  if (numbers) demand(stoa::relay::encode_numbers(*numbers) == bytes);
  [[maybe_unused]] const auto filter = stoa::relay::parse_filter(
      {reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 64)});
  return 0;
}

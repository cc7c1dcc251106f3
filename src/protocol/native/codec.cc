#include "protocol/native/codec.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <source_location>
#include <span>
#include <string_view>
#include "base/check.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "model/market.h"
#include "model/system.h"
#include "protocol/native/registry.h"

namespace stoa::native {
namespace {

using detail::kCrcOffset;

bool size_fits(const MessageInfo& info, std::size_t bytes) noexcept {
  if (info.item_size == 0) return bytes == info.size;
  return bytes >= info.size && (bytes - info.size) % info.item_size == 0;
}

/// The offset of the first enumerator that is out of range, if any.
std::optional<std::size_t> bad_enum(std::span<const Field> fields,
                                    std::span<const std::byte> value) noexcept {
  for (const Field& field : fields) {
    if (field.limit() == 0) continue;
    const std::size_t at = field.limited_at();
    if (std::to_integer<std::uint8_t>(value[at]) >= field.limit()) return at;
  }
  return std::nullopt;
}

/// The counts in the head of a message add up to the items that follow it.
bool counts_agree(const MessageInfo& info, std::span<const std::byte> value) noexcept {
  if (info.item_size == 0) return true;
  std::size_t items_count = 0;
  for (const std::uint16_t at : info.counts_at) {
    items_count += detail::load<std::uint16_t>(&value[at]);
  }
  return value.size() == info.size + items_count * info.item_size;
}

std::optional<DecodeFailure> check_value(const MessageInfo& info, Domain domain, const Value& value,
                                         std::size_t value_offset) noexcept {
  if (!type_allowed(domain, value.type)) {
    return DecodeFailure{DecodeError::WrongDomain, value_offset};
  }
  if (!size_fits(info, value.bytes.size()) || !counts_agree(info, value.bytes)) {
    return DecodeFailure{DecodeError::BadLength, value_offset};
  }
  if (info.limited) {
    if (const auto at = bad_enum(info.fields, value.bytes)) {
      return DecodeFailure{DecodeError::BadEnum, value_offset + *at};
    }
  }
  if (!info.item_limited) return std::nullopt;  // a book has thousands of items
  for (std::size_t at = info.size; at < value.bytes.size(); at += info.item_size) {
    if (const auto bad = bad_enum(info.item_fields, value.bytes.subspan(at))) {
      return DecodeFailure{DecodeError::BadEnum, value_offset + at + *bad};
    }
  }
  return std::nullopt;
}

std::uint32_t checksum_of(std::span<const std::byte> message) noexcept {
  return crc32c(crc32c(message.first(kCrcOffset)), message.subspan(sizeof(Header)));
}

/// Returns where the value's bytes go.
std::byte* write_head(std::byte* at, std::uint8_t type, std::size_t bytes) noexcept {
  if (bytes <= detail::kShortValueBytes) {
    *at++ = std::byte{type};
    *at++ = static_cast<std::byte>(bytes);
    return at;
  }
  *at++ = detail::kExtendedMark;
  *at++ = std::byte{0};
  *at++ = std::byte{type};
  const auto size = static_cast<std::uint16_t>(bytes);
  std::memcpy(at, &size, sizeof size);
  return at + sizeof size;
}

/// The body of a trusted message whose first value is of no known type: the choice of
/// decode_in_full, and the first value where that would refuse.
Value body_among(const Value& first, std::span<const std::byte> payload) noexcept {
  Value body = first;
  while (const auto value = detail::take_value(payload)) {
    if (find_message(value->type) != nullptr) return *value;
    if (is_user_type(value->type) && !is_user_type(body.type)) body = *value;
  }
  return body;
}

std::unexpected<DecodeFailure> failure(DecodeError error, std::size_t offset) noexcept {
  return std::unexpected(DecodeFailure{error, offset});
}

}  // namespace

std::string_view to_string(DecodeError error) noexcept {
  static constexpr std::array<std::string_view, kDecodeErrors> kNames{
      "message is cut short",
      "bad magic",
      "unsupported version",
      "unknown domain",
      "message too large",
      "checksum does not match",
      "checksum required and left out",
      "value is cut short",
      "wrong size for its type",
      "type not allowed in this domain",
      "enumerator out of range",
      "no known body"};
  return kNames[static_cast<std::size_t>(error)];
}

namespace detail {

std::optional<Value> take_value(std::span<const std::byte>& payload) noexcept {
  if (payload.size() < kShortHeadBytes) return std::nullopt;
  Value value{.type = std::to_integer<std::uint8_t>(payload[0])};
  std::size_t head = kShortHeadBytes;
  std::size_t size = std::to_integer<std::size_t>(payload[1]);
  if (payload[0] == kExtendedMark) {
    head = kLongHeadBytes;
    if (payload.size() < head || payload[1] != std::byte{0}) return std::nullopt;
    value.type = std::to_integer<std::uint8_t>(payload[2]);
    size = load<std::uint16_t>(&payload[3]);
  }
  if (payload.size() - head < size) return std::nullopt;
  value.bytes = payload.subspan(head, size);
  payload = payload.subspan(head + size);
  return value;
}

std::expected<MessageView, DecodeFailure> decode_in_full(std::span<const std::byte> bytes,
                                                         Accept accept) noexcept {
  if (bytes.size() < sizeof(Header)) return failure(DecodeError::NeedMore, bytes.size());
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic) return failure(DecodeError::BadMagic, 0);
  if (header.domain < 1 || header.domain > kDomains) return failure(DecodeError::BadDomain, 4);
  if (!accept.versions.contains(header.version)) return failure(DecodeError::BadVersion, 5);
  if (header.payload_bytes > kMaxMessageBytes - sizeof(Header))
    return failure(DecodeError::TooLarge, 24);
  if (bytes.size() - sizeof(Header) < header.payload_bytes)
    return failure(DecodeError::NeedMore, bytes.size());

  const auto whole = bytes.first(sizeof(Header) + header.payload_bytes);
  const bool unchecked = (header.flags & kFlagUnchecked) != 0;
  if (unchecked && accept.checksum == Checksum::On) return failure(DecodeError::Unchecked, 7);
  if (header.crc32c != (unchecked ? 0 : checksum_of(whole)))
    return failure(DecodeError::BadChecksum, kCrcOffset);

  Value body;
  Value of_user;  // what the body is where no type is known
  auto payload = whole.subspan(sizeof(Header));
  while (!payload.empty()) {
    const std::size_t offset = whole.size() - payload.size();
    const auto value = take_value(payload);
    if (!value) return failure(DecodeError::TruncatedValue, offset);
    const MessageInfo* info = find_message(value->type);
    if (info == nullptr) {
      if (is_user_type(value->type) && of_user.type == 0) of_user = *value;
      continue;
    }
    const auto value_offset = static_cast<std::size_t>(value->bytes.data() - whole.data());
    if (const auto bad =
            check_value(*info, static_cast<Domain>(header.domain), *value, value_offset)) {
      return std::unexpected(*bad);
    }
    if (body.type == 0) body = *value;
  }
  if (body.type == 0) body = of_user;
  if (body.type == 0) return failure(DecodeError::NoBody, sizeof(Header));
  return MessageView{whole.data(), whole.size(),
                     static_cast<std::size_t>(body.bytes.data() - whole.data()), body.bytes.size(),
                     body.type};
}

}  // namespace detail

MessageView MessageView::trusted(std::span<const std::byte> bytes) noexcept {
  check(bytes.size() > sizeof(Header), "a trusted message is whole");
  const auto payload_bytes =
      detail::load<std::uint32_t>(bytes.data() + offsetof(Header, payload_bytes));
  const auto whole = bytes.first(sizeof(Header) + payload_bytes);
  auto payload = whole.subspan(sizeof(Header));
  const auto first = detail::take_value(payload);
  if (!first) fail_check("a trusted message has a body", std::source_location::current());
  Value body = *first;
  if (find_message(body.type) == nullptr && !payload.empty()) body = body_among(body, payload);
  return {whole.data(), whole.size(), static_cast<std::size_t>(body.bytes.data() - whole.data()),
          body.bytes.size(), body.type};
}

std::optional<TraceContext> MessageView::trace() const noexcept {
  std::optional<TraceContext> found;
  for_each_value([&found](const Value& value) {
    if (found || value.type != Wire<TraceContext>::kType) return;
    if (value.bytes.size() == sizeof(TraceContext)) {
      found = detail::read<TraceContext>(value.bytes.data());
    }
  });
  return found;
}

namespace detail {

std::byte* begin(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                 std::size_t body_bytes) noexcept {
  const std::size_t total = message_bytes(body_bytes);
  check(out.size() >= total && total <= kMaxMessageBytes, "the caller gives enough space");
  const Header header{.domain = static_cast<std::uint8_t>(stamp.domain),
                      .version = stamp.version,
                      .source = stamp.source,
                      .flags = flags_of(stamp),
                      .sequence = stamp.sequence,
                      .timestamp = stamp.timestamp,
                      .payload_bytes = static_cast<std::uint32_t>(total - sizeof(Header))};
  std::memcpy(out.data(), &header, sizeof header);
  return write_head(out.data() + sizeof header, type, body_bytes);
}

void finish(std::byte* message, std::size_t message_bytes) noexcept {
  const std::span<const std::byte> bytes{message, message_bytes};
  const auto flags = std::to_integer<std::uint8_t>(message[offsetof(Header, flags)]);
  const std::uint32_t crc = (flags & kFlagUnchecked) != 0 ? 0 : checksum_of(bytes);
  std::memcpy(message + kCrcOffset, &crc, sizeof crc);
}

}  // namespace detail

std::size_t encode_user(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                        std::span<const std::byte> bytes) noexcept {
  check(is_user_type(type), "users have the types 200 to 254");
  std::byte* const body = detail::begin(out, stamp, type, bytes.size());
  if (!bytes.empty()) std::memcpy(body, bytes.data(), bytes.size());
  const std::size_t total = detail::message_bytes(bytes.size());
  detail::finish(out.data(), total);
  return total;
}

std::size_t add_value(std::span<std::byte> out, std::size_t message_bytes, std::uint8_t type,
                      std::span<const std::byte> value) noexcept {
  const std::size_t total = message_bytes + detail::value_bytes(value.size());
  check(type != 0xFF, "255 marks the extended form");
  check(value.size() <= kMaxValueBytes && total <= std::min(out.size(), kMaxMessageBytes),
        "the caller gives enough space");
  std::byte* const to = write_head(out.data() + message_bytes, type, value.size());
  if (!value.empty()) std::memcpy(to, value.data(), value.size());
  detail::store(out.data() + offsetof(Header, payload_bytes),
                static_cast<std::uint32_t>(total - sizeof(Header)));
  detail::finish(out.data(), total);
  return total;
}

std::size_t add_trace(std::span<std::byte> out, std::size_t message_bytes,
                      const TraceContext& trace) noexcept {
  return add_value(out, message_bytes, Wire<TraceContext>::kType,
                   std::as_bytes(std::span{&trace, 1}));
}

void restamp(std::span<std::byte> message, Timestamp timestamp) noexcept {
  std::memcpy(message.data() + offsetof(Header, timestamp), &timestamp, sizeof timestamp);
  detail::finish(message.data(), message.size());
}

void readdress(std::span<std::byte> message, const Stamp& stamp) noexcept {
  std::byte* const at = message.data();
  const auto unchecked =
      std::to_integer<std::uint8_t>(at[offsetof(Header, flags)]) & kFlagUnchecked;
  detail::store(at + offsetof(Header, source), stamp.source);
  detail::store(at + offsetof(Header, flags), static_cast<std::uint8_t>(stamp.flags | unchecked));
  detail::store(at + offsetof(Header, sequence), stamp.sequence);
  restamp(message, stamp.timestamp);
}

std::size_t encode_book(std::span<std::byte> out, const Stamp& stamp,
                        const BookView& book) noexcept {
  check(book.bids.size() + book.asks.size() <= kLevelsPerMessage,
        "larger snapshots travel in parts");
  const std::size_t body_bytes =
      sizeof(BookUpdate) + book.bids.size_bytes() + book.asks.size_bytes();
  std::byte* at =
      detail::begin(out, stamp, book.snapshot ? kBookSnapshotType : kBookDeltaType, body_bytes);
  detail::write(at, book.head);
  detail::store(at + offsetof(BookUpdate, bid_count), static_cast<std::uint16_t>(book.bids.size()));
  detail::store(at + offsetof(BookUpdate, ask_count), static_cast<std::uint16_t>(book.asks.size()));
  at += sizeof(BookUpdate);
  if (!book.bids.empty()) std::memcpy(at, book.bids.data(), book.bids.size_bytes());
  at += book.bids.size_bytes();
  if (!book.asks.empty()) std::memcpy(at, book.asks.data(), book.asks.size_bytes());
  detail::finish(out.data(), detail::message_bytes(body_bytes));
  return detail::message_bytes(body_bytes);
}

BookView read_book(const MessageView& message, std::span<Level> levels) noexcept {
  check(message.is_book(), "only book messages are read as books");
  BookView book{.head = message.as<BookUpdate>(),
                .snapshot = message.type() == kBookSnapshotType,
                .bids = {},
                .asks = {}};
  const std::size_t count = message.tail<Level>(sizeof(BookUpdate), levels);
  check(count <= levels.size(), "the caller gives space for every level");
  book.bids = levels.first(book.head.bid_count);
  book.asks = levels.subspan(book.head.bid_count, book.head.ask_count);
  return book;
}

}  // namespace stoa::native

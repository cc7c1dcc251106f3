#include "protocol/native/codec.h"

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
#include "model/risk.h"
#include "protocol/native/registry.h"

namespace stoa::native {
namespace {

constexpr std::byte kExtendedMark{0xFF};
constexpr std::size_t kCrcOffset = 28;

/// One type-length-value of a payload.
struct Tlv {
  std::uint8_t type = 0;
  std::span<const std::byte> value;
  std::size_t bytes = 0;  // head included
};

/// Nothing when the payload ends inside it.
std::optional<Tlv> read_tlv(std::span<const std::byte> payload) noexcept {
  if (payload.size() < 2) return std::nullopt;
  Tlv tlv;
  std::size_t head = 2;
  std::size_t size = std::to_integer<std::size_t>(payload[1]);
  tlv.type = std::to_integer<std::uint8_t>(payload[0]);
  if (payload[0] == kExtendedMark) {
    head = 5;
    if (payload.size() < head || payload[1] != std::byte{0}) return std::nullopt;
    tlv.type = std::to_integer<std::uint8_t>(payload[2]);
    std::uint16_t wide = 0;
    std::memcpy(&wide, payload.data() + 3, sizeof wide);
    size = wide;
  }
  if (payload.size() - head < size) return std::nullopt;
  tlv.value = payload.subspan(head, size);
  tlv.bytes = head + size;
  return tlv;
}

bool size_fits(const MessageInfo& info, std::size_t bytes) noexcept {
  if (info.item_size == 0) return bytes == info.size;
  return bytes >= info.size && (bytes - info.size) % info.item_size == 0;
}

/// The offset of the first enumerator that is out of range, if any.
std::optional<std::size_t> bad_enum(std::span<const Field> fields,
                                    std::span<const std::byte> value) noexcept {
  for (const Field& field : fields) {
    if (field.kind != FieldKind::Enum) continue;
    if (std::to_integer<std::uint8_t>(value[field.offset]) >= field.enum_count) return field.offset;
  }
  return std::nullopt;
}

/// Counts in the head of a message must agree with what follows it.
bool counts_agree(std::uint8_t type, std::span<const std::byte> value) noexcept {
  if (type == kBookSnapshotType || type == kBookDeltaType) {
    BookUpdate head;
    std::memcpy(&head, value.data(), sizeof head);
    return value.size() ==
           sizeof head + (std::size_t{head.bid_count} + head.ask_count) * sizeof(Level);
  }
  if (type == Wire<RiskDecision>::kType) {
    RiskDecision head;
    std::memcpy(&head, value.data(), sizeof head);
    return value.size() == sizeof head + head.check_count * sizeof(CheckResult);
  }
  return true;
}

std::optional<DecodeFailure> check_value(const MessageInfo& info, Domain domain, const Tlv& tlv,
                                         std::size_t value_offset) noexcept {
  if (!type_allowed(domain, tlv.type)) return DecodeFailure{DecodeError::WrongDomain, value_offset};
  if (!size_fits(info, tlv.value.size()) || !counts_agree(tlv.type, tlv.value)) {
    return DecodeFailure{DecodeError::BadLength, value_offset};
  }
  if (const auto at = bad_enum(info.fields, tlv.value)) {
    return DecodeFailure{DecodeError::BadEnum, value_offset + *at};
  }
  for (std::size_t at = info.size; at < tlv.value.size(); at += info.item_size) {
    if (const auto bad = bad_enum(info.item_fields, tlv.value.subspan(at))) {
      return DecodeFailure{DecodeError::BadEnum, value_offset + at + *bad};
    }
  }
  return std::nullopt;
}

std::unexpected<DecodeFailure> failure(DecodeError error, std::size_t offset) noexcept {
  return std::unexpected(DecodeFailure{error, offset});
}

}  // namespace

std::string_view to_string(DecodeError error) noexcept {
  static constexpr std::array<std::string_view, 11> kNames{"message is cut short",
                                                           "bad magic",
                                                           "unsupported version",
                                                           "unknown domain",
                                                           "message too large",
                                                           "checksum does not match",
                                                           "value is cut short",
                                                           "wrong size for its type",
                                                           "type not allowed in this domain",
                                                           "enumerator out of range",
                                                           "no known body"};
  return kNames[static_cast<std::size_t>(error)];
}

std::expected<MessageView, DecodeFailure> decode(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < sizeof(Header)) return failure(DecodeError::NeedMore, bytes.size());
  MessageView view;
  std::memcpy(&view.header_, bytes.data(), sizeof(Header));
  const Header& header = view.header_;
  if (header.magic != kMagic) return failure(DecodeError::BadMagic, 0);
  if (header.domain < 1 || header.domain > 4) return failure(DecodeError::BadDomain, 4);
  if (header.version != kVersion) return failure(DecodeError::BadVersion, 5);
  if (header.payload_bytes > kMaxMessageBytes - sizeof(Header))
    return failure(DecodeError::TooLarge, 24);
  if (bytes.size() - sizeof(Header) < header.payload_bytes)
    return failure(DecodeError::NeedMore, bytes.size());

  view.bytes_ = bytes.first(sizeof(Header) + header.payload_bytes);
  std::span<const std::byte> payload = view.bytes_.subspan(sizeof(Header));
  const std::uint32_t crc = crc32c(crc32c(view.bytes_.first(kCrcOffset)), payload);
  if (crc != header.crc32c) return failure(DecodeError::BadChecksum, kCrcOffset);

  while (!payload.empty()) {
    const std::size_t offset = view.bytes_.size() - payload.size();
    const auto tlv = read_tlv(payload);
    if (!tlv) return failure(DecodeError::TruncatedValue, offset);
    const std::size_t value_offset = offset + tlv->bytes - tlv->value.size();
    if (const MessageInfo* info = find_message(tlv->type)) {
      if (const auto bad =
              check_value(*info, static_cast<Domain>(header.domain), *tlv, value_offset)) {
        return std::unexpected(*bad);
      }
      if (view.type_ == 0) {
        view.type_ = tlv->type;
        view.body_ = tlv->value;
      }
    }
    payload = payload.subspan(tlv->bytes);
  }
  if (view.type_ == 0) return failure(DecodeError::NoBody, sizeof(Header));
  return view;
}

MessageView MessageView::trusted(std::span<const std::byte> bytes) noexcept {
  MessageView view;
  check(bytes.size() > sizeof(Header) + 2, "a trusted message is whole");
  std::memcpy(&view.header_, bytes.data(), sizeof(Header));
  view.bytes_ = bytes.first(sizeof(Header) + view.header_.payload_bytes);
  const auto tlv = read_tlv(view.bytes_.subspan(sizeof(Header)));
  if (!tlv) fail_check("a trusted message has a body", std::source_location::current());
  view.type_ = tlv->type;
  view.body_ = tlv->value;
  return view;
}

namespace detail {

std::byte* begin(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                 std::size_t body_bytes) noexcept {
  const std::size_t total = message_bytes(body_bytes);
  check(out.size() >= total && total <= kMaxMessageBytes, "the caller gives enough space");
  const Header header{.domain = static_cast<std::uint8_t>(stamp.domain),
                      .source = stamp.source,
                      .flags = stamp.flags,
                      .sequence = stamp.sequence,
                      .timestamp = stamp.timestamp,
                      .payload_bytes = static_cast<std::uint32_t>(total - sizeof(Header))};
  std::byte* at = out.data();
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  if (body_bytes <= 255) {
    *at++ = std::byte{type};
    *at++ = static_cast<std::byte>(body_bytes);
    return at;
  }
  *at++ = kExtendedMark;
  *at++ = std::byte{0};
  *at++ = std::byte{type};
  const auto size = static_cast<std::uint16_t>(body_bytes);
  std::memcpy(at, &size, sizeof size);
  return at + sizeof size;
}

void finish(std::byte* message, std::size_t message_bytes) noexcept {
  const std::span<const std::byte> bytes{message, message_bytes};
  const std::uint32_t crc = crc32c(crc32c(bytes.first(kCrcOffset)), bytes.subspan(sizeof(Header)));
  std::memcpy(message + kCrcOffset, &crc, sizeof crc);
}

}  // namespace detail

void restamp(std::span<std::byte> message, Timestamp timestamp) noexcept {
  std::memcpy(message.data() + offsetof(Header, timestamp), &timestamp, sizeof timestamp);
  detail::finish(message.data(), message.size());
}

std::size_t encode_book(std::span<std::byte> out, const Stamp& stamp,
                        const BookView& book) noexcept {
  check(book.bids.size() + book.asks.size() <= kLevelsPerMessage,
        "larger snapshots travel in parts");
  BookUpdate head = book.head;
  head.bid_count = static_cast<std::uint16_t>(book.bids.size());
  head.ask_count = static_cast<std::uint16_t>(book.asks.size());
  const std::size_t body_bytes = sizeof head + book.bids.size_bytes() + book.asks.size_bytes();
  std::byte* at =
      detail::begin(out, stamp, book.snapshot ? kBookSnapshotType : kBookDeltaType, body_bytes);
  std::memcpy(at, &head, sizeof head);
  at += sizeof head;
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

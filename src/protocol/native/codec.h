#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "model/market.h"
#include "model/system.h"
#include "protocol/native/registry.h"
#include "protocol/native/version.h"

// Bytes <-> messages (docs/formats/native.md). Decoders do no I/O and allocate nothing; a view
// borrows the bytes. What every message costs is inline below; what only some cost is in codec.cc.
namespace stoa::native {

inline constexpr std::uint32_t kMagic = 0x414F5453;  // "STOA" in memory
/// Header flag: a core derived this record from inputs; a replay derives it again.
inline constexpr std::uint8_t kFlagOutput = 1;
/// Header flag: of the moment only (a question "would this order pass?" and its answer, a role's
/// heartbeat); passed on and never in a log.
inline constexpr std::uint8_t kFlagProbe = 2;
/// Header flag: the producer left the checksum out, and it is zero.
inline constexpr std::uint8_t kFlagUnchecked = 4;
/// Header flag: a reader may begin here, as with a film's key frame: what stands is told anew from
/// here on. One that has followed so far may pass such messages over.
inline constexpr std::uint8_t kFlagKey = 8;

/// 32 bytes, little-endian, in front of every message. `crc32c` covers the 28 bytes before it and
/// the payload.
struct Header {
  std::uint32_t magic = kMagic;
  std::uint8_t domain = 0;
  std::uint8_t version = kVersion;
  std::uint8_t source = 0;  // who produced it; numbers in relay/source.h
  std::uint8_t flags = 0;
  std::uint64_t sequence = 0;  // the source's own count, from 1, gapless
  Timestamp timestamp{};       // market: when we received it; execution: when the relay took it
  std::uint32_t payload_bytes = 0;
  std::uint32_t crc32c = 0;
};
static_assert(sizeof(Header) == 32 && std::has_unique_object_representations_v<Header>);
static_assert(std::endian::native == std::endian::little, "structs are copied as they lie");

/// A domain's policy. Off saves the checksum's nanoseconds on a path where nothing can damage the
/// bytes (a ring in memory); a log and a socket want it On.
enum class Checksum : std::uint8_t { On, Off };

/// What the producer says of a message it encodes.
struct Stamp {
  Domain domain = Domain::Execution;
  std::uint8_t source = 0;
  std::uint8_t flags = 0;
  std::uint64_t sequence = 0;
  Timestamp timestamp{};
  Checksum checksum = Checksum::On;
  std::uint8_t version = kVersion;  // WriteVersion says which (version.h)
};

/// What a reader lets in.
struct Accept {
  Checksum checksum = Checksum::On;  // Off: also a message without; one that has it is checked
  VersionRange versions = kReadableVersions;
};

/// Enough for any message without a tail or a value of a user behind it.
inline constexpr std::size_t kSmallMessageBytes = 512;
/// Levels of both sides that fit one book message; larger snapshots travel in parts.
inline constexpr std::size_t kLevelsPerMessage = 4'000;
/// The longest value there is.
inline constexpr std::size_t kMaxValueBytes = 65'535;
/// Enough for any message.
inline constexpr std::size_t kMaxMessageBytes = sizeof(Header) + 5 + kMaxValueBytes;

enum class DecodeError : std::uint8_t {
  NeedMore,  // the bytes end before the message does
  BadMagic,
  BadVersion,  // a version that this reader does not read
  BadDomain,
  TooLarge,        // payload longer than kMaxMessageBytes allows
  BadChecksum,     // or a checksum that is not zero where there should be none
  Unchecked,       // no checksum, and this reader wants one
  TruncatedValue,  // a TLV says more bytes than the payload has
  BadLength,       // a known type with a size its rule forbids
  WrongDomain,     // a type that may not travel in this domain
  BadEnum,         // an enumerator this build does not know
  NoBody,          // no TLV of a known type and none of a user's
};
inline constexpr std::uint8_t kDecodeErrors = 12;
[[nodiscard]] std::string_view to_string(DecodeError error) noexcept;

struct DecodeFailure {
  DecodeError error = DecodeError::NeedMore;
  std::size_t offset = 0;  // byte of the message where it was seen
};

/// One type-length-value of a payload.
struct Value {
  std::uint8_t type = 0;
  std::span<const std::byte> bytes{};
};

class MessageView;
[[nodiscard]] std::expected<MessageView, DecodeFailure> decode(std::span<const std::byte> bytes,
                                                               Accept accept = {}) noexcept;
template <Message M>
[[nodiscard]] std::expected<MessageView, DecodeFailure> decode_likely(
    std::span<const std::byte> bytes, Accept accept = {}) noexcept;

namespace detail {

inline constexpr std::size_t kCrcOffset = offsetof(Header, crc32c);
inline constexpr std::size_t kShortHeadBytes = 2;
inline constexpr std::size_t kLongHeadBytes = 5;
inline constexpr std::size_t kShortValueBytes = 255;
inline constexpr std::byte kExtendedMark{0xFF};

template <class Integer>
[[nodiscard]] inline Integer load(const std::byte* at) noexcept {
  Integer value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class Integer>
inline void store(std::byte* at, Integer value) noexcept {
  std::memcpy(at, &value, sizeof value);
}
/// Copies a message's struct field by field. One copy of the whole costs ten times as much where
/// GCC makes it `rep movs`, and keeps all of it on the stack even when a single field is used.
template <Message M>
[[gnu::always_inline]] inline void copy_fields(std::byte* to, const std::byte* from) noexcept {
  [&]<std::size_t... kPlaces>(std::index_sequence<kPlaces...>) {
    (std::memcpy(to + Wire<M>::kFields[kPlaces].offset, from + Wire<M>::kFields[kPlaces].offset,
                 Wire<M>::kFields[kPlaces].size),
     ...);
  }(std::make_index_sequence<Wire<M>::kFields.size()>{});
}
template <Message M>
[[nodiscard, gnu::always_inline]] inline M read(const std::byte* from) noexcept {
  M message;
  copy_fields<M>(reinterpret_cast<std::byte*>(&message), from);
  return message;
}
template <Message M>
[[gnu::always_inline]] inline void write(std::byte* to, const M& message) noexcept {
  copy_fields<M>(to, reinterpret_cast<const std::byte*>(&message));
}

[[nodiscard]] constexpr std::size_t value_bytes(std::size_t bytes) noexcept {
  return (bytes > kShortValueBytes ? kLongHeadBytes : kShortHeadBytes) + bytes;
}
/// Of a message with one value of so many bytes.
[[nodiscard]] constexpr std::size_t message_bytes(std::size_t body_bytes) noexcept {
  return sizeof(Header) + value_bytes(body_bytes);
}

/// Takes the value at the front of `payload` off it; nothing when the payload ends inside it.
[[nodiscard]] std::optional<Value> take_value(std::span<const std::byte>& payload) noexcept;

/// `decode` without its short cut, and the only one of the two that can say what is wrong.
[[nodiscard]] std::expected<MessageView, DecodeFailure> decode_in_full(
    std::span<const std::byte> bytes, Accept accept) noexcept;

}  // namespace detail

/// One message in place. Valid while its bytes are; nothing is copied until a field is read.
class MessageView {
 public:
  /// Bytes that this process encoded itself or has decoded before; unchecked.
  [[nodiscard]] static MessageView trusted(std::span<const std::byte> bytes) noexcept;

  /// The compiler reads only the fields that are used.
  [[nodiscard]] Header header() const noexcept {
    return {.magic = kMagic,
            .domain = std::to_integer<std::uint8_t>(data_[offsetof(Header, domain)]),
            .version = std::to_integer<std::uint8_t>(data_[offsetof(Header, version)]),
            .source = std::to_integer<std::uint8_t>(data_[offsetof(Header, source)]),
            .flags = std::to_integer<std::uint8_t>(data_[offsetof(Header, flags)]),
            .sequence = detail::load<std::uint64_t>(data_ + offsetof(Header, sequence)),
            .timestamp =
                Timestamp::from_ns(detail::load<std::int64_t>(data_ + offsetof(Header, timestamp))),
            .payload_bytes = static_cast<std::uint32_t>(bytes_ - sizeof(Header)),
            .crc32c = detail::load<std::uint32_t>(data_ + detail::kCrcOffset)};
  }
  [[nodiscard]] std::uint8_t type() const noexcept { return type_; }
  [[nodiscard]] bool is_output() const noexcept { return (header().flags & kFlagOutput) != 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, bytes_}; }
  /// The body's value: fixed part, then tail; of a user's type, whatever the user put there.
  [[nodiscard]] std::span<const std::byte> body() const noexcept {
    return {data_ + body_at_, body_bytes_};
  }

  template <Message M>
  [[nodiscard]] bool is() const noexcept {
    return type_ == Wire<M>::kType;
  }
  /// The fixed part; the compiler reads only the fields that are used. The caller has asked
  /// `is<M>()` or `type()`.
  template <Message M>
  [[nodiscard]] M as() const noexcept {
    check(body_bytes_ >= sizeof(M), "a message is read as the type it has");
    return detail::read<M>(data_ + body_at_);
  }
  /// Every value in its order, the body among them: `visit(Value)`. Only a trusted view can hold a
  /// cut one; it ends there.
  template <class Visit>
  void for_each_value(Visit visit) const {
    auto payload = bytes().subspan(sizeof(Header));
    while (const auto value = detail::take_value(payload)) visit(*value);
  }
  /// The request that the message belongs to, when it says so.
  [[nodiscard]] std::optional<TraceContext> trace() const noexcept;
  [[nodiscard]] bool is_book() const noexcept {
    return type_ == kBookSnapshotType || type_ == kBookDeltaType;
  }
  /// Items behind the fixed part (levels, checks), copied to `out`; returns how many there are in
  /// the message.
  template <class Item>
  [[nodiscard]] std::size_t tail(std::size_t fixed_bytes, std::span<Item> out) const noexcept {
    const std::size_t count = (body_bytes_ - fixed_bytes) / sizeof(Item);
    if (!out.empty())
      std::memcpy(out.data(), body().data() + fixed_bytes,
                  std::min(count, out.size()) * sizeof(Item));
    return count;
  }

 private:
  friend std::expected<MessageView, DecodeFailure> decode(std::span<const std::byte> bytes,
                                                          Accept accept) noexcept;
  template <Message M>
  friend std::expected<MessageView, DecodeFailure> decode_likely(std::span<const std::byte> bytes,
                                                                 Accept accept) noexcept;
  friend std::expected<MessageView, DecodeFailure> detail::decode_in_full(
      std::span<const std::byte> bytes, Accept accept) noexcept;

  /// Of one short value.
  MessageView(const std::byte* data, std::size_t body_at, std::uint8_t body_bytes,
              std::uint8_t type) noexcept
      : MessageView{data, body_at + body_bytes, body_at, body_bytes, type} {}
  MessageView(const std::byte* data, std::size_t bytes, std::size_t body_at, std::size_t body_bytes,
              std::uint8_t type) noexcept
      : data_{data},
        bytes_{static_cast<std::uint32_t>(bytes)},
        body_at_{static_cast<std::uint32_t>(body_at)},
        body_bytes_{static_cast<std::uint16_t>(body_bytes)},
        type_{type} {}

  const std::byte* data_;
  std::uint32_t bytes_;
  std::uint32_t body_at_;
  std::uint16_t body_bytes_;
  std::uint8_t type_;
};

namespace detail {

inline constexpr std::size_t kPlainBodyAt = sizeof(Header) + kShortHeadBytes;

/// True when the message at the front of `bytes` is of this type, all is well with it, and it has
/// the shape that nearly every message has: one short value of a fixed size. False is "look
/// closer". A constant type and shape fold.
[[nodiscard, gnu::always_inline]] inline bool is_plain(std::span<const std::byte> bytes,
                                                       Accept accept, std::uint8_t type,
                                                       const Shape& shape) noexcept {
  if (bytes.size() < kPlainBodyAt + shape.body_bytes) return false;
  const std::byte* const at = bytes.data();
  // The header as words: each is loaded once, compared and summed.
  const auto front = load<std::uint64_t>(at);
  const auto payload_bytes = load<std::uint32_t>(at + offsetof(Header, payload_bytes));
  const auto crc_said = load<std::uint32_t>(at + kCrcOffset);
  const auto head = load<std::uint16_t>(at + sizeof(Header));
  const auto domain = static_cast<std::uint8_t>(front >> 32U);
  const auto version = static_cast<std::uint8_t>(front >> 40U);
  const bool unchecked = (front >> 56U & kFlagUnchecked) != 0;

  if (static_cast<std::uint32_t>(front) != kMagic || !accept.versions.contains(version) ||
      domain > kDomains || (shape.domains >> domain & 1U) == 0 ||
      head != (type | shape.body_bytes << 8U) ||
      payload_bytes != kShortHeadBytes + shape.body_bytes) {
    return false;
  }
  if (unchecked) {
    if (accept.checksum == Checksum::On || crc_said != 0) return false;
  } else {
    Crc32c crc;
    crc.add(front);
    crc.add(load<std::uint64_t>(at + offsetof(Header, sequence)));
    crc.add(load<std::uint64_t>(at + offsetof(Header, timestamp)));
    crc.add(payload_bytes);
    crc.add(head);
    crc.add(at + kPlainBodyAt, shape.body_bytes);
    if (crc.value() != crc_said) return false;
  }
  for (std::size_t i = 0; i < shape.enums_count; ++i) {
    const EnumRule rule = shape.enums[i];
    if (std::to_integer<std::uint8_t>(at[kPlainBodyAt + rule.offset]) >= rule.limit) return false;
  }
  return true;
}

}  // namespace detail

/// Checks and views the message at the front of `bytes`; more may follow it (`view.bytes().size()`
/// is its length). Its body is the first value of a known type or, where there is none, the first
/// of a user's; unknown types are skipped.
///
/// errors  NeedMore: read on and call again; anything else: the stream is not to be believed from
/// here
/// cost    bench/codec_bench.cc; a message of one short value of a fixed size is decided inline:
/// called, it would pass `accept` through memory, which waits for the checksum of the one before
[[nodiscard, gnu::always_inline]] inline std::expected<MessageView, DecodeFailure> decode(
    std::span<const std::byte> bytes, Accept accept) noexcept {
  if (bytes.size() >= detail::kPlainBodyAt) [[likely]] {
    const auto type = std::to_integer<std::uint8_t>(bytes[sizeof(Header)]);
    const detail::Shape& shape = detail::kShapes[type];
    if (detail::is_plain(bytes, accept, type, shape)) [[likely]] {
      return MessageView{bytes.data(), detail::kPlainBodyAt, shape.body_bytes, type};
    }
  }
  return detail::decode_in_full(bytes, accept);
}

/// The same answer, sooner when the message is an M: for a reader that knows what will come.
template <Message M>
[[nodiscard]] inline std::expected<MessageView, DecodeFailure> decode_likely(
    std::span<const std::byte> bytes, Accept accept) noexcept {
  static constexpr detail::Shape kShape = detail::shape_of<M>();
  if constexpr (kShape.body_bytes > 0) {
    if (detail::is_plain(bytes, accept, Wire<M>::kType, kShape)) [[likely]] {
      return MessageView{bytes.data(), detail::kPlainBodyAt, kShape.body_bytes, Wire<M>::kType};
    }
  }
  return detail::decode_in_full(bytes, accept);
}

namespace detail {

/// Writes header and TLV head for a body of `body_bytes`; returns where the body goes.
std::byte* begin(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                 std::size_t body_bytes) noexcept;
/// Writes the checksum over what `begin` and the caller wrote, or none where the flags say so.
void finish(std::byte* message, std::size_t message_bytes) noexcept;

[[nodiscard]] constexpr std::uint8_t flags_of(const Stamp& stamp) noexcept {
  const bool unchecked = stamp.checksum == Checksum::Off;
  return static_cast<std::uint8_t>(stamp.flags | (unchecked ? kFlagUnchecked : 0));
}
/// The header's first eight bytes.
[[nodiscard]] constexpr std::uint64_t front_of(const Stamp& stamp) noexcept {
  return kMagic | std::uint64_t{static_cast<std::uint8_t>(stamp.domain)} << 32U |
         std::uint64_t{stamp.version} << 40U | std::uint64_t{stamp.source} << 48U |
         std::uint64_t{flags_of(stamp)} << 56U;
}

/// The head of a value as it lies in memory; a long one is its first four bytes and its last.
template <std::uint8_t kType, std::size_t kBytes>
struct ConstantHead {
  static constexpr bool kShort = kBytes <= kShortValueBytes;
  static constexpr auto kFront =
      static_cast<std::conditional_t<kShort, std::uint16_t, std::uint32_t>>(
          kShort ? kType | kBytes << 8U : 0xFFU | std::size_t{kType} << 16U | kBytes << 24U);
};

}  // namespace detail

/// Encodes `message` into `out` and returns the bytes used. `out` holds kSmallMessageBytes or more.
template <Message M>
std::size_t encode(std::span<std::byte> out, const Stamp& stamp, const M& message) noexcept {
  constexpr std::size_t kBytes = detail::message_bytes(sizeof(M));
  using Head = detail::ConstantHead<Wire<M>::kType, sizeof(M)>;
  check(out.size() >= kBytes, "the caller gives enough space");
  const std::byte* const from = reinterpret_cast<const std::byte*>(&message);
  const std::uint64_t front = detail::front_of(stamp);
  const auto timestamp = static_cast<std::uint64_t>(stamp.timestamp.ns());
  constexpr auto kPayloadBytes = static_cast<std::uint32_t>(kBytes - sizeof(Header));

  // Summed from registers, not from `out`: words that were just written in pieces are slow to load.
  std::uint32_t sum = 0;
  if ((detail::flags_of(stamp) & kFlagUnchecked) == 0) {
    Crc32c crc;
    crc.add(front);
    crc.add(stamp.sequence);
    crc.add(timestamp);
    crc.add(kPayloadBytes);
    crc.add(Head::kFront);
    if constexpr (!Head::kShort) crc.add(static_cast<std::uint8_t>(sizeof(M) >> 8U));
    crc.add(from, sizeof(M));
    sum = crc.value();
  }
  std::byte* at = out.data();
  detail::store(at, front);
  detail::store(at + offsetof(Header, sequence), stamp.sequence);
  detail::store(at + offsetof(Header, timestamp), timestamp);
  detail::store(at + offsetof(Header, payload_bytes), kPayloadBytes);
  detail::store(at + offsetof(Header, crc32c), sum);
  at += sizeof(Header);
  detail::store(at, Head::kFront);
  at += sizeof Head::kFront;
  if constexpr (!Head::kShort) *at++ = static_cast<std::byte>(sizeof(M) >> 8U);
  std::memcpy(at, from, sizeof(M));
  return kBytes;
}

/// The same for a message with items behind it.
template <Message M, class Item>
std::size_t encode_with_tail(std::span<std::byte> out, const Stamp& stamp, const M& message,
                             std::span<const Item> items) noexcept {
  const std::size_t body_bytes = sizeof(M) + items.size_bytes();
  std::byte* body = detail::begin(out, stamp, Wire<M>::kType, body_bytes);
  detail::write(body, message);
  if (!items.empty()) std::memcpy(body + sizeof(M), items.data(), items.size_bytes());
  detail::finish(out.data(), detail::message_bytes(body_bytes));
  return detail::message_bytes(body_bytes);
}

/// A message of a user's own type, 200 to 254 (another is our bug): any bytes, at most
/// kMaxValueBytes. `out` holds them and a header. Any domain carries it.
std::size_t encode_user(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                        std::span<const std::byte> bytes) noexcept;

/// Puts one more value behind those of the encoded message at the front of `out`, of
/// `message_bytes` so far, and returns what it is long now. Readers that do not know the type skip
/// it; one that does checks it as it would a body. There is room, and the message stays under
/// kMaxMessageBytes, or it is our bug.
std::size_t add_value(std::span<std::byte> out, std::size_t message_bytes, std::uint8_t type,
                      std::span<const std::byte> value) noexcept;
std::size_t add_trace(std::span<std::byte> out, std::size_t message_bytes,
                      const TraceContext& trace) noexcept;

/// `encode`, then `add_trace`.
template <Message M>
std::size_t encode_with_trace(std::span<std::byte> out, const Stamp& stamp, const M& message,
                              const TraceContext& trace) noexcept {
  return add_trace(out, encode(out, stamp, message), trace);
}

/// Gives an encoded message another timestamp and mends its checksum: the relay's time is the log's
/// time.
void restamp(std::span<std::byte> message, Timestamp timestamp) noexcept;
/// Writes another producer's stamp over an encoded message, which keeps its domain and checksum
/// policy: for those who pass messages on under their own numbers.
void readdress(std::span<std::byte> message, const Stamp& stamp) noexcept;

/// A book message (one part; at most kLevelsPerMessage levels, more is our bug). The head's counts
/// are taken from the spans.
std::size_t encode_book(std::span<std::byte> out, const Stamp& stamp,
                        const BookView& book) noexcept;

/// Reads a book message; `levels` is the caller's space for at least kLevelsPerMessage levels and
/// backs the view.
[[nodiscard]] BookView read_book(const MessageView& message, std::span<Level> levels) noexcept;

}  // namespace stoa::native

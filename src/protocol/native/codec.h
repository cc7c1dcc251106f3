#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "model/market.h"
#include "protocol/native/registry.h"

// Bytes <-> messages (docs/formats/native.md). Decoders do no I/O and allocate nothing; a view
// borrows the bytes.
namespace stoa::native {

inline constexpr std::uint32_t kMagic = 0x414F5453;  // "STOA" in memory
inline constexpr std::uint8_t kVersion = 1;
/// Header flag: a core derived this record from inputs; a replay derives it again.
inline constexpr std::uint8_t kFlagOutput = 1;
/// Header flag: a question ("would this order pass?") and its answer; never in a log.
inline constexpr std::uint8_t kFlagProbe = 2;

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

/// What the producer says of a message it encodes.
struct Stamp {
  Domain domain = Domain::Execution;
  std::uint8_t source = 0;
  std::uint8_t flags = 0;
  std::uint64_t sequence = 0;
  Timestamp timestamp{};
};

/// Enough for any message without a book tail.
inline constexpr std::size_t kSmallMessageBytes = 512;
/// Levels of both sides that fit one book message; larger snapshots travel in parts.
inline constexpr std::size_t kLevelsPerMessage = 4'000;
/// Enough for any message.
inline constexpr std::size_t kMaxMessageBytes = sizeof(Header) + 5 + 65'535;

enum class DecodeError : std::uint8_t {
  NeedMore,  // the bytes end before the message does
  BadMagic,
  BadVersion,
  BadDomain,
  TooLarge,  // payload longer than kMaxMessageBytes allows
  BadChecksum,
  TruncatedValue,  // a TLV says more bytes than the payload has
  BadLength,       // a known type with a size its rule forbids
  WrongDomain,     // a type that may not travel in this domain
  BadEnum,         // an enumerator this build does not know
  NoBody,          // no TLV of a known type
};
[[nodiscard]] std::string_view to_string(DecodeError error) noexcept;

struct DecodeFailure {
  DecodeError error = DecodeError::NeedMore;
  std::size_t offset = 0;  // byte of the message where it was seen
};

/// One message in place. Valid while its bytes are; nothing is copied until a field is read.
class MessageView {
 public:
  /// Bytes that this process encoded itself or has decoded before; unchecked.
  [[nodiscard]] static MessageView trusted(std::span<const std::byte> bytes) noexcept;

  [[nodiscard]] const Header& header() const noexcept { return header_; }
  [[nodiscard]] std::uint8_t type() const noexcept { return type_; }
  [[nodiscard]] bool is_output() const noexcept { return (header_.flags & kFlagOutput) != 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// The body TLV's value: fixed part, then tail.
  [[nodiscard]] std::span<const std::byte> body() const noexcept { return body_; }

  template <Message M>
  [[nodiscard]] bool is() const noexcept {
    return type_ == Wire<M>::kType;
  }
  /// The fixed part; the compiler reads only the fields that are used. The caller has asked
  /// `is<M>()` or `type()`.
  template <Message M>
  [[nodiscard]] M as() const noexcept {
    check(body_.size() >= sizeof(M), "a message is read as the type it has");
    M message;
    std::memcpy(&message, body_.data(), sizeof(M));
    return message;
  }
  [[nodiscard]] bool is_book() const noexcept {
    return type_ == kBookSnapshotType || type_ == kBookDeltaType;
  }
  /// Items behind the fixed part (levels, checks), copied to `out`; returns how many there are in
  /// the message.
  template <class Item>
  [[nodiscard]] std::size_t tail(std::size_t fixed_bytes, std::span<Item> out) const noexcept {
    const std::size_t count = (body_.size() - fixed_bytes) / sizeof(Item);
    if (!out.empty())
      std::memcpy(out.data(), body_.data() + fixed_bytes,
                  std::min(count, out.size()) * sizeof(Item));
    return count;
  }

 private:
  friend std::expected<MessageView, DecodeFailure> decode(
      std::span<const std::byte> bytes) noexcept;

  Header header_;
  std::span<const std::byte> bytes_;
  std::span<const std::byte> body_;
  std::uint8_t type_ = 0;
};

/// Checks and views the message at the front of `bytes`; more may follow it (`view.bytes().size()`
/// is its length). Unknown TLV types are skipped.
///
/// errors  NeedMore: read on and call again; anything else: the stream is not to be believed from
/// here
[[nodiscard]] std::expected<MessageView, DecodeFailure> decode(
    std::span<const std::byte> bytes) noexcept;

namespace detail {

/// Writes header and TLV head for a body of `body_bytes`; returns where the body goes.
std::byte* begin(std::span<std::byte> out, const Stamp& stamp, std::uint8_t type,
                 std::size_t body_bytes) noexcept;
/// Writes the checksum over what `begin` and the caller wrote.
void finish(std::byte* message, std::size_t message_bytes) noexcept;

[[nodiscard]] constexpr std::size_t message_bytes(std::size_t body_bytes) noexcept {
  return sizeof(Header) + (body_bytes > 255 ? 5 : 2) + body_bytes;
}

}  // namespace detail

/// Encodes `message` into `out` and returns the bytes used. `out` holds kSmallMessageBytes or more.
template <Message M>
std::size_t encode(std::span<std::byte> out, const Stamp& stamp, const M& message) noexcept {
  constexpr std::size_t kBytes = detail::message_bytes(sizeof(M));
  std::byte* body = detail::begin(out, stamp, Wire<M>::kType, sizeof(M));
  std::memcpy(body, &message, sizeof(M));
  detail::finish(out.data(), kBytes);
  return kBytes;
}

/// The same for a message with items behind it.
template <Message M, class Item>
std::size_t encode_with_tail(std::span<std::byte> out, const Stamp& stamp, const M& message,
                             std::span<const Item> items) noexcept {
  const std::size_t body_bytes = sizeof(M) + items.size_bytes();
  std::byte* body = detail::begin(out, stamp, Wire<M>::kType, body_bytes);
  std::memcpy(body, &message, sizeof(M));
  if (!items.empty()) std::memcpy(body + sizeof(M), items.data(), items.size_bytes());
  detail::finish(out.data(), detail::message_bytes(body_bytes));
  return detail::message_bytes(body_bytes);
}

/// Gives an encoded message another timestamp and mends its checksum: the relay's time is the log's
/// time.
void restamp(std::span<std::byte> message, Timestamp timestamp) noexcept;

/// A book message (one part; at most kLevelsPerMessage levels, more is our bug). The head's counts
/// are taken from the spans.
std::size_t encode_book(std::span<std::byte> out, const Stamp& stamp,
                        const BookView& book) noexcept;

/// Reads a book message; `levels` is the caller's space for at least kLevelsPerMessage levels and
/// backs the view.
[[nodiscard]] BookView read_book(const MessageView& message, std::span<Level> levels) noexcept;

}  // namespace stoa::native

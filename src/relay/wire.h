#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/filter.h"

// The bytes between a relay and its publishers and subscribers (docs/formats/relay.md). No I/O.
//
//   to the relay      native messages, and control frames between them
//   from the relay    entries: 8 bytes of lsn and a native message, as the relay's memory has them;
//                     behind the lsn kControlLsn stands a control frame
namespace stoa::relay {

inline constexpr std::uint32_t kControlMagic = 0x434F5453;  // "STOC" in memory
inline constexpr std::uint8_t kWireVersion = 1;
inline constexpr std::uint64_t kControlLsn = UINT64_MAX;
inline constexpr std::size_t kLsnBytes = 8;
inline constexpr std::size_t kPieceBytesMax = 256U << 10U;  // of a checkpoint in one frame
inline constexpr std::size_t kTextBytesMax = 1'024;
inline constexpr std::size_t kNameBytes = 32;
inline constexpr std::size_t kFiltersMax = 256;

enum class ControlKind : std::uint8_t {
  PublisherHello = 1,
  SubscriberHello = 2,
  CheckpointPiece = 3,  // both ways
  Bye = 4,
  Welcome = 16,
  Ack = 17,
  Rewind = 18,
  Gap = 19,
  Position = 20,
  Refused = 21,
  CheckpointDone = 22,
  Moved = 23,
};

/// 16 bytes in front of every control frame.
struct ControlHeader {
  std::uint32_t magic = kControlMagic;
  ControlKind kind{};
  std::uint8_t version = kWireVersion;
  std::uint16_t reserved = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t crc32c = 0;  // of the 12 bytes before and the body
};
static_assert(sizeof(ControlHeader) == 16);

/// Where a subscriber wants to begin.
enum class StartAt : std::uint8_t {
  Lsn,         // at a record: a cursor
  Newest,      // with what comes next
  Key,         // at the newest key message; where there is none, at the oldest record kept
  Checkpoint,  // a state first, then the records behind it
};
inline constexpr std::uint8_t kStartsAt = 4;

/// What the relay does with a subscriber that does not keep up.
enum class ReaderPolicy : std::uint8_t {
  MustHave,  // nothing is missed: it is served from disk, or publishers wait for it
  Drop,      // goes on at the newest key message, and is told what it missed
  Conflate,  // the same, but first the newest quote, feed state and mark of each instrument
};
inline constexpr std::uint8_t kReaderPolicies = 3;

/// Why the relay refuses; the text beside it says more.
enum class Refusal : std::uint8_t {
  Protocol = 1,     // bytes that are no frame, or a frame out of place
  BadMessage = 2,   // a message that cannot be believed, or may not travel here
  WrongSource = 3,  // a message of another source than the hello's, or an unknown one
  TooLarge = 4,
  Superseded = 5,  // a later instance publishes for this source; final
  Full = 6,        // no more publishers or subscribers
  NotAllowed = 7,  // this user
  LogFailed = 8,   // the journal has ended
  TooSlow = 9,     // publishers waited too long for this reader
  LogLost = 10,    // records that this publisher was promised are not in the log
  Draining = 11,
};
inline constexpr std::uint8_t kRefusals = 12;  // values are below
[[nodiscard]] std::string_view to_string(Refusal refusal) noexcept;

// --- bodies of control frames, as they lie on the wire

struct PublisherHello {
  static constexpr ControlKind kKind = ControlKind::PublisherHello;
  std::uint8_t domain = 0;
  std::uint8_t source = 0;
  std::uint8_t reserved[6]{};
  std::uint64_t instance = 0;  // 0: a new one
  std::uint64_t first = 0;     // it can still send, or would like to begin with; 0: at 1
  char name[kNameBytes]{};
};
static_assert(sizeof(PublisherHello) == 56);

/// Filters (8 bytes each) follow; none is all.
struct SubscriberHello {
  static constexpr ControlKind kKind = ControlKind::SubscriberHello;
  std::uint8_t domain = 0;
  StartAt start{};
  ReaderPolicy policy{};
  std::uint8_t reserved[5]{};
  std::uint64_t lsn = 0;      // StartAt::Lsn: the record that it wants next; 0: the oldest kept
  std::uint64_t log_id = 0;   // whose lsn that is; 0: whichever
  std::uint64_t history = 0;  // StartAt::Checkpoint: so many records before the head, at least
  char name[kNameBytes]{};
};
static_assert(sizeof(SubscriberHello) == 64);

/// Bytes of a state follow.
struct CheckpointPiece {
  static constexpr ControlKind kKind = ControlKind::CheckpointPiece;
  std::uint64_t lsn = 0;  // last record that the state has seen
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
};

struct Bye {
  static constexpr ControlKind kKind = ControlKind::Bye;
  std::uint64_t reserved = 0;
};

struct Welcome {
  static constexpr ControlKind kKind = ControlKind::Welcome;
  std::uint64_t log_id = 0;    // of this incarnation of the log
  std::uint64_t head = 0;      // newest record that counts
  std::uint64_t next_lsn = 0;  // subscriber: the record that comes first
  std::uint64_t instance = 0;  // publisher: which it is
  std::uint64_t sequence = 0;  // publisher: the newest of its source that counts
  std::uint64_t lsn = 0;       // publisher: and where it stands; 0: not known
};

struct Ack {
  static constexpr ControlKind kKind = ControlKind::Ack;
  std::uint64_t sequence = 0;  // everything up to it counts
  std::uint64_t lsn = 0;       // where it stands
};

/// To a publisher: something is missing; send again from here.
struct Rewind {
  static constexpr ControlKind kKind = ControlKind::Rewind;
  std::uint64_t sequence = 0;
};

/// To a subscriber: these records do not come. 0 to 0: another log, nobody can say.
struct GapFrame {
  static constexpr ControlKind kKind = ControlKind::Gap;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// To a subscriber: everything of its filter up to here has come.
struct Position {
  static constexpr ControlKind kKind = ControlKind::Position;
  std::uint64_t lsn = 0;
  std::uint64_t caught_up = 0;  // 1: the head that it found when it joined is reached
};

/// A text follows.
struct Refused {
  static constexpr ControlKind kKind = ControlKind::Refused;
  Refusal code{};
  std::uint8_t reserved[7]{};
};

/// A text follows when it was not written.
struct CheckpointDone {
  static constexpr ControlKind kKind = ControlKind::CheckpointDone;
  std::uint64_t lsn = 0;
  std::uint64_t written = 0;  // 1: it is on disk
};

/// The relay's successor waits at the same path.
struct Moved {
  static constexpr ControlKind kKind = ControlKind::Moved;
  std::uint64_t reserved = 0;
};

template <class T>
concept ControlBody = requires { T::kKind; } && std::is_trivially_copyable_v<T>;

// --- decoding

enum class WireError : std::uint8_t {
  NeedMore,     // the bytes end before the frame does
  BadMagic,     // neither a message nor a control frame
  BadVersion,   // of a control frame
  BadKind,      // of a control frame, or one that does not travel this way
  BadLength,    // of a control frame's body
  BadValue,     // in a control frame's body: not an enumerator, not zero where zero is due
  BadChecksum,  // of a control frame
  BadMessage,   // native::DecodeError says what
  BadLsn,       // no record has it
};

struct WireFailure {
  WireError error = WireError::NeedMore;
  native::DecodeError message = native::DecodeError::NeedMore;  // BadMessage: why
  std::size_t offset = 0;                                       // byte of the input
  /// For people: "bad checksum of a message at byte 28".
  [[nodiscard]] std::string text(std::uint64_t before = 0) const;  // `before`: bytes seen earlier
};

/// A control frame in place; its body has passed its checks.
struct Control {
  ControlKind kind{};
  std::span<const std::byte> body{};

  /// The fixed part; the caller has looked at `kind`.
  template <ControlBody T>
  [[nodiscard]] T as() const noexcept {
    T value;
    std::memcpy(&value, body.data(), sizeof value);
    return value;
  }
  /// What follows the fixed part.
  template <ControlBody T>
  [[nodiscard]] std::span<const std::byte> tail() const noexcept {
    return body.subspan(sizeof(T));
  }
  template <ControlBody T>
  [[nodiscard]] std::string_view text() const noexcept {
    const auto bytes = tail<T>();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};
[[nodiscard]] std::vector<Filter> filters_of(const Control& hello);
[[nodiscard]] std::string_view name_of(const char (&name)[kNameBytes]) noexcept;

/// A frame at the front of the input: a message, or else a control frame.
struct Frame {
  std::optional<native::MessageView> message{};
  Control control{};
  Lsn lsn{};              // from the relay: the message's place; 0: a transient one
  std::size_t bytes = 0;  // of the whole frame
};

/// What publishers and subscribers send. More may follow the frame (`bytes`).
///
/// errors  NeedMore: read on and call again; anything else: the connection is not to be believed
///         from here
[[nodiscard]] std::expected<Frame, WireFailure> decode_to_relay(
    std::span<const std::byte> input, native::Accept accept = {}) noexcept;
/// What the relay sends.
[[nodiscard]] std::expected<Frame, WireFailure> decode_from_relay(
    std::span<const std::byte> input, native::Accept accept = {}) noexcept;

// --- encoding; all of them append

namespace detail {
void put_control(std::vector<std::byte>& out, ControlKind kind, std::span<const std::byte> body,
                 std::span<const std::byte> tail);
void put_control_lsn(std::vector<std::byte>& out);
}  // namespace detail

/// A control frame towards the relay.
template <ControlBody T>
void put_to_relay(std::vector<std::byte>& out, const T& body,
                  std::span<const std::byte> tail = {}) {
  detail::put_control(out, T::kKind, std::as_bytes(std::span{&body, 1}), tail);
}
/// A control frame from the relay.
template <ControlBody T>
void put_from_relay(std::vector<std::byte>& out, const T& body,
                    std::span<const std::byte> tail = {}) {
  detail::put_control_lsn(out);
  put_to_relay(out, body, tail);
}
void put_entry(std::vector<std::byte>& out, Lsn lsn, std::span<const std::byte> message);
/// Cut to what fits.
void put_name(char (&to)[kNameBytes], std::string_view name) noexcept;

}  // namespace stoa::relay

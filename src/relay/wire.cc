#include "relay/wire.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/filter.h"

namespace stoa::relay {
namespace {

constexpr std::size_t kHeaderBytes = sizeof(ControlHeader);
constexpr std::size_t kCrcAt = offsetof(ControlHeader, crc32c);

enum Direction : std::uint8_t { ToRelay = 1, FromRelay = 2 };

/// What a control frame of a kind looks like.
struct Rule {
  ControlKind kind{};
  std::uint8_t directions = 0;
  std::uint16_t fixed_bytes = 0;
  std::uint32_t tail_bytes_max = 0;
  std::uint32_t tail_unit = 1;
};

constexpr std::uint32_t kFilterTailMax = kFiltersMax * sizeof(Filter);

constexpr auto kRules = std::to_array<Rule>({
    {ControlKind::PublisherHello, ToRelay, sizeof(PublisherHello)},
    {ControlKind::SubscriberHello, ToRelay, sizeof(SubscriberHello), kFilterTailMax,
     sizeof(Filter)},
    {ControlKind::CheckpointPiece, ToRelay | FromRelay, sizeof(CheckpointPiece), kPieceBytesMax},
    {ControlKind::Bye, ToRelay, sizeof(Bye)},
    {ControlKind::Welcome, FromRelay, sizeof(Welcome)},
    {ControlKind::Ack, FromRelay, sizeof(Ack)},
    {ControlKind::Rewind, FromRelay, sizeof(Rewind)},
    {ControlKind::Gap, FromRelay, sizeof(GapFrame)},
    {ControlKind::Position, FromRelay, sizeof(Position)},
    {ControlKind::Refused, FromRelay, sizeof(Refused), kTextBytesMax},
    {ControlKind::CheckpointDone, FromRelay, sizeof(CheckpointDone), kTextBytesMax},
    {ControlKind::Moved, FromRelay, sizeof(Moved)},
});

const Rule* rule_of(ControlKind kind, Direction direction) noexcept {
  const auto* const rule = std::ranges::find(kRules, kind, &Rule::kind);
  return rule != kRules.end() && (rule->directions & direction) != 0 ? rule : nullptr;
}

std::unexpected<WireFailure> fail(WireError error, std::size_t offset) noexcept {
  return std::unexpected(WireFailure{.error = error, .offset = offset});
}

std::unexpected<WireFailure> fail(const native::DecodeFailure& failure,
                                  std::size_t before) noexcept {
  const bool more = failure.error == native::DecodeError::NeedMore;
  return std::unexpected(WireFailure{.error = more ? WireError::NeedMore : WireError::BadMessage,
                                     .message = failure.error,
                                     .offset = before + failure.offset});
}

template <class T>
T load(std::span<const std::byte> from, std::size_t at = 0) noexcept {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}

/// Where the body holds what this build does not know; nothing when all is well.
std::optional<std::size_t> bad_value(const Control& control) noexcept {
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint8_t>(control.body[at]); };
  const auto zeros = [&](std::size_t from, std::size_t to) -> std::optional<std::size_t> {
    for (std::size_t at = from; at < to; ++at) {
      if (byte(at) != 0) return at;
    }
    return {};
  };
  switch (control.kind) {
    case ControlKind::PublisherHello:
      if (byte(0) == 0 || byte(0) > native::kDomains) return 0;
      return zeros(offsetof(PublisherHello, reserved), offsetof(PublisherHello, instance));
    case ControlKind::SubscriberHello:
      if (byte(0) == 0 || byte(0) > native::kDomains) return 0;
      if (byte(offsetof(SubscriberHello, start)) >= kStartsAt) {
        return offsetof(SubscriberHello, start);
      }
      if (byte(offsetof(SubscriberHello, policy)) >= kReaderPolicies) {
        return offsetof(SubscriberHello, policy);
      }
      return zeros(offsetof(SubscriberHello, reserved), offsetof(SubscriberHello, lsn));
    case ControlKind::CheckpointPiece: {
      const auto piece = control.as<CheckpointPiece>();
      const std::size_t bytes = control.tail<CheckpointPiece>().size();
      if (piece.offset > piece.total_bytes || bytes > piece.total_bytes - piece.offset) {
        return offsetof(CheckpointPiece, offset);
      }
      return {};
    }
    case ControlKind::Bye:
    case ControlKind::Moved:
      return zeros(0, sizeof(Bye));
    case ControlKind::Gap: {
      const auto gap = control.as<GapFrame>();
      if (gap.first > gap.last) return 0;
      return {};
    }
    case ControlKind::Refused:
      if (byte(0) == 0 || byte(0) >= kRefusals) return 0;
      return zeros(offsetof(Refused, reserved), sizeof(Refused));
    case ControlKind::Position:
    case ControlKind::CheckpointDone:
      // The second word is yes or no.
      if (load<std::uint64_t>(control.body, sizeof(std::uint64_t)) > 1) {
        return sizeof(std::uint64_t);
      }
      return {};
    case ControlKind::Welcome:
    case ControlKind::Ack:
    case ControlKind::Rewind:
      return {};
  }
  return 0;
}

std::expected<Frame, WireFailure> decode_control(std::span<const std::byte> input,
                                                 Direction direction, std::size_t before) noexcept {
  const auto from = input.subspan(before);
  if (from.size() < kHeaderBytes) return fail(WireError::NeedMore, input.size());
  const auto header = load<ControlHeader>(from);
  if (header.magic != kControlMagic) return fail(WireError::BadMagic, before);
  if (header.version != kWireVersion || header.reserved != 0) {
    return fail(WireError::BadVersion, before + offsetof(ControlHeader, version));
  }
  const Rule* const rule = rule_of(header.kind, direction);
  if (rule == nullptr) return fail(WireError::BadKind, before + offsetof(ControlHeader, kind));
  if (header.body_bytes < rule->fixed_bytes ||
      header.body_bytes - rule->fixed_bytes > rule->tail_bytes_max ||
      (header.body_bytes - rule->fixed_bytes) % rule->tail_unit != 0) {
    return fail(WireError::BadLength, before + offsetof(ControlHeader, body_bytes));
  }
  if (from.size() < kHeaderBytes + header.body_bytes) {
    return fail(WireError::NeedMore, input.size());
  }
  const Control control{.kind = header.kind, .body = from.subspan(kHeaderBytes, header.body_bytes)};
  if (crc32c(crc32c(from.first(kCrcAt)), control.body) != header.crc32c) {
    return fail(WireError::BadChecksum, before + kCrcAt);
  }
  if (const auto at = bad_value(control)) {
    return fail(WireError::BadValue, before + kHeaderBytes + *at);
  }
  Frame frame;
  frame.control = control;
  frame.bytes = before + kHeaderBytes + header.body_bytes;
  return frame;
}

std::string_view text_of(WireError error) noexcept {
  switch (error) {
    case WireError::NeedMore:
      return "the frame is not whole";
    case WireError::BadMagic:
      return "neither a message nor a control frame";
    case WireError::BadVersion:
      return "a control frame of another version";
    case WireError::BadKind:
      return "a control frame of an unknown kind";
    case WireError::BadLength:
      return "a control frame with a length that its kind forbids";
    case WireError::BadValue:
      return "a control frame with a value that is none";
    case WireError::BadChecksum:
      return "a control frame with a bad checksum";
    case WireError::BadMessage:
      return "bad message";
    case WireError::BadLsn:
      return "an lsn that no record has";
  }
  return "unknown";
}

}  // namespace

std::string_view to_string(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::Protocol:
      return "protocol";
    case Refusal::BadMessage:
      return "bad_message";
    case Refusal::WrongSource:
      return "wrong_source";
    case Refusal::TooLarge:
      return "too_large";
    case Refusal::Superseded:
      return "superseded";
    case Refusal::Full:
      return "full";
    case Refusal::NotAllowed:
      return "not_allowed";
    case Refusal::LogFailed:
      return "log_failed";
    case Refusal::TooSlow:
      return "too_slow";
    case Refusal::LogLost:
      return "log_lost";
    case Refusal::Draining:
      return "draining";
  }
  return "unknown";
}

std::string WireFailure::text(std::uint64_t before) const {
  if (error == WireError::BadMessage) {
    return fmt::format("{}: {} at byte {}", text_of(error), native::to_string(message),
                       before + offset);
  }
  return fmt::format("{} at byte {}", text_of(error), before + offset);
}

std::vector<Filter> filters_of(const Control& hello) {
  const auto bytes = hello.tail<SubscriberHello>();
  std::vector<Filter> filters(bytes.size() / sizeof(Filter));
  if (!filters.empty()) std::memcpy(filters.data(), bytes.data(), bytes.size());
  return filters;
}

std::string_view name_of(const char (&name)[kNameBytes]) noexcept {
  return {name, static_cast<std::size_t>(std::find(name, name + kNameBytes, '\0') - name)};
}

std::expected<Frame, WireFailure> decode_to_relay(std::span<const std::byte> input,
                                                  native::Accept accept) noexcept {
  std::uint32_t magic = 0;
  if (input.size() < sizeof magic) return fail(WireError::NeedMore, input.size());
  std::memcpy(&magic, input.data(), sizeof magic);
  if (magic != native::kMagic) return decode_control(input, ToRelay, 0);
  const auto message = native::decode(input, accept);
  if (!message) return fail(message.error(), 0);
  Frame frame;
  frame.message = *message;
  frame.bytes = message->bytes().size();
  return frame;
}

std::expected<Frame, WireFailure> decode_from_relay(std::span<const std::byte> input,
                                                    native::Accept accept) noexcept {
  if (input.size() < kLsnBytes) return fail(WireError::NeedMore, input.size());
  const auto lsn = load<std::uint64_t>(input);
  if (lsn == kControlLsn) return decode_control(input, FromRelay, kLsnBytes);
  // Far beyond any log: the stream has slipped.
  if (lsn > INT64_MAX) return fail(WireError::BadLsn, 0);
  const auto message = native::decode(input.subspan(kLsnBytes), accept);
  if (!message) return fail(message.error(), kLsnBytes);
  Frame frame;
  frame.message = *message;
  frame.lsn = Lsn{lsn};
  frame.bytes = kLsnBytes + message->bytes().size();
  return frame;
}

namespace detail {

void put_control(std::vector<std::byte>& out, ControlKind kind, std::span<const std::byte> body,
                 std::span<const std::byte> tail) {
  ControlHeader header{.kind = kind,
                       .body_bytes = static_cast<std::uint32_t>(body.size() + tail.size())};
  const auto head = std::as_bytes(std::span{&header, 1});
  header.crc32c = crc32c(crc32c(crc32c(head.first(kCrcAt)), body), tail);
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), body.begin(), body.end());
  out.insert(out.end(), tail.begin(), tail.end());
}

void put_control_lsn(std::vector<std::byte>& out) {
  out.insert(out.end(), kLsnBytes, std::byte{0xFF});
}

}  // namespace detail

void put_entry(std::vector<std::byte>& out, Lsn lsn, std::span<const std::byte> message) {
  const std::uint64_t value = lsn.value();
  const auto head = std::as_bytes(std::span{&value, 1});
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), message.begin(), message.end());
}

void put_name(char (&to)[kNameBytes], std::string_view name) noexcept {
  std::fill(to, to + kNameBytes, '\0');
  std::memcpy(to, name.data(), std::min(name.size(), kNameBytes));
}

}  // namespace stoa::relay

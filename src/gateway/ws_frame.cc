#include "gateway/ws_frame.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcode = 0x0F;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::size_t kMaskBytes = 4;
constexpr std::size_t kControlBytesMax = 125;

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(text[i]);
}

std::uint64_t big_endian(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value = (value << 8U) | byte_at(bytes, i);
  return value;
}

bool is_control(std::uint8_t opcode) noexcept { return (opcode & 0x8U) != 0; }

bool known_opcode(std::uint8_t opcode) noexcept {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

/// Codes that may travel: RFC 6455 §7.4 without the ones that only describe.
bool sendable_code(std::uint16_t code) noexcept {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

WsFrame::WsFrame(std::string buffer, WsOpcode opcode) : buffer_{std::move(buffer)} {
  const std::uint64_t size = buffer_.size() - kHeadRoom;
  std::size_t at = kHeadRoom;
  std::uint8_t length = static_cast<std::uint8_t>(size < 126 ? size : 126);
  std::size_t extra = size < 126 ? 0 : 2;
  if (size > 0xFFFF) {
    length = 127;
    extra = 8;
  }
  for (std::size_t i = 0; i < extra; ++i) {
    buffer_[--at] = static_cast<char>((size >> (8 * i)) & 0xFFU);
  }
  buffer_[--at] = static_cast<char>(length);
  buffer_[--at] = static_cast<char>(kFin | static_cast<std::uint8_t>(opcode));
  begin_ = at;
}

std::shared_ptr<const WsFrame> WsFrame::finish(std::string buffer) {
  return std::make_shared<const WsFrame>(std::move(buffer), WsOpcode::Text);
}

std::shared_ptr<const WsFrame> WsFrame::make(WsOpcode opcode, std::string_view payload) {
  std::string buffer(kHeadRoom, '\0');
  buffer += payload;
  return std::make_shared<const WsFrame>(std::move(buffer), opcode);
}

std::shared_ptr<const WsFrame> WsFrame::close(std::uint16_t code, std::string_view reason) {
  std::string payload;
  payload += static_cast<char>(code >> 8U);
  payload += static_cast<char>(code & 0xFFU);
  payload += reason.substr(0, kControlBytesMax - 2);
  return make(WsOpcode::Close, payload);
}

WsEvent WsReader::fail(std::uint16_t code, std::string_view why) {
  ended_ = true;
  last_ = WsEvent{.kind = WsEvent::Kind::Error, .payload = why, .code = code};
  return last_;
}

WsReader::HeadState WsReader::read_head(Head& head) {
  const std::string_view bytes = std::string_view{buffer_}.substr(used_);
  if (bytes.size() < 2) return HeadState::NeedMore;
  const std::uint8_t first = byte_at(bytes, 0);
  const std::uint8_t second = byte_at(bytes, 1);
  head.fin = (first & kFin) != 0;
  head.opcode = first & kOpcode;
  if ((first & kReserved) != 0) {
    fail(WsClose::kProtocol, "a reserved bit is set and nothing was agreed on");
    return HeadState::Bad;
  }
  if (!known_opcode(head.opcode)) {
    fail(WsClose::kProtocol, "reserved opcode");
    return HeadState::Bad;
  }
  if ((second & kMasked) == 0) {
    fail(WsClose::kProtocol, "frames of clients must be masked");
    return HeadState::Bad;
  }
  const std::uint8_t length = second & 0x7FU;
  if (is_control(head.opcode) && (!head.fin || length > kControlBytesMax)) {
    fail(WsClose::kProtocol, "control frames are whole and short");
    return HeadState::Bad;
  }
  std::size_t extra = 0;
  if (length == 126) extra = 2;
  if (length == 127) extra = 8;
  head.head_bytes = 2 + extra + kMaskBytes;
  if (bytes.size() < 2 + extra) return HeadState::NeedMore;
  head.payload_bytes = extra == 0 ? length : big_endian(bytes.substr(2, extra));
  if (!is_control(head.opcode) && head.payload_bytes > kMessageBytesMax - message_.size()) {
    fail(WsClose::kTooLarge, "a message has at most 65536 bytes");
    return HeadState::Bad;
  }
  return bytes.size() - head.head_bytes >= head.payload_bytes && bytes.size() >= head.head_bytes
             ? HeadState::Ready
             : HeadState::NeedMore;
}

WsEvent WsReader::next() {
  if (ended_) return {};
  // What the last event pointed at is free now; moved rarely, so that a burst costs one move.
  if (used_ > 0 && (used_ == buffer_.size() || used_ > kMessageBytesMax)) {
    buffer_.erase(0, used_);
    used_ = 0;
  }
  for (;;) {
    Head head;
    const HeadState state = read_head(head);
    if (state == HeadState::NeedMore) return {};
    if (state == HeadState::Bad) return last_;
    const std::size_t mask_at = used_ + head.head_bytes - kMaskBytes;
    const std::size_t payload_at = used_ + head.head_bytes;
    const auto payload_bytes = static_cast<std::size_t>(head.payload_bytes);
    for (std::size_t i = 0; i < payload_bytes; ++i) {
      const auto masked = static_cast<std::uint8_t>(buffer_[payload_at + i]);
      const auto mask = static_cast<std::uint8_t>(buffer_[mask_at + i % kMaskBytes]);
      buffer_[payload_at + i] = static_cast<char>(masked ^ mask);
    }
    used_ = payload_at + payload_bytes;
    const auto payload = std::string_view{buffer_}.substr(payload_at, payload_bytes);
    const WsEvent event =
        is_control(head.opcode) ? take_control(head, payload) : take_data(head, payload);
    if (event.kind != WsEvent::Kind::NeedMore) return event;
  }
}

WsEvent WsReader::take_control(const Head& head, std::string_view payload) {
  if (head.opcode == static_cast<std::uint8_t>(WsOpcode::Ping)) {
    return {.kind = WsEvent::Kind::Ping, .payload = payload};
  }
  if (head.opcode == static_cast<std::uint8_t>(WsOpcode::Pong)) {
    return {.kind = WsEvent::Kind::Pong, .payload = payload};
  }
  if (payload.size() == 1) return fail(WsClose::kProtocol, "a close code has two bytes");
  std::uint16_t code = WsClose::kNoStatus;
  if (payload.size() >= 2) {
    code = static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
    if (!sendable_code(code)) return fail(WsClose::kProtocol, "this close code may not be sent");
    if (!json::is_utf8(payload.substr(2))) return fail(WsClose::kBadText, "reason is not UTF-8");
  }
  ended_ = true;
  return {.kind = WsEvent::Kind::Close,
          .payload = payload.size() >= 2 ? payload.substr(2) : std::string_view{},
          .code = code};
}

WsEvent WsReader::take_data(const Head& head, std::string_view payload) {
  // The head was checked: data frames are 0, 1 and 2.
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
  const auto opcode = static_cast<WsOpcode>(head.opcode);
  const bool under_way = message_opcode_ != WsOpcode::Continuation;
  if (under_way != (opcode == WsOpcode::Continuation)) {
    return fail(WsClose::kProtocol,
                under_way ? "a message began inside another" : "a continuation of nothing");
  }
  const WsOpcode kind = under_way ? message_opcode_ : opcode;
  const bool whole_at_once = head.fin && !under_way;
  if (!whole_at_once) {
    if (!under_way) message_.clear();
    message_opcode_ = kind;
    message_ += payload;
    if (!head.fin) return {};
    message_opcode_ = WsOpcode::Continuation;
    payload = message_;
  }
  if (kind == WsOpcode::Text && !json::is_utf8(payload)) {
    return fail(WsClose::kBadText, "text is not UTF-8");
  }
  return {.kind = WsEvent::Kind::Message, .opcode = kind, .payload = payload};
}

}  // namespace stoa::gateway

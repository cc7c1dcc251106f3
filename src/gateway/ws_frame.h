#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// The wire of RFC 6455, both directions of a server. No I/O.
namespace stoa::gateway {

enum class WsOpcode : std::uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10
};

/// Why a connection ends (RFC 6455 §7.4.1, the registry for 1012, and our own 4008).
struct WsClose {
  static constexpr std::uint16_t kNormal = 1000;
  static constexpr std::uint16_t kGoingAway = 1001;
  static constexpr std::uint16_t kProtocol = 1002;
  static constexpr std::uint16_t kUnsupported = 1003;
  static constexpr std::uint16_t kNoStatus = 1005;  // a close frame that says nothing
  static constexpr std::uint16_t kBadText = 1007;
  static constexpr std::uint16_t kTooLarge = 1009;
  static constexpr std::uint16_t kRestart = 1012;  // come back at once: another process goes on
  static constexpr std::uint16_t kTooSlow = 4008;
};

/// A whole frame as it travels, shared by every client that is owed it. Immutable.
class WsFrame {
 public:
  /// Room that `finish` needs in front of the payload.
  static constexpr std::size_t kHeadRoom = 10;

  /// A text frame from a buffer that begins with kHeadRoom bytes to spare: nothing is copied.
  [[nodiscard]] static std::shared_ptr<const WsFrame> finish(std::string buffer);
  [[nodiscard]] static std::shared_ptr<const WsFrame> make(WsOpcode opcode,
                                                           std::string_view payload);
  [[nodiscard]] static std::shared_ptr<const WsFrame> close(std::uint16_t code,
                                                            std::string_view reason);

  WsFrame(std::string buffer, WsOpcode opcode);
  [[nodiscard]] std::string_view bytes() const noexcept {
    return std::string_view{buffer_}.substr(begin_);
  }

 private:
  std::string buffer_;
  std::size_t begin_ = 0;
};
using WsFramePtr = std::shared_ptr<const WsFrame>;

/// What a client sent.
struct WsEvent {
  enum class Kind : std::uint8_t { NeedMore, Message, Ping, Pong, Close, Error };
  Kind kind = Kind::NeedMore;
  WsOpcode opcode = WsOpcode::Text;  // Message
  std::string_view payload{};        // until the next call; Error: what is wrong
  std::uint16_t code = 0;            // Close: as sent; Error: to close with
};

/// Bytes of a client to events, however they are cut. After an Error or Close nothing follows.
///
/// size    messages up to 64 KiB, fragments together; larger ones are Error 1009
/// errors  1002: not masked, reserved bits or opcodes, fragmented or long control frames, a
///         continuation of nothing, a bad close; 1007: text that is no UTF-8; 1009: too large
class WsReader {
 public:
  static constexpr std::size_t kMessageBytesMax = 65'536;

  void feed(std::string_view bytes) { buffer_ += bytes; }
  [[nodiscard]] WsEvent next();

 private:
  struct Head {
    bool fin = false;
    std::uint8_t opcode = 0;
    std::size_t head_bytes = 0;
    std::uint64_t payload_bytes = 0;
  };
  enum class HeadState : std::uint8_t { NeedMore, Ready, Bad };
  HeadState read_head(Head& head);
  WsEvent take_control(const Head& head, std::string_view payload);
  WsEvent take_data(const Head& head, std::string_view payload);
  WsEvent fail(std::uint16_t code, std::string_view why);

  std::string buffer_;
  std::size_t used_ = 0;  // bytes of the buffer that earlier events stand on
  std::string message_;   // fragments so far
  WsOpcode message_opcode_ = WsOpcode::Continuation;  // Continuation: none is under way
  WsEvent last_{};
  bool ended_ = false;
};

/// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key (RFC 6455 §4.2.2).
[[nodiscard]] std::string ws_accept_key(std::string_view client_key);

}  // namespace stoa::gateway

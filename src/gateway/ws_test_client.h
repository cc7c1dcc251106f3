#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/test_support.h"

namespace stoa::gateway::test {

/// A client's frame with a fixed mask; `first` is the byte of FIN and opcode.
inline std::string masked(std::uint8_t first, std::string_view payload) {
  static constexpr std::array<std::uint8_t, 4> kMask{0x12, 0x34, 0x56, 0x78};
  std::string frame{static_cast<char>(first)};
  const std::uint64_t size = payload.size();
  int extra = 8;
  if (size < 126) {
    extra = 0;
    frame += static_cast<char>(0x80U | size);
  } else if (size <= 0xFFFF) {
    extra = 2;
    frame += '\xFE';
  } else {
    frame += '\xFF';
  }
  for (int i = extra - 1; i >= 0; --i) frame += static_cast<char>((size >> (8 * i)) & 0xFFU);
  for (const std::uint8_t byte : kMask) frame += static_cast<char>(byte);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ kMask[i % kMask.size()]);
  }
  return frame;
}

/// A WebSocket client that blocks for each frame.
class WsTestClient : public HttpClient {
 public:
  struct Frame {
    std::uint8_t opcode = 0xFF;  // 0xFF: the stream has ended
    std::string payload;
    [[nodiscard]] std::uint16_t close_code() const {
      if (opcode != 8 || payload.size() < 2) return 0;
      return static_cast<std::uint16_t>((static_cast<unsigned char>(payload[0]) << 8) |
                                        static_cast<unsigned char>(payload[1]));
    }
  };

  using HttpClient::HttpClient;

  /// The status of the handshake's answer.
  int upgrade(std::string_view headers = {}, std::string_view host = "127.0.0.1") {
    std::string request = "GET /ws/v1 HTTP/1.1\r\nHost: ";
    request += host;
    request +=
        "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    request += headers;
    request += "\r\n";
    send(request);
    return read().status;
  }
  void say(std::string_view text) const { send(masked(0x81, text)); }
  Frame frame() {
    Frame result;
    if (!fill(2)) return result;
    std::string head = take(2);
    std::uint64_t size = static_cast<unsigned char>(head[1]) & 0x7FU;
    const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (extra > 0) {
      if (!fill(extra)) return result;
      size = 0;
      for (const char c : take(extra)) size = (size << 8U) | static_cast<unsigned char>(c);
    }
    if (!fill(static_cast<std::size_t>(size))) return result;
    result.opcode = static_cast<std::uint8_t>(head[0]) & 0x0FU;
    result.payload = take(static_cast<std::size_t>(size));
    return result;
  }
  /// The next frame of a channel, others are passed over.
  std::string next_of(std::string_view channel) {
    for (;;) {
      const Frame next = frame();
      if (next.opcode != 1) return {};
      if (at(next.payload, "channel") == channel) return next.payload;
    }
  }
};

}  // namespace stoa::gateway::test

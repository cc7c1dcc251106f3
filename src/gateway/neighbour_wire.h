#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// What two gateways of one platform say to each other over DATA/run/gateway.next
// (docs/formats/gateway.md). No I/O.
namespace stoa::gateway {

enum class NeighbourKind : std::uint8_t {
  Hello = 1,        // whether the sender has the public listener
  Listener = 2,     // one descriptor goes along: the public listener
  Connections = 3,  // descriptors go along: HTTP connections between two answers
};

/// One frame.
struct NeighbourFrame {
  NeighbourKind kind = NeighbourKind::Hello;
  bool has_listener = false;         // Hello
  std::vector<std::string> early{};  // Connections: of each, bytes read and not answered yet

  /// Descriptors that travel with it.
  [[nodiscard]] std::size_t fds() const noexcept {
    return kind == NeighbourKind::Listener ? 1 : early.size();
  }
  friend bool operator==(const NeighbourFrame&, const NeighbourFrame&) = default;
};

/// Most connections of one frame: their descriptors fit one message.
inline constexpr std::size_t kConnectionsPerFrame = 253;
/// Most bytes of one connection: a head, a body and what was read behind them (HttpSession).
inline constexpr std::size_t kEarlyBytesMax = 128U << 10U;
/// A frame is begun anew once its body is as long.
inline constexpr std::size_t kFrameBodySoft = 256U << 10U;

[[nodiscard]] std::string encode(const NeighbourFrame& frame);

/// Bytes to frames, however they are cut.
class NeighbourReader {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next frame, or nothing yet.
  ///
  /// errors  Damaged: these bytes are no frame; hang up
  [[nodiscard]] Result<std::optional<NeighbourFrame>> next();

 private:
  std::string buffer_;
};

}  // namespace stoa::gateway

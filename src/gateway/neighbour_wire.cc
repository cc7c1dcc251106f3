#include "gateway/neighbour_wire.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/crc32c.h"
#include "base/error.h"

namespace stoa::gateway {
namespace {

constexpr std::uint32_t kMagic = 0x47'4F'54'53;  // "STOG"
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kBodyBytesMax =
    kFrameBodySoft + kEarlyBytesMax + 4 * (kConnectionsPerFrame + 1);

/// In front of each body, little-endian.
struct Head {
  std::uint32_t magic = kMagic;
  std::uint8_t kind = 0;
  std::uint8_t version = kVersion;
  std::uint16_t fds = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t crc = 0;  // of what is before it and the body
};
static_assert(sizeof(Head) == 16);
constexpr std::size_t kCrcAt = 12;

std::uint32_t crc_of(const Head& head, std::string_view body) {
  const auto front = std::as_bytes(std::span{&head, 1}).first(kCrcAt);
  return crc32c(crc32c(front), std::as_bytes(std::span{body}));
}

std::unexpected<Error> damaged(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(message), .source = "gateway.next"});
}

/// The body of Connections: per connection a length and its bytes.
bool read_early(std::string_view body, std::size_t count, NeighbourFrame& frame) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bytes = 0;
    if (body.size() < sizeof bytes) return false;
    std::memcpy(&bytes, body.data(), sizeof bytes);
    body.remove_prefix(sizeof bytes);
    if (bytes > kEarlyBytesMax || bytes > body.size()) return false;
    frame.early.emplace_back(body.substr(0, bytes));
    body.remove_prefix(bytes);
  }
  return body.empty();
}

bool read_body(const Head& head, std::string_view body, NeighbourFrame& frame) {
  switch (frame.kind) {
    case NeighbourKind::Hello:
      if (head.fds != 0 || body.size() != 1 || static_cast<unsigned char>(body[0]) > 1)
        return false;
      frame.has_listener = body[0] != 0;
      return true;
    case NeighbourKind::Listener:
      return head.fds == 1 && body.empty();
    case NeighbourKind::Connections:
      return head.fds > 0 && head.fds <= kConnectionsPerFrame && read_early(body, head.fds, frame);
  }
  return false;
}

}  // namespace

std::string encode(const NeighbourFrame& frame) {
  std::string body;
  if (frame.kind == NeighbourKind::Hello) body.assign(1, frame.has_listener ? '\1' : '\0');
  for (const std::string& early : frame.early) {
    const auto bytes = static_cast<std::uint32_t>(early.size());
    std::array<char, sizeof bytes> length{};
    std::memcpy(length.data(), &bytes, sizeof bytes);
    body.append(length.data(), length.size());
    body += early;
  }
  Head head{.kind = static_cast<std::uint8_t>(frame.kind),
            .fds = static_cast<std::uint16_t>(frame.fds()),
            .body_bytes = static_cast<std::uint32_t>(body.size())};
  head.crc = crc_of(head, body);
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes += body;
}

Result<std::optional<NeighbourFrame>> NeighbourReader::next() {
  Head head;
  if (buffer_.size() < sizeof head) return std::optional<NeighbourFrame>{};
  std::memcpy(&head, buffer_.data(), sizeof head);
  if (head.magic != kMagic) return damaged("these bytes are no frame of a gateway");
  if (head.version != kVersion) return damaged("the other gateway speaks another version");
  if (head.body_bytes > kBodyBytesMax) return damaged("a frame is larger than frames are");
  if (buffer_.size() < sizeof head + head.body_bytes) return std::optional<NeighbourFrame>{};
  const std::string_view body{buffer_.data() + sizeof head, head.body_bytes};
  if (head.crc != crc_of(head, body)) return damaged("the checksum of a frame is another");
  NeighbourFrame frame{.kind = static_cast<NeighbourKind>(head.kind)};
  if (!read_body(head, body, frame)) return damaged("the body of a frame is not of its kind");
  buffer_.erase(0, sizeof head + head.body_bytes);
  return std::optional{std::move(frame)};
}

}  // namespace stoa::gateway

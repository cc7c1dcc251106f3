#include "relay/hand_over.h"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/fd.h"
#include "relay/unix_socket.h"

namespace stoa::relay {
namespace {

constexpr int kGiveWithinMs = 1'000;

/// What goes with the descriptors.
struct Gift {
  std::uint64_t magic = 0x4654'4749'414F'5453;  // "STOAIGTF"
  std::uint32_t version = 1;
  std::uint32_t bytes = sizeof(Gift);
  HandOverState state{};
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  // of everything before
};
constexpr std::size_t kCrcAt = offsetof(Gift, crc);

std::unexpected<Error> refused(ErrorCode code, std::string message, std::string source = {}) {
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .source = std::move(source)});
}

}  // namespace

std::filesystem::path next_path(const std::filesystem::path& socket) {
  return socket.string() + ".next";
}

Result<std::optional<Inheritance>> ask_predecessor(const std::filesystem::path& socket,
                                                   int timeout_ms) {
  const auto path = next_path(socket);
  auto link = connect_unix(path);
  if (!link) {
    if (link.error().code == ErrorCode::NotFound) return std::optional<Inheritance>{};
    return std::unexpected(std::move(link.error()));
  }
  const auto peer = peer_of(*link);
  if (!peer) return std::unexpected(peer.error());
  if (peer->uid != ::geteuid()) {
    return refused(ErrorCode::Unavailable, "the relay that runs there belongs to another user",
                   path.string());
  }
  if (!say(*link, Word::Ask)) {
    return refused(ErrorCode::Unavailable, "the predecessor is gone", path.string());
  }
  Gift gift;
  auto fds = receive_with_fds(*link, std::as_writable_bytes(std::span{&gift, 1}), timeout_ms);
  if (!fds) return std::unexpected(std::move(fds.error()));
  const auto bytes = std::as_bytes(std::span{&gift, 1});
  if (gift.magic != Gift{}.magic || gift.version != 1 || gift.bytes != sizeof(Gift) ||
      gift.crc != crc32c(bytes.first(kCrcAt)) || fds->size() != 2) {
    return refused(ErrorCode::Damaged,
                   "what the predecessor gave is not what this program knows: stop it and start "
                   "this one",
                   path.string());
  }
  return Inheritance{.link = std::move(*link),
                     .listener = std::move((*fds)[0]),
                     .ring = std::move((*fds)[1]),
                     .state = gift.state};
}

Result<void> confirm_to_predecessor(const Inheritance& inheritance, int timeout_ms) {
  // Whether it can be heard or not: one that has hung up may have said Stop before.
  static_cast<void>(say(inheritance.link, Word::Ready));
  std::array<std::byte, 1> answer{};
  const auto got = receive_with_fds(inheritance.link, answer, timeout_ms);
  if (!got) {
    // Gone without a word is dead, and left everything here; silent and there may still be the
    // owner.
    if (got.error().message.starts_with("no answer")) return std::unexpected(got.error());
    return {};
  }
  if (answer[0] == static_cast<std::byte>(Word::Go)) return {};
  return refused(ErrorCode::Unavailable, "the predecessor did not wait and goes on itself");
}

Result<void> give(const Fd& link, const Fd& listener, int ring_fd, const HandOverState& state) {
  Gift gift{.state = state};
  const auto bytes = std::as_bytes(std::span{&gift, 1});
  gift.crc = crc32c(bytes.first(kCrcAt));
  const std::array<int, 2> fds{listener.get(), ring_fd};
  return send_with_fds(link, bytes, fds, kGiveWithinMs);
}

bool say(const Fd& link, Word word) noexcept {
  const auto byte = static_cast<std::byte>(word);
  return send(link, std::span{&byte, 1}).how == Transfer::Done;
}

Result<std::optional<Word>> hear(const Fd& link) {
  std::byte byte{};
  const Transferred got = receive(link, std::span{&byte, 1});
  if (got.how == Transfer::Later) return std::optional<Word>{};
  if (got.how == Transfer::Closed) return refused(ErrorCode::Unavailable, "the successor is gone");
  return std::optional{static_cast<Word>(byte)};
}

}  // namespace stoa::relay

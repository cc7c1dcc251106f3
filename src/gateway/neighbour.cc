#include "gateway/neighbour.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "gateway/neighbour_wire.h"
#include "relay/unix_socket.h"

namespace stoa::gateway {
namespace {

constexpr std::size_t kReadBytes = 65'536;

std::unexpected<Error> gone() {
  return std::unexpected(Error{.code = ErrorCode::Unavailable,
                               .message = "the other gateway is gone",
                               .source = "gateway.next"});
}

}  // namespace

void Neighbour::push(const NeighbourFrame& frame, std::vector<Fd> fds) {
  frames_.push_back({.bytes = encode(frame), .fds = std::move(fds), .early = frame.early});
}

void Neighbour::say_hello(bool has_listener) {
  push({.kind = NeighbourKind::Hello, .has_listener = has_listener}, {});
}

Result<void> Neighbour::share_listener(const Fd& listener) {
  std::vector<Fd> fds;
  fds.emplace_back(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
  if (!fds.back()) return io_error("cannot share the listening socket", errno, "gateway.next");
  push({.kind = NeighbourKind::Listener}, std::move(fds));
  return {};
}

void Neighbour::give(std::vector<GivenConnection> connections) {
  NeighbourFrame frame{.kind = NeighbourKind::Connections};
  std::vector<Fd> fds;
  std::size_t bytes = 0;
  const auto end_frame = [&] {
    if (fds.empty()) return;
    push(frame, std::exchange(fds, {}));
    frame.early.clear();
    bytes = 0;
  };
  for (GivenConnection& each : connections) {
    bytes += each.early.size();
    fds.push_back(std::move(each.socket));
    frame.early.push_back(std::move(each.early));
    if (fds.size() == kConnectionsPerFrame || bytes >= kFrameBodySoft) end_frame();
  }
  end_frame();
}

Result<void> Neighbour::flush() {
  while (!frames_.empty()) {
    Frame& frame = frames_.front();
    std::vector<int> fds;
    fds.reserve(frame.fds.size());
    for (const Fd& fd : frame.fds) fds.push_back(fd.get());
    const auto rest = std::as_bytes(std::span{frame.bytes}).subspan(frame.sent);
    const relay::Transferred done = relay::send(socket_, rest, fds);
    if (done.how == relay::Transfer::Later) return {};
    if (done.how == relay::Transfer::Closed) return gone();
    frame.sent += done.bytes;
    frame.fds.clear();  // they went with the first byte
    if (frame.sent == frame.bytes.size()) frames_.pop_front();
  }
  return {};
}

Result<Neighbour::Came> Neighbour::read() {
  Came came;
  bool open = true;
  for (;;) {
    std::array<std::byte, kReadBytes> bytes;
    std::vector<Fd> fds;
    const relay::Transferred got = relay::receive(socket_, bytes, fds);
    for (Fd& fd : fds) came_.push_back(std::move(fd));
    if (got.how == relay::Transfer::Later) break;
    if (got.how == relay::Transfer::Closed) {
      open = false;
      break;
    }
    const auto read = std::span{bytes}.first(got.bytes);
    const void* const text = read.data();
    reader_.feed({static_cast<const char*>(text), read.size()});
  }
  for (;;) {
    auto frame = reader_.next();
    if (!frame) return std::unexpected(std::move(frame.error()));
    std::optional<NeighbourFrame>& next = *frame;
    if (!next) break;
    if (next->kind == NeighbourKind::Hello) {
      came.hello = true;
      came.has_listener = next->has_listener;
      continue;
    }
    if (came_.size() < next->fds()) {
      return std::unexpected(Error{.code = ErrorCode::Damaged,
                                   .message = "a frame came without its descriptors",
                                   .source = "gateway.next"});
    }
    if (next->kind == NeighbourKind::Listener) {
      came.listener = std::move(came_.front());
      came_.pop_front();
      continue;
    }
    for (std::string& early : next->early) {
      came.connections.push_back({std::move(came_.front()), std::move(early)});
      came_.pop_front();
    }
  }
  // What a process said before it ended counts; its end is told by the next read.
  const bool anything = came.hello || came.listener || !came.connections.empty();
  if (!open && !anything) return gone();
  return came;
}

std::vector<GivenConnection> Neighbour::take_unsent() {
  std::vector<GivenConnection> ours;
  for (Frame& frame : frames_) {
    if (frame.early.empty() || frame.sent > 0) continue;
    for (std::size_t i = 0; i < frame.fds.size(); ++i) {
      ours.push_back({std::move(frame.fds[i]), std::move(frame.early[i])});
    }
  }
  frames_.clear();
  return ours;
}

}  // namespace stoa::gateway

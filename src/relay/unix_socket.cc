#include "relay/unix_socket.h"

#include <asm-generic/errno.h>
#include <asm-generic/socket.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <bits/types/struct_iovec.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::relay {
namespace {

constexpr int kBacklog = 4'096;

std::unexpected<Error> refuse(ErrorCode code, std::string message,
                              const std::filesystem::path& path) {
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .source = path.string()});
}

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  const std::string& text = path.native();
  if (text.empty() || text.size() > kSocketPathBytesMax) {
    return refuse(ErrorCode::BadInput,
                  fmt::format("the path of a Unix socket has 1 to {} bytes and this one {}: choose "
                              "a shorter data directory",
                              kSocketPathBytesMax, text.size()),
                  path);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<Fd> make_socket(const std::filesystem::path& path) {
  Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return io_error("cannot make a socket", errno, path.string());
  return socket;
}

Transferred outcome(ssize_t done) noexcept {
  if (done > 0) return {.how = Transfer::Done, .bytes = static_cast<std::size_t>(done)};
  if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return {.how = Transfer::Later};
  }
  return {.how = Transfer::Closed};
}

/// Waits until the socket is ready for `events`.
Result<void> wait_for(const Fd& socket, short events, int timeout_ms) {
  pollfd waiting{.fd = socket.get(), .events = events, .revents = 0};
  while (true) {
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready > 0) return {};
    if (ready == 0) {
      return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                   .message = fmt::format("no answer in {} ms", timeout_ms),
                                   .source = {}});
    }
    if (errno != EINTR) return io_error("cannot wait for a socket", errno, {});
  }
}

std::unexpected<Error> gone() {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = "the other process is gone", .source = {}});
}

}  // namespace

Result<Fd> listen_unix(const std::filesystem::path& path, mode_t mode) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto socket = make_socket(path);
  if (!socket) return socket;
  // Held while the name is looked at and made, so that two that start at once do not take each
  // other's fresh file for a stale one.
  const std::string lock_path = path.string() + ".lock";
  const Fd lock{::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock) {
    if (errno == ENOENT) {
      return refuse(ErrorCode::NotFound, "the directory of the socket does not exist", path);
    }
    return io_error("cannot make the lock of the socket", errno, lock_path);
  }
  if (::flock(lock.get(), LOCK_EX) != 0) return io_error("cannot lock", errno, lock_path);

  // A full queue is somebody who is busy.
  if (const auto answers = connect_unix(path);
      answers || answers.error().code == ErrorCode::Unavailable) {
    return refuse(ErrorCode::Unavailable,
                  "another process listens here: stop it, or choose another data directory", path);
  }
  ::unlink(path.c_str());  // a stale file, or none
  if (::bind(socket->get(), generic(*address), sizeof *address) != 0) {
    return io_error("cannot make the socket", errno, path.string());
  }
  if (::chmod(path.c_str(), mode) != 0) {
    return io_error("cannot set the mode of the socket", errno, path.string());
  }
  if (::listen(socket->get(), kBacklog) != 0) {
    return io_error("cannot listen", errno, path.string());
  }
  return socket;
}

Result<Fd> connect_unix(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto socket = make_socket(path);
  if (!socket) return socket;
  if (::connect(socket->get(), generic(*address), sizeof *address) == 0) return socket;
  switch (errno) {
    case ENOENT:
      return refuse(ErrorCode::NotFound, "no such socket: is the relay running?", path);
    case ECONNREFUSED:
      return refuse(ErrorCode::NotFound, "nobody listens: is the relay running?", path);
    case EAGAIN:
      return refuse(ErrorCode::Unavailable, "too many wait to be accepted", path);
    default:
      return io_error("cannot connect", errno, path.string());
  }
}

Result<std::optional<Fd>> accept_unix(const Fd& listener) {
  while (true) {
    Fd socket{::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket) return std::optional<Fd>{std::move(socket)};
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<Fd>{};
    if (errno == EMFILE || errno == ENFILE) {
      return refuse(ErrorCode::Unavailable, "out of descriptors: raise the limit (ulimit -n)", {});
    }
    return io_error("cannot accept a connection", errno, {});
  }
}

Result<Peer> peer_of(const Fd& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return io_error("cannot ask who is connected", errno, {});
  }
  return Peer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

void set_buffers(const Fd& socket, std::size_t bytes) noexcept {
  const int size = static_cast<int>(std::min<std::size_t>(bytes, 1U << 30U));
  // What the system gives is enough to go on with.
  static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
}

Transferred receive(const Fd& socket, std::span<std::byte> into) noexcept {
  return outcome(::recv(socket.get(), into.data(), into.size(), MSG_DONTWAIT));
}

Transferred send(const Fd& socket, std::span<const std::byte> bytes) noexcept {
  return outcome(::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Transferred send(const Fd& socket, std::span<const std::byte> first,
                 std::span<const std::byte> second) noexcept {
  if (first.empty()) return send(socket, second);
  if (second.empty()) return send(socket, first);
  const auto part = [](std::span<const std::byte> bytes) {
    return iovec{.iov_base = const_cast<std::byte*>(bytes.data()),  // sendmsg only reads
                 .iov_len = bytes.size()};
  };
  std::array<iovec, 2> parts{part(first), part(second)};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return outcome(::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

Transferred send(const Fd& socket, std::span<const std::byte> bytes,
                 std::span<const int> fds) noexcept {
  if (fds.empty()) return send(socket, bytes);
  if (fds.size() > kFdsPerMessageMax) return {.how = Transfer::Closed};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kFdsPerMessageMax)> room{};
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  const ssize_t done = ::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // Too many descriptors are on their way; they arrive, and then there is room.
  if (done < 0 && errno == ETOOMANYREFS) return {.how = Transfer::Later};
  return outcome(done);
}

Transferred receive(const Fd& socket, std::span<std::byte> into, std::vector<Fd>& fds) {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kFdsPerMessageMax)> room{};
  iovec part{.iov_base = into.data(), .iov_len = into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  const Transferred got =
      outcome(::recvmsg(socket.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (got.how != Transfer::Done) return got;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + CMSG_LEN(0) + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return (message.msg_flags & MSG_CTRUNC) != 0 ? Transferred{.how = Transfer::Closed} : got;
}

Result<void> send_with_fds(const Fd& socket, std::span<const std::byte> bytes,
                           std::span<const int> fds, int timeout_ms) {
  while (!bytes.empty()) {
    const Transferred sent = send(socket, bytes, fds);
    if (sent.how == Transfer::Closed) return gone();
    if (sent.how == Transfer::Later) {
      if (auto ready = wait_for(socket, POLLOUT, timeout_ms); !ready) return ready;
      continue;
    }
    fds = {};
    bytes = bytes.subspan(sent.bytes);
  }
  return {};
}

Result<std::vector<Fd>> receive_with_fds(const Fd& socket, std::span<std::byte> into,
                                         int timeout_ms) {
  std::vector<Fd> fds;
  while (!into.empty()) {
    const Transferred got = receive(socket, into, fds);
    if (got.how == Transfer::Closed) return gone();
    if (got.how == Transfer::Later) {
      if (const auto ready = wait_for(socket, POLLIN, timeout_ms); !ready) {
        return std::unexpected(ready.error());
      }
      continue;
    }
    into = into.subspan(got.bytes);
  }
  return fds;
}

}  // namespace stoa::relay

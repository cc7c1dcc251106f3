#include "ops/connection_pool.h"

#include <arpa/inet.h>
#include <asm-generic/socket.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "ops/discovery.h"
#include "ops/registry.h"

namespace stoa::ops {
namespace {

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

Result<SocketAddress> address_of(std::string_view text) {
  SocketAddress out;
  if (text.starts_with('/')) {
    sockaddr_un address{};
    if (text.size() >= sizeof address.sun_path) {
      return bad_input("a socket's path has at most 107 bytes", std::string{text});
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.data(), text.size());
    std::memcpy(&out.bytes, &address, sizeof address);
    out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
    return out;
  }
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const std::string_view digits =
      colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  std::string host{text.substr(0, std::min(colon, text.size()))};
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool numbered = error == std::errc{} && stop == digits.data() + digits.size() && port != 0;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (numbered && ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&out.bytes, &v4, sizeof v4);
    out.size = sizeof v4;
    return out;
  }
  if (numbered && ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.bytes, &v6, sizeof v6);
    out.size = sizeof v6;
    return out;
  }
  return bad_input("expected ADDRESS:PORT or the path of a socket", std::string{text});
}

std::unexpected<Error> nobody(std::string_view address, int error) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable,
            .message = "nobody answers: " + std::generic_category().message(error),
            .source = std::string{address}});
}

/// Neither ended by the peer nor with an answer on it that nobody asked for.
bool is_alive(const Fd& connection) noexcept {
  char byte = 0;
  return ::recv(connection.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

Result<Fd> connect_to(std::string_view address, std::chrono::milliseconds timeout) {
  const auto to = address_of(address);
  if (!to) return std::unexpected(to.error());
  Fd fd{::socket(to->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return io_error("cannot make a socket", errno, std::string{address});
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own way
  const auto* const raw = reinterpret_cast<const sockaddr*>(&to->bytes);
  if (::connect(fd.get(), raw, to->size) == 0) return fd;
  if (errno != EINPROGRESS) return nobody(address, errno);  // EAGAIN: its queue is full
  pollfd waiting{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) {
    return nobody(address, ETIMEDOUT);
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return nobody(address, error);
  return fd;
}

ConnectionPool::ConnectionPool(const Clock& clock, Options options)
    : clock_{clock}, options_{options} {}

Result<Fd> ConnectionPool::take(std::string_view address) {
  const nanoseconds now = clock_.monotonic();
  // The one that was used last is the likeliest to be alive.
  for (auto at = idle_.end(); at != idle_.begin();) {
    --at;
    if (at->address != address) continue;
    Fd connection = std::move(at->connection);
    const bool fresh = now - at->since < options_.idle_for;
    at = idle_.erase(at);
    if (fresh && is_alive(connection)) return connection;
  }
  auto made = connect_to(address, options_.connect_timeout);
  if (made) ++made_;
  return made;
}

void ConnectionPool::give_back(std::string_view address, Fd connection) {
  if (!connection || !is_alive(connection)) return;
  const auto here = std::ranges::count(idle_, address, &Idle::address);
  if (std::cmp_greater_equal(here, options_.idle_max)) return;
  idle_.push_back({.address = std::string{address},
                   .connection = std::move(connection),
                   .since = clock_.monotonic()});
}

void ConnectionPool::sweep(const Directory& directory) {
  const nanoseconds now = clock_.monotonic();
  const auto leads_somewhere = [&](const std::string& address) {
    for (const auto& service : directory.services) {
      for (const auto& known : service.instances) {
        if (std::ranges::find(known.instance.endpoints, address, &Endpoint::address) !=
            known.instance.endpoints.end()) {
          return true;
        }
      }
    }
    return false;
  };
  std::erase_if(idle_, [&](const Idle& idle) {
    return now - idle.since >= options_.idle_for || !is_alive(idle.connection) ||
           !leads_somewhere(idle.address);
  });
}

}  // namespace stoa::ops

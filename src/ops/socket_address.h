#pragma once

#include <sys/socket.h>

#include "base/error.h"
#include "ops/http_client.h"

namespace stoa::ops {

/// Where a TCP connection goes, looked up.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  /// 127.0.0.0/8 or ::1: what is said stays on this machine.
  [[nodiscard]] bool is_loopback() const noexcept;
};

/// The first address of a name, or of an address in text. May ask a name server, and wait for it.
///
/// errors  NotFound: no such host
[[nodiscard]] Result<SocketAddress> look_up(const HttpEndpoint& endpoint);

}  // namespace stoa::ops

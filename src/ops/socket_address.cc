#include "ops/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <expected>
#include <memory>
#include <string>

#include "base/error.h"
#include "ops/http_client.h"

namespace stoa::ops {

bool SocketAddress::is_loopback() const noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
  }
  if (storage.ss_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof v6);
  return std::memcmp(&v6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

Result<SocketAddress> look_up(const HttpEndpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, [](addrinfo* first) {
                                                               if (first != nullptr)
                                                                 ::freeaddrinfo(first);
                                                             }};
  if (status != 0 || found == nullptr) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = std::string{"no such host: "} + ::gai_strerror(status),
                                 .source = endpoint.text()});
  }
  SocketAddress address{.size = found->ai_addrlen};
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  return address;
}

}  // namespace stoa::ops

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"

// Tests and benches only.
namespace stoa::ops {

/// A blocking connection to a port of this machine that says bytes and reads answers.
class HttpTestClient {
 public:
  explicit HttpTestClient(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    ::setsockopt(socket_.get(), SOL_TCP, TCP_NODELAY, &yes, sizeof yes);
    connected_ =
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  /// False when the peer takes no more; what is heard then says why.
  bool say(std::string_view bytes) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent >= 0 && static_cast<std::size_t>(sent) == bytes.size();
  }
  /// One answer: head and as many bytes of body as it says; what there is when the peer ends.
  std::string hear(bool with_body = true) {
    for (;;) {
      const auto head = unread_.find("\r\n\r\n");
      if (head != std::string::npos) {
        std::size_t size = head + 4;
        const auto length = unread_.find("Content-Length: ");
        if (with_body && length < head) size += std::stoul(unread_.substr(length + 16));
        if (unread_.size() >= size) {
          std::string answer = unread_.substr(0, size);
          unread_.erase(0, size);
          return answer;
        }
      }
      if (!more()) return std::exchange(unread_, {});
    }
  }
  /// True when the peer has ended the connection and said nothing more.
  bool ended() { return unread_.empty() && !more() && unread_.empty(); }
  std::string ask(std::string_view method, std::string_view target, std::string_view headers = {}) {
    say(std::string{method} + " " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\n" +
        std::string{headers} + "\r\n");
    return hear(method != "HEAD");
  }

 private:
  bool more() {
    std::array<char, 65'536> bytes{};
    const auto size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (size <= 0) return false;
    unread_.append(bytes.data(), static_cast<std::size_t>(size));
    return true;
  }

  Fd socket_;
  bool connected_ = false;
  std::string unread_;
};

}  // namespace stoa::ops

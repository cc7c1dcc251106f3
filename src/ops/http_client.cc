#include "ops/http_client.h"

#include <fmt/core.h>
#include <netdb.h>
#include <sys/poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"

namespace stoa::ops {
namespace {

using Kind = HttpFailure::Kind;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kReplyBytesMax = 64UL * 1024 * 1024;

std::unexpected<HttpFailure> failure(Kind kind, bool sent, std::string message) {
  return std::unexpected(HttpFailure{.kind = kind, .sent = sent, .message = std::move(message)});
}

std::string reason(int errno_value) { return std::generic_category().message(errno_value); }

/// What is left of the call's time.
class Deadline {
 public:
  explicit Deadline(Milliseconds timeout) : end_{clock_.monotonic() + timeout} {}

  /// False once the time is up.
  [[nodiscard]] bool wait(int fd, short events) const {
    while (true) {
      const auto left = end_ - clock_.monotonic();
      if (left <= nanoseconds::zero()) return false;
      const auto rounded_up = std::chrono::duration_cast<Milliseconds>(left).count() + 1;
      pollfd one{.fd = fd, .events = events, .revents = 0};
      const int ready = ::poll(&one, 1, static_cast<int>(rounded_up));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return true;  // the next call tells what is wrong
    }
  }

 private:
  SystemClock clock_;
  nanoseconds end_;
};

std::expected<Fd, HttpFailure> connect_to(const addrinfo& address, const Deadline& deadline) {
  Fd fd{::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return failure(Kind::Broken, false, "no socket: " + reason(errno));
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return failure(Kind::NobodyThere, false, reason(errno));
  if (!deadline.wait(fd.get(), POLLOUT)) return failure(Kind::Timeout, false, "no connection");
  int error = 0;
  socklen_t size = sizeof error;
  // NOLINTNEXTLINE(misc-include-cleaner): the names stand in a header of the kernel
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failure(Kind::NobodyThere, false, reason(error));
  return fd;
}

std::expected<Fd, HttpFailure> connect_to(const HttpEndpoint& endpoint, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (status != 0) return failure(Kind::NobodyThere, false, ::gai_strerror(status));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, ::freeaddrinfo};
  std::expected<Fd, HttpFailure> fd = failure(Kind::NobodyThere, false, "no address");
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    fd = connect_to(*address, deadline);
    if (fd) return fd;
  }
  return fd;
}

std::string head_and_body(const HttpEndpoint& endpoint, const HttpRequest& request) {
  auto text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n",
                  request.method, request.target, endpoint.text());
  if (!request.token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", request.token);
  if (!request.body.empty() || request.method != "GET") {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n",
                        request.body.size());
  }
  return text + "\r\n" + request.body;
}

std::expected<void, HttpFailure> send_all(int fd, std::string_view bytes,
                                          const Deadline& deadline) {
  // Our servers act on whole requests only, so a failure in here has changed nothing.
  while (!bytes.empty()) {
    if (!deadline.wait(fd, POLLOUT)) return failure(Kind::Timeout, false, "could not send");
    const auto written = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (written < 0) return failure(Kind::Broken, false, "could not send: " + reason(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// ---- reading a reply

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !equals_ignoring_case(line.substr(0, colon), name)) {
      continue;
    }
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

template <class Integer>
std::optional<Integer> number(std::string_view text, int base = 10) {
  Integer value{};
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// The body of a chunked reply, or nothing while it is not whole.
std::optional<std::string> dechunk(std::string_view body) {
  std::string out;
  while (true) {
    const auto line = body.find("\r\n");
    if (line == std::string_view::npos) return std::nullopt;
    const auto size = number<std::size_t>(body.substr(0, std::min(line, body.find(';'))), 16);
    if (!size || body.size() - line - 2 < *size + 2) return std::nullopt;
    if (*size == 0) return out;
    out += body.substr(line + 2, *size);
    body.remove_prefix(line + 2 + *size + 2);
  }
}

/// A whole reply, or nothing while more must come. `ended`: the peer has closed.
std::optional<HttpReply> take_reply(std::string_view bytes, bool ended) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || !bytes.starts_with("HTTP/1.") || bytes.size() < 12) {
    return std::nullopt;
  }
  const auto status = number<int>(bytes.substr(9, 3));
  if (!status) return std::nullopt;
  const auto head = bytes.substr(0, end);
  const auto body = bytes.substr(end + 4);
  if (const auto length = header(head, "Content-Length"); !length.empty()) {
    const auto size = number<std::size_t>(length);
    if (!size || body.size() < *size) return std::nullopt;
    return HttpReply{.status = *status, .body = std::string{body.substr(0, *size)}};
  }
  if (equals_ignoring_case(header(head, "Transfer-Encoding"), "chunked")) {
    auto whole = dechunk(body);
    if (!whole) return std::nullopt;
    return HttpReply{.status = *status, .body = std::move(*whole)};
  }
  if (!ended) return std::nullopt;
  return HttpReply{.status = *status, .body = std::string{body}};
}

std::expected<HttpReply, HttpFailure> receive(int fd, const Deadline& deadline) {
  std::string bytes;
  std::array<char, 16'384> part{};
  while (bytes.size() < kReplyBytesMax) {
    if (!deadline.wait(fd, POLLIN)) return failure(Kind::Timeout, true, "no whole answer in time");
    const auto got = ::recv(fd, part.data(), part.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return failure(Kind::Broken, true, "connection lost: " + reason(errno));
    bytes.append(part.data(), static_cast<std::size_t>(got));
    if (auto reply = take_reply(bytes, got == 0)) return std::move(*reply);
    if (got == 0) return failure(Kind::Broken, true, "the connection ended before the answer did");
  }
  return failure(Kind::Broken, true, "an answer longer than 64 MiB");
}

}  // namespace

std::string HttpEndpoint::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::expected<HttpReply, HttpFailure> http_call(const HttpEndpoint& endpoint,
                                                const HttpRequest& request,
                                                std::chrono::milliseconds timeout) {
  const Deadline deadline{timeout};
  const auto fd = connect_to(endpoint, deadline);
  if (!fd) return std::unexpected(fd.error());
  const auto sent = send_all(fd->get(), head_and_body(endpoint, request), deadline);
  if (!sent) return std::unexpected(sent.error());
  return receive(fd->get(), deadline);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

}  // namespace stoa::ops

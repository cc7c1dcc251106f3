#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace stoa::ops {

/// Where a server listens.
struct HttpEndpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;

  [[nodiscard]] std::string text() const;  // "127.0.0.1:8080"
};

struct HttpRequest {
  std::string_view method = "GET";
  std::string target{};  // "/api/v1/orders?status=open", already percent-encoded
  std::string body{};    // JSON, or empty
  std::string token{};   // empty: no Authorization
};

struct HttpReply {
  int status = 0;
  std::string body{};
};

/// Why there is no reply. `sent`: the whole request may have reached the server, so what it asked
/// for may have happened.
struct HttpFailure {
  enum class Kind : std::uint8_t {
    NobodyThere,  // nobody listens there
    Timeout,      // no whole answer in time
    Broken,       // the connection ended, or what came is not HTTP
  };
  Kind kind = Kind::NobodyThere;
  bool sent = false;
  std::string message{};
};

/// One request over a connection of its own; blocks for at most `timeout` over all. Never repeats
/// a request: whoever calls knows whether that is safe.
[[nodiscard]] std::expected<HttpReply, HttpFailure> http_call(const HttpEndpoint& endpoint,
                                                              const HttpRequest& request,
                                                              std::chrono::milliseconds timeout);

/// For path segments and query values (RFC 3986 unreserved characters stay).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace stoa::ops

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

namespace stoa::ops {

/// How a role's health is served, and its bounds.
struct HealthOptions {
  std::string host = "127.0.0.1";  // an address, or localhost
  std::uint16_t port = 0;          // 0: any free one, see HealthServer::port
  std::string token{};             // what POST /-/… must show; empty refuses all of them
  std::uint32_t requests = static_cast<std::uint32_t>(RoleRequest::Drain);  // what the role obeys
  std::function<void()> wake{};  // called after a request was taken down, on the server's thread
  std::size_t connections_max = 64;  // beyond it 503
  std::chrono::milliseconds request_timeout{5'000};
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds silence_max{10'000};  // heartbeat older: not alive
};

/// Answers the endpoints of docs/health.md over HTTP/1.1 from a thread of its own: they come in
/// time while the role is busy, and the role never waits for them.
///
/// `status` and `metrics` outlive it; from `start` to `stop` the metrics belong to its thread.
class HealthServer {
 public:
  /// Listens, then serves.
  ///
  /// errors  Unavailable: the port is taken · BadInput: the host is no address · Io
  [[nodiscard]] static Result<std::unique_ptr<HealthServer>> start(RoleStatus& status,
                                                                   Metrics& metrics,
                                                                   HealthOptions options);
  ~HealthServer();
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "127.0.0.1:5556", as the registry says it.
  [[nodiscard]] std::string endpoint() const;
  /// Closes the port and every connection and ends the thread; further calls do nothing.
  void stop();

 private:
  class Server;
  explicit HealthServer(std::unique_ptr<Server> server) noexcept;

  std::unique_ptr<Server> server_;
};

}  // namespace stoa::ops

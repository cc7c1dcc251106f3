#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/temp_dir.h"
#include "cli/app.h"
#include "cli/command.h"

// Tests only: a scripted engine behind a real socket, and commands run with everything captured.
namespace stoa::cli {

struct SeenRequest {
  std::string line{};  // "GET /status HTTP/1.1"
  std::string head{};
  std::string body{};
};

/// Answers one request per connection on a free port of 127.0.0.1. The script returns the raw bytes
/// of the answer; an empty text closes without one, nothing keeps silent until the end.
class ScriptedEngine {
 public:
  using Script = std::function<std::optional<std::string>(const SeenRequest&)>;

  explicit ScriptedEngine(Script script) : script_{std::move(script)} {
    listener_ = Fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ok_ = ::bind(listener_.get(), generic, size) == 0 && ::listen(listener_.get(), 8) == 0 &&
          ::getsockname(listener_.get(), generic, &size) == 0;
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ScriptedEngine(const ScriptedEngine&) = delete;
  ScriptedEngine& operator=(const ScriptedEngine&) = delete;
  ~ScriptedEngine() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::vector<SeenRequest> seen() const {
    const std::lock_guard lock{mutex_};
    return seen_;
  }

 private:
  void serve() {
    std::vector<Fd> silent;
    while (true) {
      Fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!client) return;
      const auto request = receive(client.get());
      {
        const std::lock_guard lock{mutex_};
        seen_.push_back(request);
      }
      const auto answer = script_(request);
      if (!answer) {
        silent.push_back(std::move(client));
      } else if (!answer->empty()) {
        // The length is small, so that one call takes it all.
        static_cast<void>(::send(client.get(), answer->data(), answer->size(), MSG_NOSIGNAL));
      }
    }
  }

  static SeenRequest receive(int fd) {
    std::string bytes;
    std::array<char, 4096> part{};
    std::size_t wanted = std::string::npos;
    while (bytes.size() < wanted) {
      const auto got = ::recv(fd, part.data(), part.size(), 0);
      if (got <= 0) break;
      bytes.append(part.data(), static_cast<std::size_t>(got));
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string::npos || wanted != std::string::npos) continue;
      const auto length = bytes.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(bytes.substr(length + 16)) : 0);
    }
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) return {};
    return {.line = bytes.substr(0, bytes.find("\r\n")),
            .head = bytes.substr(0, end),
            .body = bytes.substr(end + 4)};
  }

  Script script_;
  Fd listener_;
  bool ok_ = false;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::thread thread_;
};

[[nodiscard]] inline std::string http(int status, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string{body};
}

/// What a command left behind.
struct Ran {
  int exit = 0;
  std::string out{};
  std::string err{};
};

/// `answer`: what a person types when asked; nothing: nobody is there.
[[nodiscard]] inline Ran run_words(const std::vector<std::string>& words, const Hooks& hooks = {},
                                   ops::Surroundings surroundings = {},
                                   const std::optional<std::string>& answer = std::nullopt) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in{answer.value_or("")};
  Terminal terminal{.out = out, .err = err, .in = answer ? &in : nullptr};
  const Exit exit = dispatch(words, hooks, surroundings, terminal);
  return {.exit = static_cast<int>(exit), .out = out.str(), .err = err.str()};
}

}  // namespace stoa::cli

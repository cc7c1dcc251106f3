#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/build.h"
#include "deploy/line_client.h"

// How a command talks to the supervisor: one line of words to run/supervisor.sock, answered by
// lines of JSON, the last of which is {"event":"done",…}.
namespace stoa::deploy {

/// "up venue", "down force timeout=5", "restart execution", "hand-over relay-market", "status";
/// "beside-start risk colour=green release=0.2.0 program=/data/releases/0.2.0/stoa", "beside-stop
/// risk", "beside-promote risk colour=green". In a value %20 is a space and %25 a percent sign.
struct Request {
  enum class Verb : std::uint8_t {
    Up,
    Down,
    Restart,
    HandOver,
    Status,
    BesideStart,
    BesideStop,
    BesidePromote,
  };
  Verb verb = Verb::Status;
  std::vector<std::string> roles{};
  bool force = false;
  std::optional<std::chrono::seconds> timeout{};
  std::optional<Build> build{};  // of the process that is started, restarted or promoted
};
[[nodiscard]] std::string to_line(const Request& request);  // with '\n'
/// Bytes of a peer, without the '\n'.
///
/// errors  BadInput
[[nodiscard]] Result<Request> parse_request(std::string_view line);

/// A command's end of the conversation; blocks. One thread.
class ControlClient {
 public:
  /// errors  NotFound: no supervisor listens there · Unavailable: it takes nobody at the moment ·
  /// Io
  [[nodiscard]] static Result<ControlClient> connect(const std::filesystem::path& socket);

  [[nodiscard]] Result<void> send(const Request& request);
  /// The next line without its end; nothing when the supervisor has closed.
  ///
  /// errors  Unavailable: none came within `timeout`
  [[nodiscard]] Result<std::optional<std::string>> line(std::chrono::milliseconds timeout) {
    return lines_.line(timeout);
  }

 private:
  explicit ControlClient(LineClient lines) : lines_{std::move(lines)} {}

  LineClient lines_;
};

}  // namespace stoa::deploy

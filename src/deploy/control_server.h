#pragma once

#include <sys/poll.h>

#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/control.h"
#include "deploy/line_server.h"

namespace stoa::deploy {

/// The supervisor's end of run/supervisor.sock: at most 16 clients, of which each may ask once, and
/// then listens until it is told that all is said. One thread.
class ControlServer {
 public:
  using Client = LineServer::Client;

  /// Binds the socket anew with mode 0600.
  ///
  /// errors  BadInput: its name is too long · Io
  [[nodiscard]] static Result<ControlServer> open(const std::filesystem::path& socket);

  void wait_for(std::vector<pollfd>& fds) const { lines_.wait_for(fds); }
  /// Accepts, reads and writes what can be without waiting; `use` gets each whole request.
  void poll(const std::function<void(Client&, const Result<Request>&)>& use);
  /// Adds a line for one client, or for all that listen.
  static void say(Client& client, std::string_view line) { LineServer::say(client, line); }
  void say_to_listeners(std::string_view line) { lines_.say_to_listeners(line); }
  /// Those that listen have heard the last line.
  void finish_listeners() { lines_.finish_listeners(); }
  /// Writes what is left, for at most a second; before the process ends.
  void drain() { lines_.drain(); }

 private:
  explicit ControlServer(LineServer lines) : lines_{std::move(lines)} {}

  LineServer lines_;
};

}  // namespace stoa::deploy

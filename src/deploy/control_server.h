#pragma once

#include <sys/poll.h>

#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "deploy/control.h"

namespace stoa::deploy {

/// The supervisor's end of run/supervisor.sock: non-blocking, at most 16 clients, of which each may
/// leave 1 MiB unread before it is dropped. One thread.
class ControlServer {
 public:
  /// One connection. It may ask once; then it listens until it is told that all is said.
  struct Client {
    Fd fd{};
    std::string in{};
    std::string out{};
    bool asked = false;
    bool listens = false;   // wants the lines of the operation
    bool finished = false;  // closes once `out` is empty
  };

  /// Binds the socket anew with mode 0600.
  ///
  /// errors  BadInput: its name is too long · Io
  [[nodiscard]] static Result<ControlServer> open(const std::filesystem::path& socket);
  ControlServer(ControlServer&&) noexcept = default;
  ControlServer& operator=(ControlServer&&) noexcept = default;
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

  /// What to wait for, appended.
  void wait_for(std::vector<pollfd>& fds) const;
  /// Accepts, reads and writes what can be without waiting; `use` gets each whole request.
  void poll(const std::function<void(Client&, const Result<Request>&)>& use);
  /// Adds a line for one client, or for all that listen.
  static void say(Client& client, std::string_view line);
  void say_to_listeners(std::string_view line);
  /// Those that listen have heard the last line.
  void finish_listeners();
  /// Writes what is left, for at most a second; before the process ends.
  void drain();

 private:
  ControlServer(Fd listener, std::filesystem::path path)
      : listener_{std::move(listener)}, path_{std::move(path)} {}
  void accept();
  static bool read(Client& client);
  static bool write(Client& client);

  Fd listener_;
  std::filesystem::path path_;
  std::list<Client> clients_;
};

}  // namespace stoa::deploy

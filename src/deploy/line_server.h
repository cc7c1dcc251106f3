#pragma once

#include <sys/poll.h>
#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "relay/unix_socket.h"

namespace stoa::deploy {

/// The answering end of a Unix socket over which lines are spoken: non-blocking, bounded in
/// clients, in what one may ask and in what it may leave unread. One thread.
class LineServer {
 public:
  struct Options {
    ::mode_t mode = 0600;
    std::size_t clients_max = 16;              // who comes then waits to be accepted
    std::size_t request_bytes_max = 8'192;     // who says more without an end of line is dropped
    std::size_t unread_bytes_max = 1U << 20U;  // who leaves more unread is dropped
    bool asks_once = false;                    // else again, once the answer before has been read
  };
  struct Client {
    Fd fd{};
    relay::Peer peer{};
    std::string in{};
    std::string out{};
    bool asked = false;
    bool listens = false;   // wants the lines of `say_to_listeners`
    bool finished = false;  // closes once `out` is empty
  };

  /// Listens at `socket` whatever stands there: the caller holds a lock which says that the name is
  /// its own.
  ///
  /// errors  as relay::listen_unix
  [[nodiscard]] static Result<LineServer> open(const std::filesystem::path& socket,
                                               Options options);
  LineServer(LineServer&&) noexcept = default;
  LineServer& operator=(LineServer&&) noexcept = default;
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;
  ~LineServer();

  /// What to wait for, appended.
  void wait_for(std::vector<pollfd>& fds) const;
  /// Accepts, reads and writes what can be without waiting. `use` gets at most one line of each
  /// client, without its end; also of one that has hung up behind it.
  void poll(const std::function<void(Client&, std::string_view line)>& use);
  /// Adds a line for one client, or for all that listen.
  static void say(Client& client, std::string_view line);
  void say_to_listeners(std::string_view line);
  /// Those that listen have heard the last line.
  void finish_listeners();
  /// No client waits for the rest of an answer.
  [[nodiscard]] bool quiet() const;
  /// Writes what is left, for at most a second; before the process ends.
  void drain();

 private:
  LineServer(Fd listener, std::filesystem::path path, Options options)
      : listener_{std::move(listener)}, path_{std::move(path)}, options_{options} {}
  void accept();
  bool read(Client& client) const;
  bool write(Client& client) const;

  Fd listener_;
  std::filesystem::path path_;
  Options options_;
  std::list<Client> clients_;
};

}  // namespace stoa::deploy

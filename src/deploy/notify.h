#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

// What a role says to whoever started it (sd_notify(3)), on the receiving side.
namespace stoa::deploy {

/// One datagram. Unknown names are passed over.
struct Notice {
  bool ready = false;
  bool stopping = false;
  bool watchdog = false;                              // it is alive
  bool trouble = false;                               // WATCHDOG=trigger: it asks to be ended
  std::optional<std::string> status{};                // one line for people
  std::optional<std::chrono::microseconds> extend{};  // EXTEND_TIMEOUT_USEC, at most one hour
  pid_t sender = 0;                                   // as the kernel says it
};

/// Reads `NAME=VALUE` lines. Bytes of a peer: never fails, what it cannot read it passes over;
/// a status is cut at 256 bytes and loses its control characters.
[[nodiscard]] Notice parse_notice(std::string_view datagram);

/// The socket of one role. What other processes send to it is dropped.
class NoticeSocket {
 public:
  /// Binds `path` anew, whatever stood there.
  ///
  /// errors  BadInput: longer than a socket's name may be (107 bytes) · Io
  [[nodiscard]] static Result<NoticeSocket> bind(const std::filesystem::path& path);
  NoticeSocket(NoticeSocket&&) noexcept = default;
  NoticeSocket& operator=(NoticeSocket&&) noexcept = default;
  NoticeSocket(const NoticeSocket&) = delete;
  NoticeSocket& operator=(const NoticeSocket&) = delete;
  ~NoticeSocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The next datagram that one of these sent; nothing when none waits. Never blocks. 0: nobody.
  [[nodiscard]] std::optional<Notice> receive(pid_t pid, pid_t other = 0);

 private:
  NoticeSocket(Fd fd, std::filesystem::path path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  Fd fd_;
  std::filesystem::path path_;
};

/// Longest path of a Unix socket, without the byte that ends it.
inline constexpr std::size_t kSocketPathMax = 107;

}  // namespace stoa::deploy

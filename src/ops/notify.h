#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"

namespace stoa::ops {

/// Tells whoever started this process how it stands, in systemd's words (sd_notify(3)) over
/// NOTIFY_SOCKET. Nobody listens: every call does nothing. Never blocks: what a full socket does
/// not take is lost, and the next word says it again. One thread.
///
/// source  https://www.freedesktop.org/software/systemd/man/252/sd_notify.html
class Notify {
 public:
  /// Reads NOTIFY_SOCKET (a path, or `@name` of the abstract namespace), WATCHDOG_USEC and
  /// WATCHDOG_PID, and takes them out of the environment so that no child speaks for us.
  [[nodiscard]] static Notify from_environment();
  /// The same, told. `watchdog` of 0: none.
  Notify(std::string_view socket, std::chrono::microseconds watchdog);
  /// Speaks to nobody.
  Notify() = default;

  [[nodiscard]] bool listened_to() const noexcept { return static_cast<bool>(socket_); }

  void ready(std::string_view status = {});
  /// One line for people; newlines become blanks.
  void status(std::string_view text);
  void stopping(std::string_view status = {});
  /// A reload begins at `monotonic_now`; it ends with `ready`.
  void reloading(nanoseconds monotonic_now);
  /// Starting or stopping takes this much longer.
  void extend_timeout(std::chrono::microseconds by);
  /// Each round: says WATCHDOG=1 once half of WATCHDOG_USEC has passed since the last time.
  void beat(nanoseconds monotonic_now);
  /// Between two of those; 0: no watchdog.
  [[nodiscard]] nanoseconds beat_every() const noexcept { return beat_every_; }

 private:
  void send(std::string_view message) noexcept;

  Fd socket_;
  std::string address_{};  // as sun_path takes it
  nanoseconds beat_every_{};
  nanoseconds beat_due_{};
};

}  // namespace stoa::ops

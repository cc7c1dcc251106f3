#include "ops/notify.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "base/clock.h"
#include "base/fd.h"

namespace stoa::ops {
namespace {

/// What a variable says, and takes it away.
std::string take_variable(const char* name) {
  // Start-up, before other threads.
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && stop == text.data() + text.size() && value > 0 ? value : 0;
}

std::string line_of(std::string_view text) {
  std::string line{text};
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace

Notify Notify::from_environment() {
  const std::string socket = take_variable("NOTIFY_SOCKET");
  const std::string usec = take_variable("WATCHDOG_USEC");
  const std::string pid = take_variable("WATCHDOG_PID");
  const bool ours = pid.empty() || number_of(pid) == ::getpid();
  return Notify{socket, std::chrono::microseconds{ours ? number_of(usec) : 0}};
}

Notify::Notify(std::string_view socket, std::chrono::microseconds watchdog) {
  const bool absolute = socket.starts_with('/') || socket.starts_with('@');
  if (!absolute || socket.size() < 2 || socket.size() >= sizeof(sockaddr_un::sun_path)) return;
  socket_ = Fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  address_ = socket;
  if (address_.front() == '@') address_.front() = '\0';
  if (socket_) beat_every_ = watchdog / 2;
}

void Notify::send(std::string_view message) noexcept {
  if (!socket_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  // The zero byte behind a path is not counted; an abstract name is exactly as long as it is.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own way
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  // Lost is lost: nobody may listen any more, and the role goes on.
  [[maybe_unused]] const auto sent = ::sendto(socket_.get(), message.data(), message.size(),
                                              MSG_NOSIGNAL | MSG_DONTWAIT, to, size);
}

void Notify::ready(std::string_view status) {
  if (!listened_to()) return;
  send(status.empty() ? "READY=1" : fmt::format("READY=1\nSTATUS={}", line_of(status)));
}

void Notify::status(std::string_view text) {
  if (listened_to()) send("STATUS=" + line_of(text));
}

void Notify::stopping(std::string_view status) {
  if (!listened_to()) return;
  send(status.empty() ? "STOPPING=1" : fmt::format("STOPPING=1\nSTATUS={}", line_of(status)));
}

void Notify::reloading(nanoseconds monotonic_now) {
  if (!listened_to()) return;
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_now.count() / 1'000));
}

void Notify::extend_timeout(std::chrono::microseconds by) {
  if (listened_to()) send(fmt::format("EXTEND_TIMEOUT_USEC={}", by.count()));
}

void Notify::beat(nanoseconds monotonic_now) {
  if (beat_every_ == nanoseconds{} || monotonic_now < beat_due_) return;
  beat_due_ = monotonic_now + beat_every_;
  send("WATCHDOG=1");
}

}  // namespace stoa::ops

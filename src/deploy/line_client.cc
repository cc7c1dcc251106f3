#include "deploy/line_client.h"

#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "relay/unix_socket.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kPartBytes = 65'536;
constexpr int kKnockAgainMs = 5;

std::unexpected<Error> late(const std::string& whom, std::string_view what) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = whom + std::string{what}, .source = {}});
}

}  // namespace

Result<LineClient> LineClient::connect(const std::filesystem::path& socket, std::string whom,
                                       std::chrono::milliseconds patience) {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + patience;
  while (true) {
    auto fd = relay::connect_unix(socket);
    if (fd) return LineClient{std::move(*fd), std::move(whom)};
    switch (fd.error().code) {
      case ErrorCode::NotFound:
        return std::unexpected(Error{.code = ErrorCode::NotFound,
                                     .message = whom + " does not run: nobody listens",
                                     .source = socket.string()});
      case ErrorCode::Unavailable:  // many wait to be accepted
        if (clock.monotonic() >= deadline) return std::unexpected(std::move(fd.error()));
        ::poll(nullptr, 0, kKnockAgainMs);
        break;
      default:
        return std::unexpected(std::move(fd.error()));
    }
  }
}

Result<void> LineClient::send(std::string_view line, std::chrono::milliseconds patience) {
  const nanoseconds deadline = SystemClock{}.monotonic() + patience;
  std::string text{line};
  text += '\n';
  for (auto rest = std::as_bytes(std::span{text}); !rest.empty();) {
    const auto sent = relay::send(fd_, rest);
    if (sent.how == relay::Transfer::Closed) {
      return io_error("cannot speak to " + whom_, EPIPE, {});
    }
    if (sent.how == relay::Transfer::Done) {
      rest = rest.subspan(sent.bytes);
      continue;
    }
    const auto ready = wait(POLLOUT, deadline);
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return late(whom_, " does not listen");
  }
  return {};
}

Result<std::optional<std::string>> LineClient::line(std::chrono::milliseconds patience) {
  const nanoseconds deadline = SystemClock{}.monotonic() + patience;
  std::size_t looked = 0;
  while (true) {
    if (const auto end = bytes_.find('\n', looked); end != std::string::npos) {
      std::string line = bytes_.substr(0, end);
      bytes_.erase(0, end + 1);
      return std::optional{std::move(line)};
    }
    looked = bytes_.size();
    std::array<char, kPartBytes> part{};
    const auto got = relay::receive(fd_, std::as_writable_bytes(std::span{part}));
    if (got.how == relay::Transfer::Closed) return std::optional<std::string>{};
    if (got.how == relay::Transfer::Done) {
      bytes_.append(part.data(), got.bytes);
      continue;
    }
    const auto ready = wait(POLLIN, deadline);
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return late(whom_, " did not answer in time");
  }
}

Result<bool> LineClient::wait(short events, nanoseconds deadline) const {
  const SystemClock clock;
  while (true) {
    constexpr nanoseconds kAlmostOne{999'999};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - clock.monotonic() + kAlmostOne);
    pollfd waiting{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return io_error("cannot wait for " + whom_, errno, {});
  }
}

}  // namespace stoa::deploy

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"
#include "relay/unix_socket.h"

// What a relay's two kinds of client share.
namespace stoa::relay {

/// When to try again: at once the first time, then later each time, up to a bound; with jitter, so
/// that a hundred clients of a relay that comes back do not all come at the same moment.
class Retry {
 public:
  Retry(nanoseconds min, nanoseconds max, std::uint64_t seed) noexcept
      : min_{min}, max_{max}, wait_{min}, random_{seed} {}

  [[nodiscard]] bool due(nanoseconds now) const noexcept { return now >= at_; }
  [[nodiscard]] nanoseconds at() const noexcept { return at_; }
  void failed(nanoseconds now) noexcept {
    const std::int64_t half = wait_.count() / 2;
    at_ = now + nanoseconds{half + random_.between(0, half)};
    wait_ = std::min(wait_ * 2, max_);
  }
  void succeeded() noexcept {
    wait_ = min_;
    at_ = nanoseconds{};
  }
  /// A connection has ended that was fine since `since`: at once, if that was for long enough that
  /// no relay is run into again and again by it.
  void lost(nanoseconds since, nanoseconds now) noexcept {
    if (now - since >= max_) return succeeded();
    failed(now);
  }

 private:
  nanoseconds min_;
  nanoseconds max_;
  nanoseconds wait_;
  nanoseconds at_{};  // 0: whenever; a time that callers may reckon with
  Random random_;
};

/// Received bytes that are not yet taken, in a buffer that never grows.
class Incoming {
 public:
  explicit Incoming(std::size_t bytes)
      : bytes_{std::make_unique_for_overwrite<std::byte[]>(bytes)}, size_{bytes} {}

  [[nodiscard]] std::span<const std::byte> rest() const noexcept {
    return {bytes_.get() + begin_, end_ - begin_};
  }
  void take(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept { begin_ = end_ = 0; }
  /// One read of the socket behind what is there.
  Transferred fill(const Fd& socket) noexcept {
    // The rest of a message goes to the front: the same few pages are used again and again, and
    // stay in the processor's cache.
    if (begin_ > 0 && (end_ - begin_ <= kMovedBytes || size_ - end_ < size_ / 2)) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    if (end_ == size_) return {};
    const std::size_t room = std::min(size_ - end_, kReadBytes);
    const Transferred got = receive(socket, {bytes_.get() + end_, room});
    end_ += got.bytes;
    return got;
  }

 private:
  static constexpr std::size_t kReadBytes = 128U << 10U;
  static constexpr std::size_t kMovedBytes = 4U << 10U;

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace stoa::relay

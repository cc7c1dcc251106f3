#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/cache_line.h"
#include "base/error.h"
#include "base/fd.h"

namespace stoa::bus {

/// Lets one consumer thread sleep until a publisher has something, at the price of a system call
/// only when it really sleeps. Any number of notifiers, one consumer.
///
///   publisher:  publish();  wake.notify();
///   consumer:   if (poll() == 0) {
///                 wake.prepare();
///                 if (poll() == 0) wake.wait(timeout); else wake.cancel();
///               }
///
/// The second poll closes the race: either it sees the message, or the notifier sees the sleeper.
/// With an event loop, watch `fd()` for reading in place of `wait`, and call `cancel` when it
/// fires.
class Wake {
 public:
  /// errors  Io: no descriptors left
  [[nodiscard]] static Result<Wake> create();

  Wake(Wake&& other) noexcept;
  Wake& operator=(Wake&&) = delete;
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() = default;

  /// After publishing, once per batch. About 5 ns; 1 µs or so when the consumer sleeps.
  void notify() noexcept {
    // Pairs with the exchange in prepare(): whichever of the two comes second sees what the other
    // thread did before its own, the sleeper or the message.
    if (state_.exchange(kAwake, std::memory_order_acq_rel) == kAsleep) [[unlikely]] {
      signal();
    }
  }

  /// Says "about to sleep"; the queue must be polled again afterwards.
  void prepare() noexcept {
    state_.exchange(kAsleep, std::memory_order_acq_rel);  // partner: notify()
  }
  /// Does not sleep after all, or has been woken by `fd()`; also empties the descriptor.
  void cancel() noexcept;
  /// Sleeps until notified, a signal is handled or `timeout` has passed (negative: no limit).
  ///
  /// returns true when notified
  bool wait(std::chrono::milliseconds timeout) noexcept;

  /// Readable from a notification until `cancel` or `wait`; for epoll or asio, never to be read.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  static constexpr std::uint32_t kAwake = 0;
  static constexpr std::uint32_t kAsleep = 1;

  explicit Wake(Fd fd) noexcept;
  void signal() noexcept;

  Fd fd_;
  alignas(kCacheLineBytes) std::atomic<std::uint32_t> state_{kAwake};
};

}  // namespace stoa::bus

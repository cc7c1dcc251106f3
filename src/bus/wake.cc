#include "bus/wake.h"

#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::bus {

Result<Wake> Wake::create() {
  Fd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd) return io_error("cannot create an eventfd", errno, {});
  return Wake{std::move(fd)};
}

Wake::Wake(Fd fd) noexcept : fd_{std::move(fd)} {}

Wake::Wake(Wake&& other) noexcept : fd_{std::move(other.fd_)} {}

void Wake::signal() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is at its end, and then the descriptor is readable anyway.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void Wake::cancel() noexcept {
  // Still asleep: nobody has signalled, the descriptor is empty. A notifier that came between its
  // exchange and its write makes one spare wake-up, which is harmless.
  if (state_.exchange(kAwake, std::memory_order_acq_rel) == kAsleep) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(fd_.get(), &count, sizeof count);
}

bool Wake::wait(std::chrono::milliseconds timeout) noexcept {
  pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  // A signal ends the sleep early; the caller's loop polls its queue and sleeps again.
  ::poll(&wanted, 1, timeout.count() < 0 ? -1 : static_cast<int>(timeout.count()));
  const bool notified = state_.load(std::memory_order_acquire) == kAwake;  // partner: notify()
  cancel();
  return notified;
}

}  // namespace stoa::bus

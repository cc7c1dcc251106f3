#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace stoa::apps {

/// Platform time that runs `factor` times as fast as the wall clock, from the moment it is made. A
/// factor of 1 is the wall clock itself. One thread.
class ScaledClock final : public Clock {
 public:
  ScaledClock(const Clock& wall, double factor) noexcept
      : wall_{wall}, factor_{factor}, wall_start_{wall.now()}, monotonic_start_{wall.monotonic()} {}

  [[nodiscard]] Timestamp now() const noexcept override {
    return factor_ == 1.0 ? wall_.now() : wall_start_ + elapsed();
  }
  [[nodiscard]] nanoseconds monotonic() const noexcept override {
    return monotonic_start_ + elapsed();
  }
  /// Real time until platform time reaches `time`, zero when it has.
  [[nodiscard]] nanoseconds real_time_until(Timestamp time) const noexcept {
    const auto ahead = static_cast<double>((time - now()).count()) / factor_;
    return nanoseconds{ahead > 0 ? static_cast<std::int64_t>(ahead) : 0};
  }

 private:
  [[nodiscard]] nanoseconds elapsed() const noexcept {
    const auto real = static_cast<double>((wall_.monotonic() - monotonic_start_).count());
    return nanoseconds{static_cast<std::int64_t>(real * factor_)};
  }

  const Clock& wall_;
  double factor_;
  Timestamp wall_start_;
  nanoseconds monotonic_start_;
};

}  // namespace stoa::apps

#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/decimal.h"

namespace stoa::venues::replay {

/// Recording time to platform time: `platform + (t - recorded) / speed`. As made by default it
/// changes nothing, which is what replay at full speed wants.
struct TimeMap {
  Timestamp recorded{};
  Timestamp platform{};
  std::int64_t speed_e6 = 1'000'000;  // > 0

  /// "Not set" stays so.
  [[nodiscard]] constexpr Timestamp operator()(Timestamp time) const noexcept {
    if (time == Timestamp{}) return time;
    const int128 passed = int128{(time - recorded).count()} * 1'000'000 / speed_e6;
    return platform + nanoseconds{static_cast<std::int64_t>(passed)};
  }
};

}  // namespace stoa::venues::replay

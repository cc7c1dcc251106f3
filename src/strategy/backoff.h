#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace stoa::strategy {

/// Waits longer after each refusal in a row, so that a strategy whose orders are refused does not
/// ask a thousand times a second: 0.5 s, 1 s, 2 s … 32 s. One success forgets them all.
class Backoff {
 public:
  [[nodiscard]] bool ready(Timestamp now) const noexcept { return now >= not_before_; }
  /// Refusals of what was asked before the last one became known count as one.
  void refused(Timestamp now) noexcept {
    if (!ready(now)) return;
    not_before_ = now + (std::chrono::milliseconds{500} * (1 << steps_));
    steps_ = std::min(steps_ + 1, kStepsMax);
  }
  void accepted() noexcept {
    steps_ = 0;
    not_before_ = {};
  }

 private:
  static constexpr int kStepsMax = 6;

  Timestamp not_before_;
  int steps_ = 0;
};

}  // namespace stoa::strategy

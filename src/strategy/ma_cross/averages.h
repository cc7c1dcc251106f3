#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/decimal.h"
#include "base/price.h"

namespace stoa::strategy {

/// A fast and a slow moving sum over the same samples, exact: comparing them never rounds. One
/// owner; `reset` allocates, `add` does not.
class MovingSums {
 public:
  /// Empties the sums. 0 < fast < slow.
  void reset(std::size_t fast, std::size_t slow);
  /// Forgets the samples and keeps the periods.
  void clear() noexcept;
  /// Takes one sample; the oldest falls out.
  void add(Price sample) noexcept;

  /// True once the slow window has filled.
  [[nodiscard]] bool warm() const noexcept { return count_ >= samples_.size() && count_ > 0; }
  /// Average of the fast window minus that of the slow one, towards zero. `warm()` only.
  [[nodiscard]] Price difference() const noexcept;
  /// 1 when the fast average stands above the slow one by more than `bps_e8` (1e-8 of a basis point
  /// each), -1 when below by more, else 0; exact. `warm()` only.
  [[nodiscard]] int side_of(std::int64_t bps_e8) const noexcept;

 private:
  std::vector<std::int64_t> samples_;  // ring of the slow window
  std::size_t fast_ = 0;
  std::size_t count_ = 0;  // samples taken
  std::size_t next_ = 0;   // where the next one goes
  int128 fast_sum_ = 0;
  int128 slow_sum_ = 0;
};

}  // namespace stoa::strategy

#include "strategy/ma_cross/averages.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/decimal.h"
#include "base/price.h"

namespace stoa::strategy {

void MovingSums::reset(std::size_t fast, std::size_t slow) {
  check(fast > 0 && fast < slow, "the fast window is a part of the slow one");
  samples_.assign(slow, 0);
  fast_ = fast;
  clear();
}

void MovingSums::clear() noexcept {
  std::ranges::fill(samples_, 0);
  count_ = 0;
  next_ = 0;
  fast_sum_ = 0;
  slow_sum_ = 0;
}

void MovingSums::add(Price sample) noexcept {
  const std::size_t slow = samples_.size();
  // Places that were never filled hold zero, so warming up needs no case of its own.
  const std::size_t leaves_fast = (next_ + slow - fast_) % slow;
  fast_sum_ += sample.e8() - samples_[leaves_fast];
  slow_sum_ += sample.e8() - samples_[next_];
  samples_[next_] = sample.e8();
  next_ = (next_ + 1) % slow;
  ++count_;
}

Price MovingSums::difference() const noexcept {
  const int128 fast = fast_sum_ / static_cast<std::int64_t>(fast_);
  const int128 slow = slow_sum_ / static_cast<std::int64_t>(samples_.size());
  return Price::from_e8(static_cast<std::int64_t>(fast - slow));
}

int MovingSums::side_of(std::int64_t bps_e8) const noexcept {
  // fast_sum / fast_n > slow_sum / slow_n x (1 + bps), without a division. Sums of 3,600 int64
  // times 3,600 times 1e12 stay below 2^127.
  constexpr int128 kOneInBpsE8 = 1'000'000'000'000;
  const int128 fast = fast_sum_ * static_cast<std::int64_t>(samples_.size());
  const int128 slow = slow_sum_ * static_cast<std::int64_t>(fast_);
  const int128 apart = (fast - slow) * kOneInBpsE8;
  const int128 needed = slow * bps_e8;
  if (apart > needed) return 1;
  if (apart < -needed) return -1;
  return 0;
}

}  // namespace stoa::strategy

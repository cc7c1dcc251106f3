#pragma once

#include <cstdint>

#include "base/clock.h"

namespace stoa::risk {

/// Orders per second of one source, by the generic cell rate algorithm: a bucket of one second's
/// worth that drains evenly. Eight bytes of state, integer arithmetic, so a replay decides the
/// same.
///
/// source  ITU-T I.371 annex A
class OrderRate {
 public:
  /// Orders in the bucket at `now` if one more were taken; compare with `per_second`.
  [[nodiscard]] constexpr std::int64_t with_one_more(Timestamp now,
                                                     std::int64_t per_second) const noexcept {
    const std::int64_t interval_ns = kSecondNs / per_second;
    const std::int64_t backlog_ns = full_until_ns_ > now.ns() ? full_until_ns_ - now.ns() : 0;
    return (backlog_ns + interval_ns - 1) / interval_ns + 1;
  }
  constexpr void take(Timestamp now, std::int64_t per_second) noexcept {
    const std::int64_t from = full_until_ns_ > now.ns() ? full_until_ns_ : now.ns();
    full_until_ns_ = from + kSecondNs / per_second;
  }
  [[nodiscard]] constexpr std::int64_t full_until_ns() const noexcept { return full_until_ns_; }
  /// The bucket that was saved as `full_until_ns`.
  [[nodiscard]] static constexpr OrderRate at(std::int64_t full_until_ns) noexcept {
    OrderRate rate;
    rate.full_until_ns_ = full_until_ns;
    return rate;
  }

 private:
  static constexpr std::int64_t kSecondNs = 1'000'000'000;

  std::int64_t full_until_ns_ = 0;
};

}  // namespace stoa::risk

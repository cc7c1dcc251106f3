#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace stoa {

/// Log-linear histogram of non-negative integers (usually nanoseconds): 32 steps per power of two,
/// so a percentile is at most 3.2 % above the true value. One thread records, any thread reads; a
/// reader sees a recent state.
///
/// size    15 KiB; values of 2^63 and above count in the last bucket
class Histogram {
 public:
  static constexpr int kStepBits = 5;
  static constexpr std::size_t kBuckets = (64 - kStepBits) << kStepBits;

  void record(std::uint64_t value) noexcept {
    bump(buckets_[bucket_of(value)], 1);
    bump(count_, 1);
    bump(sum_, value);
    if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
  }

  /// The smallest bucket bound that at least `quantile` (0 to 1) of the records do not pass; 0 when
  /// empty. The last bucket answers with the largest value seen.
  [[nodiscard]] std::uint64_t percentile(double quantile) const noexcept {
    const std::uint64_t total = count();
    if (total == 0) return 0;
    auto rank = static_cast<std::uint64_t>(quantile * static_cast<double>(total));
    if (rank >= total) rank = total - 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i].load(std::memory_order_relaxed);
      if (seen > rank) return upper_bound_of(i) < max() ? upper_bound_of(i) : max();
    }
    return max();
  }

  [[nodiscard]] std::uint64_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_.load(std::memory_order_relaxed); }
  /// Records not above `bound`, to the precision of a bucket; what a Prometheus bucket shows.
  [[nodiscard]] std::uint64_t count_up_to(std::uint64_t bound) const noexcept {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets && upper_bound_of(i) <= bound; ++i) {
      seen += buckets_[i].load(std::memory_order_relaxed);
    }
    return seen;
  }

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < (1U << kStepBits)) return static_cast<std::size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - 1 - kStepBits;
    if (shift >= 63 - kStepBits) return kBuckets - 1;
    return (static_cast<std::size_t>(shift) << kStepBits) +
           static_cast<std::size_t>(value >> shift);
  }
  [[nodiscard]] static constexpr std::uint64_t upper_bound_of(std::size_t bucket) noexcept {
    if (bucket < (2U << kStepBits)) return bucket;
    const std::size_t shift = (bucket >> kStepBits) - 1;
    const std::uint64_t step = (bucket & ((1U << kStepBits) - 1)) + (1U << kStepBits);
    return ((step + 1) << shift) - 1;
  }

 private:
  static void bump(std::atomic<std::uint64_t>& cell, std::uint64_t n) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace stoa

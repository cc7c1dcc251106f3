#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace stoa::oms {

/// Hash index over slots of a pool: open addressing, linear probing, deletion by shifting back, so
/// there are no tombstones and no allocation after construction. The key lives in the pool; callers
/// say how to compare.
class FlatIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// Room for `entries` at a load of one half.
  explicit FlatIndex(std::size_t entries)
      : cells_(std::bit_ceil(entries * 2)), mask_{cells_.size() - 1} {}

  /// The slot for which `equal(slot)` holds among those with `hash`, or kNone.
  template <class Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal equal) const noexcept {
    for (std::size_t at = hash & mask_; cells_[at].slot != kNone; at = (at + 1) & mask_) {
      if (cells_[at].hash == hash && equal(cells_[at].slot)) return cells_[at].slot;
    }
    return kNone;
  }

  /// The caller knows that the key is not there yet.
  void insert(std::uint64_t hash, std::uint32_t slot) noexcept {
    check(++used_ <= cells_.size() / 2, "an index never holds more than it was made for");
    std::size_t at = hash & mask_;
    while (cells_[at].slot != kNone) at = (at + 1) & mask_;
    cells_[at] = {hash, slot};
  }

  void erase(std::uint64_t hash, std::uint32_t slot) noexcept {
    std::size_t at = hash & mask_;
    while (cells_[at].slot != slot || cells_[at].hash != hash) {
      if (cells_[at].slot == kNone) return;
      at = (at + 1) & mask_;
    }
    --used_;
    for (std::size_t next = (at + 1) & mask_; cells_[next].slot != kNone;
         next = (next + 1) & mask_) {
      const std::size_t home = cells_[next].hash & mask_;
      if (((next - home) & mask_) < ((next - at) & mask_))
        continue;  // would move in front of its home
      cells_[at] = cells_[next];
      at = next;
    }
    cells_[at].slot = kNone;
  }

 private:
  struct Cell {
    std::uint64_t hash = 0;
    std::uint32_t slot = kNone;
  };

  std::vector<Cell> cells_;
  std::size_t mask_;
  std::size_t used_ = 0;
};

}  // namespace stoa::oms

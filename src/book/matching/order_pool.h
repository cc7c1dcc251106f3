#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "book/matching/types.h"

namespace stoa::book::matching {

/// Place of an order in the pool.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = ~Slot{0};

/// A resting order: 40 bytes, linked into the queue of its level.
struct Order {
  std::uint64_t id = 0;
  Ticks px = 0;
  Lots qty = 0;  // open
  Owner owner = 0;
  Slot prev = kNoSlot;
  Slot next = kNoSlot;  // doubles as the link of the free list
  Side side = Side::Buy;
  bool post_only = false;
};

/// A fixed number of orders and the way from an id to one of them. Allocates in the constructor
/// only.
///
/// The index is open addressing with linear probing and backward shift, at most half full. Runs of
/// eight neighbouring ids share a cache line (ids usually come from a counter), and the runs are
/// spread by a multiplication, so that a long run of old ids cannot pile up in front of new ones.
/// A cell carries 32 bits folded from the id: its home can be told, and most misses decided,
/// without reading the order.
class OrderPool {
 public:
  explicit OrderPool(std::uint32_t orders_max)
      : orders_(orders_max),
        run_bits_{run_bits_for(orders_max)},
        cells_(std::size_t{1} << (run_bits_ + kRunBits)) {
    for (Slot slot = orders_max; slot > 0; --slot) {
      orders_[slot - 1].next = free_;
      free_ = slot - 1;
    }
  }

  [[nodiscard]] bool full() const noexcept { return free_ == kNoSlot; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] Order& operator[](Slot slot) noexcept { return orders_[slot]; }
  [[nodiscard]] const Order& operator[](Slot slot) const noexcept { return orders_[slot]; }

  /// The slot of the order with this id, or kNoSlot.
  [[nodiscard]] Slot find(std::uint64_t id) const noexcept {
    const std::uint32_t tag = fold(id);
    for (std::size_t cell = home(tag);; cell = following(cell)) {
      const Cell& here = cells_[cell];
      if (here.slot == kNoSlot) return kNoSlot;
      if (here.tag == tag && orders_[here.slot].id == id) return here.slot;
    }
  }

  /// A slot for a new id; the caller has seen that the pool is not full and the id is not in it.
  [[nodiscard]] Slot acquire(std::uint64_t id) noexcept {
    const Slot slot = free_;
    free_ = orders_[slot].next;
    ++count_;
    orders_[slot].id = id;
    const std::uint32_t tag = fold(id);
    std::size_t cell = home(tag);
    while (cells_[cell].slot != kNoSlot) cell = following(cell);
    cells_[cell] = {.tag = tag, .slot = slot};
    return slot;
  }

  void release(Slot slot) noexcept {
    std::size_t hole = home(fold(orders_[slot].id));
    while (cells_[hole].slot != slot) hole = following(hole);
    for (std::size_t cell = following(hole); cells_[cell].slot != kNoSlot; cell = following(cell)) {
      // A cell may move back into the hole unless its home lies after the hole.
      const std::size_t from_home = (cell - home(cells_[cell].tag)) & mask();
      const std::size_t from_hole = (cell - hole) & mask();
      if (from_home < from_hole) continue;
      cells_[hole] = cells_[cell];
      hole = cell;
    }
    cells_[hole].slot = kNoSlot;
    orders_[slot].next = free_;
    free_ = slot;
    --count_;
  }

 private:
  struct Cell {
    std::uint32_t tag = 0;
    Slot slot = kNoSlot;
  };
  static constexpr int kRunBits = 3;  // 8 cells of 8 bytes: one cache line

  /// Twice as many cells as orders, rounded up to a power of two, and at least two runs.
  [[nodiscard]] static int run_bits_for(std::uint32_t orders_max) noexcept {
    check(orders_max > 0 && orders_max <= kOrdersMax, "capacity between 1 and kOrdersMax");
    return std::max(static_cast<int>(std::bit_width(2 * orders_max - 1)) - kRunBits, 1);
  }
  [[nodiscard]] static std::uint32_t fold(std::uint64_t id) noexcept {
    return static_cast<std::uint32_t>(id ^ ((id >> 32) * 0x9E37'79B9U));
  }
  [[nodiscard]] std::size_t mask() const noexcept { return cells_.size() - 1; }
  [[nodiscard]] std::size_t following(std::size_t cell) const noexcept {
    return (cell + 1) & mask();
  }
  [[nodiscard]] std::size_t home(std::uint32_t tag) const noexcept {
    const std::uint32_t run = ((tag >> kRunBits) * 0x9E37'79B1U) >> (32 - run_bits_);
    return (std::size_t{run} << kRunBits) | (tag & ((1U << kRunBits) - 1));
  }

  std::vector<Order> orders_;
  int run_bits_;
  std::vector<Cell> cells_;
  Slot free_ = kNoSlot;
  std::uint32_t count_ = 0;
};

}  // namespace stoa::book::matching

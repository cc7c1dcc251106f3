#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <memory_resource>
#include <vector>

#include "base/check.h"
#include "book/matching/order_pool.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {

/// The queue of one price: orders in time order, first in first out.
struct PriceLevel {
  Lots qty = 0;  // sum of what is open
  Slot head = kNoSlot;
  Slot tail = kNoSlot;
  std::uint32_t orders_count = 0;
};

/// Equal blocks out of one allocation, for the nodes of the far levels.
class FixedBlocks final : public std::pmr::memory_resource {
 public:
  explicit FixedBlocks(std::size_t blocks_count);

 private:
  static constexpr std::size_t kBlockBytes = 96;  // a map node with a level is 72
  struct alignas(std::max_align_t) Block {
    std::array<std::byte, kBlockBytes> bytes;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override;
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::size_t blocks_count_;
  std::unique_ptr<Block[]> blocks_;  // pages are touched when first used
  std::size_t fresh_ = 0;
  std::vector<void*> free_;
};

/// The price levels of both sides. Prices in a window of 4,096 ticks around the touch live in an
/// array, found in constant time and searched by a bitmap of two layers; the others in a map per
/// side. The window moves after the touch has been outside of it for a while. A book is never
/// locked, so one array serves both sides.
///
/// Allocates in the constructor only. Levels are opened before an order enters and closed when the
/// last one has left; the ladder does not look at orders.
class Ladder {
 public:
  static constexpr std::size_t kWindowTicks = 4096;
  static constexpr Ticks kNoBid = std::numeric_limits<Ticks>::min();
  static constexpr Ticks kNoAsk = std::numeric_limits<Ticks>::max();

  explicit Ladder(std::uint32_t levels_max);

  /// Best price of a side; kNoBid or kNoAsk when the side is empty, which no limit price reaches.
  template <Side S>
  [[nodiscard]] Ticks best() const noexcept {
    return best_[index_of(S)];
  }

  /// An open level.
  [[nodiscard]] PriceLevel& level(Side side, Ticks px) noexcept {
    const std::uint64_t at = offset(px);
    if (at < kWindowTicks) [[likely]] {
      return (*window_)[at];
    }
    return far_[index_of(side)].find(key(side, px))->second;
  }

  /// A level of this side, null when it is not open.
  [[nodiscard]] const PriceLevel* find(Side side, Ticks px) const noexcept;

  /// The level, opened when it was not.
  template <Side S>
  [[nodiscard]] PriceLevel& open(Ticks px) {
    const std::uint64_t at = offset(px);
    const bool leads = S == Side::Buy ? px > best<S>() : px < best<S>();
    if (at < kWindowTicks) [[likely]] {
      bits_[index_of(S)].set(at);
      if (leads) best_[index_of(S)] = px;
      return (*window_)[at];
    }
    return open_far(S, px, leads);
  }

  /// Removes an open level that has no orders left.
  template <Side S>
  void close(Ticks px) {
    const std::uint64_t at = offset(px);
    if (at < kWindowTicks) [[likely]] {
      bits_[index_of(S)].clear(at);
    } else {
      far_[index_of(S)].erase(key(S, px));
    }
    if (px == best<S>()) find_best<S>();
  }

  /// Open levels of a side; counts 64 words.
  [[nodiscard]] std::size_t count(Side side) const noexcept {
    return bits_[index_of(side)].count() + far_[index_of(side)].size();
  }

  /// Calls `visit(px, level)` best first until it answers false.
  template <class Visit>
  void for_each(Side side, Visit&& visit) const {
    const auto& far = far_[index_of(side)];
    auto next = far.begin();
    // Far levels better than the whole window come first.
    const Ticks edge = side == Side::Buy ? base_ + static_cast<Ticks>(kWindowTicks) - 1 : base_;
    for (; next != far.end() && next->first < key(side, edge); ++next) {
      if (!visit(px_of(side, next->first), next->second)) return;
    }
    if (!for_each_near(side, visit)) return;
    for (; next != far.end(); ++next) {
      if (!visit(px_of(side, next->first), next->second)) return;
    }
  }

 private:
  using Window = std::array<PriceLevel, kWindowTicks>;

  /// 4,096 bits and one word that says which 64 of them are not all zero.
  class Bits {
   public:
    void set(std::size_t at) noexcept {
      words_[at / 64] |= std::uint64_t{1} << (at % 64);
      summary_ |= std::uint64_t{1} << (at / 64);
    }
    void clear(std::size_t at) noexcept {
      words_[at / 64] &= ~(std::uint64_t{1} << (at % 64));
      if (words_[at / 64] == 0) summary_ &= ~(std::uint64_t{1} << (at / 64));
    }
    [[nodiscard]] bool test(std::size_t at) const noexcept {
      return ((words_[at / 64] >> (at % 64)) & 1) != 0;
    }
    [[nodiscard]] bool empty() const noexcept { return summary_ == 0; }
    [[nodiscard]] std::size_t count() const noexcept {
      std::size_t bits = 0;
      for (const std::uint64_t word : words_) bits += static_cast<std::size_t>(std::popcount(word));
      return bits;
    }
    [[nodiscard]] std::size_t lowest() const noexcept {
      const auto word = static_cast<std::size_t>(std::countr_zero(summary_));
      return word * 64 + static_cast<std::size_t>(std::countr_zero(words_[word]));
    }
    [[nodiscard]] std::size_t highest() const noexcept {
      const auto word = static_cast<std::size_t>(63 - std::countl_zero(summary_));
      return word * 64 + static_cast<std::size_t>(63 - std::countl_zero(words_[word]));
    }

   private:
    std::array<std::uint64_t, kWindowTicks / 64> words_{};
    std::uint64_t summary_ = 0;
  };
  static_assert(kWindowTicks == std::size_t{64} * 64, "one summary word");

  // Keys order both sides best first.
  using Far = std::pmr::map<Ticks, PriceLevel>;
  [[nodiscard]] static constexpr Ticks key(Side side, Ticks px) noexcept {
    return side == Side::Buy ? -px : px;
  }
  [[nodiscard]] static constexpr Ticks px_of(Side side, Ticks key) noexcept {
    return side == Side::Buy ? -key : key;
  }
  [[nodiscard]] static constexpr std::size_t index_of(Side side) noexcept {
    return static_cast<std::size_t>(side);
  }
  [[nodiscard]] std::uint64_t offset(Ticks px) const noexcept {
    return static_cast<std::uint64_t>(px) - static_cast<std::uint64_t>(base_);
  }

  template <Side S>
  void find_best() {
    const Bits& bits = bits_[index_of(S)];
    Ticks px = S == Side::Buy ? kNoBid : kNoAsk;
    if (!bits.empty()) {
      px = base_ + static_cast<Ticks>(S == Side::Buy ? bits.highest() : bits.lowest());
    }
    best_[index_of(S)] = px;
    if (!far_[index_of(S)].empty()) [[unlikely]] {
      consider_far(S, px);
    }
  }

  template <class Visit>
  [[nodiscard]] bool for_each_near(Side side, Visit&& visit) const {
    Bits rest = bits_[index_of(side)];
    while (!rest.empty()) {
      const std::size_t at = side == Side::Buy ? rest.highest() : rest.lowest();
      rest.clear(at);
      if (!visit(base_ + static_cast<Ticks>(at), (*window_)[at])) return false;
    }
    return true;
  }

  PriceLevel& open_far(Side side, Ticks px, bool leads);
  void consider_far(Side side, Ticks near_best);
  void touch_is_far(Ticks px);
  void move_window(Ticks centre);

  Ticks base_ = 0;
  std::array<Ticks, 2> best_{kNoBid, kNoAsk};
  std::array<Bits, 2> bits_{};
  std::unique_ptr<Window> window_;
  std::unique_ptr<Window> spare_;  // where move_window builds the next one
  FixedBlocks blocks_;
  std::array<Far, 2> far_;
  std::uint32_t far_touches_count_ = 0;
};

}  // namespace stoa::book::matching

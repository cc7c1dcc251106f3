#include "book/matching/ladder.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/check.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {
namespace {

/// How often the touch must be found outside the window before the window follows: moving costs a
/// few microseconds, and a touch wider than the window would otherwise move it at every operation.
constexpr std::uint32_t kFarTouchesBeforeMove = 64;

}  // namespace

FixedBlocks::FixedBlocks(std::size_t blocks_count)
    : blocks_count_{blocks_count}, blocks_{std::make_unique_for_overwrite<Block[]>(blocks_count)} {
  free_.reserve(blocks_count);
}

void* FixedBlocks::do_allocate(std::size_t bytes, std::size_t alignment) {
  check(bytes <= kBlockBytes && alignment <= alignof(Block), "a map node fits one block");
  if (!free_.empty()) {
    void* block = free_.back();
    free_.pop_back();
    return block;
  }
  check(fresh_ < blocks_count_, "no more levels than orders, so a block is left");
  return &blocks_[fresh_++];
}

void FixedBlocks::do_deallocate(void* block, std::size_t /*bytes*/, std::size_t /*alignment*/) {
  free_.push_back(block);
}

// A level opened for an inbound order may coexist with one that is about to close, hence the spare.
Ladder::Ladder(std::uint32_t levels_max)
    : window_{std::make_unique<Window>()},
      spare_{std::make_unique<Window>()},
      blocks_{std::size_t{levels_max} + 2},
      far_{Far{&blocks_}, Far{&blocks_}} {}

const PriceLevel* Ladder::find(Side side, Ticks px) const noexcept {
  const std::uint64_t at = offset(px);
  if (at < kWindowTicks) return bits_[index_of(side)].test(at) ? &(*window_)[at] : nullptr;
  const auto& far = far_[index_of(side)];
  const auto found = far.find(key(side, px));
  return found == far.end() ? nullptr : &found->second;
}

PriceLevel& Ladder::open_far(Side side, Ticks px, bool leads) {
  if (leads) {
    best_[index_of(side)] = px;
    touch_is_far(px);
  }
  const std::uint64_t at = offset(px);
  if (at >= kWindowTicks) return far_[index_of(side)][key(side, px)];
  bits_[index_of(side)].set(at);
  return (*window_)[at];
}

void Ladder::consider_far(Side side, Ticks near_best) {
  const auto& far = far_[index_of(side)];
  const Ticks far_best = far.begin()->first;
  const bool none_near = near_best == kNoBid || near_best == kNoAsk;
  if (!none_near && far_best > key(side, near_best)) return;
  best_[index_of(side)] = px_of(side, far_best);
  touch_is_far(best_[index_of(side)]);
}

void Ladder::touch_is_far(Ticks px) {
  const bool window_unused = bits_[0].empty() && bits_[1].empty();
  if (!window_unused && ++far_touches_count_ < kFarTouchesBeforeMove) return;
  far_touches_count_ = 0;
  move_window(px);
}

void Ladder::move_window(Ticks centre) {
  const Ticks base = centre - static_cast<Ticks>(kWindowTicks / 2);
  Window& next = *spare_;
  next.fill(PriceLevel{});
  std::array<Bits, 2> bits{};
  for (const Side side : {Side::Buy, Side::Sell}) {
    Bits rest = bits_[index_of(side)];
    Far& far = far_[index_of(side)];
    // Out of the map first: what leaves the window then finds a free block.
    const Ticks last = base + static_cast<Ticks>(kWindowTicks) - 1;
    auto from = far.lower_bound(key(side, side == Side::Buy ? last : base));
    while (from != far.end()) {
      const auto at = static_cast<std::uint64_t>(px_of(side, from->first) - base);
      if (at >= kWindowTicks) break;
      next[at] = from->second;
      bits[index_of(side)].set(at);
      from = far.erase(from);
    }
    while (!rest.empty()) {
      const std::size_t at = rest.lowest();
      rest.clear(at);
      const Ticks px = base_ + static_cast<Ticks>(at);
      const auto moved = static_cast<std::uint64_t>(px - base);
      if (moved < kWindowTicks) {
        next[moved] = (*window_)[at];
        bits[index_of(side)].set(moved);
      } else {
        far.emplace(key(side, px), (*window_)[at]);
      }
    }
  }
  std::swap(window_, spare_);
  bits_ = bits;
  base_ = base;
}

}  // namespace stoa::book::matching

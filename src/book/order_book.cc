#include "book/order_book.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::book {
namespace {

// Both sides keep their best level at the back, so "a is worse than b" is the sort order.
template <Side kSide>
bool worse(Price a, Price b) noexcept {
  return kSide == Side::Buy ? a < b : a > b;
}

// Most changes are near the touch: a few steps from the back before halving pays.
constexpr std::size_t kLinearSteps = 12;

/// Index of the first level that is not worse than `px`: its own place, or where it belongs.
template <Side kSide>
std::size_t place_of(std::span<const Level> levels, Price px) noexcept {
  std::size_t end = levels.size();
  for (std::size_t step = 0; step < kLinearSteps; ++step) {
    if (end == 0 || worse<kSide>(levels[end - 1].px, px)) return end;
    --end;
  }
  const auto at = std::lower_bound(
      levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(end), px,
      [](const Level& level, Price price) { return worse<kSide>(level.px, price); });
  return static_cast<std::size_t>(std::distance(levels.begin(), at));
}

template <Side kSide>
void set_level(std::vector<Level>& levels, const Level& change) {
  const std::size_t at = place_of<kSide>(levels, change.px);
  const bool known = at < levels.size() && levels[at].px == change.px;
  const auto where = levels.begin() + static_cast<std::ptrdiff_t>(at);
  if (change.qty > Qty{}) {
    if (known) {
      where->qty = change.qty;
    } else {
      levels.insert(where, change);
    }
  } else if (known) {
    levels.erase(where);
  }
}

template <Side kSide>
void set_levels(std::vector<Level>& levels, std::span<const Level> changes) {
  for (const Level& change : changes) set_level<kSide>(levels, change);
}

/// Takes a part of a snapshot. The usual case, strictly sorted and behind what is there, is one
/// move and one copy; anything else goes level by level, so that the order never depends on the
/// sender.
template <Side kSide>
void add_snapshot_part(std::vector<Level>& levels, std::span<const Level> part) {
  const bool sorted =
      std::adjacent_find(part.begin(), part.end(), [](const Level& a, const Level& b) {
        return !worse<kSide>(b.px, a.px);
      }) == part.end();
  const bool behind =
      part.empty() || levels.empty() || worse<kSide>(part.front().px, levels.front().px);
  const bool all_there =
      std::all_of(part.begin(), part.end(), [](const Level& level) { return level.qty > Qty{}; });
  if (sorted && behind && all_there) {
    levels.insert(levels.begin(), part.rbegin(), part.rend());
  } else {
    set_levels<kSide>(levels, part);
  }
}

template <Side kSide>
Qty qty_at(std::span<const Level> levels, Price px) noexcept {
  const std::size_t at = place_of<kSide>(levels, px);
  return at < levels.size() && levels[at].px == px ? levels[at].qty : Qty{};
}

}  // namespace

Applied OrderBook::apply(const BookView& view) {
  const BookUpdate& head = view.head;
  const bool in_order =
      head.part == next_part_ && (head.part == 0 || view.snapshot == in_snapshot_);
  // A snapshot's first part starts afresh whatever was under way.
  const bool fresh = view.snapshot && head.part == 0;
  if (!fresh && (!in_order || head.part >= head.parts)) {
    clear();
    return Applied::BadPart;
  }
  if (view.snapshot) {
    apply_snapshot(view);
  } else {
    if (!valid_) return Applied::NoSnapshot;
    set_levels<Side::Buy>(bids_, view.bids);
    set_levels<Side::Sell>(asks_, view.asks);
  }
  const bool last = head.part + 1 >= head.parts;
  in_snapshot_ = view.snapshot;
  next_part_ = last ? std::uint16_t{0} : static_cast<std::uint16_t>(head.part + 1);
  last_update_id_ = head.last_update_id;
  ts_event_ = head.ts_event;
  if (last) valid_ = true;
  return last ? Applied::Ok : Applied::Partial;
}

void OrderBook::apply_snapshot(const BookView& view) {
  if (view.head.part == 0) {
    bids_.clear();
    asks_.clear();
    valid_ = false;
    // Books grow past their snapshot as deltas name further levels: room for twice as many.
    bids_.reserve(2 * view.bids.size() * view.head.parts);
    asks_.reserve(2 * view.asks.size() * view.head.parts);
  }
  add_snapshot_part<Side::Buy>(bids_, view.bids);
  add_snapshot_part<Side::Sell>(asks_, view.asks);
}

void OrderBook::clear() noexcept {
  bids_.clear();
  asks_.clear();
  last_update_id_ = 0;
  ts_event_ = {};
  next_part_ = 0;
  in_snapshot_ = false;
  valid_ = false;
}

bool OrderBook::crossed() const noexcept {
  return valid_ && !bids_.empty() && !asks_.empty() && bids_.back().px > asks_.back().px;
}

bool OrderBook::locked() const noexcept {
  return valid_ && !bids_.empty() && !asks_.empty() && bids_.back().px == asks_.back().px;
}

std::size_t OrderBook::top(Side side, std::span<Level> out) const noexcept {
  const BestFirst from = best_first(side);
  const std::size_t count = std::min(out.size(), from.size());
  std::copy_n(from.begin(), count, out.begin());
  return count;
}

Qty OrderBook::level_qty(Side side, Price px) const noexcept {
  if (!valid_) return {};
  return side == Side::Buy ? qty_at<Side::Buy>(bids_, px) : qty_at<Side::Sell>(asks_, px);
}

}  // namespace stoa::book

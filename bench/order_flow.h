#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/types.h"

namespace stoa::bench {

/// One step of a flow: an order that may cross, or the cancel of a resting one.
struct FlowOp {
  bool cancel;
  Side side;
  std::uint32_t id;
  std::uint32_t px;
  std::uint32_t qty;
};

/// What every engine must come to after a flow.
struct FlowResult {
  std::uint64_t trades = 0;
  std::uint64_t volume = 0;
  std::uint64_t notional = 0;
  std::uint64_t resting = 0;

  friend bool operator==(const FlowResult&, const FlowResult&) = default;
};

/// The plain price-time book that figures compare with: std::map of std::list.
class PlainBook {
 public:
  /// Ids of makers as they fill, for the generator.
  std::vector<std::uint32_t>* filled = nullptr;

  /// Answers whether the order rests.
  bool add(const FlowOp& op) {
    std::uint32_t left = op.qty;
    if (op.side == Side::Buy) {
      cross(asks_, op.px, left, true);
    } else {
      cross(bids_, op.px, left, false);
    }
    if (left == 0) return false;
    auto& queue = op.side == Side::Buy ? bids_[op.px] : asks_[op.px];
    queue.push_back({op.id, left});
    places_[op.id] = {op.side, op.px, std::prev(queue.end())};
    return true;
  }

  void cancel(std::uint32_t id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return;
    const Place& place = found->second;
    if (place.side == Side::Buy) {
      erase(bids_, place);
    } else {
      erase(asks_, place);
    }
    places_.erase(found);
  }

  [[nodiscard]] FlowResult result() const {
    FlowResult result = sums_;
    result.resting = places_.size();
    return result;
  }
  [[nodiscard]] std::uint32_t best_bid(std::uint32_t none) const {
    return bids_.empty() ? none : bids_.begin()->first;
  }
  [[nodiscard]] std::uint32_t best_ask(std::uint32_t none) const {
    return asks_.empty() ? none : asks_.begin()->first;
  }

 private:
  struct Entry {
    std::uint32_t id;
    std::uint32_t qty;
  };
  using Queue = std::list<Entry>;
  struct Place {
    Side side;
    std::uint32_t px;
    Queue::iterator entry;
  };

  template <class Book>
  void cross(Book& book, std::uint32_t limit, std::uint32_t& left, bool buy) {
    while (left != 0 && !book.empty()) {
      const auto best = book.begin();
      if (buy ? best->first > limit : best->first < limit) break;
      Queue& queue = best->second;
      while (left != 0 && !queue.empty()) {
        Entry& maker = queue.front();
        const std::uint32_t qty = std::min(left, maker.qty);
        ++sums_.trades;
        sums_.volume += qty;
        sums_.notional += std::uint64_t{qty} * best->first;
        left -= qty;
        maker.qty -= qty;
        if (maker.qty != 0) continue;
        if (filled != nullptr) filled->push_back(maker.id);
        places_.erase(maker.id);
        queue.pop_front();
      }
      if (queue.empty()) book.erase(best);
    }
  }

  template <class Book>
  static void erase(Book& book, const Place& place) {
    const auto level = book.find(place.px);
    level->second.erase(place.entry);
    if (level->second.empty()) book.erase(level);
  }

  std::map<std::uint32_t, Queue> asks_;
  std::map<std::uint32_t, Queue, std::greater<>> bids_;
  std::unordered_map<std::uint32_t, Place> places_;
  FlowResult sums_;
};

struct Flow {
  std::string_view name;
  std::vector<FlowOp> ops;
  FlowResult want;
};

/// How a flow is made. The generator holds a plain book, so that cancels name resting orders and
/// prices follow the touch.
struct FlowOptions {
  std::string_view name;
  std::size_t ops_count;
  int adds_percent;     // the rest after adds and cancels crosses the touch
  int cancels_percent;  // of resting orders, uniform
  bool near_touch;      // geometric distance, mean 12 ticks; else uniform over half the band
  std::size_t prefill = 0;
  std::size_t steady = 0;  // number of resting orders to hold; 0: let it grow
  std::uint64_t seed = 88'172'645'463'325'252ULL;
};

class FlowMaker {
 public:
  explicit FlowMaker(const FlowOptions& options)
      : options_{options},
        place_of_(options.ops_count + options.prefill + 2, kNowhere),
        state_{options.seed} {
    book_.filled = &filled_;
  }

  [[nodiscard]] Flow make() {
    for (std::size_t i = 0; i < options_.prefill; ++i) emit(passive());
    for (std::size_t i = 0; i < options_.ops_count; ++i) step();
    return {.name = options_.name, .ops = std::move(ops_), .want = book_.result()};
  }

 private:
  static constexpr std::uint32_t kNowhere = ~0U;
  static constexpr std::uint32_t kLow = 10'000;
  static constexpr std::uint32_t kMiddle = 10'500;
  static constexpr std::uint32_t kHigh = 11'000;

  std::uint64_t random() {  // xorshift64, as in the peers' runs
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  void step() {
    const int dice = static_cast<int>(random() % 100);
    int adds = options_.adds_percent;
    int cancels = options_.cancels_percent;
    if (options_.steady != 0) {
      adds = live_.size() < options_.steady ? 58 : 38;
      cancels = 95 - adds;
    }
    if (dice < adds || live_.empty()) {
      emit(passive());
    } else if (dice < adds + cancels) {
      emit({.cancel = true,
            .side = Side::Buy,
            .id = live_[random() % live_.size()],
            .px = 0,
            .qty = 0});
    } else {
      emit(crossing());
    }
  }

  FlowOp passive() {
    const bool buy = (random() & 1) == 0;
    const std::uint32_t bid = book_.best_bid(kMiddle - 1);
    const std::uint32_t ask = book_.best_ask(kMiddle + 1);
    const std::uint32_t room = buy ? ask - kLow : kHigh - bid;
    std::uint32_t away = 0;
    if (options_.near_touch) {
      while (away < 480 && random() % 13 != 0) ++away;
      away %= room;
    } else {
      away = static_cast<std::uint32_t>(random() % room);
    }
    const std::uint32_t px = buy ? ask - 1 - away : bid + 1 + away;
    return {.cancel = false,
            .side = buy ? Side::Buy : Side::Sell,
            .id = ++last_id_,
            .px = px,
            .qty = static_cast<std::uint32_t>(1 + random() % 100)};
  }

  FlowOp crossing() {
    const bool buy = (random() & 1) == 0;
    const auto slip = static_cast<std::uint32_t>(random() % 3);
    const std::uint32_t px = buy ? std::min(book_.best_ask(kHigh) + slip, kHigh)
                                 : std::max(book_.best_bid(kLow) - slip, kLow);
    return {.cancel = false,
            .side = buy ? Side::Buy : Side::Sell,
            .id = ++last_id_,
            .px = px,
            .qty = static_cast<std::uint32_t>(1 + random() % 300)};
  }

  void emit(const FlowOp& op) {
    ops_.push_back(op);
    if (op.cancel) {
      book_.cancel(op.id);
      forget(op.id);
      return;
    }
    const bool rests = book_.add(op);
    for (const std::uint32_t id : filled_) forget(id);
    filled_.clear();
    if (!rests) return;
    place_of_[op.id] = static_cast<std::uint32_t>(live_.size());
    live_.push_back(op.id);
  }

  void forget(std::uint32_t id) {
    const std::uint32_t place = place_of_[id];
    if (place == kNowhere) return;
    place_of_[live_.back()] = place;
    live_[place] = live_.back();
    live_.pop_back();
    place_of_[id] = kNowhere;
  }

  FlowOptions options_;
  PlainBook book_;
  std::vector<std::uint32_t> live_;
  std::vector<std::uint32_t> place_of_;
  std::vector<std::uint32_t> filled_;
  std::vector<FlowOp> ops_;
  std::uint64_t state_;
  std::uint32_t last_id_ = 0;
};

/// The three mixes of docs/performance.md, with `ops_count` operations each.
[[nodiscard]] inline std::vector<Flow> order_flows(std::size_t ops_count) {
  const std::size_t resting = std::min<std::size_t>(10'000, ops_count);
  std::vector<Flow> flows;
  flows.push_back(FlowMaker{
      {.name = "A: 60 % add 35 % cancel 5 % cross, uniform in 1,000 ticks",
       .ops_count = ops_count,
       .adds_percent = 60,
       .cancels_percent = 35,
       .near_touch =
           false}}.make());
  flows.push_back(FlowMaker{
      {.name = "B: as A, near the touch",
       .ops_count = ops_count,
       .adds_percent = 60,
       .cancels_percent = 35,
       .near_touch =
           true}}.make());
  flows.push_back(FlowMaker{
      {.name = "C: steady 10,000 resting, near the touch",
       .ops_count = ops_count,
       .adds_percent = 48,
       .cancels_percent = 47,
       .near_touch = true,
       .prefill = resting,
       .steady =
           resting}}.make());
  return flows;
}

}  // namespace stoa::bench

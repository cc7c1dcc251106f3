#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

// Which orders a rehearsal sends, and when: known before the first one leaves.
namespace stoa::deploy {

/// An instrument to trade, and how much of it an order is about.
struct LoadMarket {
  std::string symbol{};
  std::string qty{};         // as the API takes it
  std::int64_t tick_e8 = 0;  // smallest step of its price, > 0
};

struct PlannedOrder {
  nanoseconds due{};  // behind the begin of the flow
  std::size_t market = 0;
  bool buy = false;
  bool rests = false;        // waits in the book until it is cancelled
  bool changes = false;      // is replaced before that
  std::int64_t away_bp = 0;  // from the middle of the book, in 1/10'000 of it; < 0: through it
};

/// Order `number` of a seed is the same on every machine and in any order of asking, whatever the
/// answers were. Plain data; any thread.
///
/// A resting order lies 1 to 3 % away from the market; the others go to 0.1 % through it or stay
/// 0.5 % short of it, and what is not filled at once is cancelled by the venue. Sides alternate by
/// chance, so that a position stays small.
class LoadPlan {
 public:
  /// `rate` in orders per second, > 0; `rest_ratio` 0 to 1.
  LoadPlan(std::vector<LoadMarket> markets, double rate, double rest_ratio, std::uint64_t seed);

  [[nodiscard]] PlannedOrder order(std::uint64_t number) const;
  /// Its moment behind the begin; it does not wait for answers.
  [[nodiscard]] nanoseconds due(std::uint64_t number) const;
  [[nodiscard]] const std::vector<LoadMarket>& markets() const noexcept { return markets_; }

 private:
  std::vector<LoadMarket> markets_;
  double rate_;
  double rest_ratio_;
  std::uint64_t seed_;
};

/// "load-7": what the order is called, now and whenever it is asked for.
[[nodiscard]] std::string load_order_id(std::string_view prefix, std::uint64_t number);
/// The price of an order where the middle of the book is `middle_e8`, in whole ticks; > 0.
[[nodiscard]] std::int64_t load_price_e8(const PlannedOrder& order, const LoadMarket& market,
                                         std::int64_t middle_e8);
/// The body of its POST /api/v1/orders.
[[nodiscard]] std::string load_order_json(const PlannedOrder& order, const LoadMarket& market,
                                          std::string_view id, std::int64_t px_e8);

}  // namespace stoa::deploy

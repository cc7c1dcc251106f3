#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/price.h"
#include "base/random.h"
#include "book/matching/types.h"
#include "model/types.h"
#include "venues/sim/market.h"
#include "venues/sim/symbols.h"

namespace stoa::venues::sim {

/// The others in one market. A fair value moves by news, with volatility that comes in clusters and
/// a pressure that trades leave and that fades; market makers quote around it and take what stands
/// on its wrong side, takers come in bursts, trend followers chase, and a crowd of patient orders
/// gives the book its depth. Our orders meet all of them, and our trades move the fair value as
/// theirs do.
///
/// Doubles serve the agents' views only; what they send is ticks and lots. One seed and the same
/// calls give the same actions (on one build: libm's rounding is part of the schedule).
///
/// thread   one owner
class Population {
 public:
  /// Who acts: one entry of the venue's schedule each, plus visits that happen once.
  enum class Agent : std::uint8_t { News, Crowd, Taker, Trend, Maker0, Maker1, Maker2 };
  static constexpr std::size_t kAgents = 7;

  /// One more action of an agent, `delay` after the current one.
  struct Visit {
    Agent agent;
    nanoseconds delay;
  };

  Population(const SimInstrument& instrument, Market& market, std::uint64_t seed);

  /// A full book before the first event.
  void fill_book();
  /// Time until an agent acts next; exponential around its rate.
  [[nodiscard]] nanoseconds pause(Agent agent);
  /// Lets an agent act.
  void act(Agent agent, Timestamp now);
  /// What the last action set off in others; valid until the next `act`.
  [[nodiscard]] const std::vector<Visit>& visits() const noexcept { return visits_; }
  /// Takes in what the last event traded, ours included.
  void observe();

 private:
  static constexpr std::size_t kMakers = 3;
  static constexpr std::size_t kQuotesPerSide = 3;
  static constexpr std::size_t kCrowdMax = 400;
  using Quotes = std::array<std::uint64_t, 2 * kQuotesPerSide>;

  void news();
  void flee();
  void crowd();
  void taker();
  void trend();
  void maker(Quotes& quotes);
  void take_stale(double fair);
  void add_to_crowd(Side side, bool near);
  void place(Side side, matching::Ticks px, matching::Lots qty, std::uint64_t& id);
  void take(Side side, matching::Ticks limit, matching::Lots qty);
  void visit(Agent agent, std::uint64_t ms_min, std::uint64_t ms_max);
  void pass_time(Timestamp now);

  [[nodiscard]] double fair() const noexcept;
  [[nodiscard]] double middle() const;
  [[nodiscard]] double normal() noexcept;
  [[nodiscard]] double exponential(double mean) noexcept;
  [[nodiscard]] matching::Lots size(double scale) noexcept;

  Market* market_;
  Random random_;
  double events_per_second_;
  double lots_typical_;
  double sigma_;  // of the fair value over one second, in ticks at the start price
  std::size_t levels_min_;
  double start_;
  double value_;         // the permanent part of the fair value, ticks
  double pressure_ = 0;  // the passing part, ticks
  double drift_ = 0;     // ticks per second
  double heat_ = 0;      // log of volatility over its mean
  double average_;       // slow mean of the middle, for trend followers
  Side taker_side_ = Side::Buy;
  Timestamp last_;
  std::array<Quotes, kMakers> quotes_{};
  std::vector<std::uint64_t> crowd_;
  std::vector<Visit> visits_;
};

}  // namespace stoa::venues::sim

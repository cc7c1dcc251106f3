#include "venues/sim/agents.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "book/matching/types.h"
#include "model/types.h"
#include "venues/sim/market.h"
#include "venues/sim/symbols.h"

namespace stoa::venues::sim {
namespace {

constexpr double kSecondsPerYear = 365.0 * 86'400;
/// Share of all actions, by agent; follow-up visits come on top of the takers' and makers'.
constexpr std::array<double, Population::kAgents> kShare = {0.04, 0.40, 0.10, 0.02,
                                                            0.09, 0.09, 0.09};
constexpr double kPressureSeconds = 5;    // after which pressure has faded to a third
constexpr double kAverageSeconds = 10;    // memory of trend followers
constexpr double kNewsPassing = 0.35;     // share of a move that is pressure
constexpr double kValueTicksMin = 1'000;  // a price that falls this low stops falling

constexpr std::size_t at(Population::Agent agent) { return static_cast<std::size_t>(agent); }

/// Ticks away from the touch, on the order's own side.
matching::Ticks away(Side side, matching::Ticks from, matching::Ticks distance) {
  return side == Side::Buy ? from - distance : from + distance;
}

}  // namespace

Population::Population(const SimInstrument& instrument, Market& market, std::uint64_t seed)
    : market_{&market},
      random_{seed},
      events_per_second_{instrument.agents.events_per_second},
      lots_typical_{static_cast<double>(
          std::max<matching::Lots>(market.lots_of(instrument.agents.typical_qty), 1))},
      levels_min_{instrument.agents.levels_per_side},
      start_{static_cast<double>(market.ticks_of(instrument.start_px))},
      value_{std::max(start_, kValueTicksMin)},
      average_{value_} {
  sigma_ = instrument.agents.annual_volatility / std::sqrt(kSecondsPerYear) * value_;
  crowd_.reserve(kCrowdMax);
  visits_.reserve(16);
}

nanoseconds Population::pause(Agent agent) {
  const double seconds = exponential(1 / (kShare.at(at(agent)) * events_per_second_));
  return nanoseconds{static_cast<std::int64_t>(seconds * 1e9) + 1};
}

void Population::fill_book() {
  const auto touch = static_cast<matching::Ticks>(value_);
  for (const Side side : {Side::Buy, Side::Sell}) {
    matching::Ticks px = side == Side::Buy ? touch : touch + 1;
    // Gaps that widen away from the touch, as in books that have stood for a while.
    for (std::size_t i = 0; i < levels_min_ + levels_min_ / 4; ++i) {
      const double gap = 0.04 * sigma_ * (1 + static_cast<double>(i) / 20);
      px = away(side, px, 1 + static_cast<matching::Ticks>(exponential(gap)));
      crowd_.push_back(0);
      place(side, px, size(1 + static_cast<double>(i) / 30), crowd_.back());
    }
  }
  for (auto& quotes : quotes_) maker(quotes);
}

void Population::act(Agent agent, Timestamp now) {
  visits_.clear();
  pass_time(now);
  switch (agent) {
    case Agent::News:
      return news();
    case Agent::Crowd:
      return crowd();
    case Agent::Taker:
      return taker();
    case Agent::Trend:
      return trend();
    case Agent::Maker0:
    case Agent::Maker1:
    case Agent::Maker2:
      return maker(quotes_.at(at(agent) - at(Agent::Maker0)));
  }
}

void Population::observe() {
  // Whoever trades moves the price a little: one typical size by a hundredth of a second's sigma.
  const double impact = 0.01 * sigma_ / lots_typical_;
  for (const Market::Outcome& outcome : market_->outcomes()) {
    const auto* traded = std::get_if<Market::Traded>(&outcome);
    if (traded == nullptr) continue;
    const double qty = static_cast<double>(traded->fill.qty);
    const double moved = traded->fill.taker_side == Side::Buy ? qty : -qty;
    pressure_ += impact * moved;
  }
  pressure_ = std::clamp(pressure_, -20 * sigma_, 20 * sigma_);
}

void Population::pass_time(Timestamp now) {
  if (last_ == Timestamp{}) last_ = now;
  const double seconds = static_cast<double>((now - last_).count()) * 1e-9;
  last_ = now;
  if (seconds <= 0) return;
  // First-order steps: pauses are far shorter than the memories, and the clamp keeps a long one
  // stable.
  value_ = std::max(value_ + drift_ * seconds, kValueTicksMin);
  pressure_ *= 1 - std::min(seconds / kPressureSeconds, 1.0);
  average_ += (middle() - average_) * std::min(seconds / kAverageSeconds, 1.0);
}

void Population::news() {
  const double news_per_second = kShare[at(Agent::News)] * events_per_second_;
  heat_ = 0.985 * heat_ + 0.1 * normal();
  const double level = value_ / start_;  // moves are relative to the price
  const double move =
      sigma_ / std::sqrt(news_per_second) * level * std::exp(heat_ - 0.1) * normal();
  value_ = std::max(value_ + (1 - kNewsPassing) * move, kValueTicksMin);
  pressure_ += kNewsPassing * move;
  drift_ = 0.99 * drift_ + 0.01 * sigma_ * level * normal();
  flee();
  visit(Agent::Maker0, 1, 12);
  visit(Agent::Maker1, 2, 40);
  visit(Agent::Maker2, 3, 80);
  visit(Agent::Crowd, 2, 60);
}

/// Most of the crowd that the news leaves on the wrong side gets away before it is taken.
void Population::flee() {
  const auto view = static_cast<matching::Ticks>(fair());
  std::erase_if(crowd_, [&](std::uint64_t id) {
    const auto order = market_->book().find(id);
    if (!order) return true;
    const bool wrong = order->side == Side::Buy ? order->px > view : order->px <= view;
    if (!wrong || random_.one_in(3)) return false;
    market_->cancel(id);
    return true;
  });
}

void Population::crowd() {
  for (const Side side : {Side::Buy, Side::Sell}) {
    for (int tries = 0; tries < 10 && market_->levels_count(side) < levels_min_; ++tries) {
      add_to_crowd(side, false);
    }
  }
  add_to_crowd(random_.one_in(2) ? Side::Buy : Side::Sell, random_.one_in(2));
  // As many leave as come, in the mean, once the crowd has its size.
  const std::size_t wanted = 4 * levels_min_;
  while (crowd_.size() > std::min(wanted, kCrowdMax - 16)) {
    const std::size_t victim = random_.below(crowd_.size());
    market_->cancel(crowd_[victim]);
    crowd_[victim] = crowd_.back();
    crowd_.pop_back();
  }
}

void Population::add_to_crowd(Side side, bool near) {
  const double mean = near ? 8 + 0.3 * sigma_ : std::max(90.0, 3 * sigma_);
  const auto distance = 1 + static_cast<matching::Ticks>(exponential(mean));
  matching::Ticks px = away(side, static_cast<matching::Ticks>(fair()), distance);
  // People like round prices.
  if (random_.one_in(8)) px -= px % 100;
  crowd_.push_back(0);
  place(side, px, size(near ? 1.0 : 2.0), crowd_.back());
  if (crowd_.back() == 0) crowd_.pop_back();
}

void Population::taker() {
  if (random_.one_in(3)) taker_side_ = opposite(taker_side_);
  const auto best = market_->book().best(opposite(taker_side_));
  if (!best) return;
  const auto slip = static_cast<matching::Ticks>(random_.below(4));
  take(taker_side_, away(opposite(taker_side_), *best, slip), size(0.6));
  if (random_.below(100) < 45) visit(Agent::Taker, 5, 250);
}

void Population::trend() {
  const double move = middle() - average_;
  if (std::abs(move) < 1.5 * sigma_) return;
  const Side side = move > 0 ? Side::Buy : Side::Sell;
  const auto best = market_->book().best(opposite(side));
  if (best) take(side, away(opposite(side), *best, 2), size(1.5));
}

void Population::maker(Quotes& quotes) {
  for (std::uint64_t& id : quotes) {
    if (id != 0) market_->cancel(id);
    id = 0;
  }
  const double view = fair();
  take_stale(view);
  const double half_spread = 0.4 + exponential(0.6);
  auto bid = static_cast<matching::Ticks>(std::floor(view - half_spread));
  auto ask = static_cast<matching::Ticks>(std::ceil(view + half_spread));
  for (std::size_t i = 0; i < kQuotesPerSide; ++i) {
    const double scale = 0.7 + 0.6 * static_cast<double>(i);
    place(Side::Buy, bid, size(scale), quotes.at(2 * i));
    place(Side::Sell, ask, size(scale), quotes.at(2 * i + 1));
    bid -= 1 + static_cast<matching::Ticks>(exponential(0.5 + 0.01 * sigma_));
    ask += 1 + static_cast<matching::Ticks>(exponential(0.5 + 0.01 * sigma_));
  }
}

/// Orders on the wrong side of the fair value are a gift; a maker takes them before it quotes.
void Population::take_stale(double fair) {
  const auto view = static_cast<matching::Ticks>(fair);
  const matching::Lots most = size(12);
  if (const auto ask = market_->book().best(Side::Sell); ask && *ask < view) {
    take(Side::Buy, view - 1, most);
  } else if (const auto bid = market_->book().best(Side::Buy); bid && *bid > view + 1) {
    take(Side::Sell, view + 2, most);
  }
}

/// Rests an order without taking: at its price, or next to the other side where that is nearer. The
/// id stays 0 when the book refuses it.
void Population::place(Side side, matching::Ticks px, matching::Lots qty, std::uint64_t& id) {
  const auto other = market_->book().best(opposite(side));
  if (other) px = side == Side::Buy ? std::min(px, *other - 1) : std::max(px, *other + 1);
  const std::uint64_t next = market_->next_order_id();
  const matching::Result result = market_->submit({.id = next,
                                                   .side = side,
                                                   .time_in_force = TimeInForce::Gtx,
                                                   .px = std::max<matching::Ticks>(px, 1),
                                                   .qty = qty});
  id = result.refusal == matching::Refusal::None ? next : 0;
}

void Population::take(Side side, matching::Ticks limit, matching::Lots qty) {
  [[maybe_unused]] const matching::Result result =
      market_->submit({.id = market_->next_order_id(),
                       .side = side,
                       .time_in_force = TimeInForce::Ioc,
                       .px = std::max<matching::Ticks>(limit, 1),
                       .qty = qty});
}

void Population::visit(Agent agent, std::uint64_t ms_min, std::uint64_t ms_max) {
  const std::uint64_t us = ms_min * 1'000 + random_.below((ms_max - ms_min) * 1'000);
  visits_.push_back({.agent = agent, .delay = std::chrono::microseconds{us}});
}

double Population::fair() const noexcept {
  return std::max(value_ + pressure_, kValueTicksMin / 2);
}

double Population::middle() const {
  const auto bid = market_->book().best(Side::Buy);
  const auto ask = market_->book().best(Side::Sell);
  if (!bid || !ask) return fair();
  return static_cast<double>(*bid + *ask) / 2;
}

/// Mean 0, deviation 1, from four uniforms: no tails beyond 3.5, which a walk does not miss.
double Population::normal() noexcept {
  const std::uint64_t bits = random_.next();
  const std::uint64_t sum =
      (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
  return (static_cast<double>(sum) / 65'535 - 2) * 1.7320508075688772;
}

double Population::exponential(double mean) noexcept {
  return -mean * std::log(1 - random_.unit());
}

/// A typical size times `scale`, spread as sizes are: many small, few large, now and then round.
matching::Lots Population::size(double scale) noexcept {
  const double lots = lots_typical_ * scale * std::exp(std::min(1.1 * normal(), 3.0));
  const auto round = static_cast<matching::Lots>(lots_typical_ / 5);
  auto result = static_cast<matching::Lots>(lots) + 1;
  if (round > 1 && random_.one_in(4)) result = std::max(result / round, matching::Lots{1}) * round;
  return result;
}

}  // namespace stoa::venues::sim

#include "deploy/load_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/random.h"

namespace stoa::deploy {
namespace {

constexpr std::uint64_t kOneInChanges = 4;
constexpr std::int64_t kBasis = 10'000;

std::string decimal(std::int64_t value_e8) {
  return std::string{DecimalText{int128{value_e8}}.view()};
}

}  // namespace

LoadPlan::LoadPlan(std::vector<LoadMarket> markets, double rate, double rest_ratio,
                   std::uint64_t seed)
    : markets_{std::move(markets)}, rate_{rate}, rest_ratio_{rest_ratio}, seed_{seed} {}

nanoseconds LoadPlan::due(std::uint64_t number) const {
  return nanoseconds{static_cast<std::int64_t>(static_cast<double>(number) * 1e9 / rate_)};
}

PlannedOrder LoadPlan::order(std::uint64_t number) const {
  constexpr std::uint64_t kApart = 0x9E37'79B9'7F4A'7C15ULL;  // neighbours share no draws
  Random random{seed_ ^ ((number + 1) * kApart)};
  PlannedOrder order{.due = due(number)};
  order.rests = random.unit() < rest_ratio_;
  order.market = static_cast<std::size_t>(random.below(markets_.size()));
  order.buy = random.one_in(2);
  order.changes = random.one_in(kOneInChanges);
  order.away_bp = order.rests ? random.between(100, 300) : random.between(-10, 50);
  return order;
}

std::string load_order_id(std::string_view prefix, std::uint64_t number) {
  return fmt::format("{}-{}", prefix, number);
}

std::int64_t load_price_e8(const PlannedOrder& order, const LoadMarket& market,
                           std::int64_t middle_e8) {
  const std::int64_t away = order.buy ? -order.away_bp : order.away_bp;
  const auto wanted = static_cast<std::int64_t>(int128{middle_e8} * (kBasis + away) / kBasis);
  return std::max<std::int64_t>(wanted / market.tick_e8, 1) * market.tick_e8;
}

std::string load_order_json(const PlannedOrder& order, const LoadMarket& market,
                            std::string_view id, std::int64_t px_e8) {
  return fmt::format(
      R"({{"client_order_id":"{}","symbol":"{}","side":"{}","type":"limit","quantity":"{}","price":"{}","time_in_force":"{}"}})",
      id, market.symbol, order.buy ? "buy" : "sell", market.qty, decimal(px_e8),
      order.rests ? "GTC" : "IOC");
}

}  // namespace stoa::deploy

#include "model/risk.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace stoa {
namespace {

constexpr std::array<std::string_view, kRiskChecks> kCheckNames{
    "instrument",   "kill_switch",    "tradable",     "lot",
    "tick",         "order_qty",      "market_price", "price_band",
    "min_notional", "order_notional", "position",     "gross_exposure",
    "open_orders",  "order_rate",     "daily_loss",   "funds"};
constexpr std::array<std::string_view, kLimitKinds> kLimitNames{
    "max_order_qty",         "max_order_notional", "price_band_ratio",
    "max_position_notional", "max_gross_exposure", "max_open_orders",
    "max_order_rate",        "max_daily_loss",     "max_leverage"};

}  // namespace

std::string_view to_string(RiskCheck value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < kCheckNames.size() ? kCheckNames[index] : "unknown";
}

std::string_view to_string(LimitKind value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < kLimitNames.size() ? kLimitNames[index] : "unknown";
}

}  // namespace stoa

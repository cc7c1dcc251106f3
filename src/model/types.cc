#include "model/types.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace stoa {
namespace {

template <std::size_t N, class E>
std::string_view name_of(const std::array<std::string_view, N>& names, E value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view{"unknown"};
}

constexpr std::array<std::string_view, kSides> kSideNames{"buy", "sell"};
constexpr std::array<std::string_view, kOrderTypes> kOrderTypeNames{"limit", "market"};
constexpr std::array<std::string_view, kTimesInForce> kTimeInForceNames{"GTC", "IOC", "FOK", "GTX"};
constexpr std::array<std::string_view, kOrdStatuses> kOrdStatusNames{
    "pending_new", "new",    "partially_filled", "pending_cancel", "pending_replace",
    "in_doubt",    "filled", "canceled",         "rejected",       "expired"};
constexpr std::array<std::string_view, kExecTypes> kExecTypeNames{
    "new",     "trade",         "canceled",       "replaced",     "rejected",
    "expired", "cancel_reject", "replace_reject", "order_status", "not_found"};
constexpr std::array<std::string_view, kLiquidities> kLiquidityNames{"none", "maker", "taker"};
constexpr std::array<std::string_view, kFeedStatuses> kFeedStatusNames{"recovering", "live",
                                                                       "stale", "ended"};
constexpr std::array<std::string_view, kFeedReasons> kFeedReasonNames{
    "none", "disconnected", "auth", "rate_limited", "stale", "maintenance", "gap", "recovery"};
constexpr std::array<std::string_view, kRejectCodes> kRejectCodeNames{"None",
                                                                      "UnknownInstrument",
                                                                      "NotTradable",
                                                                      "KillSwitch",
                                                                      "LotSize",
                                                                      "TickSize",
                                                                      "MinNotional",
                                                                      "MaxOrderQty",
                                                                      "MaxOrderNotional",
                                                                      "PriceBand",
                                                                      "NoMarketPrice",
                                                                      "PositionLimit",
                                                                      "ExposureLimit",
                                                                      "OpenOrdersLimit",
                                                                      "OrderRate",
                                                                      "InsufficientFunds",
                                                                      "DailyLoss",
                                                                      "DuplicateClientOrderId",
                                                                      "UnknownOrder",
                                                                      "TooLate",
                                                                      "StrategyStopped",
                                                                      "TableFull",
                                                                      "PostOnlyWouldTake",
                                                                      "FokNotFillable",
                                                                      "NoLiquidity",
                                                                      "SelfTrade",
                                                                      "VenueRejected"};

}  // namespace

std::string_view to_string(Side value) noexcept { return name_of(kSideNames, value); }
std::string_view to_string(OrderType value) noexcept { return name_of(kOrderTypeNames, value); }
std::string_view to_string(TimeInForce value) noexcept { return name_of(kTimeInForceNames, value); }
std::string_view to_string(OrdStatus value) noexcept { return name_of(kOrdStatusNames, value); }
std::string_view to_string(ExecType value) noexcept { return name_of(kExecTypeNames, value); }
std::string_view to_string(Liquidity value) noexcept { return name_of(kLiquidityNames, value); }
std::string_view to_string(RejectCode value) noexcept { return name_of(kRejectCodeNames, value); }
std::string_view to_string(FeedStatus value) noexcept { return name_of(kFeedStatusNames, value); }
std::string_view to_string(FeedReason value) noexcept { return name_of(kFeedReasonNames, value); }

}  // namespace stoa

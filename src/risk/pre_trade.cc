#include "risk/pre_trade.h"

#include <algorithm>
#include <cstdint>

#include "base/decimal.h"
#include "base/fail_point.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "risk/limits.h"

namespace stoa::risk {
namespace {

constexpr std::int64_t kOneE8 = 100'000'000;

/// Collects results; a breach sets the code once.
class Checks {
 public:
  explicit Checks(Verdict& verdict) noexcept : verdict_{verdict} {}

  /// `value` must not pass `limit`.
  void at_most(RiskCheck check, RejectCode code, std::int64_t limit_e8,
               std::int64_t value_e8) noexcept {
    add(check, code, value_e8 <= limit_e8, limit_e8, value_e8);
  }
  void add(RiskCheck check, RejectCode code, bool ok, std::int64_t limit_e8,
           std::int64_t value_e8) noexcept {
    if (!ok && verdict_.code == RejectCode::None) verdict_.code = code;
    verdict_.checks[verdict_.check_count++] = {.check = check,
                                               .ok = static_cast<std::uint8_t>(ok ? 1 : 0),
                                               .code = ok ? RejectCode::None : code,
                                               .limit_e8 = limit_e8,
                                               .value_e8 = value_e8};
  }

 private:
  Verdict& verdict_;
};

bool is_multiple(std::int64_t value, std::int64_t step) noexcept {
  return step <= 0 || value % step == 0;
}

/// The price an order is valued at: limits at their own or the market's, whichever is worse; market
/// orders at the far end of the price band.
Price worst_price(const OrderIntent& intent, Price mark, std::int64_t band_e8) noexcept {
  if (intent.type == OrderType::Market) {
    if (band_e8 >= kOneE8) return mark;  // no band, or one so wide that it says nothing
    const int128 worst = divide(int128{mark.e8()} * (kOneE8 + band_e8), kOneE8, Rounding::Up);
    return Price::from_e8(Money::from_e8(worst).saturated_e8());
  }
  return std::max(intent.px, mark);
}

/// Distance from the market as a ratio; what lies on the passive side of the touch is measured too:
/// a fat finger there would rest for ever.
std::int64_t band_value_e8(const OrderIntent& intent, Price mark) noexcept {
  if (intent.type == OrderType::Market || mark.e8() == 0) return 0;
  const int128 distance = int128{intent.px.e8()} - mark.e8();
  const int128 ratio =
      divide((distance < 0 ? -distance : distance) * kOneE8, mark.e8(), Rounding::Up);
  return Money::from_e8(ratio).saturated_e8();
}

/// Position if everything open on the intent's side, and the intent, were filled.
Qty projected(const OrderIntent& intent, const Situation& at) noexcept {
  return intent.side == Side::Buy ? at.position + at.open_buy + intent.qty
                                  : at.position - at.open_sell - intent.qty;
}

bool only_reduces(const OrderIntent& intent, const Situation& at) noexcept {
  const Qty after = projected(intent, at);
  const bool same_side = (after.e8() >= 0) == (at.position.e8() >= 0) || after.is_zero();
  return !at.position.is_zero() && same_side && abs(after) < abs(at.position);
}

void check_instrument_rules(Checks& checks, const Limits& limits, const OrderIntent& intent,
                            const Instrument& rules) noexcept {
  checks.add(RiskCheck::Tradable, RejectCode::NotTradable, rules.tradable != 0, kOneE8,
             rules.tradable * kOneE8);
  checks.add(RiskCheck::Lot, RejectCode::LotSize,
             intent.qty.e8() > 0 && is_multiple(intent.qty.e8(), rules.lot.e8()), rules.lot.e8(),
             intent.qty.e8());
  const bool limit_order = intent.type == OrderType::Limit;
  checks.add(RiskCheck::Tick, RejectCode::TickSize,
             !limit_order || (intent.px.e8() > 0 && is_multiple(intent.px.e8(), rules.tick.e8())),
             rules.tick.e8(), intent.px.e8());
  const std::int64_t venue_max =
      rules.max_order_qty.is_zero() ? Limits::kUnlimited : rules.max_order_qty.e8();
  checks.at_most(RiskCheck::OrderQty, RejectCode::MaxOrderQty,
                 std::min(limits.e8(LimitKind::MaxOrderQty), venue_max), intent.qty.e8());
}

void check_money(Checks& checks, const Limits& limits, const OrderIntent& intent,
                 const Situation& at, Price mark) noexcept {
  const bool reduces = only_reduces(intent, at);
  const Money position = exposure(projected(intent, at), mark);
  const auto at_most = [&](RiskCheck check, RejectCode code, std::int64_t limit_e8, Money value) {
    checks.add(check, code, reduces || value.saturated_e8() <= limit_e8, limit_e8,
               value.saturated_e8());
  };
  at_most(RiskCheck::Position, RejectCode::PositionLimit, limits.e8(LimitKind::MaxPositionNotional),
          position);

  // Both sides of this instrument cannot fill into the same exposure: the worse one counts.
  const bool buy = intent.side == Side::Buy;
  const Qty long_side = at.position + at.open_buy + (buy ? intent.qty : Qty{});
  const Qty short_side = at.position - at.open_sell - (buy ? Qty{} : intent.qty);
  const Money gross =
      at.other_exposure + std::max(exposure(long_side, mark), exposure(short_side, mark));
  at_most(RiskCheck::GrossExposure, RejectCode::ExposureLimit,
          limits.e8(LimitKind::MaxGrossExposure), gross);

  // A rule that is wrong, for tests of who finds it out.
  const int counted = fail_point("risk_counts_open_orders_twice") == 0 ? 1 : 2;
  checks.at_most(RiskCheck::OpenOrders, RejectCode::OpenOrdersLimit,
                 limits.e8(LimitKind::MaxOpenOrders), (at.open_orders + 1) * counted * kOneE8);

  const std::int64_t rate_e8 = limits.e8(LimitKind::MaxOrderRate);
  const std::int64_t per_second = rate_e8 == Limits::kUnlimited ? 0 : rate_e8 / kOneE8;
  const std::int64_t in_second = per_second > 0 ? at.rate.with_one_more(at.now, per_second) : 0;
  checks.add(RiskCheck::OrderRate, RejectCode::OrderRate,
             rate_e8 == Limits::kUnlimited || (per_second > 0 && in_second <= per_second), rate_e8,
             in_second * kOneE8);

  at_most(RiskCheck::DailyLoss, RejectCode::DailyLoss, limits.e8(LimitKind::MaxDailyLoss),
          -at.day_pnl);

  const std::int64_t leverage_e8 = limits.e8(LimitKind::MaxLeverage);
  const Money buying_power =
      leverage_e8 == Limits::kUnlimited
          ? Money::from_e8(Limits::kUnlimited)
          : Money::from_e8(divide(at.equity.e8() * leverage_e8, kOneE8, Rounding::Down));
  at_most(RiskCheck::Funds, RejectCode::InsufficientFunds, buying_power.saturated_e8(), gross);
}

}  // namespace

Price mark_price(const Mark& mark) noexcept {
  if (mark.bid.e8() != 0 && mark.ask.e8() != 0) {
    return Price::from_e8(mark.bid.e8() + (mark.ask.e8() - mark.bid.e8()) / 2);
  }
  if (mark.last.e8() != 0) return mark.last;
  return mark.bid.e8() != 0 ? mark.bid : mark.ask;
}

Money exposure(Qty qty, Price px) noexcept { return abs(notional(px, qty, Rounding::Up)); }

Verdict evaluate(const Limits& limits, const OrderIntent& intent, const Situation& at) noexcept {
  Verdict verdict;
  Checks checks{verdict};
  const bool known = at.instrument != nullptr;
  checks.add(RiskCheck::Instrument, RejectCode::UnknownInstrument, known, kOneE8,
             known ? kOneE8 : 0);
  if (!known) return verdict;
  checks.add(RiskCheck::KillSwitch, RejectCode::KillSwitch, !at.kill_active, 0,
             at.kill_active ? kOneE8 : 0);
  check_instrument_rules(checks, limits, intent, *at.instrument);

  const Price mark = mark_price(at.mark);
  checks.add(RiskCheck::MarketPrice, RejectCode::NoMarketPrice, mark.e8() > 0, 0, mark.e8());
  if (mark.e8() <= 0) return verdict;

  const std::int64_t band_e8 = limits.e8(LimitKind::PriceBandRatio);
  checks.at_most(RiskCheck::PriceBand, RejectCode::PriceBand, band_e8, band_value_e8(intent, mark));
  const Money least =
      notional(intent.type == OrderType::Market ? mark : intent.px, intent.qty, Rounding::Down);
  checks.add(RiskCheck::MinNotional, RejectCode::MinNotional,
             least.saturated_e8() >= at.instrument->min_notional.e8(),
             at.instrument->min_notional.e8(), least.saturated_e8());
  const Money most = notional(worst_price(intent, mark, band_e8), intent.qty, Rounding::Up);
  checks.at_most(RiskCheck::OrderNotional, RejectCode::MaxOrderNotional,
                 limits.e8(LimitKind::MaxOrderNotional), most.saturated_e8());
  check_money(checks, limits, intent, at, mark);
  return verdict;
}

}  // namespace stoa::risk

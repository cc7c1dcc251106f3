#include "gateway/render.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "gateway/account_board.h"
#include "gateway/gateway.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "gateway/problem.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

std::string numbered(ClOrdId id) { return "S-" + std::to_string(id.value()); }

void or_null(json::Writer& json, std::string_view name, bool known, Price price) {
  json.field(name, known ? std::optional{price} : std::nullopt);
}

void text_or_null(json::Writer& json, std::string_view name, std::string_view text) {
  json.field(name, text.empty() ? std::nullopt : std::optional{text});
}

Money position_notional(const PositionUpdate& position) {
  return abs(notional(position.mark_px, position.qty, Rounding::HalfEven));
}

/// What a check's two figures are: a bound from above, one from below, a step, or a yes and no.
enum class CheckShape : std::uint8_t { AtMost, AtLeast, Step, Flag };

CheckShape shape_of(RiskCheck check) noexcept {
  switch (check) {
    case RiskCheck::Instrument:
    case RiskCheck::KillSwitch:
    case RiskCheck::Tradable:
      return CheckShape::Flag;
    case RiskCheck::Lot:
    case RiskCheck::Tick:
      return CheckShape::Step;
    case RiskCheck::MinNotional:
    case RiskCheck::MarketPrice:
      return CheckShape::AtLeast;
    default:
      return CheckShape::AtMost;
  }
}

std::string_view unit_of(LimitKind kind, std::string_view currency) noexcept {
  switch (kind) {
    case LimitKind::MaxOrderQty:
      return "units";
    case LimitKind::PriceBandRatio:
      return "ratio";
    case LimitKind::MaxOpenOrders:
      return "orders";
    case LimitKind::MaxOrderRate:
      return "orders/s";
    case LimitKind::MaxLeverage:
      return "x equity";
    case LimitKind::MaxOrderNotional:
    case LimitKind::MaxPositionNotional:
    case LimitKind::MaxGrossExposure:
    case LimitKind::MaxDailyLoss:
      break;
  }
  return currency;
}

/// Nothing for limits of one order at a time.
std::optional<Money> used_of(LimitKind kind, const AccountBoard& board) {
  constexpr std::int64_t kOneE8 = 100'000'000;
  const AccountUpdate& account = board.account();
  switch (kind) {
    case LimitKind::MaxPositionNotional: {
      Money largest;
      for (const auto& [instrument, position] : board.positions()) {
        largest = std::max(largest, position_notional(position));
      }
      return largest;
    }
    case LimitKind::MaxGrossExposure:
      return Money::from_e8(account.gross_exposure.e8());
    case LimitKind::MaxOpenOrders:
      return Money::from_e8(int128{account.open_orders} * kOneE8);
    case LimitKind::MaxDailyLoss:
      return Money::from_e8(std::max<int128>(0, -int128{account.day_pnl.e8()}));
    case LimitKind::MaxLeverage:
      if (account.equity.e8() <= 0) return Money{};
      return Money::from_e8(
          divide(int128{account.gross_exposure.e8()} * kOneE8, account.equity.e8(), Rounding::Up));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string refusal_text(RejectCode code, const std::optional<CheckResult>& breach) {
  std::string text{reason_of(code)};
  if (!breach || shape_of(breach->check) == CheckShape::Flag) return text;
  text += " (value ";
  text += DecimalText{breach->value_e8}.view();
  text += ", limit ";
  text += DecimalText{breach->limit_e8}.view();
  return text + ")";
}

void write_check(json::Writer& json, const CheckResult& check) {
  const CheckShape shape = shape_of(check.check);
  json.begin_object();
  json.field("check", to_string(check.check));
  json.field("ok", check.ok != 0);
  const bool has_limit = shape != CheckShape::Flag && check.limit_e8 != kUnlimited;
  const bool has_headroom = has_limit && shape != CheckShape::Step;
  const auto decimal_or_null = [&](std::string_view name, bool known, int128 e8) {
    json.key(name);
    if (known) {
      json.decimal_e8(e8);
    } else {
      json.null();
    }
  };
  const int128 distance = int128{check.limit_e8} - check.value_e8;
  decimal_or_null("limit", has_limit, check.limit_e8);
  decimal_or_null("value", shape != CheckShape::Flag, check.value_e8);
  decimal_or_null("headroom", has_headroom, shape == CheckShape::AtLeast ? -distance : distance);
  json.end_object();
}

void Renderer::strategy_name(json::Writer& json, StrategyId id) const {
  json.key("strategy");
  if (id == StrategyId{}) return json.null();
  if (const StrategyCard* strategy = account_.find_strategy(id)) {
    return json.value(std::string_view{strategy->info.name});
  }
  json.value("strategy " + std::to_string(id.value()));
}

void Renderer::order_members(json::Writer& json, const OrderRecord& record) const {
  const OrderUpdate& order = record.state;
  json.field("client_order_id", order.client_order_id.view());
  json.field("cl_ord_id", std::string_view{numbered(order.cl_ord_id)});
  json.key("order_id");
  if (order.order_id == OrderId{}) {
    json.null();
  } else {
    json.digits(order.order_id.value());
  }
  json.field("symbol", market_.symbol(order.instrument));
  json.field("side", to_string(order.side));
  json.field("type", to_string(order.type));
  json.field("time_in_force", to_string(order.time_in_force));
  or_null(json, "price", order.type == OrderType::Limit, order.px);
  json.field("quantity", order.order_qty);
  json.field("filled_quantity", order.cum_qty);
  json.field("remaining_quantity",
             is_terminal(order.status) ? Qty{} : order.order_qty - order.cum_qty);
  or_null(json, "average_price", !order.cum_qty.is_zero(), order.avg_px);
  json.field("fees", order.fees);
  json.field("status", to_string(order.status));
  json.field("source", order.strategy == StrategyId{} ? "api" : "strategy");
  strategy_name(json, order.strategy);
  const bool refused = order.code != RejectCode::None;
  json.field("code", refused ? std::optional{to_string(order.code)} : std::nullopt);
  text_or_null(json, "reason", refused ? refusal_text(order.code, record.breach) : std::string{});
  json.digits_field("created_ns", order.ts_created.ns());
  json.digits_field("updated_ns", order.ts_updated.ns());
  json.field("time", std::string_view{to_rfc3339(order.ts_created)});
  json.digits_field("lsn", record.lsn);
}

void Renderer::order(json::Writer& json, const OrderRecord& record) const {
  json.begin_object();
  order_members(json, record);
  json.end_object();
}

std::string Renderer::order_json(const OrderRecord& record) const {
  std::string text;
  json::Writer json{text};
  order(json, record);
  return text;
}

void Renderer::fill(json::Writer& json, const FillRecord& record) const {
  const Fill& fill = record.fill;
  const MarketLane* lane = market_.find(fill.instrument);
  json.begin_object();
  json.digits_field("exec_id", fill.exec_id.value());
  json.field("client_order_id", fill.client_order_id.view());
  const OrderRecord* order = orders_.find_intent(fill.intent.value());
  json.field("cl_ord_id",
             std::string_view{numbered(order != nullptr ? order->state.cl_ord_id : fill.intent)});
  json.field("symbol", market_.symbol(fill.instrument));
  json.field("side", to_string(fill.side));
  json.field("price", fill.px);
  json.field("quantity", fill.qty);
  json.field("fee", fill.fee);
  json.field("fee_asset",
             lane != nullptr ? lane->instrument.quote.view() : std::string_view{options_.currency});
  json.field("liquidity", to_string(fill.liquidity));
  json.field("realized_pnl", fill.realized_pnl);
  strategy_name(json, fill.strategy);
  json.digits_field("ts_ns", fill.ts_event.ns());
  json.field("time", std::string_view{to_rfc3339(fill.ts_event)});
  json.digits_field("lsn", record.lsn);
  json.end_object();
}

void Renderer::positions_members(json::Writer& json) const {
  Money total_notional;
  Money unrealized;
  Money realized;
  Money fees;
  json.key("positions");
  json.begin_array();
  for (const auto& [instrument, position] : account_.positions()) {
    const Money worth = position_notional(position);
    json.begin_object();
    json.field("symbol", market_.symbol(instrument));
    json.field("quantity", position.qty);
    or_null(json, "average_price", !position.qty.is_zero(), position.avg_px);
    or_null(json, "mark_price", position.mark_px != Price{}, position.mark_px);
    json.field("notional", worth);
    json.field("unrealized_pnl", position.unrealized_pnl);
    json.field("realized_pnl", position.realized_pnl);
    json.field("fees", position.fees);
    json.field("bought_quantity", position.bought_qty);
    json.field("sold_quantity", position.sold_qty);
    json.end_object();
    total_notional += worth;
    unrealized += Money::from_e8(position.unrealized_pnl.e8());
    realized += Money::from_e8(position.realized_pnl.e8());
    fees += Money::from_e8(position.fees.e8());
  }
  json.end_array();
  json.key("totals");
  json.begin_object();
  json.field("notional", total_notional);
  json.field("unrealized_pnl", unrealized);
  json.field("realized_pnl", realized);
  json.field("fees", fees);
  json.end_object();
}

void Renderer::account(json::Writer& json) const {
  const AccountUpdate& account = account_.account();
  json.begin_object();
  json.field("account", std::string_view{options_.account});
  json.field("mode", std::string_view{options_.mode});
  json.field("environment", std::string_view{options_.environment});
  json.field("currency", std::string_view{options_.currency});
  json.field("cash", account.cash);
  json.field("equity", account.equity);
  json.field("realized_pnl", account.realized_pnl);
  json.field("unrealized_pnl", account.unrealized_pnl);
  json.field("fees", account.fees);
  json.field("day_pnl", account.day_pnl);
  json.field("gross_exposure", account.gross_exposure);
  json.field("net_exposure", account.net_exposure);
  // Counted here: the core tells its sums only with fills and marks.
  json.field("open_orders", orders_.open().size());
  json.end_object();
}

void Renderer::strategy(json::Writer& json, const StrategyCard& strategy) const {
  Qty position;
  Money realized;
  Money unrealized;
  Money fees;
  for (const auto& [key, update] : account_.strategy_positions()) {
    if (key.first != strategy.info.id) continue;
    if (market_.symbol(key.second) == strategy.info.symbol) position = update.qty;
    realized += Money::from_e8(update.realized_pnl.e8());
    unrealized += Money::from_e8(update.unrealized_pnl.e8());
    fees += Money::from_e8(update.fees.e8());
  }
  json.begin_object();
  json.field("name", std::string_view{strategy.info.name});
  json.field("type", std::string_view{strategy.info.type});
  json.field("symbol", std::string_view{strategy.info.symbol});
  json.field("state", to_string(strategy.state));
  json.key("params");
  json.begin_object();
  for (std::size_t i = 0; i < strategy.info.params.size(); ++i) {
    const StrategyParam& param = strategy.info.params[i];
    const std::int64_t e8 = strategy.params_e8[i];
    json.text_key(param.name);
    if (param.kind == ParamKind::Boolean) {
      json.value(e8 != 0);
    } else if (param.kind == ParamKind::Integer) {
      json.value(e8 / 100'000'000);
    } else {
      json.decimal_e8(e8);
    }
  }
  json.end_object();
  json.raw_field("schema", strategy.info.schema_json.empty() ? std::string_view{"{}"}
                                                             : strategy.info.schema_json);
  json.key("running_since_ns");
  if (strategy.state == StrategyState::Running) {
    json.digits(strategy.running_since.ns());
  } else {
    json.null();
  }
  json.field("orders", strategy.orders);
  json.field("fills", strategy.fills);
  json.field("rejects", strategy.rejects);
  json.field("position", position);
  json.field("realized_pnl", realized);
  json.field("unrealized_pnl", unrealized);
  json.field("fees", fees);
  json.field("last_decision", std::string_view{strategy.last_decision});
  text_or_null(json, "error", strategy.error);
  json.end_object();
}

void Renderer::strategies(json::Writer& json) const {
  json.begin_object();
  json.key("strategies");
  json.begin_array();
  for (const StrategyCard& card : account_.strategies()) strategy(json, card);
  json.end_array();
  json.end_object();
}

void Renderer::kill_switch(json::Writer& json) const {
  const KillState& kill = account_.kill();
  json.begin_object();
  json.field("active", kill.active);
  text_or_null(json, "actor", kill.actor);
  text_or_null(json, "reason", kill.reason);
  json.key("since_ns");
  if (kill.since == Timestamp{}) {
    json.null();
  } else {
    json.digits(kill.since.ns());
  }
  json.end_object();
}

void Renderer::risk(json::Writer& json) const {
  json.begin_object();
  json.key("kill_switch");
  kill_switch(json);
  json.key("limits");
  json.begin_array();
  for (std::size_t i = 0; i < kLimitKinds; ++i) {
    const auto& limit = account_.limits_e8()[i];
    if (!limit) continue;
    const auto kind = static_cast<LimitKind>(i);
    json.begin_object();
    json.field("name", to_string(kind));
    json.key("limit");
    json.decimal_e8(*limit);
    json.field("used", used_of(kind, account_));
    json.field("unit", unit_of(kind, options_.currency));
    json.end_object();
  }
  json.end_array();
  json.key("rejects");
  json.begin_object();
  for (std::size_t i = 1; i < kRejectCodes; ++i) {
    if (account_.rejects()[i] == 0) continue;
    json.field(to_string(static_cast<RejectCode>(i)), account_.rejects()[i]);
  }
  json.end_object();
  json.end_object();
}

void Renderer::instrument(json::Writer& json, const Instrument& instrument) {
  constexpr std::int64_t kBpsE8PerRateE6 = 1'000'000;  // 1e-6 is a hundredth of a basis point
  json.begin_object();
  json.field("instrument_id", instrument.instrument.value());
  json.field("symbol", instrument.symbol.view());
  json.field("venue", instrument.venue.view());
  json.field("base", instrument.base.view());
  json.field("quote", instrument.quote.view());
  json.field("tick_size", instrument.tick);
  json.field("lot_size", instrument.lot);
  json.field("min_notional", instrument.min_notional);
  json.field("price_decimals", instrument.price_decimals);
  json.field("quantity_decimals", instrument.qty_decimals);
  json.field("status", instrument.tradable != 0 ? "trading" : "halted");
  json.key("maker_fee_bps");
  json.decimal_e8(int128{instrument.maker_fee_e6} * kBpsE8PerRateE6);
  json.key("taker_fee_bps");
  json.decimal_e8(int128{instrument.taker_fee_e6} * kBpsE8PerRateE6);
  json.end_object();
}

void Renderer::trade(json::Writer& json, const Trade& trade) {
  json.begin_object();
  json.digits_field("trade_id", trade.trade_id.value());
  json.field("price", trade.px);
  json.field("quantity", trade.qty);
  json.field("side", to_string(trade.taker_side));
  json.digits_field("ts_ns", trade.ts_event.ns());
  json.end_object();
}

void Renderer::candle(json::Writer& json, const Candle& candle) {
  json.begin_object();
  json.field("open_s", candle.open_s);
  json.field("open", candle.open);
  json.field("high", candle.high);
  json.field("low", candle.low);
  json.field("close", candle.close);
  json.field("volume", candle.volume);
  json.field("trades", candle.trades);
  json.end_object();
}

void Renderer::book_members(json::Writer& json, const MarketLane& lane, std::size_t depth) {
  json.digits_field("ts_ns", lane.book_ts.ns());
  json.field("state", to_string(lane.status));
  const auto side = [&](std::string_view name, const std::vector<Level>& levels) {
    json.key(name);
    json.begin_array();
    for (std::size_t i = 0; i < std::min(depth, levels.size()); ++i) {
      json.begin_array();
      json.value(levels[i].px);
      json.value(levels[i].qty);
      json.end_array();
    }
    json.end_array();
  };
  side("bids", lane.bids);
  side("asks", lane.asks);
}

}  // namespace stoa::gateway

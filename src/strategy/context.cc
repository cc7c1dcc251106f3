#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "strategy/parameter.h"
#include "strategy/strategy.h"

namespace stoa::strategy {
namespace {

constexpr std::size_t kNumberDigitsMax = 12;  // a thousand orders a second for 30 years

}  // namespace

std::string_view to_string(PlaceError error) noexcept {
  static constexpr std::array<std::string_view, 11> kNames{
      "busy",          "not live",        "stopped",
      "bad quantity",  "bad price",       "below minimum notional",
      "not tradable",  "too many orders", "too many at once",
      "unknown order", "change pending"};
  return kNames[static_cast<std::size_t>(error)];
}

// --- the strategy's side

std::expected<ClientOrderId, PlaceError> Context::place(const OrderRequest& request) {
  if (const auto may = may_act(); !may) return std::unexpected(may.error());
  if (const auto good = check_order(request); !good) return refuse(good.error());
  const ClientOrderId id = id_of(id_count_ + 1);
  const OrderIntent intent{.client_order_id = id,
                           .instrument = instrument_.instrument,
                           .strategy = strategy_,
                           .side = request.side,
                           .type = request.type,
                           .time_in_force = request.time_in_force,
                           .px = request.px,
                           .qty = request.qty,
                           .ts_trigger = ts_trigger_,
                           .trigger_seq = trigger_seq_,
                           .signal = request.signal,
                           .note = request.note};
  if (!sink_->submit(intent)) return refuse(PlaceError::Busy);
  ++id_count_;
  last_decision_ = request.note;
  working_.push_back({.client_order_id = id,
                      .side = request.side,
                      .type = request.type,
                      .time_in_force = request.time_in_force,
                      .px = request.px,
                      .qty = request.qty,
                      .ts_placed = now_});
  return id;
}

std::expected<void, PlaceError> Context::cancel(const ClientOrderId& client_order_id) {
  if (const auto may = may_act(); !may) return std::unexpected(may.error());
  WorkingOrder* order = find(client_order_id);
  if (order == nullptr) return refuse(PlaceError::UnknownOrder);
  if (change_pending(*order)) return refuse(PlaceError::ChangePending);
  const CancelIntent intent{.client_order_id = client_order_id,
                            .instrument = instrument_.instrument,
                            .strategy = strategy_};
  if (!sink_->submit(intent)) return refuse(PlaceError::Busy);
  ++counters_.changes;
  order->ts_change_asked = now_;
  order->request = {};
  return {};
}

std::expected<void, PlaceError> Context::replace(const ClientOrderId& client_order_id, Price px,
                                                 Qty qty) {
  if (const auto may = may_act(); !may) return std::unexpected(may.error());
  WorkingOrder* order = find(client_order_id);
  if (order == nullptr) return refuse(PlaceError::UnknownOrder);
  if (change_pending(*order)) return refuse(PlaceError::ChangePending);
  if (order->type != OrderType::Limit) return refuse(PlaceError::BadPrice);
  if (const auto good = check_px(px); !good) return refuse(good.error());
  if (const auto good = check_qty(qty); !good) return refuse(good.error());
  if (qty <= order->cum_qty) return refuse(PlaceError::BadQty);
  const ReplaceIntent intent{.client_order_id = client_order_id,
                             .instrument = instrument_.instrument,
                             .px = px,
                             .qty = qty,
                             .strategy = strategy_};
  if (!sink_->submit(intent)) return refuse(PlaceError::Busy);
  ++counters_.changes;
  order->ts_change_asked = now_;
  order->request = {};
  return {};
}

std::expected<void, PlaceError> Context::cancel_all() {
  if (const auto may = may_act(); !may) return std::unexpected(may.error());
  if (!submit_cancel_all(CancelReason::Requested)) return refuse(PlaceError::Busy);
  return {};
}

std::expected<void, PlaceError> Context::may_act() noexcept {
  if (closed_) return refuse(*closed_);
  if (id_prefix_.empty()) return refuse(PlaceError::NotLive);
  if (requests_ >= kRequestsPerCallback) return refuse(PlaceError::TooManyAtOnce);
  ++requests_;
  return {};
}

std::expected<void, PlaceError> Context::check_px(Price px) const noexcept {
  if (px <= Price{} || px.e8() % instrument_.tick.e8() != 0) {
    return std::unexpected(PlaceError::BadPrice);
  }
  return {};
}

std::expected<void, PlaceError> Context::check_qty(Qty qty) const noexcept {
  const Qty max = instrument_.max_order_qty;
  if (qty <= Qty{} || qty.e8() % instrument_.lot.e8() != 0 || (!max.is_zero() && qty > max)) {
    return std::unexpected(PlaceError::BadQty);
  }
  return {};
}

std::expected<void, PlaceError> Context::check_order(const OrderRequest& request) const noexcept {
  if (const auto good = check_qty(request.qty); !good) return good;
  if (request.type == OrderType::Limit) {
    if (const auto good = check_px(request.px); !good) return good;
    if (notional(request.px, request.qty, Rounding::Down).e8() < instrument_.min_notional.e8()) {
      return std::unexpected(PlaceError::BelowMinNotional);
    }
  } else if (request.px != Price{}) {
    return std::unexpected(PlaceError::BadPrice);
  }
  if (instrument_.tradable == 0) return std::unexpected(PlaceError::NotTradable);
  if (working_.size() >= kWorkingOrdersMax) return std::unexpected(PlaceError::TooManyOrders);
  return {};
}

/// Counts what a person should know of: a full inbox, and requests that no strategy should make.
std::unexpected<PlaceError> Context::refuse(PlaceError error) noexcept {
  switch (error) {
    case PlaceError::Busy:
      ++counters_.busy;
      break;
    case PlaceError::BadQty:
    case PlaceError::BadPrice:
    case PlaceError::BelowMinNotional:
    case PlaceError::TooManyOrders:
    case PlaceError::TooManyAtOnce:
      ++counters_.invalid;
      break;
    case PlaceError::NotLive:
    case PlaceError::Stopped:
    case PlaceError::NotTradable:
    case PlaceError::UnknownOrder:
    case PlaceError::ChangePending:
      break;
  }
  return std::unexpected(error);
}

WorkingOrder* Context::find(const ClientOrderId& client_order_id) noexcept {
  const auto at = std::ranges::find(working_, client_order_id, &WorkingOrder::client_order_id);
  return at == working_.end() ? nullptr : &*at;
}

ClientOrderId Context::id_of(std::uint64_t number) const noexcept {
  std::array<char, ClientOrderId::kCapacity> text{};
  const std::string_view prefix = id_prefix_.view();
  const auto end = std::ranges::copy(prefix, text.begin()).out;
  const auto last = std::to_chars(&*end, text.data() + text.size(), number).ptr;
  return ClientOrderId::cut({text.data(), static_cast<std::size_t>(last - text.data())});
}

// --- the runner's side

Context::Context(StrategyId strategy, const Parameters& parameters, oms::IntentSink& sink)
    : parameters_{parameters}, sink_{&sink}, strategy_{strategy} {
  working_.reserve(kWorkingOrdersMax);
}

void Context::begin_callback(Timestamp now, Timestamp ts_trigger,
                             std::uint64_t trigger_seq) noexcept {
  now_ = std::max(now_, now);
  ts_trigger_ = ts_trigger;
  trigger_seq_ = trigger_seq;
  requests_ = 0;
}

void Context::begin_run(std::string_view strategy, std::uint64_t run) noexcept {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), run).ptr;
  const std::string_view run_text{digits.data(), static_cast<std::size_t>(end - digits.data())};
  id_prefix_ = {};
  id_count_ = 0;
  // A run that leaves no room for numbers cannot trade: its ids would repeat.
  if (strategy.size() + run_text.size() + 2 + kNumberDigitsMax > ClientOrderId::kCapacity) return;
  std::array<char, ClientOrderId::kCapacity> text{};
  auto at = std::ranges::copy(strategy, text.begin()).out;
  *at++ = '-';
  at = std::ranges::copy(run_text, at).out;
  *at = '-';
  id_prefix_ = ClientOrderId::cut({text.data(), strategy.size() + run_text.size() + 2});
}

void Context::apply(const OrderUpdate& update) {
  note_number(update.client_order_id);
  WorkingOrder* order = find(update.client_order_id);
  // A fill that comes after all tells a rejected order again: that is no second rejection.
  const bool rejected = update.status == OrdStatus::Rejected && update.cum_qty.is_zero();
  // An order's first update: of a request in flight, or of one that an earlier process made.
  const bool first = order != nullptr ? order->intent == ClOrdId{}
                                      : update.status == OrdStatus::PendingNew || rejected;
  if (first) ++counters_.orders;
  if (rejected) ++counters_.rejects;
  if (is_terminal(update.status)) {
    if (order != nullptr) working_.erase(working_.begin() + (order - working_.data()));
    return;
  }
  if (order == nullptr) {
    working_.push_back({.client_order_id = update.client_order_id, .ts_placed = update.ts_created});
    order = &working_.back();
  }
  const bool answered = is_change(order->status) && !is_change(update.status);
  const bool changed =
      order->intent != ClOrdId{} && (order->px != update.px || order->qty != update.order_qty);
  if (answered || changed) order->ts_change_asked = {};
  order->intent = update.intent;
  order->side = update.side;
  order->type = update.type;
  order->time_in_force = update.time_in_force;
  order->status = update.status;
  order->px = update.px;
  order->qty = update.order_qty;
  order->cum_qty = update.cum_qty;
}

void Context::apply(const PositionUpdate& update) noexcept {
  position_ = {.qty = update.qty,
               .avg_px = update.avg_px,
               .realized_pnl = update.realized_pnl,
               .unrealized_pnl = update.unrealized_pnl,
               .fees = update.fees};
}

void Context::request_durable(const ClientOrderId& client_order_id, ClOrdId intent) noexcept {
  if (WorkingOrder* order = find(client_order_id)) order->request = intent;
}

/// What a refusal leaves no other trace of: the order is free for the next request, or never was.
void Context::decided(const RiskDecision& decision) noexcept {
  if (decision.accepted != 0) return;
  const auto at = std::ranges::find(working_, decision.intent, &WorkingOrder::request);
  if (at == working_.end()) return;
  at->ts_change_asked = {};
  if (decision.code == RejectCode::DuplicateClientOrderId) working_.erase(at);
}

bool Context::submit_cancel_all(CancelReason reason) {
  const CancelAllIntent intent{.instrument = instrument_.instrument,
                               .strategy = strategy_,
                               .one_strategy = 1,
                               .reason = reason};
  if (!sink_->submit(intent)) return false;
  ++counters_.changes;
  for (WorkingOrder& order : working_) {
    order.ts_change_asked = now_;
    order.request = {};
  }
  return true;
}

/// Numbers of this run that the log has seen are never given again, whatever order the engine
/// starts its parts in.
void Context::note_number(const ClientOrderId& client_order_id) noexcept {
  std::string_view text = client_order_id.view();
  const std::string_view prefix = id_prefix_.view();
  if (prefix.empty() || !text.starts_with(prefix)) return;
  text.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) {
    id_count_ = std::max(id_count_, number);
  }
}

}  // namespace stoa::strategy

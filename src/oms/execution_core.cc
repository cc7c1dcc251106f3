#include "oms/execution_core.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>

#include "base/decimal.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/order_table.h"
#include "oms/position.h"
#include "protocol/native/codec.h"
#include "risk/pre_trade.h"

namespace stoa::oms {
namespace {

constexpr std::int64_t kDayNs = 86'400'000'000'000;
constexpr std::int64_t kTellMarkEveryNs = 1'000'000'000;
/// Requests that one intent makes of many orders (cancel-all, kill) take their ids from the output
/// counter; the bit keeps them apart from ids that are lsns.
constexpr std::uint64_t kDerivedIdBit = std::uint64_t{1} << 63U;

bool acknowledged(const Order& order) noexcept { return order.state.order_id.value() != 0; }

}  // namespace

ExecutionCore::ExecutionCore(Capacity capacity)
    : orders_{capacity.orders}, strategy_books_(kStrategiesMax * kInstrumentsMax) {
  instruments_.reserve(kInstrumentsMax);
}

void ExecutionCore::apply(Lsn lsn, const native::MessageView& input) {
  using native::Wire;
  if (input.is_output()) return;
  now_ = std::max(now_, input.header().timestamp);
  outputs_.begin(now_);
  begin_day(now_);
  outputs_.fold_input(input.bytes());
  ++inputs_;
  switch (input.type()) {
    case Wire<OrderIntent>::kType:
      on(lsn, input.as<OrderIntent>());
      break;
    case Wire<CancelIntent>::kType:
      on(lsn, input.as<CancelIntent>());
      break;
    case Wire<ReplaceIntent>::kType:
      on(lsn, input.as<ReplaceIntent>());
      break;
    case Wire<CancelAllIntent>::kType:
      on(input.as<CancelAllIntent>());
      break;
    case Wire<ExecutionReport>::kType:
      on(input.as<ExecutionReport>());
      break;
    case Wire<VenueSession>::kType:
      on(input.as<VenueSession>());
      break;
    case Wire<Mark>::kType:
      on(input.as<Mark>());
      break;
    case Wire<KillSwitch>::kType:
      on(input.as<KillSwitch>());
      break;
    case Wire<Instrument>::kType:
      on(input.as<Instrument>());
      break;
    case Wire<LimitSet>::kType:
      on(input.as<LimitSet>());
      break;
    case Wire<CashMovement>::kType:
      on(input.as<CashMovement>());
      break;
    case Wire<StrategyCommand>::kType:
      on(input.as<StrategyCommand>());
      break;
    case Wire<RunStarted>::kType:
      run_ = input.as<RunStarted>().run;
      break;
    default:
      break;
  }
  if (inputs_ % kInputsPerDigest == 0) outputs_.emit(StateDigest{.lsn = lsn, .hash = state_hash()});
}

risk::Verdict ExecutionCore::what_if(const OrderIntent& intent, const Mark& mark, Timestamp now) {
  risk::Situation at = situation(intent, nullptr);
  at.mark = mark;
  at.now = std::max(now, now_);
  risk::Verdict verdict = risk::evaluate(limits_, intent, at);
  if (!intent.client_order_id.empty() && orders_.find(intent.client_order_id) != nullptr) {
    verdict.code = RejectCode::DuplicateClientOrderId;
  }
  return verdict;
}

// --- orders

void ExecutionCore::on(Lsn lsn, const OrderIntent& intent) {
  const ClOrdId id{lsn.value()};
  ClientOrderId client = intent.client_order_id;
  if (client.empty()) client = ClientOrderId::cut(fmt::format("S-{}", id.value()));
  if (orders_.find(client) != nullptr) {
    return decide(lsn, intent.instrument, {.code = RejectCode::DuplicateClientOrderId});
  }
  const bool known_strategy = intent.strategy.value() < kStrategiesMax;
  risk::Verdict verdict;
  if (!known_strategy ||
      (intent.strategy.value() != 0 && strategy_runs_[intent.strategy.value()] == 0)) {
    verdict.code = RejectCode::StrategyStopped;
  } else {
    verdict = risk::evaluate(limits_, intent, situation(intent, nullptr));
  }

  Order* order = orders_.add({.client_order_id = client,
                              .instrument = intent.instrument,
                              .strategy = intent.strategy,
                              .account = intent.account,
                              .side = intent.side,
                              .type = intent.type,
                              .time_in_force = intent.time_in_force,
                              .status = OrdStatus::PendingNew,
                              .intent = id,
                              .cl_ord_id = id,
                              .px = intent.px,
                              .order_qty = intent.qty,
                              .ts_created = now_,
                              .ts_updated = now_});
  if (order == nullptr) {
    return decide(lsn, intent.instrument, {.code = RejectCode::TableFull});
  }
  decide(lsn, intent.instrument, verdict);
  if (!verdict.accepted()) return finish(*order, OrdStatus::Rejected, verdict.code);

  const std::int64_t rate_e8 = limits_.e8(LimitKind::MaxOrderRate);
  if (rate_e8 != risk::Limits::kUnlimited) {
    rates_[intent.strategy.value()].take(now_, rate_e8 / 100'000'000);
  }
  update_reserve(*order);
  tell(*order);
  send_order(*order, /*resend=*/false);
}

void ExecutionCore::on(Lsn lsn, const CancelIntent& intent) {
  Order* order = order_of(intent.client_order_id, intent.orig_cl_ord_id);
  if (order == nullptr) return decide(lsn, intent.instrument, {.code = RejectCode::UnknownOrder});
  if (!order->is_open()) return decide(lsn, order->state.instrument, {.code = RejectCode::TooLate});
  decide(lsn, order->state.instrument, {});
  if (order->state.status == OrdStatus::PendingCancel)
    return;  // asked already; the answer is on its way
  order->request = ClOrdId{lsn.value()};
  start_cancel(*order, RejectCode::None);
}

void ExecutionCore::on(Lsn lsn, const ReplaceIntent& intent) {
  Order* order = order_of(intent.client_order_id, intent.orig_cl_ord_id);
  if (order == nullptr) return decide(lsn, intent.instrument, {.code = RejectCode::UnknownOrder});
  const OrderUpdate& state = order->state;
  const Qty qty = intent.qty.is_zero() ? state.order_qty : intent.qty;
  const Price px = intent.px.e8() == 0 ? state.px : intent.px;
  // One request at a time: an order that is being canceled or replaced, or whose fate is open,
  // takes no other.
  const bool ready = state.status == OrdStatus::New || state.status == OrdStatus::PartiallyFilled;
  if (!ready || state.type == OrderType::Market || qty <= state.cum_qty) {
    return decide(lsn, state.instrument, {.code = RejectCode::TooLate});
  }
  const OrderIntent wanted{.client_order_id = state.client_order_id,
                           .instrument = state.instrument,
                           .strategy = state.strategy,
                           .account = state.account,
                           .side = state.side,
                           .type = state.type,
                           .time_in_force = state.time_in_force,
                           .px = px,
                           .qty = qty - state.cum_qty};
  const risk::Verdict verdict = risk::evaluate(limits_, wanted, situation(wanted, order));
  decide(lsn, state.instrument, verdict);
  if (!verdict.accepted()) return;
  order->before_request = state.status;
  order->request = ClOrdId{lsn.value()};
  order->replace_px = px;
  order->replace_qty = qty;
  order->state.status = OrdStatus::PendingReplace;
  orders_.add_cl_ord_id(*order, order->request);
  update_reserve(*order);
  tell(*order);
  send_replace(*order);
}

void ExecutionCore::on(const CancelAllIntent& intent) {
  orders_.for_each_open([&](Order& order) {
    if (intent.instrument.value() != 0 && order.state.instrument != intent.instrument) return;
    if (intent.one_strategy != 0 && order.state.strategy != intent.strategy) return;
    if (order.state.status == OrdStatus::PendingCancel) return;
    order.request = ClOrdId{kDerivedIdBit | (outputs_.sequence() + 1)};
    start_cancel(order, intent.reason == CancelReason::StrategyStopped ? RejectCode::StrategyStopped
                        : intent.reason == CancelReason::KillSwitch    ? RejectCode::KillSwitch
                                                                       : RejectCode::None);
  });
}

void ExecutionCore::start_cancel(Order& order, RejectCode why) {
  if (order.state.status != OrdStatus::PendingReplace) order.before_request = order.state.status;
  order.state.status = OrdStatus::PendingCancel;
  order.state.code = why;
  tell(order);
  send_cancel(order);
}

// --- the venue's answers

void ExecutionCore::on(const ExecutionReport& report) {
  Order* order =
      orders_.find(report.orig_cl_ord_id.value() != 0 ? report.orig_cl_ord_id : report.cl_ord_id);
  if (order == nullptr) {
    ++unknown_reports_;
    return;
  }
  if (report.order_id.value() != 0 && report.exec_type != ExecType::NotFound) {
    order->state.order_id = report.order_id;
  }
  if (report.exec_type == ExecType::Trade) return on_trade(*order, report);
  if (!order->is_open()) return;  // a late word on what has ended changes nothing
  switch (report.exec_type) {
    case ExecType::New:
      if (order->state.status == OrdStatus::PendingNew ||
          order->state.status == OrdStatus::InDoubt) {
        order->state.status = OrdStatus::New;
      } else {
        order->before_request = OrdStatus::New;
      }
      return tell(*order);
    case ExecType::Canceled:
      return finish(*order, OrdStatus::Canceled,
                    report.code == RejectCode::None ? order->state.code : report.code);
    case ExecType::Expired:
      return finish(*order, OrdStatus::Expired, report.code);
    case ExecType::Rejected:
      return finish(*order, OrdStatus::Rejected, report.code);
    case ExecType::Replaced:
      return on_replaced(*order, report);
    case ExecType::CancelRejected:
    case ExecType::ReplaceRejected:
      return on_request_refused(*order, report);
    case ExecType::OrderStatus:
      return on_order_status(*order, report);
    case ExecType::NotFound:
      return on_not_found(*order);
    case ExecType::Trade:
      return;
  }
}

void ExecutionCore::on_trade(Order& order, const ExecutionReport& report) {
  InstrumentState* at = state_of(order.state.instrument);
  if (at == nullptr || report.last_qty.e8() <= 0 || !exec_ids_.insert(report.exec_id)) return;
  OrderUpdate& state = order.state;
  const Qty before = state.cum_qty;
  state.cum_qty += report.last_qty;
  const int128 value =
      int128{state.avg_px.e8()} * before.e8() + int128{report.last_px.e8()} * report.last_qty.e8();
  state.avg_px = Price::from_e8(
      Money::from_e8(divide(value, state.cum_qty.e8(), Rounding::HalfEven)).saturated_e8());
  state.fees = state.fees + report.fee;

  const int128 realized =
      at->position.apply(state.side, report.last_px, report.last_qty, report.fee);
  if (state.strategy.value() != 0) {
    strategy_book(state.strategy, *at)
        .apply(state.side, report.last_px, report.last_qty, report.fee);
  }
  const int128 value_e16 = int128{report.last_px.e8()} * report.last_qty.e8();
  cash_e16_ += state.side == Side::Buy ? -value_e16 : value_e16;
  cash_e16_ -= int128{report.fee.e8()} * 100'000'000;

  outputs_.emit(Fill{.client_order_id = state.client_order_id,
                     .instrument = state.instrument,
                     .intent = state.intent,
                     .exec_id = report.exec_id,
                     .px = report.last_px,
                     .qty = report.last_qty,
                     .fee = report.fee,
                     .realized_pnl = amount_from_e16(realized),
                     .strategy = state.strategy,
                     .side = state.side,
                     .liquidity = report.liquidity,
                     .ts_event = report.ts_event});
  if (order.is_open()) {
    if (order.leaves().e8() <= 0 && state.status != OrdStatus::PendingReplace) {
      finish(order, OrdStatus::Filled, RejectCode::None);
    } else {
      const bool pending =
          state.status == OrdStatus::PendingCancel || state.status == OrdStatus::PendingReplace;
      (pending ? order.before_request : state.status) = OrdStatus::PartiallyFilled;
      update_reserve(order);
      tell(order);
    }
  } else {
    tell(order);  // a fill that crossed the cancel: the order stays ended, the money is counted
  }
  tell_position(*at);
  if (state.strategy.value() != 0) tell_strategy_position(state.strategy, *at);
  outputs_.emit(account());
}

void ExecutionCore::on_replaced(Order& order, const ExecutionReport& report) {
  OrderUpdate& state = order.state;
  // A venue that is asked again answers again: what it says of an earlier request is known already.
  if (report.cl_ord_id <= state.cl_ord_id) return;
  state.px = order.replace_px;
  state.order_qty = order.replace_qty;
  state.cl_ord_id = report.cl_ord_id;
  const OrdStatus now = state.cum_qty.is_zero() ? OrdStatus::New : OrdStatus::PartiallyFilled;
  if (state.status == OrdStatus::PendingCancel) {
    order.before_request = now;  // the cancel came after it and is still to be answered
  } else {
    order.request = {};
    state.status = now;
  }
  update_reserve(order);
  if (order.leaves().e8() <= 0) return finish(order, OrdStatus::Filled, RejectCode::None);
  tell(order);
}

void ExecutionCore::on_request_refused(Order& order, const ExecutionReport& report) {
  // The refusal of another request than the one that waits says nothing about either.
  if (report.cl_ord_id != order.request &&
      (order.request != ClOrdId{} || report.code != RejectCode::UnknownOrder)) {
    return;
  }
  order.request = {};
  if (report.code == RejectCode::UnknownOrder) {
    // The venue does not know an order that we hold open: nothing is assumed, it is asked.
    order.state.status = OrdStatus::InDoubt;
    tell(order);
    outputs_.emit(OrderQuery{.cl_ord_id = order.state.cl_ord_id,
                             .order_id = order.state.order_id,
                             .instrument = order.state.instrument});
    return;
  }
  order.state.status = order.before_request;
  order.state.code = report.code;
  update_reserve(order);
  if (order.leaves().e8() <= 0) return finish(order, OrdStatus::Filled, RejectCode::None);
  tell(order);
}

void ExecutionCore::on_order_status(Order& order, const ExecutionReport& report) {
  OrderUpdate& state = order.state;
  if (report.cum_qty > state.cum_qty) {
    // Fills are missing here. They must come as fills; until then the order stays counted at its
    // worst.
    if (state.status != OrdStatus::InDoubt) {
      state.status = OrdStatus::InDoubt;
      tell(order);
    }
    return;
  }
  if (report.leaves_qty.e8() <= 0) {
    return finish(order, state.cum_qty == state.order_qty ? OrdStatus::Filled : OrdStatus::Canceled,
                  report.code);
  }
  if (state.status == OrdStatus::PendingCancel) return send_cancel(order);
  if (state.status == OrdStatus::PendingReplace) return send_replace(order);
  state.status = state.cum_qty.is_zero() ? OrdStatus::New : OrdStatus::PartiallyFilled;
  tell(order);
}

void ExecutionCore::on_not_found(Order& order) {
  // Only a venue that is certain says this. Never acknowledged: it never arrived and may be sent
  // again under the same cl_ord_id, unless someone wants it gone. Acknowledged before: the venue
  // has ended it.
  const bool unwanted = kill_active_ || order.state.status == OrdStatus::PendingCancel;
  if (acknowledged(order) || !order.state.cum_qty.is_zero() || unwanted) {
    return finish(order, OrdStatus::Canceled,
                  acknowledged(order) ? RejectCode::UnknownOrder
                  : kill_active_      ? RejectCode::KillSwitch
                                      : order.state.code);
  }
  order.state.status = OrdStatus::PendingNew;
  tell(order);
  send_order(order, /*resend=*/true);
}

void ExecutionCore::on(const VenueSession& session) {
  orders_.for_each_open([&](Order& order) {
    const InstrumentState* at = state_of(order.state.instrument);
    if (at == nullptr || at->rules.venue != session.venue) return;
    if (order.state.status == OrdStatus::PendingNew) {
      order.state.status = OrdStatus::InDoubt;
      tell(order);
    }
    if (session.up != 0) {
      outputs_.emit(OrderQuery{.cl_ord_id = order.state.cl_ord_id,
                               .order_id = order.state.order_id,
                               .instrument = order.state.instrument});
    }
  });
}

// --- market, control, reference data

void ExecutionCore::on(const Mark& mark) {
  InstrumentState* at = state_of(mark.instrument);
  if (at == nullptr) return;
  at->mark = mark;
  if (at->position.qty.is_zero() || (now_ - at->told).count() < kTellMarkEveryNs) return;
  at->told = now_;
  tell_position(*at);
  for (std::uint16_t id = 1; id < kStrategiesMax; ++id) {
    if (!strategy_book(StrategyId{id}, *at).qty.is_zero())
      tell_strategy_position(StrategyId{id}, *at);
  }
  outputs_.emit(account());
}

void ExecutionCore::on(const KillSwitch& command) {
  kill_active_ = command.active != 0;
  if (kill_active_) on(CancelAllIntent{.reason = CancelReason::KillSwitch});
  outputs_.emit(account());
}

void ExecutionCore::on(const Instrument& rules) {
  if (InstrumentState* at = state_of(rules.instrument)) {
    at->rules = rules;
  } else if (instruments_.size() < kInstrumentsMax) {
    instruments_.push_back({.rules = rules});
  }
}

void ExecutionCore::on(const LimitSet& limit) { limits_.set(limit.kind, limit.value_e8); }

void ExecutionCore::on(const CashMovement& movement) {
  const int128 amount_e16 = int128{movement.amount.e8()} * 100'000'000;
  cash_e16_ += amount_e16;
  deposits_e16_ += amount_e16;
  day_start_equity_e16_ += amount_e16;  // money that comes in is no profit of the day
  outputs_.emit(account());
}

void ExecutionCore::on(const StrategyCommand& command) {
  if (command.strategy.value() >= kStrategiesMax) return;
  if (command.action == StrategyAction::SetParameter) return;
  strategy_runs_[command.strategy.value()] = command.action == StrategyAction::Start ? 1 : 0;
}

void ExecutionCore::begin_day(Timestamp now) noexcept {
  const std::int64_t day = now.ns() / kDayNs;
  if (day <= day_) return;
  day_ = day;
  day_start_equity_e16_ = equity_e16();
}

// --- what goes out

void ExecutionCore::decide(Lsn lsn, InstrumentId instrument, const risk::Verdict& verdict) {
  outputs_.emit_with_tail<RiskDecision, CheckResult>(
      RiskDecision{.intent = ClOrdId{lsn.value()},
                   .instrument = instrument,
                   .accepted = static_cast<std::uint8_t>(verdict.accepted() ? 1 : 0),
                   .code = verdict.code,
                   .check_count = static_cast<std::uint16_t>(verdict.check_count)},
      verdict.view());
}

void ExecutionCore::send_order(const Order& order, bool resend) {
  const OrderUpdate& state = order.state;
  outputs_.emit(OrderSend{.cl_ord_id = state.cl_ord_id,
                          .instrument = state.instrument,
                          .side = state.side,
                          .type = state.type,
                          .time_in_force = state.time_in_force,
                          .resend = static_cast<std::uint8_t>(resend ? 1 : 0),
                          .px = state.px,
                          .qty = state.order_qty});
}

void ExecutionCore::send_cancel(const Order& order) {
  outputs_.emit(CancelSend{.cl_ord_id = order.request,
                           .orig_cl_ord_id = order.state.cl_ord_id,
                           .order_id = order.state.order_id,
                           .instrument = order.state.instrument});
}

void ExecutionCore::send_replace(const Order& order) {
  outputs_.emit(ReplaceSend{.cl_ord_id = order.request,
                            .orig_cl_ord_id = order.state.cl_ord_id,
                            .order_id = order.state.order_id,
                            .instrument = order.state.instrument,
                            .px = order.replace_px,
                            .qty = order.replace_qty});
}

void ExecutionCore::finish(Order& order, OrdStatus status, RejectCode code) {
  order.state.status = status;
  order.state.code = code;
  order.request = {};
  update_reserve(order);
  orders_.close(order);
  tell(order);
}

void ExecutionCore::tell(Order& order) {
  order.state.ts_updated = now_;
  outputs_.emit(order.state);
}

}  // namespace stoa::oms

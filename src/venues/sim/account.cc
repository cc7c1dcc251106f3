#include "venues/sim/account.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <variant>

#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/matching/types.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/flat_index.h"
#include "venues/sim/market.h"

namespace stoa::venues::sim {
namespace {

constexpr std::uint32_t kNone = oms::FlatIndex::kNone;

RejectCode code_of(matching::Refusal refusal) {
  switch (refusal) {
    case matching::Refusal::None:
      return RejectCode::None;
    case matching::Refusal::InvalidQty:
      return RejectCode::MaxOrderQty;
    case matching::Refusal::InvalidPrice:
      return RejectCode::PriceBand;
    case matching::Refusal::UnknownOrder:
      return RejectCode::UnknownOrder;
    case matching::Refusal::PostOnlyWouldTake:
      return RejectCode::PostOnlyWouldTake;
    case matching::Refusal::FokNotFillable:
      return RejectCode::FokNotFillable;
    case matching::Refusal::BookFull:
      return RejectCode::TableFull;
    case matching::Refusal::InvalidType:
    case matching::Refusal::DuplicateId:
      break;
  }
  return RejectCode::VenueRejected;
}

RejectCode code_of(matching::CancelCause cause) {
  switch (cause) {
    case matching::CancelCause::NoLiquidity:
      return RejectCode::NoLiquidity;
    case matching::CancelCause::SelfTrade:
      return RejectCode::SelfTrade;
    case matching::CancelCause::Requested:
      break;
  }
  return RejectCode::None;
}

/// The first of the instrument's rules that an order breaks.
RejectCode rule_broken(const Market& market, Side side, OrderType type, Price px, Qty qty) {
  const Instrument& rules = market.rules();
  if (rules.tradable == 0) return RejectCode::NotTradable;
  if (qty <= Qty{} || qty.e8() % rules.lot.e8() != 0) return RejectCode::LotSize;
  if (!rules.max_order_qty.is_zero() && qty > rules.max_order_qty) return RejectCode::MaxOrderQty;
  Price value_px = px;
  if (type == OrderType::Limit) {
    if (px <= Price{} || px.e8() % rules.tick.e8() != 0) return RejectCode::TickSize;
  } else if (const auto best = market.book().best(opposite(side))) {
    value_px = market.px_of(*best);
  } else {
    return RejectCode::None;  // nothing to value it with, and nothing to trade with either
  }
  const Money least = Money::from_e8(rules.min_notional.e8());
  return notional(value_px, qty, Rounding::Up) < least ? RejectCode::MinNotional : RejectCode::None;
}

ExecutionReport answer(ClOrdId cl_ord_id, ClOrdId meant, InstrumentId instrument, ExecType type,
                       RejectCode code, Timestamp now) {
  return {.cl_ord_id = cl_ord_id,
          .orig_cl_ord_id = meant,
          .instrument = instrument,
          .exec_type = type,
          .code = code,
          .ts_event = now};
}

}  // namespace

Account::Account(const Options& options, std::span<Market* const> markets)
    : event_reports_max_{options.event_reports_max},
      report_latency_{options.report_latency},
      jitter_max_{options.jitter_max},
      random_{options.seed},
      open_orders_max_{options.open_orders_max},
      markets_(markets.begin(), markets.end()),
      open_count_(markets.size(), 0),
      orders_(options.orders_max),
      closed_{options.orders_max},
      by_cl_ord_id_{2 * options.orders_max},  // the current and the previous id of each
      by_order_id_{options.orders_max},
      reports_{options.reports_max} {}

void Account::apply(const OrderSend& order, Timestamp now) {
  // A second send of a known id is the first one again, and so is one of an id that may have been
  // forgotten, unless we were told that the venue never had it.
  if (find(order.cl_ord_id) != kNone) return;
  if (order.cl_ord_id <= forgotten_ && order.resend == 0) return;
  const std::size_t market = index_of(order.instrument);
  if (const RejectCode code = refusal_of(order, market); code != RejectCode::None) {
    return refuse(order, code, now);
  }
  const Record record = add(order, market, Qty{});
  if (record == kNone) return refuse(order, RejectCode::TableFull, now);
  place(record, now);
}

void Account::place(Record record, Timestamp now) {
  const VenueOrder& order = orders_[record];
  Market& market = *markets_[order.market];
  // Reported before it is matched: the trades that follow belong to an order that is known.
  const ExecutionReport accepted = report_on(order, ExecType::New, now);
  const matching::Result result = market.submit({.id = order.order_id.value(),
                                                 .owner = kOurs,
                                                 .side = order.side,
                                                 .type = order.type,
                                                 .time_in_force = order.time_in_force,
                                                 .px = market.ticks_of(order.px),
                                                 .qty = market.lots_of(order.leaves_qty())});
  if (result.refusal == matching::Refusal::None) return push(accepted);
  close(record);
  ExecutionReport refused = report_on(order, ExecType::Rejected, now);
  refused.code = code_of(result.refusal);
  push(refused);
}

void Account::restore(const OrderSend& order, Qty cum_qty, Timestamp now) {
  const std::size_t index = index_of(order.instrument);
  if (index == markets_.size() || find(order.cl_ord_id) != kNone || cum_qty >= order.qty) return;
  const Record record = add(order, index, cum_qty);
  if (record == kNone) return refuse(order, RejectCode::TableFull, now);
  Market& market = *markets_[index];
  // What was accepted once is accepted again: a post-only order that the market has passed rests
  // nowhere, so it trades like any other.
  const matching::Result result =
      market.submit({.id = orders_[record].order_id.value(),
                     .owner = kOurs,
                     .side = order.side,
                     .px = market.ticks_of(order.px),
                     .qty = market.lots_of(orders_[record].leaves_qty())});
  if (result.refusal == matching::Refusal::None) return;
  ExecutionReport ended = report_on(orders_[record], ExecType::Canceled, now);
  close(record);
  ended.orig_cl_ord_id = order.cl_ord_id;
  ended.leaves_qty = Qty{};
  ended.code = code_of(result.refusal);
  push(ended);
}

void Account::apply(const CancelSend& cancel, Timestamp now) {
  const Record record = find(cancel.orig_cl_ord_id);
  if (record == kNone) return refuse(cancel, RejectCode::UnknownOrder, now);
  const VenueOrder& order = orders_[record];
  if (!order.open) return refuse(cancel, RejectCode::TooLate, now);
  const auto refusal = markets_[order.market]->cancel(order.order_id.value());
  check(refusal == matching::Refusal::None, "an open order of ours rests in its market");
  close(record);
  ExecutionReport report = report_on(order, ExecType::Canceled, now);
  report.cl_ord_id = cancel.cl_ord_id;
  report.orig_cl_ord_id = cancel.orig_cl_ord_id;
  push(report);
}

void Account::apply(const ReplaceSend& replace, Timestamp now) {
  const Record record = find(replace.orig_cl_ord_id);
  if (record == kNone) return refuse(replace, RejectCode::UnknownOrder, now);
  VenueOrder& order = orders_[record];
  const Price px = replace.px == Price{} ? order.px : replace.px;
  const Qty qty = replace.qty.is_zero() ? order.order_qty : replace.qty;
  // Nothing would be left open: the fills were faster.
  if (!order.open || qty <= order.cum_qty) return refuse(replace, RejectCode::TooLate, now);
  Market& market = *markets_[order.market];
  const Qty open_qty = qty - order.cum_qty;
  RejectCode code = rule_broken(market, order.side, OrderType::Limit, px, qty);
  if (code == RejectCode::None && find(replace.cl_ord_id) != kNone) {
    code = RejectCode::DuplicateClientOrderId;
  }
  if (code != RejectCode::None) return refuse(replace, code, now);
  // The names change first: the report of the replace precedes those of the trades it causes, and
  // those carry the new id.
  const VenueOrder before = order;
  order.px = px;
  order.order_qty = qty;
  ExecutionReport accepted = report_on(order, ExecType::Replaced, now);
  accepted.cl_ord_id = replace.cl_ord_id;
  accepted.orig_cl_ord_id = replace.orig_cl_ord_id;
  const matching::Result result = market.replace(
      {.id = order.order_id.value(), .px = market.ticks_of(px), .qty = market.lots_of(open_qty)});
  if (result.refusal != matching::Refusal::None) {
    order = before;
    return refuse(replace, code_of(result.refusal), now);
  }
  rename(record, replace.cl_ord_id);
  push(accepted);
}

void Account::apply(const OrderQuery& query, Timestamp now) {
  const Record record = find(query.cl_ord_id);
  if (record != kNone) {
    ExecutionReport report = report_on(orders_[record], ExecType::OrderStatus, now);
    report.cl_ord_id = query.cl_ord_id;
    return push(report);
  }
  // Of an id this old nobody can be certain: no answer, the order stays in doubt.
  if (query.cl_ord_id <= forgotten_) return;
  push(answer(query.cl_ord_id, ClOrdId{}, query.instrument, ExecType::NotFound,
              RejectCode::UnknownOrder, now));
}

void Account::refuse(const OrderSend& order, RejectCode code, Timestamp now) {
  push(answer(order.cl_ord_id, ClOrdId{}, order.instrument, ExecType::Rejected, code, now));
}

void Account::refuse(const CancelSend& cancel, RejectCode code, Timestamp now) {
  push(answer(cancel.cl_ord_id, cancel.orig_cl_ord_id, cancel.instrument, ExecType::CancelRejected,
              code, now));
}

void Account::refuse(const ReplaceSend& replace, RejectCode code, Timestamp now) {
  push(answer(replace.cl_ord_id, replace.orig_cl_ord_id, replace.instrument,
              ExecType::ReplaceRejected, code, now));
}

void Account::collect(const Market& market, Timestamp now) {
  for (const Market::Outcome& outcome : market.outcomes()) {
    if (const auto* cancel = std::get_if<matching::Cancel>(&outcome)) {
      on_cancel(*cancel, now);
      continue;
    }
    const auto& traded = std::get<Market::Traded>(outcome);
    if (traded.fill.maker_owner == kOurs) {
      on_trade(market, traded, OrderId{traded.fill.maker_id}, true, now);
    }
    if (traded.fill.taker_owner == kOurs) {
      on_trade(market, traded, OrderId{traded.fill.taker_id}, false, now);
    }
  }
}

void Account::on_trade(const Market& market, const Market::Traded& traded, OrderId order_id,
                       bool maker, Timestamp now) {
  const Record record = find(order_id);
  check(record != kNone, "our orders in the book are known to the account");
  VenueOrder& order = orders_[record];
  const Qty qty = market.qty_of(traded.fill.qty);
  const Price px = market.px_of(traded.fill.px);
  order.cum_qty += qty;
  if (order.cum_qty == order.order_qty) close(record);
  const std::int32_t rate = maker ? market.rules().maker_fee_e6 : market.rules().taker_fee_e6;
  const Money fee = apply_rate_e6(notional(px, qty, Rounding::Up), rate, Rounding::Up);
  ExecutionReport report = report_on(order, ExecType::Trade, now);
  report.exec_id = ExecId{traded.trade_id.value()};
  report.liquidity = maker ? Liquidity::Maker : Liquidity::Taker;
  report.last_px = px;
  report.last_qty = qty;
  report.fee = Price::from_e8(fee.saturated_e8());
  push(report);
}

void Account::on_cancel(const matching::Cancel& cancel, Timestamp now) {
  // What we asked for is reported where it was asked.
  if (cancel.cause == matching::CancelCause::Requested) return;
  const Record record = find(OrderId{cancel.id});
  check(record != kNone, "our orders in the book are known to the account");
  close(record);
  ExecutionReport report = report_on(orders_[record], ExecType::Canceled, now);
  report.orig_cl_ord_id = report.cl_ord_id;
  report.code = code_of(cancel.cause);
  push(report);
}

RejectCode Account::refusal_of(const OrderSend& order, std::size_t market) const {
  if (market == markets_.size()) return RejectCode::UnknownInstrument;
  if (open_count_[market] >= open_orders_max_) return RejectCode::OpenOrdersLimit;
  if (order.type == OrderType::Market && order.time_in_force == TimeInForce::Gtx) {
    return RejectCode::VenueRejected;
  }
  return rule_broken(*markets_[market], order.side, order.type, order.px, order.qty);
}

std::size_t Account::index_of(InstrumentId instrument) const noexcept {
  const auto found = std::ranges::find_if(markets_, [instrument](const Market* market) {
    return market->rules().instrument == instrument;
  });
  return static_cast<std::size_t>(found - markets_.begin());
}

Account::Record Account::find(ClOrdId id) const noexcept {
  return by_cl_ord_id_.find(std::hash<ClOrdId>{}(id), [&](Record record) {
    return orders_[record].cl_ord_id == id || orders_[record].previous_cl_ord_id == id;
  });
}

Account::Record Account::find(OrderId id) const noexcept {
  return by_order_id_.find(std::hash<OrderId>{}(id),
                           [&](Record record) { return orders_[record].order_id == id; });
}

Account::Record Account::add(const OrderSend& order, std::size_t market, Qty cum_qty) {
  Record record = fresh_;
  if (fresh_ < orders_.size()) {
    ++fresh_;
  } else if (!closed_.empty()) {
    record = closed_.front();
    closed_.pop();
    const VenueOrder& old = orders_[record];
    forget(old.cl_ord_id, record);
    if (old.previous_cl_ord_id != ClOrdId{}) forget(old.previous_cl_ord_id, record);
    by_order_id_.erase(std::hash<OrderId>{}(old.order_id), record);
  } else {
    return kNone;
  }
  orders_[record] = {.cl_ord_id = order.cl_ord_id,
                     .order_id = OrderId{markets_[market]->next_order_id()},
                     .market = static_cast<std::uint32_t>(market),
                     .side = order.side,
                     .type = order.type,
                     .time_in_force = order.time_in_force,
                     .open = true,
                     .px = order.px,
                     .order_qty = order.qty,
                     .cum_qty = cum_qty};
  ++open_count_[market];
  by_cl_ord_id_.insert(std::hash<ClOrdId>{}(order.cl_ord_id), record);
  by_order_id_.insert(std::hash<OrderId>{}(orders_[record].order_id), record);
  return record;
}

void Account::forget(ClOrdId id, Record record) {
  by_cl_ord_id_.erase(std::hash<ClOrdId>{}(id), record);
  forgotten_ = std::max(forgotten_, id);
}

void Account::rename(Record record, ClOrdId to) {
  VenueOrder& order = orders_[record];
  if (order.previous_cl_ord_id != ClOrdId{}) forget(order.previous_cl_ord_id, record);
  order.previous_cl_ord_id = order.cl_ord_id;
  order.cl_ord_id = to;
  by_cl_ord_id_.insert(std::hash<ClOrdId>{}(to), record);
}

void Account::close(Record record) {
  VenueOrder& order = orders_[record];
  check(order.open, "an order ends once");
  order.open = false;
  --open_count_[order.market];
  closed_.push(record);
}

ExecutionReport Account::report_on(const VenueOrder& order, ExecType type, Timestamp now) const {
  return {.cl_ord_id = order.cl_ord_id,
          .order_id = order.order_id,
          .instrument = markets_[order.market]->rules().instrument,
          .exec_type = type,
          .cum_qty = order.cum_qty,
          .leaves_qty = order.leaves_qty(),
          .ts_event = now};
}

void Account::push(const ExecutionReport& report) {
  if (reports_.full()) {
    ++lost_reports_count_;
    return;
  }
  const nanoseconds jitter{random_.between(0, jitter_max_.count())};
  last_due_ = std::max(last_due_, report.ts_event + report_latency_ + jitter);
  reports_.push({.due = last_due_, .report = report});
}

std::size_t Account::take_reports(Timestamp now, std::span<ExecutionReport> out) {
  std::size_t count = 0;
  for (; count < out.size() && !reports_.empty() && reports_.front().due <= now; ++count) {
    out[count] = reports_.front().report;
    reports_.pop();
  }
  return count;
}

std::optional<Timestamp> Account::next_report_due() const noexcept {
  if (reports_.empty()) return std::nullopt;
  return reports_.front().due;
}

}  // namespace stoa::venues::sim

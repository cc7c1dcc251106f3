#include "venues/replay/order_desk.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "venues/replay/fill_model.h"

namespace stoa::venues::replay {
namespace {

/// The venue's filters, in the order in which they are checked.
RejectCode rule_broken(const Instrument& rules, OrderType type, Price px, Qty qty,
                       const book::OrderBook* book, Side side) {
  if (rules.tradable == 0) return RejectCode::NotTradable;
  if (qty <= Qty{} || qty.e8() % rules.lot.e8() != 0) return RejectCode::LotSize;
  if (!rules.max_order_qty.is_zero() && qty > rules.max_order_qty) return RejectCode::MaxOrderQty;
  Price value_px = px;
  if (type == OrderType::Limit) {
    if (px <= Price{} || px.e8() % rules.tick.e8() != 0) return RejectCode::TickSize;
  } else {
    if (book == nullptr) return RejectCode::NoLiquidity;
    const auto best = side == Side::Buy ? book->best_ask() : book->best_bid();
    if (!best) return RejectCode::NoLiquidity;
    value_px = best->px;
  }
  const Money least = Money::from_e8(rules.min_notional.e8());
  return notional(value_px, qty, Rounding::Up) < least ? RejectCode::MinNotional : RejectCode::None;
}

ExecutionReport answer(ClOrdId cl_ord_id, ClOrdId orig_cl_ord_id, InstrumentId instrument,
                       ExecType type, RejectCode code, Timestamp at) noexcept {
  ExecutionReport report{};
  report.cl_ord_id = cl_ord_id;
  report.orig_cl_ord_id = orig_cl_ord_id;
  report.instrument = instrument;
  report.exec_type = type;
  report.code = code;
  report.ts_event = at;
  return report;
}

}  // namespace

OrderDesk::OrderDesk(const Options& options, std::span<const Instrument> instruments)
    : options_{options}, ids_base_{(options.run & 0xFF'FFFF) << 40} {
  for (const Instrument& rules : instruments) {
    markets_.push_back({.rules = &rules, .model = FillModel{rules.lot}});
  }
}

void OrderDesk::serve(Timestamp until) {
  while (!requests_.empty() && requests_.front().due <= until && !full()) {
    const Request request = requests_.front();
    requests_.pop_front();
    std::visit([&](const auto& what) { apply(what, request.due); }, request.what);
  }
}

void OrderDesk::apply(const OrderSend& send, Timestamp at) {
  // A second send of a known id is the first one again, and so is one of an id that may have been
  // forgotten, unless we were told that the venue never had it.
  if (find(send.cl_ord_id) != nullptr) return;
  if (send.cl_ord_id <= forgotten_ && send.resend == 0) return;
  PaperOrder order{.cl_ord_id = send.cl_ord_id,
                   .instrument = send.instrument,
                   .side = send.side,
                   .type = send.type,
                   .time_in_force = send.time_in_force,
                   .px = send.px,
                   .order_qty = send.qty};
  Market* const market = market_of(send.instrument);
  RejectCode code = RejectCode::None;
  if (market == nullptr) {
    code = RejectCode::UnknownInstrument;
  } else if (market->ended) {
    code = RejectCode::NotTradable;
  } else if (send.type == OrderType::Market && send.time_in_force == TimeInForce::Gtx) {
    code = RejectCode::VenueRejected;
  } else {
    code = rule_broken(*market->rules, send.type, send.px, send.qty, market->book, send.side);
    if (code == RejectCode::None) code = market->model.refusal(order, market->book);
  }
  if (code == RejectCode::None && orders_.size() >= kOrdersMax && closed_.empty()) {
    code = RejectCode::TableFull;
  }
  if (code != RejectCode::None) return refuse(send, code, at);
  order.order_id = next_order_id();
  PaperOrder& kept = remember(order);
  ++orders_total_;
  push(report_on(kept, ExecType::New, at), at);
  place(kept, *market, at);
}

/// Takes, reports, then rests what is left or ends it.
void OrderDesk::place(PaperOrder& order, Market& market, Timestamp at) {
  market.model.take(order, market.book, fills_);
  report_fills(market, at);
  if (!order.open) return;
  const bool rests = order.type == OrderType::Limit && order.time_in_force != TimeInForce::Ioc &&
                     order.time_in_force != TimeInForce::Fok;
  if (rests) return market.model.rest(order, market.book);
  close(order);
  ExecutionReport ended = report_on(order, ExecType::Canceled, at);
  ended.orig_cl_ord_id = order.cl_ord_id;
  ended.code = RejectCode::NoLiquidity;
  push(ended, at);
}

void OrderDesk::apply(const CancelSend& cancel, Timestamp at) {
  PaperOrder* const order = find(cancel.orig_cl_ord_id);
  if (order == nullptr) return refuse(cancel, RejectCode::UnknownOrder, at);
  if (!order->open) return refuse(cancel, RejectCode::TooLate, at);
  if (Market* const market = market_of(order->instrument)) market->model.remove(*order);
  close(*order);
  ExecutionReport report = report_on(*order, ExecType::Canceled, at);
  report.cl_ord_id = cancel.cl_ord_id;
  report.orig_cl_ord_id = cancel.orig_cl_ord_id;
  push(report, at);
}

void OrderDesk::apply(const ReplaceSend& replace, Timestamp at) {
  PaperOrder* const order = find(replace.orig_cl_ord_id);
  if (order == nullptr) return refuse(replace, RejectCode::UnknownOrder, at);
  // Ours for the life of the desk: `find` gave an order, so its instrument is known.
  Market& market = *market_of(order->instrument);
  PaperOrder changed = *order;
  if (replace.px != Price{}) changed.px = replace.px;
  if (!replace.qty.is_zero()) changed.order_qty = replace.qty;
  // Nothing would be left open: the fills were faster.
  if (!order->open || changed.order_qty <= order->cum_qty) {
    return refuse(replace, RejectCode::TooLate, at);
  }
  RejectCode code = market.ended ? RejectCode::NotTradable
                                 : rule_broken(*market.rules, OrderType::Limit, changed.px,
                                               changed.order_qty, market.book, order->side);
  if (code == RejectCode::None && find(replace.cl_ord_id) != nullptr) {
    code = RejectCode::DuplicateClientOrderId;
  }
  if (code == RejectCode::None) code = market.model.refusal(changed, market.book);
  if (code != RejectCode::None) return refuse(replace, code, at);

  // One name before the current one is kept, for requests that crossed this one.
  by_cl_ord_id_.erase(order->previous_cl_ord_id);
  forgotten_ = std::max(forgotten_, order->previous_cl_ord_id);
  changed.previous_cl_ord_id = order->cl_ord_id;
  changed.cl_ord_id = replace.cl_ord_id;
  market.model.remove(*order);
  *order = changed;
  by_cl_ord_id_[replace.cl_ord_id] = order;
  ExecutionReport report = report_on(*order, ExecType::Replaced, at);
  report.orig_cl_ord_id = replace.orig_cl_ord_id;
  push(report, at);
  place(*order, market, at);
}

void OrderDesk::apply(const OrderQuery& query, Timestamp at) {
  if (const PaperOrder* const order = find(query.cl_ord_id)) {
    ExecutionReport report = report_on(*order, ExecType::OrderStatus, at);
    report.cl_ord_id = query.cl_ord_id;
    return push(report, at);
  }
  // Of an id this old nobody can be certain: no answer, the order stays in doubt.
  if (query.cl_ord_id <= forgotten_) return;
  push(answer(query.cl_ord_id, ClOrdId{}, query.instrument, ExecType::NotFound,
              RejectCode::UnknownOrder, at),
       at);
}

void OrderDesk::restore(const OrderUpdate& update) {
  Market* const market = market_of(update.instrument);
  const bool over = is_terminal(update.status) || update.cum_qty >= update.order_qty;
  if (market == nullptr || over || update.type != OrderType::Limit) return;
  if (find(update.cl_ord_id) != nullptr) return;
  PaperOrder& order =
      remember({.cl_ord_id = update.cl_ord_id,
                .order_id = update.order_id == OrderId{} ? OrderId{next_id()} : update.order_id,
                .instrument = update.instrument,
                .side = update.side,
                .type = update.type,
                .time_in_force = update.time_in_force,
                .px = update.px,
                .order_qty = update.order_qty,
                .cum_qty = update.cum_qty});
  market->model.rest(order, market->book);
}

void OrderDesk::on_trade(std::size_t market, const Trade& trade, Timestamp at) {
  markets_[market].model.on_trade(trade, fills_);
  report_fills(markets_[market], at);
}

void OrderDesk::on_book(std::size_t market, const book::OrderBook* book, Timestamp at) {
  markets_[market].book = book;
  markets_[market].model.on_book(book, fills_);
  report_fills(markets_[market], at);
}

void OrderDesk::on_end(Timestamp at) {
  for (std::size_t market = 0; market < markets_.size(); ++market) {
    on_book(market, nullptr, at);
    markets_[market].ended = true;
  }
}

void OrderDesk::report_fills(const Market& market, Timestamp at) {
  // An order can be filled more than once in one event: its sums are told as they grew.
  for (std::size_t i = 0; i < fills_.size(); ++i) {
    const PaperFill& fill = fills_[i];
    PaperOrder& order = *fill.order;
    Qty later{};
    for (std::size_t j = i + 1; j < fills_.size(); ++j) {
      if (fills_[j].order == &order) later += fills_[j].qty;
    }
    const std::int32_t rate = fill.liquidity == Liquidity::Maker ? market.rules->maker_fee_e6
                                                                 : market.rules->taker_fee_e6;
    const Money fee = apply_rate_e6(notional(fill.px, fill.qty, Rounding::Up), rate, Rounding::Up);
    ExecutionReport report = report_on(order, ExecType::Trade, at);
    report.cum_qty = order.cum_qty - later;
    report.leaves_qty = order.order_qty - report.cum_qty;
    report.exec_id = ExecId{next_id()};
    report.liquidity = fill.liquidity;
    report.last_px = fill.px;
    report.last_qty = fill.qty;
    report.fee = Price::from_e8(fee.saturated_e8());
    push(report, at);
    ++fills_total_;
    if (!order.open && later.is_zero()) close(order);
  }
  fills_.clear();
}

ExecutionReport OrderDesk::report_on(const PaperOrder& order, ExecType type,
                                     Timestamp at) noexcept {
  ExecutionReport report =
      answer(order.cl_ord_id, ClOrdId{}, order.instrument, type, RejectCode::None, at);
  report.order_id = order.order_id;
  report.cum_qty = order.cum_qty;
  report.leaves_qty = order.leaves_qty();
  return report;
}

void OrderDesk::push(const ExecutionReport& report, Timestamp at) {
  const Timestamp due = at + options_.report_latency;
  const Timestamp last = reports_.empty() ? due : reports_.back().due;
  reports_.push_back({.due = std::max(due, last), .report = report});
}

std::size_t OrderDesk::poll_reports(Timestamp now, std::span<ExecutionReport> out) {
  std::size_t count = 0;
  for (; count < out.size() && !reports_.empty() && reports_.front().due <= now; ++count) {
    out[count] = reports_.front().report;
    reports_.pop_front();
  }
  return count;
}

std::optional<Timestamp> OrderDesk::next_report_due() const noexcept {
  if (!reports_.empty()) return reports_.front().due;
  // What a request will cause is not known yet, only that nothing can be told sooner.
  if (!requests_.empty()) return requests_.front().due + options_.report_latency;
  return std::nullopt;
}

std::optional<Timestamp> OrderDesk::next_arrival() const noexcept {
  if (requests_.empty()) return std::nullopt;
  return requests_.front().due;
}

void OrderDesk::refuse(const OrderSend& send, RejectCode code, Timestamp at) {
  push(answer(send.cl_ord_id, ClOrdId{}, send.instrument, ExecType::Rejected, code, at), at);
}

void OrderDesk::refuse(const CancelSend& cancel, RejectCode code, Timestamp at) {
  push(answer(cancel.cl_ord_id, cancel.orig_cl_ord_id, cancel.instrument, ExecType::CancelRejected,
              code, at),
       at);
}

void OrderDesk::refuse(const ReplaceSend& replace, RejectCode code, Timestamp at) {
  push(answer(replace.cl_ord_id, replace.orig_cl_ord_id, replace.instrument,
              ExecType::ReplaceRejected, code, at),
       at);
}

void OrderDesk::refuse(const OrderQuery& /*query*/, RejectCode /*code*/, Timestamp /*at*/) {
  // The core asks again; a made-up answer could end an order that lives.
}

OrderDesk::Market* OrderDesk::market_of(InstrumentId instrument) noexcept {
  const auto at = std::ranges::find_if(
      markets_, [&](const Market& market) { return market.rules->instrument == instrument; });
  return at == markets_.end() ? nullptr : &*at;
}

PaperOrder* OrderDesk::find(ClOrdId cl_ord_id) noexcept {
  const auto at = by_cl_ord_id_.find(cl_ord_id);
  return at == by_cl_ord_id_.end() ? nullptr : at->second;
}

OrderId OrderDesk::next_order_id() noexcept {
  // A caller that gives two runs one number must not make two orders one.
  OrderId id{next_id()};
  while (orders_.contains(id)) id = OrderId{next_id()};
  return id;
}

PaperOrder& OrderDesk::remember(const PaperOrder& order) {
  if (orders_.size() >= kOrdersMax) forget_oldest();
  auto& kept = orders_[order.order_id];
  kept = std::make_unique<PaperOrder>(order);
  by_cl_ord_id_[order.cl_ord_id] = kept.get();
  return *kept;
}

void OrderDesk::close(PaperOrder& order) {
  order.open = false;
  closed_.push_back(order.order_id);
}

void OrderDesk::forget_oldest() {
  if (closed_.empty()) return;
  const auto at = orders_.find(closed_.front());
  closed_.pop_front();
  const PaperOrder& order = *at->second;
  forgotten_ = std::max({forgotten_, order.cl_ord_id, order.previous_cl_ord_id});
  by_cl_ord_id_.erase(order.cl_ord_id);
  by_cl_ord_id_.erase(order.previous_cl_ord_id);
  orders_.erase(at);
}

}  // namespace stoa::venues::replay

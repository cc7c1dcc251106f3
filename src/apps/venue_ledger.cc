#include "apps/venue_ledger.h"

#include <iterator>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/types.h"

namespace stoa::apps {

bool VenueLedger::on_request(const OrderSend& order) {
  const auto [at, made] = orders_.try_emplace(order.cl_ord_id.value());
  if (!made) return false;
  at->second = {.send = order, .newest = order.cl_ord_id, .px = order.px, .qty = order.qty};
  waiting_.emplace(order.cl_ord_id.value(), order);
  ++open_;
  // Ids grow: the oldest come first. Open orders are never dropped.
  for (auto old = orders_.begin(); orders_.size() > open_ + kEndedMax && old != orders_.end();) {
    old = old->second.ended ? orders_.erase(old) : std::next(old);
  }
  return true;
}

bool VenueLedger::on_request(const CancelSend& cancel) {
  return waiting_.emplace(cancel.cl_ord_id.value(), cancel).second;
}

bool VenueLedger::on_request(const ReplaceSend& replace) {
  return waiting_.emplace(replace.cl_ord_id.value(), replace).second;
}

VenueLedger::Order* VenueLedger::find(ClOrdId id) {
  const auto first = first_of_.find(id.value());
  const auto at = orders_.find(first == first_of_.end() ? id.value() : first->second);
  return at == orders_.end() ? nullptr : &at->second;
}

void VenueLedger::end(Order& order) {
  if (order.ended) return;
  order.ended = true;
  --open_;
  if (order.newest != order.send.cl_ord_id) first_of_.erase(order.newest.value());
}

void VenueLedger::on_report(const ExecutionReport& report) {
  const bool answers_query =
      report.exec_type == ExecType::OrderStatus || report.exec_type == ExecType::NotFound;
  if (answers_query) return;
  Order* order = find(report.cl_ord_id);
  if (order == nullptr) order = find(report.orig_cl_ord_id);
  const auto asked = waiting_.find(report.cl_ord_id.value());
  if (order != nullptr) {
    switch (report.exec_type) {
      case ExecType::New:
        order->accepted = true;
        order->order_id = report.order_id;
        break;
      case ExecType::Trade:
        order->accepted = true;
        order->order_id = report.order_id;
        order->cum = report.cum_qty;
        if (report.leaves_qty.is_zero()) end(*order);
        break;
      case ExecType::Replaced:
        if (asked != waiting_.end() && std::holds_alternative<ReplaceSend>(asked->second)) {
          const auto& replace = std::get<ReplaceSend>(asked->second);
          order->px = replace.px;
          order->qty = replace.qty;
          first_of_[report.cl_ord_id.value()] = order->send.cl_ord_id.value();
          order->newest = report.cl_ord_id;
        }
        break;
      case ExecType::Canceled:
      case ExecType::Rejected:
      case ExecType::Expired:
        end(*order);
        break;
      default:
        break;
    }
  }
  if (asked != waiting_.end()) waiting_.erase(asked);
}

std::optional<ExecutionReport> VenueLedger::status_of(const OrderQuery& query) const {
  const auto first = first_of_.find(query.cl_ord_id.value());
  const auto at = orders_.find(first == first_of_.end() ? query.cl_ord_id.value() : first->second);
  if (at == orders_.end()) return {};
  const Order& order = at->second;
  ExecutionReport report{.cl_ord_id = query.cl_ord_id};
  report.order_id = order.order_id;
  report.instrument = order.send.instrument;
  report.exec_type = ExecType::OrderStatus;
  report.cum_qty = order.cum;
  report.leaves_qty = order.ended ? Qty{} : Qty::from_e8(order.qty.e8() - order.cum.e8());
  return report;
}

std::vector<OrderUpdate> VenueLedger::resting() const {
  std::vector<OrderUpdate> resting;
  for (const auto& [id, order] : orders_) {
    if (order.ended || !order.accepted) continue;
    OrderUpdate update;
    update.instrument = order.send.instrument;
    update.side = order.send.side;
    update.type = order.send.type;
    update.time_in_force = order.send.time_in_force;
    update.cl_ord_id = order.newest;
    update.intent = order.send.cl_ord_id;
    update.order_id = order.order_id;
    update.px = order.px;
    update.order_qty = order.qty;
    update.cum_qty = order.cum;
    resting.push_back(update);
  }
  return resting;
}

std::vector<VenueLedger::Request> VenueLedger::unanswered() const {
  std::vector<Request> requests;
  requests.reserve(waiting_.size());
  for (const auto& [id, request] : waiting_) requests.push_back(request);
  return requests;
}

}  // namespace stoa::apps

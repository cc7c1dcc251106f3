#include "gateway/order_board.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::gateway {
namespace {

template <class M>
inline constexpr std::uint8_t kType = native::Wire<M>::kType;

}  // namespace

std::vector<CheckResult> checks_of(const native::MessageView& decision) {
  std::vector<CheckResult> checks(decision.as<RiskDecision>().check_count);
  checks.resize(decision.tail<CheckResult>(sizeof(RiskDecision), checks));
  return checks;
}

std::optional<CheckResult> first_breach(const native::MessageView& decision) {
  for (const CheckResult& check : checks_of(decision)) {
    if (check.ok == 0) return check;
  }
  return std::nullopt;
}

void OrderBoard::apply(std::uint64_t lsn, const native::MessageView& message) {
  switch (message.type()) {
    case kType<OrderIntent>:
      return on_intent(lsn, message.as<OrderIntent>(), message.header().timestamp);
    case kType<RiskDecision>:
      return on_decision(lsn, message);
    case kType<OrderUpdate>:
      return on_update(lsn, message.as<OrderUpdate>());
    case kType<CancelIntent>: {
      const auto intent = message.as<CancelIntent>();
      return note_request(lsn, resolve(intent.orig_cl_ord_id, intent.client_order_id));
    }
    case kType<ReplaceIntent>: {
      const auto intent = message.as<ReplaceIntent>();
      return note_request(lsn, resolve(intent.orig_cl_ord_id, intent.client_order_id));
    }
    case kType<Fill>: {
      const auto fill = message.as<Fill>();
      fills_.push_back({fill, lsn});
      ++fills_seen_;
      if (fills_.size() > fills_kept_) fills_.pop_front();
      if (OrderRecord* order = resolve(fill.intent.value())) note(*order, lsn);
      return;
    }
    default:
      break;
  }
  OrderRecord* order = nullptr;
  if (message.is<OrderSend>()) {
    order = resolve(message.as<OrderSend>().cl_ord_id.value());
  } else if (message.is<CancelSend>()) {
    order = resolve(message.as<CancelSend>().orig_cl_ord_id.value());
  } else if (message.is<ReplaceSend>()) {
    order = resolve(message.as<ReplaceSend>().orig_cl_ord_id.value());
  } else if (message.is<OrderQuery>()) {
    order = resolve(message.as<OrderQuery>().cl_ord_id.value());
  } else if (message.is<ExecutionReport>()) {
    const auto report = message.as<ExecutionReport>();
    order = resolve(report.cl_ord_id.value());
    if (order == nullptr) order = resolve(report.orig_cl_ord_id.value());
  }
  if (order != nullptr) note(*order, lsn);
}

void OrderBoard::on_intent(std::uint64_t lsn, const OrderIntent& intent, Timestamp timestamp) {
  OrderRecord& order = orders_[lsn];
  order.state = OrderUpdate{.client_order_id = intent.client_order_id,
                            .instrument = intent.instrument,
                            .strategy = intent.strategy,
                            .account = intent.account,
                            .side = intent.side,
                            .type = intent.type,
                            .time_in_force = intent.time_in_force,
                            .intent = ClOrdId{lsn},
                            .cl_ord_id = ClOrdId{lsn},
                            .px = intent.px,
                            .order_qty = intent.qty,
                            .ts_created = timestamp,
                            .ts_updated = timestamp};
  by_client_id_.try_emplace(std::string{intent.client_order_id.view()}, lsn);
  note(order, lsn);
}

void OrderBoard::on_decision(std::uint64_t lsn, const native::MessageView& message) {
  const auto decision = message.as<RiskDecision>();
  OrderRecord* order = resolve(decision.intent.value());
  if (order == nullptr) return;
  // A second order of one client_order_id never comes into being.
  if (!order->listed && decision.code == RejectCode::DuplicateClientOrderId) {
    forget_id(decision.intent.value(), *order);
    orders_.erase(decision.intent.value());
    return;
  }
  note(*order, lsn);
  if (decision.accepted != 0 || order->listed) return;
  order->breach = first_breach(message);
}

void OrderBoard::on_update(std::uint64_t lsn, const OrderUpdate& update) {
  const std::uint64_t intent = update.intent.value();
  OrderRecord& order = orders_[intent];
  order.state = update;
  if (!order.listed) {
    order.listed = true;
    by_client_id_[std::string{update.client_order_id.view()}] = intent;
    open_.insert(intent);
  }
  if (update.cl_ord_id != update.intent &&
      alias_.try_emplace(update.cl_ord_id.value(), intent).second) {
    order.aliases.push_back(update.cl_ord_id.value());
  }
  // A state that a start tells is no record: the story begins with the intent.
  if (lsn != 0) {
    note(order, lsn);
  } else if (order.lsns.empty()) {
    note(order, intent);
  }
  if (!order.changed) {
    order.changed = true;
    changed_.push_back(intent);
  }
  if (is_terminal(update.status) && !order.closed) {
    order.closed = true;
    open_.erase(intent);
    closed_.push_back(intent);
    drop_old();
  }
}

void OrderBoard::note(OrderRecord& order, std::uint64_t lsn) {
  order.lsn = std::max(order.lsn, lsn);  // inputs of one round have lsns before their outputs
  // The beginning and the end of a life matter most: past the bound the second half moves on.
  if (order.lsns.size() == kStoryRecords) {
    order.lsns.erase(order.lsns.begin() + kStoryRecords / 2);
  }
  order.lsns.push_back(lsn);
}

void OrderBoard::note_request(std::uint64_t lsn, OrderRecord* order) {
  if (order == nullptr) return;
  note(*order, lsn);
  alias_[lsn] = order->state.intent.value();
  order->aliases.push_back(lsn);
}

OrderRecord* OrderBoard::resolve(std::uint64_t cl_ord_id) {
  if (const auto at = orders_.find(cl_ord_id); at != orders_.end()) return &at->second;
  const auto alias = alias_.find(cl_ord_id);
  if (alias == alias_.end()) return nullptr;
  const auto at = orders_.find(alias->second);
  return at == orders_.end() ? nullptr : &at->second;
}

OrderRecord* OrderBoard::resolve(ClOrdId cl_ord_id, const ClientOrderId& client_order_id) {
  if (cl_ord_id != ClOrdId{}) return resolve(cl_ord_id.value());
  const auto at = by_client_id_.find(std::string{client_order_id.view()});
  return at == by_client_id_.end() ? nullptr : resolve(at->second);
}

void OrderBoard::drop_old() {
  while (orders_.size() > orders_kept_ && !closed_.empty()) {
    const auto at = orders_.find(closed_.front());
    closed_.pop_front();
    if (at == orders_.end()) continue;
    for (const std::uint64_t alias : at->second.aliases) alias_.erase(alias);
    forget_id(at->first, at->second);
    orders_.erase(at);
  }
}

/// Unless the id is another order's.
void OrderBoard::forget_id(std::uint64_t intent, const OrderRecord& order) {
  const auto at = by_client_id_.find(std::string{order.state.client_order_id.view()});
  if (at != by_client_id_.end() && at->second == intent) by_client_id_.erase(at);
}

const OrderRecord* OrderBoard::find(std::string_view client_order_id) const {
  const auto at = by_client_id_.find(std::string{client_order_id});
  return at == by_client_id_.end() ? nullptr : find_intent(at->second);
}

const OrderRecord* OrderBoard::find_intent(std::uint64_t intent) const {
  const auto at = orders_.find(intent);
  return at == orders_.end() || !at->second.listed ? nullptr : &at->second;
}

bool OrderBoard::undecided(std::string_view client_order_id) const {
  const auto at = by_client_id_.find(std::string{client_order_id});
  if (at == by_client_id_.end()) return false;
  const auto order = orders_.find(at->second);
  return order != orders_.end() && !order->second.listed;
}

std::vector<std::uint64_t> OrderBoard::take_changed() {
  for (const std::uint64_t intent : changed_) {
    if (const auto at = orders_.find(intent); at != orders_.end()) at->second.changed = false;
  }
  return std::exchange(changed_, {});
}

}  // namespace stoa::gateway

#include "gateway/desk.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/price.h"
#include "base/qty.h"
#include "bus/topic.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/order_board.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::gateway {
namespace {

constexpr std::chrono::seconds kTellEvery{1};

/// An input of ours that the log has taken. Answers to probes carry our source too.
bool is_echo(const native::MessageView& message) noexcept {
  return (message.header().flags & native::kFlagProbe) == 0 &&
         message.header().source == static_cast<std::uint8_t>(relay::Source::Gateway) &&
         !message.is_output();
}

/// The venue still owes an answer to a request on the order.
bool in_flight(OrdStatus status) noexcept {
  return status == OrdStatus::PendingNew || status == OrdStatus::PendingCancel ||
         status == OrdStatus::PendingReplace || status == OrdStatus::InDoubt;
}

Problem outcome_unknown(const std::string& client_order_id) {
  return Problem{.status = 504,
                 .code = "outcome_unknown",
                 .detail = "the engine did not answer in time; the command may still count",
                 .hint = client_order_id.empty()
                             ? "Look at the state before you send it again."
                             : "Ask for the order by its client_order_id; do not send it again "
                               "under another id.",
                 .client_order_id = client_order_id};
}

}  // namespace

Problem engine_busy() {
  return Problem{.status = 503,
                 .code = "engine_busy",
                 .detail = "the engine's command queue is full; nothing was done",
                 .hint = "Send it again in a second."};
}

Desk::Desk(const Link& link, const OrderBoard& orders, const Bounds& bounds)
    : link_{link},
      orders_{orders},
      answer_timeout_{bounds.answer_timeout},
      held_max_{bounds.held_max},
      next_sequence_{link.next_sequence} {}

Problem Desk::closed() const {
  if (link_.status->log_failed.value() != 0) {
    return {.status = 503,
            .code = "log_failed",
            .detail = "the journal could not be written; nothing is accepted any more",
            .hint = "Look at the disk and restart the engine."};
  }
  return {.status = 503,
          .code = "not_ready",
          .detail = "the engine is still recovering",
          .hint = "GET /ready says when it is done."};
}

bool Desk::refuse_if_closed(Reply& reply) const {
  if (link_.status->log_failed.value() == 0 && link_.status->ready.value() != 0) return false;
  reply(respond(closed()));
  return true;
}

Desk::Way Desk::way(const ops::OrderDoor& door) const {
  using Mode = ops::OrderDoor::Mode;
  if (link_.status->log_failed.value() != 0) return Way::Refuse;
  if (fail_point("gateway_refuses_commands") != 0) return Way::Refuse;
  const bool open =
      door.mode == Mode::Open || (door.mode == Mode::AsReady && link_.status->ready.value() != 0);
  const bool held =
      door.mode == Mode::Held && link_.clock->monotonic() < nanoseconds{door.until_ns};
  if (!open && !held) return Way::Refuse;
  // Who came before goes before.
  const bool queue = !held_.empty() || !held_first_.empty();
  return queue || (held && !door.takes) ? Way::Hold : Way::Go;
}

bool Desk::has_room(std::size_t bytes, std::size_t count) {
  // A claim that is not committed changes nothing; one that holds the batch with its record heads
  // says that each of them will fit.
  constexpr std::size_t kRecordOverhead = 16;
  return !link_.commands->claim((bytes + kRecordOverhead) * count).empty();
}

void Desk::place(const OrderIntent& wanted, Reply reply) {
  OrderIntent intent = wanted;
  // One that mistakes the unit.
  if (fail_point("gateway_asks_for_too_much") != 0) intent.qty = Qty::from_e8(INT64_MAX / 4);
  submit(single(intent), Waiting{.kind = Kind::Place,
                                 .reply = std::move(reply),
                                 .client_order_id = std::string{intent.client_order_id.view()}});
}

void Desk::cancel(const CancelIntent& intent, Reply reply) {
  submit(single(intent), Waiting{.kind = Kind::Cancel,
                                 .reply = std::move(reply),
                                 .client_order_id = std::string{intent.client_order_id.view()}});
}

void Desk::replace(const ReplaceIntent& intent, Reply reply) {
  submit(single(intent), Waiting{.kind = Kind::Replace,
                                 .reply = std::move(reply),
                                 .client_order_id = std::string{intent.client_order_id.view()},
                                 .px = intent.px,
                                 .qty = intent.qty});
}

bool Desk::refuse_for_kill(Waiting& waiting) const {
  const bool opens = waiting.kind == Kind::Place || waiting.kind == Kind::Replace;
  if (!opens || link_.status->kill_active.value() == 0) return false;
  waiting.reply(respond({.status = 422,
                         .code = to_string(RejectCode::KillSwitch),
                         .detail = refusal_text(RejectCode::KillSwitch, std::nullopt),
                         .hint = "Nothing was sent; send it again once trading has resumed.",
                         .client_order_id = waiting.client_order_id}));
  return true;
}

bool Desk::begin_hold(Waiting& waiting) {
  if (refuse_for_kill(waiting)) return false;
  const auto held = static_cast<std::size_t>(held_orders_.value());
  if (held >= held_max_) {
    waiting.reply(
        respond({.status = 503,
                 .code = "held_full",
                 .detail = "part of the platform is away for a moment and " + std::to_string(held) +
                           " commands wait for it already; nothing was done",
                 .hint = "Send it again in a second."}));
    return false;
  }
  waiting.held_since = link_.clock->monotonic();
  held_orders_.set(static_cast<std::int64_t>(held + 1));
  return true;
}

void Desk::hand_on(std::size_t sent, Waiting waiting) {
  next_sequence_ += sent;
  deadlines_.push_back({link_.clock->monotonic() + answer_timeout_, next_sequence_ - 1, false});
  if (waiting.kind == Kind::Place) {
    unseen_.push_back({next_sequence_ - 1, waiting.client_order_id});
  }
  waiting_.emplace(next_sequence_ - 1, std::move(waiting));
  link_.engine_wake->notify();
}

void Desk::release() {
  if (held_.empty() && held_first_.empty()) return;
  const ops::OrderDoor door = link_.status->door.load();
  if (way(door) == Way::Refuse) {
    for (auto* held : {&held_first_, &held_}) {
      for (Held& each : std::exchange(*held, {})) refuse(each.waiting, closed());
    }
    return;
  }
  if (door.mode == ops::OrderDoor::Mode::Held && !door.takes) return;
  if (release(held_first_)) release(held_);
}

bool Desk::release(std::deque<Held>& held) {
  while (!held.empty()) {
    Held& next = held.front();
    if (drop_if_hung_up(next.waiting)) {
      held.pop_front();
      continue;
    }
    const std::size_t sent = next.send(next_sequence_);
    if (sent == 0) {
      // The ring is full, and whoever empties it has had time enough.
      const nanoseconds late = link_.clock->monotonic() - answer_timeout_;
      if (next.waiting.held_since > late) return false;
      refuse(next.waiting, engine_busy());
    } else {
      hand_on(sent, std::move(next.waiting));
    }
    held.pop_front();
  }
  return true;
}

void Desk::refuse(Waiting& waiting, const Problem& problem) {
  note_answered(waiting);
  waiting.reply(respond(problem));
}

bool Desk::drop_if_hung_up(Waiting& waiting) {
  if (waiting.stands_alone || !waiting.reply.gone()) return false;
  hung_up_.add();
  refuse(waiting, {.status = 400,
                   .code = "hung_up",
                   .detail = "the connection was closed for sending before the request was carried "
                             "out; nothing was done",
                   .hint = "Keep the connection open until the answer has come.",
                   .client_order_id = waiting.client_order_id});
  return true;
}

void Desk::tell_hung_up(nanoseconds now) {
  const std::uint64_t count = hung_up_.value();
  if (count == hung_up_told_ || now < tell_hung_up_due_) return;
  log::warn("gateway_senders_hung_up", {{"requests_dropped", count - hung_up_told_}});
  hung_up_told_ = count;
  tell_hung_up_due_ = now + kTellEvery;
}

void Desk::note_answered(const Waiting& waiting) {
  if (waiting.held_since == nanoseconds{}) return;
  held_orders_.set(held_orders_.value() - 1);
  hold_ns_.record(
      static_cast<std::uint64_t>((link_.clock->monotonic() - waiting.held_since).count()));
}

void Desk::probe(const OrderIntent& intent, Verdict verdict, Reply reply) {
  if (refuse_if_closed(reply)) return;
  if (!publish(intent, native::kFlagProbe, next_probe_)) {
    reply(respond(engine_busy()));
    return;
  }
  deadlines_.push_back({link_.clock->monotonic() + answer_timeout_, next_probe_, true});
  probes_.emplace(next_probe_++, Probe{std::move(verdict), std::move(reply)});
  link_.engine_wake->notify();
}

void Desk::observe(std::uint64_t lsn, const native::MessageView& message) {
  if (is_echo(message)) {
    on_echo(lsn, message);
  } else if (message.is<RiskDecision>()) {
    on_decision(message);
  } else if (message.is<OrderUpdate>()) {
    on_update(message.as<OrderUpdate>());
  }
}

bool Desk::on_its_way(std::string_view client_order_id) const {
  const auto places = [&](const Held& each) {
    return each.waiting.kind == Kind::Place && each.waiting.client_order_id == client_order_id;
  };
  return orders_.undecided(client_order_id) || std::ranges::any_of(held_, places) ||
         std::ranges::find(unseen_, client_order_id, &Unseen::client_order_id) != unseen_.end();
}

void Desk::on_echo(std::uint64_t lsn, const native::MessageView& message) {
  // The log keeps a source's order.
  while (!unseen_.empty() && unseen_.front().sequence <= message.header().sequence) {
    unseen_.pop_front();
  }
  const auto at = waiting_.find(message.header().sequence);
  if (at == waiting_.end()) return;
  Waiting& waiting = at->second;
  if (waiting.kind == Kind::Command) {
    finish(at->first, waiting);
    return;
  }
  by_request_[lsn] = at->first;
  if (waiting.kind == Kind::Place) waiting.order = lsn;
}

void Desk::on_decision(const native::MessageView& message) {
  const auto decision = message.as<RiskDecision>();
  if ((message.header().flags & native::kFlagProbe) != 0) {
    const auto at = probes_.find(message.header().sequence);
    if (at == probes_.end()) return;
    std::vector<CheckResult> checks(decision.check_count);
    checks.resize(message.tail<CheckResult>(sizeof(RiskDecision), checks));
    Probe probe = std::move(at->second);
    probes_.erase(at);
    probe.reply(probe.verdict(decision, checks_of(message)));
    return;
  }
  const auto request = by_request_.find(decision.intent.value());
  if (request == by_request_.end()) return;
  const std::uint64_t sequence = request->second;
  by_request_.erase(request);
  const auto at = waiting_.find(sequence);
  if (at == waiting_.end()) return;
  Waiting& waiting = at->second;
  waiting.decided = decision.accepted != 0;
  waiting.refusal = decision.code;
  if (!waiting.decided) waiting.breach = first_breach(message);
  if (waiting.kind != Kind::Place) {
    const OrderRecord* order = orders_.find(waiting.client_order_id);
    if (order != nullptr) waiting.order = order->state.intent.value();
  }
  const bool no_order = decision.code == RejectCode::DuplicateClientOrderId;
  const bool awaits_update = waiting.kind == Kind::Place ? !no_order : waiting.decided;
  if (awaits_update) {
    by_order_.emplace(waiting.order, sequence);
  } else {
    finish(sequence, waiting);
  }
}

void Desk::on_update(const OrderUpdate& update) {
  const auto [begin, end] = by_order_.equal_range(update.intent.value());
  for (auto at = begin; at != end;) {
    const auto waiting = waiting_.find(at->second);
    const bool outcome_known = waiting == waiting_.end() || waiting->second.kind == Kind::Place ||
                               !in_flight(update.status);
    if (!outcome_known) {
      ++at;
      continue;
    }
    if (waiting != waiting_.end()) finish(waiting->first, waiting->second);
    at = by_order_.erase(at);
  }
}

void Desk::finish(std::uint64_t sequence, Waiting& waiting) {
  if (std::exchange(waiting.done, true)) return;
  ready_.push_back(sequence);
}

void Desk::settle() {
  for (const std::uint64_t sequence : std::exchange(ready_, {})) {
    auto node = waiting_.extract(sequence);
    if (node.empty()) continue;
    Waiting& waiting = node.mapped();
    note_answered(waiting);
    waiting.reply(waiting.kind == Kind::Command ? waiting.answer() : outcome(waiting));
  }
}

Response Desk::outcome(const Waiting& waiting) const {
  if (waiting.kind == Kind::Place) {
    if (const OrderRecord* order = orders_.find_intent(waiting.order)) {
      return outcome_of_place(*order);
    }
    Problem problem{.status = 409,
                    .code = "duplicate_client_order_id",
                    .detail = "an order with the client_order_id " + waiting.client_order_id +
                              " exists; nothing was sent",
                    .hint =
                        "If you repeated a request, `order` is its outcome; for another order "
                        "take another id."};
    if (const OrderRecord* first = orders_.find(waiting.client_order_id)) {
      problem.order_json = renderer_->order_json(*first);
    }
    return respond(problem);
  }
  const OrderRecord* order = orders_.find(waiting.client_order_id);
  if (order == nullptr || waiting.refusal == RejectCode::UnknownOrder) {
    return respond({.status = 404,
                    .code = "unknown_order",
                    .detail = "no order has the client_order_id " + waiting.client_order_id,
                    .hint = "GET /api/v1/orders lists them."});
  }
  return outcome_of_change(waiting, *order);
}

Response Desk::outcome_of_place(const OrderRecord& order) const {
  if (order.state.status != OrdStatus::Rejected) {
    return respond_json(renderer_->order_json(order), 201);
  }
  return respond({.status = 422,
                  .code = to_string(order.state.code),
                  .detail = refusal_text(order.state.code, order.breach),
                  .hint = "Nothing is open; correct the order and send it under a new "
                          "client_order_id.",
                  .order_json = renderer_->order_json(order)});
}

Response Desk::outcome_of_change(const Waiting& waiting, const OrderRecord& order) const {
  const OrderUpdate& now = order.state;
  const bool terminal = is_terminal(now.status);
  const bool as_asked = waiting.kind == Kind::Cancel
                            ? now.status == OrdStatus::Canceled
                            : !terminal && (waiting.px == Price{} || waiting.px == now.px) &&
                                  (waiting.qty == Qty{} || waiting.qty == now.order_qty);
  if (waiting.decided && as_asked) return respond_json(renderer_->order_json(order));
  if (terminal || waiting.refusal == RejectCode::TooLate) {
    return respond({.status = 409,
                    .code = "too_late",
                    .detail = "the order is already " + std::string{to_string(now.status)},
                    .hint = "`order` is its last state.",
                    .order_json = renderer_->order_json(order)});
  }
  RejectCode code = waiting.decided ? now.code : waiting.refusal;
  if (code == RejectCode::None) code = RejectCode::VenueRejected;
  return respond({.status = 422,
                  .code = to_string(code),
                  .detail = refusal_text(code, waiting.breach) + "; the order stays as it was",
                  .hint = "Nothing was changed.",
                  .order_json = renderer_->order_json(order)});
}

void Desk::expire(nanoseconds now) {
  release();
  tell_hung_up(now);
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    const Deadline due = deadlines_.front();
    deadlines_.pop_front();
    if (due.probe) {
      auto node = probes_.extract(due.sequence);
      if (!node.empty()) node.mapped().reply(respond(outcome_unknown({})));
      continue;
    }
    auto node = waiting_.extract(due.sequence);
    if (node.empty()) continue;
    Waiting& waiting = node.mapped();
    const auto [begin, end] = by_order_.equal_range(waiting.order);
    const auto mine =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second == due.sequence; });
    if (mine != end) by_order_.erase(mine);
    std::erase_if(by_request_, [&](const auto& entry) { return entry.second == due.sequence; });
    note_answered(waiting);
    waiting.reply(respond(outcome_unknown(waiting.client_order_id)));
  }
}

}  // namespace stoa::gateway

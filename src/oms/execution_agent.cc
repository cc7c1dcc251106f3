#include "oms/execution_agent.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/topic.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "oms/count_output.h"
#include "oms/execution_core.h"
#include "oms/order_table.h"
#include "oms/output_buffer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"
#include "risk/pre_trade.h"

namespace stoa::oms {

using relay::Source;

ExecutionAgent::ExecutionAgent(const Links& links)
    : core_{*links.core},
      log_{*links.log},
      marks_{links.marks},
      venue_{*links.venue},
      commands_{links.commands},
      gateway_wake_{links.gateway_wake},
      listener_{links.listener},
      status_{*links.status},
      stopwatch_{*links.stopwatch},
      reports_(kReportsPerRound) {
  output_ends_.reserve(kInboxMax + kCommandsPerRound + kReportsPerRound);
  inbox_.reserve(kInboxMax * native::kSmallMessageBytes);
  told_.reserve(ExecutionCore::kInstrumentsMax);
  if (marks_ != nullptr) {
    core_.for_each_instrument([&](const Instrument& instrument) {
      marks_->on_instrument(instrument.instrument);
      Mark mark = core_.mark(instrument.instrument);
      mark.instrument = instrument.instrument;
      marks_->on_logged(mark);
    });
  }
}

Result<void> ExecutionAgent::open_session(const Text<16>& venue, Timestamp now) {
  core_.for_each_open([&](const Order& order) {
    if (order.state.order_id.value() != 0) venue_.restore(order.state);
  });
  return append(Source::System, now, VenueSession{.venue = venue, .up = 1});
}

// --- marks

void ExecutionAgent::log_mark_before(const native::MessageView& message) {
  if (marks_ == nullptr) return;
  if (const auto mark = marks_->due_before(message, now_)) append_input(Source::Market, *mark);
}

void ExecutionAgent::log_old_marks() {
  if (marks_ == nullptr) return;
  marks_->take_old(now_, [&](const Mark& mark) { append_input(Source::Market, mark); });
}

// --- inputs

template <class M>
bool ExecutionAgent::queue(const M& message) {
  if (failed_ || inbox_count_ >= kInboxMax) return false;
  const std::size_t used = inbox_.size();
  inbox_.resize(used + native::kSmallMessageBytes);
  const std::size_t bytes =
      native::encode(std::span{inbox_}.subspan(used),
                     {.domain = native::Domain::Execution,
                      .source = static_cast<std::uint8_t>(Source::Strategies),
                      .sequence = log_.next_sequence(Source::Strategies) + inbox_count_,
                      .timestamp = now_},
                     message);
  inbox_.resize(used + bytes);
  if (inbox_count_++ == 0) {
    inbox_since_ = stopwatch_.monotonic();
    if (tick_at_.count() != 0) {
      status_.tick_to_intent_ns.record(
          static_cast<std::uint64_t>((inbox_since_ - tick_at_).count()));
    }
  }
  return true;
}

bool ExecutionAgent::submit(const OrderIntent& intent) { return queue(intent); }
bool ExecutionAgent::submit(const CancelIntent& intent) { return queue(intent); }
bool ExecutionAgent::submit(const ReplaceIntent& intent) { return queue(intent); }
bool ExecutionAgent::submit(const CancelAllIntent& intent) { return queue(intent); }
bool ExecutionAgent::submit(const StrategyCommand& command) { return queue(command); }

template <class M>
void ExecutionAgent::append_input(Source source, const M& message) {
  if (const auto offer = log_.append(source, now_, message); !offer) fail(offer.error());
}

void ExecutionAgent::take_commands() {
  if (commands_ == nullptr) return;
  commands_->poll(
      [&](const bus::Message& message) {
        const auto view = native::MessageView::trusted(message.payload);
        if ((view.header().flags & native::kFlagProbe) != 0) return answer_probe(view);
        log_mark_before(view);
        if (failed_) return;
        if (const auto offer = log_.offer(message.payload, now_); !offer) fail(offer.error());
      },
      kCommandsPerRound);
}

void ExecutionAgent::take_inbox() {
  std::span<const std::byte> rest = inbox_;
  while (!rest.empty() && !failed_) {
    const auto view = native::MessageView::trusted(rest);
    log_mark_before(view);
    if (failed_) break;
    if (const auto offer = log_.offer(view.bytes(), now_); !offer) fail(offer.error());
    rest = rest.subspan(view.bytes().size());
  }
  inbox_.clear();
  inbox_count_ = 0;
}

void ExecutionAgent::take_reports() {
  if (duty_ != Duty::Lead) return;
  const auto room = std::span{reports_}.first(std::min(reports_.size(), log_.room()));
  const std::size_t count = room.empty() ? 0 : venue_.poll_reports(now_, room);
  for (std::size_t i = 0; i < count && !failed_; ++i) append_input(Source::Venue, reports_[i]);
}

void ExecutionAgent::answer_probe(const native::MessageView& question) {
  if (!question.is<OrderIntent>() || duty_ == Duty::Follow) return;
  const auto intent = question.as<OrderIntent>();
  // The gate's answer, as if the order came now: the newest market counts, but nothing is logged
  // for a question.
  const risk::Verdict verdict = core_.what_if(intent, market_of(intent.instrument), now_);
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const std::size_t size = native::encode_with_tail<RiskDecision, CheckResult>(
      bytes,
      {.domain = native::Domain::Execution,
       .source = static_cast<std::uint8_t>(Source::Core),
       .flags = native::kFlagProbe,
       .sequence = question.header().sequence,
       .timestamp = now_},
      RiskDecision{.instrument = intent.instrument,
                   .accepted = static_cast<std::uint8_t>(verdict.accepted() ? 1 : 0),
                   .code = verdict.code,
                   .check_count = static_cast<std::uint16_t>(verdict.check_count)},
      verdict.view());
  log_.tell(std::span{bytes}.first(size));
}

Mark ExecutionAgent::market_of(InstrumentId instrument) {
  if (marks_ != nullptr) return marks_->latest(instrument);
  const auto told = std::ranges::find(told_, instrument, &Mark::instrument);
  return told != told_.end() ? *told : core_.mark(instrument);
}

/// Words of the moment that a relay has passed on.
void ExecutionAgent::hear(const native::MessageView& message) {
  if (message.is<OrderIntent>()) return answer_probe(message);
  if (message.is<Mark>()) {
    const auto mark = message.as<Mark>();
    const auto at = std::ranges::find(told_, mark.instrument, &Mark::instrument);
    if (at == told_.end()) {
      told_.push_back(mark);
    } else {
      *at = mark;
    }
  }
  if (listener_ != nullptr) listener_->on_told(message);
}

// --- one round

std::size_t ExecutionAgent::poll(Timestamp now) {
  if (failed_) return 0;
  now_ = now;
  log_old_marks();
  take_commands();
  take_inbox();
  take_reports();
  if (failed_ || !log_.has_work()) return 0;

  if (duty_ == Duty::Lead) fail_point("leader_decides");
  const auto durable = log_.commit();
  if (!durable) {
    fail(durable.error());
    return 0;
  }
  if (log_.batch().empty()) return 0;
  durable_at_ = stopwatch_.monotonic();
  if (inbox_since_.count() != 0) {
    status_.intent_to_durable_ns.record(
        static_cast<std::uint64_t>((durable_at_ - inbox_since_).count()));
  }
  const std::size_t applied = apply_batch();
  inbox_since_ = {};
  status_.inputs.add(applied);
  status_.head_lsn.set(static_cast<std::int64_t>(log_.head().value()));
  status_.durable_lsn.set(static_cast<std::int64_t>(log_.durable().value()));
  status_.open_orders.set(static_cast<std::int64_t>(core_.open_orders()));
  status_.kill_active.set(core_.kill_active() ? 1 : 0);
  status_.state_hash.set(std::bit_cast<std::int64_t>(core_.state_hash()));
  if (!failed_) {
    if (const auto ended = log_.end_round(); !ended) fail(ended.error());
  }
  if (gateway_wake_ != nullptr) gateway_wake_->notify();
  return applied;
}

std::size_t ExecutionAgent::apply_batch() {
  OutputBuffer& outputs = core_.outputs();
  // First the venue: the inputs are durable, and each further nanosecond is the market's.
  output_ends_.clear();
  log_.batch().for_each([&](Lsn lsn, const native::MessageView& input) {
    if (lsn == Lsn{} || input.is_output()) return;
    const std::size_t first = outputs.count();
    core_.apply(lsn, input);
    if (duty_ != Duty::Follow) {
      outputs.for_each(first, outputs.count(), [&](std::span<const std::byte> bytes) {
        dispatch(native::MessageView::trusted(bytes));
      });
    }
    output_ends_.push_back(outputs.count());
  });
  // Then everyone else: each input with its outputs behind it.
  std::size_t applied = 0;
  std::size_t first = 0;
  log_.batch().for_each([&](Lsn lsn, const native::MessageView& message) {
    if (lsn == Lsn{}) return hear(message);
    record(lsn, message);
    if (message.is_output()) {
      if (const auto known = log_.recorded(lsn, message); !known) fail(known.error());
      return;
    }
    const std::size_t last = output_ends_[applied++];
    outputs.for_each(first, last, [&](std::span<const std::byte> bytes) { take_output(bytes); });
    first = last;
  });
  outputs.clear();
  log_.clear_batch();
  return applied;
}

void ExecutionAgent::take_output(std::span<const std::byte> bytes) {
  const auto output = native::MessageView::trusted(bytes);
  if (duty_ != Duty::Follow) count_output(status_, output);
  if (failed_) return;
  const auto taken = log_.append_output(bytes);
  if (!taken) return fail(taken.error());
  const std::optional<Lsn>& lsn = *taken;
  if (lsn) record(*lsn, output);
}

void ExecutionAgent::record(Lsn lsn, const native::MessageView& message) {
  log_.publish(lsn, message.bytes());
  if (listener_ != nullptr) listener_->on_record(lsn, message);
}

void ExecutionAgent::send(const native::MessageView& output, Timestamp now) {
  now_ = now;
  count_output(status_, output);
  dispatch(output);
}

void ExecutionAgent::dispatch(const native::MessageView& output) {
  using native::Wire;
  switch (output.type()) {
    case Wire<OrderSend>::kType: {
      venue_.send(output.as<OrderSend>(), now_);
      const nanoseconds sent_at = stopwatch_.monotonic();
      status_.durable_to_send_ns.record(
          static_cast<std::uint64_t>((sent_at - durable_at_).count()));
      if (inbox_since_.count() != 0 && tick_at_.count() != 0) {
        status_.tick_to_send_ns.record(static_cast<std::uint64_t>((sent_at - tick_at_).count()));
      }
      break;
    }
    case Wire<CancelSend>::kType:
      venue_.cancel(output.as<CancelSend>(), now_);
      break;
    case Wire<ReplaceSend>::kType:
      venue_.replace(output.as<ReplaceSend>(), now_);
      break;
    case Wire<OrderQuery>::kType:
      venue_.query(output.as<OrderQuery>(), now_);
      break;
    default:
      break;
  }
}

void ExecutionAgent::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  error_ = error;
  status_.log_failed.set(1);
  status_.ready.set(0);
  log::error("log_failed", {{"error", error.text()}});
}

}  // namespace stoa::oms

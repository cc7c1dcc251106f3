#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/price.h"
#include "base/qty.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/order_board.h"
#include "gateway/problem.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::gateway {

class Renderer;

/// Hands commands to the engine and matches what the log says to whoever waits for an answer.
///
///   command --sequence--> its echo on the log (now it has an lsn) --lsn--> decision --order-->
///   outcome
///
/// A command that does not fit the ring is refused and its sequence is used by the next one. An
/// answer that does not come in time is 504: the command may still count. Gateway thread.
class Desk {
 public:
  Desk(const Link& link, const OrderBoard& orders, std::chrono::milliseconds answer_timeout);
  /// Who renders the orders in answers; set before the first command.
  void set_renderer(const Renderer& renderer) noexcept { renderer_ = &renderer; }

  /// 201 once the intent is durable and decided; else 409 or 422.
  void place(const OrderIntent& intent, Reply reply);
  /// 200 once the venue has answered; else 404, 409 or 422.
  void cancel(const CancelIntent& intent, Reply reply);
  void replace(const ReplaceIntent& intent, Reply reply);
  /// What the gate would say: answered by `answer(decision, checks)`.
  using Verdict = std::move_only_function<Response(const RiskDecision&, std::vector<CheckResult>)>;
  void probe(const OrderIntent& intent, Verdict verdict, Reply reply);
  /// Commands without an outcome of their own: answered with `answer()` once all are durable. All
  /// of them are taken or none.
  using Answer = std::move_only_function<Response()>;
  template <native::Message M>
  void command(const std::vector<M>& messages, Answer answer, Reply reply);

  /// Answers why no command can be taken now; false when one can.
  [[nodiscard]] bool refuse_if_closed(Reply& reply) const;
  /// Looks at a record of the log, after the boards have.
  void observe(std::uint64_t lsn, const native::MessageView& message);
  /// Answers everybody whose outcome is known, with the newest state; after a batch of records.
  void settle();
  /// Answers 504 to those who have waited too long.
  void expire(nanoseconds now);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size() + probes_.size(); }

 private:
  enum class Kind : std::uint8_t { Place, Cancel, Replace, Command };
  struct Waiting {
    Kind kind = Kind::Command;
    Reply reply;
    Answer answer{};                // Command
    std::string client_order_id{};  // of the order it is about
    std::uint64_t order = 0;        // its intent, once known
    Price px{};                     // Replace: as asked, zero: unchanged
    Qty qty{};
    bool decided = false;                   // accepted by the gate
    RejectCode refusal = RejectCode::None;  // by the gate
    std::optional<CheckResult> breach{};
    bool done = false;  // stands in ready_
  };
  struct Probe {
    Verdict verdict;
    Reply reply;
  };
  struct Deadline {
    nanoseconds at{};
    std::uint64_t sequence = 0;
    bool probe = false;
  };

  template <native::Message M>
  bool publish(const M& message, std::uint8_t flags, std::uint64_t sequence);
  /// Room for `count` messages of `bytes` each, so that a batch goes whole.
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t count);
  template <native::Message M>
  void submit(const M& message, Waiting waiting);
  void on_echo(std::uint64_t lsn, const native::MessageView& message);
  void on_decision(const native::MessageView& message);
  void on_update(const OrderUpdate& update);
  void finish(std::uint64_t sequence, Waiting& waiting);
  [[nodiscard]] Response outcome(const Waiting& waiting) const;
  [[nodiscard]] Response outcome_of_place(const OrderRecord& order) const;
  [[nodiscard]] Response outcome_of_change(const Waiting& waiting, const OrderRecord& order) const;

  Link link_;
  const OrderBoard& orders_;
  const Renderer* renderer_ = nullptr;
  nanoseconds answer_timeout_;
  std::uint64_t next_sequence_;
  std::uint64_t next_probe_ = 1;
  std::unordered_map<std::uint64_t, Waiting> waiting_;              // by sequence
  std::unordered_map<std::uint64_t, std::uint64_t> by_request_;     // lsn to sequence
  std::unordered_multimap<std::uint64_t, std::uint64_t> by_order_;  // intent to sequence
  std::unordered_map<std::uint64_t, Probe> probes_;                 // by probe sequence
  std::deque<Deadline> deadlines_;
  std::vector<std::uint64_t> ready_;  // sequences to answer in settle
};

[[nodiscard]] Problem engine_busy();

template <native::Message M>
bool Desk::publish(const M& message, std::uint8_t flags, std::uint64_t sequence) {
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const native::Stamp stamp{.domain = native::Domain::Execution,
                            .source = static_cast<std::uint8_t>(relay::Source::Gateway),
                            .flags = flags,
                            .sequence = sequence,
                            .timestamp = link_.clock->now()};
  const std::size_t used = native::encode(bytes, stamp, message);
  return link_.commands->try_publish(std::span{bytes}.first(used)) == bus::PublishResult::Ok;
}

template <native::Message M>
void Desk::submit(const M& message, Waiting waiting) {
  if (refuse_if_closed(waiting.reply)) return;
  if (!publish(message, 0, next_sequence_)) {
    waiting.reply(respond(engine_busy()));
    return;
  }
  deadlines_.push_back({link_.clock->monotonic() + answer_timeout_, next_sequence_, false});
  waiting_.emplace(next_sequence_++, std::move(waiting));
  link_.engine_wake->notify();
}

template <native::Message M>
void Desk::command(const std::vector<M>& messages, Answer answer, Reply reply) {
  if (messages.size() > 1) {
    if (refuse_if_closed(reply)) return;
    if (!has_room(native::detail::message_bytes(sizeof(M)), messages.size())) {
      reply(respond(engine_busy()));
      return;
    }
  }
  // The answer waits for the last one; the ring keeps their order.
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) {
    if (publish(messages[i], 0, next_sequence_)) ++next_sequence_;
  }
  submit(messages.back(),
         Waiting{.kind = Kind::Command, .reply = std::move(reply), .answer = std::move(answer)});
}

}  // namespace stoa::gateway

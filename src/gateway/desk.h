#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"
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
#include "ops/engine_status.h"
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
/// answer that does not come in time is 504: the command may still count.
///
/// While something that orders need is away for a moment (ops::OrderDoor), commands are held: those
/// that the relay takes are handed on and decided later, the others wait here in the order of their
/// coming, the kill switch's in front. Who still waits here when the hold ends is refused with 503:
/// nothing was done.
///
/// A command whose sender has hung up before it is handed on is not carried out: who gave up and
/// asks elsewhere what became of it must not be told "nothing" before it happens. Only the kill
/// switch goes on without its sender. Gateway thread.
class Desk {
 public:
  struct Bounds {
    std::chrono::milliseconds answer_timeout{5'000};  // from handing on
    std::size_t held_max = 4'096;                     // held at once; beyond it 503 held_full
  };
  Desk(const Link& link, const OrderBoard& orders, const Bounds& bounds);
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

  /// Answers why nothing can be asked of the engine now; false when it can. Nothing is held here.
  [[nodiscard]] bool refuse_if_closed(Reply& reply) const;
  /// Numbers go on with this one: the source is ours from here on. Nothing is on its way.
  void begin_at(std::uint64_t next_sequence) noexcept { next_sequence_ = next_sequence; }
  /// An order of this id was taken from a client and the log does not show yet what became of it:
  /// nobody may say that there is none, also when who sent it has stopped waiting.
  [[nodiscard]] bool on_its_way(std::string_view client_order_id) const;
  /// No command waits here to be handed on.
  [[nodiscard]] bool all_handed_on() const noexcept { return held_.empty() && held_first_.empty(); }
  /// Hands on what is held here and may go, or refuses it; after each look at the door.
  void release();
  /// Looks at a record of the log, after the boards have.
  void observe(std::uint64_t lsn, const native::MessageView& message);
  /// Answers everybody whose outcome is known, with the newest state; after a batch of records.
  void settle();
  /// Answers 504 to those who have waited too long.
  void expire(nanoseconds now);

  [[nodiscard]] std::size_t waiting() const noexcept {
    return waiting_.size() + probes_.size() + held_.size() + held_first_.size();
  }
  /// Commands that came while something was away and are not answered yet.
  [[nodiscard]] const Gauge& held_orders() const noexcept { return held_orders_; }
  /// Of each of them: from its coming to its answer.
  [[nodiscard]] const Histogram& hold_ns() const noexcept { return hold_ns_; }
  /// Commands that were not carried out because their sender had hung up.
  [[nodiscard]] const Counter& hung_up() const noexcept { return hung_up_; }

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
    bool done = false;          // stands in ready_
    nanoseconds held_since{};   // 0: it was not held
    bool stands_alone = false;  // is carried out also when nobody waits for the answer
  };
  /// Publishes a command, or several, from this sequence on; answers how many, 0: no room.
  using Send = std::move_only_function<std::size_t(std::uint64_t)>;
  struct Held {
    Send send;
    Waiting waiting;
  };
  /// An order that was handed on, until the log shows it.
  struct Unseen {
    std::uint64_t sequence = 0;
    std::string client_order_id{};
  };
  enum class Way : std::uint8_t { Go, Hold, Refuse };
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
  [[nodiscard]] auto single(const M& message) {
    return [this, message](std::uint64_t sequence) -> std::size_t {
      return publish(message, 0, sequence) ? 1 : 0;
    };
  }
  /// `first`: before whatever else is held.
  template <class SendNow>
  void submit(SendNow send, Waiting waiting, bool first = false);
  /// Counts it among those held; false: it may not be, and was answered.
  [[nodiscard]] bool begin_hold(Waiting& waiting);
  void hand_on(std::size_t sent, Waiting waiting);
  [[nodiscard]] Way way(const ops::OrderDoor& door) const;
  /// Hands on from the front; false: the ring is full.
  bool release(std::deque<Held>& held);
  void refuse(Waiting& waiting, const Problem& problem);
  /// True: its sender has hung up, and it was answered for whoever may still read.
  [[nodiscard]] bool drop_if_hung_up(Waiting& waiting);
  void tell_hung_up(nanoseconds now);
  /// True: the order was not worth holding, and was answered.
  [[nodiscard]] bool refuse_for_kill(Waiting& waiting) const;
  [[nodiscard]] Problem closed() const;
  void note_answered(const Waiting& waiting);
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
  std::size_t held_max_;
  std::uint64_t next_sequence_;
  std::uint64_t next_probe_ = 1;
  std::unordered_map<std::uint64_t, Waiting> waiting_;              // by sequence
  std::unordered_map<std::uint64_t, std::uint64_t> by_request_;     // lsn to sequence
  std::unordered_multimap<std::uint64_t, std::uint64_t> by_order_;  // intent to sequence
  std::unordered_map<std::uint64_t, Probe> probes_;                 // by probe sequence
  std::deque<Deadline> deadlines_;
  std::vector<std::uint64_t> ready_;  // sequences to answer in settle
  std::deque<Held> held_first_;       // the kill switch's
  std::deque<Held> held_;
  std::deque<Unseen> unseen_;  // by sequence; as many as ring and outbox hold
  Gauge held_orders_;
  Histogram hold_ns_;
  Counter hung_up_;
  std::uint64_t hung_up_told_ = 0;
  nanoseconds tell_hung_up_due_{};
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

template <class SendNow>
void Desk::submit(SendNow send, Waiting waiting, bool first) {
  const ops::OrderDoor door = link_.status->door.load();
  const Way now = way(door);
  if (now == Way::Refuse) return waiting.reply(respond(closed()));
  if (drop_if_hung_up(waiting)) return;
  // Whoever decides may be away where the relay is not: what is handed on waits too.
  const bool held = now == Way::Hold || door.mode == ops::OrderDoor::Mode::Held;
  if (held && !begin_hold(waiting)) return;
  if (now == Way::Hold) {
    (first ? held_first_ : held_).push_back({std::move(send), std::move(waiting)});
    return;
  }
  const std::size_t sent = send(next_sequence_);
  if (sent == 0) return refuse(waiting, engine_busy());
  hand_on(sent, std::move(waiting));
}

template <native::Message M>
void Desk::command(const std::vector<M>& messages, Answer answer, Reply reply) {
  // The answer waits for the last one; the ring keeps their order.
  auto send = [this, messages](std::uint64_t sequence) -> std::size_t {
    if (!has_room(native::detail::message_bytes(sizeof(M)), messages.size())) return 0;
    for (const M& message : messages) {
      check(publish(message, 0, sequence++), "room for all of them was found");
    }
    return messages.size();
  };
  constexpr bool kKillSwitch = std::is_same_v<M, KillSwitch>;
  const auto stops = []([[maybe_unused]] const M& message) {
    if constexpr (kKillSwitch) return message.active != 0;
    return false;
  };
  submit(std::move(send),
         Waiting{.kind = Kind::Command,
                 .reply = std::move(reply),
                 .answer = std::move(answer),
                 .stands_alone = std::ranges::any_of(messages, stops)},
         kKillSwitch);
}

}  // namespace stoa::gateway

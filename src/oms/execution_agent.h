#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "model/market.h"
#include "model/risk.h"
#include "oms/execution_core.h"
#include "oms/strategy_port.h"
#include "oms/venue_port.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "relay/execution_log.h"
#include "relay/mark_keeper.h"
#include "relay/source.h"

namespace stoa::oms {

/// Hears every new record of the execution log, inputs and outputs, once it counts: each input with
/// its outputs behind it.
class RecordListener {
 public:
  virtual ~RecordListener() = default;
  virtual void on_record(Lsn lsn, const native::MessageView& message) = 0;
  /// A word of the moment that came with the log: another role's heartbeat.
  virtual void on_told(const native::MessageView& /*message*/) {}
};

/// Drives the execution core: gathers inputs (people's and strategies' intents, the venue's
/// reports, marks), makes a round of them durable with one sync, applies them, and hands the core's
/// orders to the venue. Nothing is sent before its intent is durable. Engine thread.
///
/// A failed write or sync ends it: no further input is taken, acknowledged or sent, `failed()` says
/// why, and the way back is a restart.
class ExecutionAgent final : public IntentSink {
 public:
  /// What it does with what it decides; a process of a role that can be switched changes it.
  enum class Duty : std::uint8_t {
    Lead,    // everything
    Finish,  // takes no more reports of the venue
    Follow,  // decides only: nothing is sent, answered or counted as done
  };
  struct Links {
    ExecutionCore* core = nullptr;  // as the log has left it
    relay::ExecutionLog* log = nullptr;
    relay::MarkKeeper* marks = nullptr;  // null: whoever writes the log keeps them
    OrderPort* venue = nullptr;
    bus::Subscription* commands = nullptr;  // from the gateway; null: none
    bus::Wake* gateway_wake = nullptr;      // rung after publishing; null: nobody sleeps
    RecordListener* listener = nullptr;     // may be null
    ops::EngineStatus* status = nullptr;
    const Clock* stopwatch = nullptr;  // real time, for latencies only: decides nothing
  };

  explicit ExecutionAgent(const Links& links);

  /// Appends an input of the engine itself (run, reference data, limits, strategy states); counts
  /// after the next poll.
  template <native::Message M>
  [[nodiscard]] Result<void> append(relay::Source source, Timestamp now, const M& message) {
    const auto offer = log_.append(source, now, message);
    if (!offer) return std::unexpected(offer.error());
    return {};
  }

  void set_duty(Duty duty) noexcept { duty_ = duty; }
  /// An output that was derived while it followed goes to the venue now.
  void send(const native::MessageView& output, Timestamp now);

  /// Tells a paper venue its resting orders, then asks about every open one. Orders may come from
  /// now on.
  [[nodiscard]] Result<void> open_session(const Text<16>& venue, Timestamp now);

  /// A market message is in hand: latencies of what follows are measured from here.
  void tick(nanoseconds stopwatch_now) noexcept { tick_at_ = stopwatch_now; }

  // IntentSink, for strategies. Bounded: kInboxMax, then false.
  [[nodiscard]] bool submit(const OrderIntent& intent) override;
  [[nodiscard]] bool submit(const CancelIntent& intent) override;
  [[nodiscard]] bool submit(const ReplaceIntent& intent) override;
  [[nodiscard]] bool submit(const CancelAllIntent& intent) override;
  [[nodiscard]] bool submit(const StrategyCommand& command) override;

  /// One round: inputs in, one sync, outputs out. Returns the inputs applied.
  std::size_t poll(Timestamp now);

  [[nodiscard]] ExecutionCore& core() noexcept { return core_; }
  /// Set once the log has failed.
  [[nodiscard]] const Error* failed() const noexcept { return failed_ ? &error_ : nullptr; }

 private:
  static constexpr std::size_t kInboxMax = 1'024;
  static constexpr std::size_t kCommandsPerRound = 512;
  static constexpr std::size_t kReportsPerRound = 512;
  template <class M>
  bool queue(const M& message);
  template <class M>
  void append_input(relay::Source source, const M& message);
  void take_commands();
  void take_inbox();
  void take_reports();
  void log_mark_before(const native::MessageView& message);
  void log_old_marks();
  void hear(const native::MessageView& message);
  void answer_probe(const native::MessageView& question);
  [[nodiscard]] Mark market_of(InstrumentId instrument);
  std::size_t apply_batch();
  void take_output(std::span<const std::byte> bytes);
  void dispatch(const native::MessageView& output);
  void fail(const Error& error);
  void record(Lsn lsn, const native::MessageView& message);
  ExecutionCore& core_;
  relay::ExecutionLog& log_;
  relay::MarkKeeper* marks_;
  OrderPort& venue_;
  bus::Subscription* commands_;
  bus::Wake* gateway_wake_;
  RecordListener* listener_;
  ops::EngineStatus& status_;
  const Clock& stopwatch_;

  std::vector<std::byte> inbox_;  // encoded strategy intents, back to back
  std::size_t inbox_count_ = 0;
  nanoseconds inbox_since_{};  // when the first of them was queued
  nanoseconds tick_at_{};
  nanoseconds durable_at_{};
  std::vector<ExecutionReport> reports_;
  std::vector<std::size_t> output_ends_;  // outputs of the round, up to and with each input's
  std::vector<Mark> told_;                // the market, as a relay says it with a question
  Timestamp now_{};
  Duty duty_ = Duty::Lead;
  bool failed_ = false;
  Error error_;
};

}  // namespace stoa::oms

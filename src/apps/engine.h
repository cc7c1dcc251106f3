#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/build.h"
#include "apps/checkpointer.h"
#include "apps/log_facts.h"
#include "apps/market_relay.h"
#include "apps/recovery.h"
#include "apps/scaled_clock.h"
#include "apps/venue.h"
#include "base/clock.h"
#include "base/error.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "oms/execution_agent.h"
#include "oms/execution_core.h"
#include "ops/checkpoint_desk.h"
#include "ops/config.h"
#include "ops/engine_status.h"
#include "relay/mark_keeper.h"
#include "relay/sequencer.h"
#include "risk/drawdown.h"
#include "strategy/runner.h"

namespace stoa::apps {

/// What a run did, for `--exit-when-done`.
struct RunReport {
  FeedReport feed;
  double seconds = 0;  // real time of the loop
  std::uint64_t market_messages = 0;
  std::uint64_t orders = 0;
  std::uint64_t fills = 0;
  std::uint64_t records = 0;  // head of the log
  std::uint64_t state_hash = 0;
};

/// `stoa run engine`: every role in one process. One thread, the caller's, runs
///
///   venue feed -> market topic -> books -> strategies -> execution agent (one sync) -> venue
///   orders
///
/// over and over; the gateway has a thread of its own and is reached through rings only, and so has
/// the writing of checkpoints.
/// Time is the wall clock (times the speed), or, at `--speed max`, simulated: it jumps from event
/// to event, nothing waits, and the same seed and recordings give the same log, byte for byte.
class Engine final : public oms::RecordListener {
 public:
  /// Opens the data directory, recovers the log, starts the gateway and what the configuration
  /// says.
  ///
  /// errors  whatever keeps it from starting, with the place and the way to mend it; nothing runs
  /// then
  [[nodiscard]] static Result<std::unique_ptr<Engine>> start(const ops::Config& config,
                                                             const Build& build);

  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Runs until `stop` is asked for, the configured duration is over, or, with exit-when-done, the
  /// recordings end.
  ///
  /// errors  Io: the log failed; Damaged
  [[nodiscard]] Result<RunReport> run();
  /// Asks the loop to end after its round. Any thread, signal handlers included.
  void stop() noexcept;

  [[nodiscard]] std::uint16_t port() const noexcept { return gateway_->port(); }
  [[nodiscard]] const std::string& token() const noexcept { return token_; }

  void on_record(Lsn lsn, const native::MessageView& message) override;

 private:
  Engine(const ops::Config& config, const Build& build);

  [[nodiscard]] Result<void> open_data();
  [[nodiscard]] Result<void> open_log();
  [[nodiscard]] Result<void> make_runner();
  [[nodiscard]] Result<void> log_start();
  [[nodiscard]] Result<void> open_gateway();
  [[nodiscard]] Result<void> show_past();

  [[nodiscard]] Timestamp platform_now() const noexcept;
  std::size_t round(Timestamp now);
  void on_market(const bus::Message& message);
  void note_feed(const native::MessageView& message);
  void supervise(Timestamp now);
  void consider_checkpoint();
  void take_checkpoint();
  /// Simulated time: moves to the next event; false when there is none.
  bool advance();
  void idle(Timestamp now);
  [[nodiscard]] bool done(Timestamp now) const;
  [[nodiscard]] std::optional<Timestamp> next_due() const noexcept;

  ops::Config config_;
  Build build_;
  SystemClock wall_;
  ScaledClock scaled_;
  ManualClock simulated_;
  bool simulated_time_;
  Timestamp started_{};  // wall time
  Timestamp first_{};    // platform time when the loop began
  std::string token_;

  Venue venue_;
  std::unique_ptr<relay::Sequencer> log_;
  MarketRelay market_;
  bus::Subscription market_reader_;
  bus::Topic views_;
  bus::Publication views_publication_;
  bus::Subscription views_reader_;
  bus::Topic commands_;
  bus::Publication commands_publication_;
  bus::Subscription commands_reader_;
  std::unique_ptr<bus::Subscription> execution_reader_;
  std::unique_ptr<bus::Wake> engine_wake_;
  std::unique_ptr<bus::Wake> gateway_wake_;

  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  ops::CheckpointDesk checkpoint_desk_;
  std::optional<Recovered> recovered_;  // until it has been shown
  std::unique_ptr<oms::ExecutionCore> core_;
  LogFacts facts_;
  relay::MarkKeeper marks_;
  risk::Drawdown drawdown_;
  bool trip_asked_ = false;      // until the account says what became of it
  Lsn last_checkpoint_{};        // taken or begun with
  std::size_t state_bytes_ = 0;  // of the last one taken
  std::unique_ptr<oms::ExecutionAgent> agent_;
  std::unique_ptr<strategy::Runner> runner_;
  std::unique_ptr<gateway::MarketPublisher> publisher_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::atomic<bool> stop_{false};
};

}  // namespace stoa::apps

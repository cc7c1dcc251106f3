#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "book/books.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "protocol/native/codec.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"

namespace stoa::strategy {

enum class RunState : std::uint8_t { Stopped, Running, Faulted };
[[nodiscard]] std::string_view to_string(RunState state) noexcept;  // "running"

/// One strategy as the API shows it. Views are valid until the runner's next call.
struct StrategyStatus {
  StrategyId id{};
  std::string_view name{};
  std::string_view type{};
  InstrumentId instrument{};
  RunState state = RunState::Stopped;
  std::optional<Timestamp> running_since{};
  StrategyCounters counters{};
  StrategyPosition position{};
  std::span<const WorkingOrder> working_orders{};
  std::string_view last_decision{};
  std::string_view error{};  // of the fault; empty unless faulted
  const Parameters* parameters = nullptr;
};

/// Runs strategies over the market topic and the execution log. Owns their books, their desks and
/// their lives.
///
/// state    whether a strategy runs, its parameters, position, orders and last id all follow from
/// the execution log:
///          after a restart they are as they were
/// recovery not live at first: log records rebuild state, no strategy is called and nothing is
/// submitted. `set_live`
///          ends that and starts what is to run
/// faults   an exception out of a callback makes that strategy faulted: the fault is logged, its
/// orders are cancelled,
///          and only a Start command, which builds it anew, calls it again
/// thread   engine thread; bounded work, no allocation per market message once books have their
/// size
class Runner {
 public:
  /// Checks everything that a configuration can get wrong. `instruments` are the facts known so
  /// far; the log may bring more or newer ones. `sink` outlives the runner.
  ///
  /// errors  unknown type, parameter or instrument; value out of range; two of one id or name; a
  /// bad name
  [[nodiscard]] static Result<std::unique_ptr<Runner>> create(
      const Registry& registry, std::span<const StrategyConfig> configs,
      std::span<const Instrument> instruments, oms::IntentSink& sink);

  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  /// A message of the market domain and its place on the topic: applied to the book, then shown to
  /// the strategies of its instrument with the book as of this message. While not live only books
  /// are kept.
  void on_market(const native::MessageView& message, std::uint64_t topic_seq);
  /// Every durable input of the execution log with its lsn, and behind each the outputs that the
  /// core derived from it. What concerns no strategy is ignored.
  void on_execution(Lsn lsn, const native::MessageView& message);
  /// Not live: what `id` has done over the life of the log, when only its newest part is shown.
  void restore_counters(StrategyId id, std::uint64_t orders, std::uint64_t fills,
                        std::uint64_t rejects) noexcept;
  /// Calls due timers (each at most once, however late) and hands in again what the sink refused of
  /// stops and faults. Returns how many calls it made.
  std::size_t poll(Timestamp now);
  /// When the next timer falls, for simulated time.
  [[nodiscard]] std::optional<Timestamp> next_due() const noexcept;

  /// True: recovery is done, call what runs. Open orders of strategies that do not run are
  /// cancelled. False: back to recovery; strategies are not told.
  void set_live(bool live, Timestamp now);
  [[nodiscard]] bool live() const noexcept { return live_; }

  /// The commands that make these changes (name, value as written), for the execution log; nothing
  /// is changed until they come back through it.
  ///
  /// errors  NotFound: no strategy of the name; BadInput names the parameter and its range
  [[nodiscard]] Result<std::vector<StrategyCommand>> parameter_commands(
      std::string_view strategy, std::span<const std::pair<std::string, std::string>> changes,
      std::string_view actor) const;
  /// The command that starts or stops a strategy, for the execution log.
  ///
  /// errors  NotFound: no strategy of the name
  [[nodiscard]] Result<StrategyCommand> command(std::string_view strategy, StrategyAction action,
                                                std::string_view actor,
                                                std::string_view reason) const;

  [[nodiscard]] std::size_t size() const noexcept { return seats_.size(); }
  /// In the order of the configuration.
  [[nodiscard]] StrategyStatus status(std::size_t place) const;
  [[nodiscard]] const book::Books& books() const noexcept { return books_; }

 private:
  struct Seat;    // one strategy with its desk and its state
  struct Market;  // one instrument with its book and its strategies

  explicit Runner(oms::IntentSink& sink);

  [[nodiscard]] Result<void> add(const Registry& registry, const StrategyConfig& config);
  Market& market(InstrumentId instrument);
  void set_instrument(const Instrument& instrument);
  [[nodiscard]] Seat* find(StrategyId id) const noexcept;
  [[nodiscard]] Result<const Seat*> find(std::string_view name) const;

  void on_book(const native::MessageView& message, std::uint64_t topic_seq);
  void on_trade(const native::MessageView& message, std::uint64_t topic_seq);
  void on_feed(const native::MessageView& message, std::uint64_t topic_seq);
  void apply(const OrderUpdate& update, Timestamp now);
  void apply(const Fill& fill, Timestamp now);
  void apply(const PositionUpdate& update);
  void apply(const StrategyCommand& command, Timestamp now);

  template <class Call>
  void call(Seat& seat, Timestamp now, Timestamp ts_trigger, std::uint64_t trigger_seq,
            Call&& callback);
  template <class Call>
  void call(Seat& seat, Timestamp now, Call&& callback);
  void start(Seat& seat, Timestamp now);
  void stop(Seat& seat, RunState state, Timestamp now);
  void fault(Seat& seat, std::string_view why);
  void resume(Seat& seat, Timestamp now);
  bool hand_in(Seat& seat);
  bool hand_in_orphans();

  oms::IntentSink* sink_;
  book::Books books_;
  std::vector<Level> levels_;  // space for one book message
  std::unordered_map<InstrumentId, Market> markets_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::unordered_map<ClOrdId, StrategyId> orphans_;  // open orders of strategies no longer here
  bool orphans_pending_ = false;
  bool live_ = false;
};

}  // namespace stoa::strategy

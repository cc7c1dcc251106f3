#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/heartbeat.h"
#include "apps/log_facts.h"
#include "apps/log_follower.h"
#include "apps/market_follower.h"
#include "apps/recovery.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/seat.h"
#include "apps/standing.h"
#include "apps/strategies.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/layout.h"
#include "model/order.h"
#include "model/system.h"
#include "oms/strategy_port.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "strategy/runner.h"

// `stoa run strategy`: strategies over the market relay and the execution log; what they want goes
// into that log.
namespace stoa::apps {
namespace {

/// Hands what strategies want to the execution relay. While the relay is away they are told that
/// nothing was asked for: an intent that waits for minutes is another intent.
class RelayIntents final : public oms::IntentSink {
 public:
  RelayIntents(relay::Publisher& to, const Clock& clock) : to_{to}, clock_{clock} {}
  bool submit(const OrderIntent& intent) override { return hand_in(intent); }
  bool submit(const CancelIntent& intent) override { return hand_in(intent); }
  bool submit(const ReplaceIntent& intent) override { return hand_in(intent); }
  bool submit(const CancelAllIntent& intent) override { return hand_in(intent); }
  bool submit(const StrategyCommand& command) override { return hand_in(command); }

  [[nodiscard]] const Counter& taken() const noexcept { return taken_; }
  [[nodiscard]] const Counter& refused() const noexcept { return refused_; }

 private:
  template <class M>
  bool hand_in(const M& message) {
    const bool ok = to_.connected() && to_.publish(message, clock_.now()) == relay::Publish::Ok;
    (ok ? taken_ : refused_).add();
    return ok;
  }

  relay::Publisher& to_;
  const Clock& clock_;
  Counter taken_;
  Counter refused_;
};

class Strategies final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto log = LogFollower::open({.socket = layout.relay("execution"), .name = parts.name});
    if (!log) return std::unexpected(std::move(log.error()));
    auto market = MarketFollower::open({.socket = layout.relay("market"), .name = parts.name});
    if (!market) return std::unexpected(std::move(market.error()));
    auto seat = Seat::open({.socket = layout.relay("execution"),
                            .source = relay::Source::Strategies,
                            .role = SwitchRole::Strategy,
                            .name = parts.name,
                            .colour = parts.colour,
                            .release = parts.release,
                            .beside = parts.beside});
    if (!seat) return std::unexpected(std::move(seat.error()));
    return std::unique_ptr<Role>{
        new Strategies{parts, std::move(*log), std::move(*market), std::move(*seat)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_->poll(
        monotonic, [this](Lsn lsn, const native::MessageView& message) { on_log(lsn, message); });
    if (!recovered_ && log_->recovered() && log_->failed() == nullptr) {
      recovered_ = std::make_unique<Recovered>(log_->take_recovered());
      facts_ = recovered_->state.facts;
      seat_.begin(facts_.leads[static_cast<std::size_t>(SwitchRole::Strategy)],
                  recovered_->state.numbers);
    }
    if (recovered_ && !runner_ && !failed_) work += make_runner();
    if (runner_) {
      work +=
          market_->poll(monotonic, now, [&](const native::MessageView& message, std::uint64_t seq) {
            messages_.add();
            runner_->on_market(message, seq);
          });
      if (!runner_->live()) {
        work += go_live(now, monotonic);
      } else if (!seat_.works()) {
        // Another is to lead. Its strategies begin with what the log says of ours, and so will
        // these if they are called again.
        runner_->set_live(false, now);
        log::info("strategies_follow", {});
        ++work;
      }
      if (!draining_) work += runner_->poll(now);
    }
    work += seat_.poll(monotonic, now,
                       {.head = head_,
                        .up_to_date = log_->connected() && !log_->has_more(),
                        // Strategies are called no more, and what they asked for is on its way.
                        .drained = !runner_ || !runner_->live()});
    status_.set_place(seat_.view(head_));
    return work + (log_->has_more() || market_->has_more() ? 1U : 0U);
  }

  void watch(Waiting& waiting) const override {
    log_->watch(waiting);
    market_->watch(waiting);
    seat_.watch(waiting, clock_.monotonic());
    if (runner_) {
      if (const auto due = runner_->next_due()) {
        const Timestamp now = clock_.now();
        waiting.add_due(clock_.monotonic() + (*due > now ? *due - now : nanoseconds{}));
      }
    }
  }

  [[nodiscard]] Standing standing() const override {
    if (!recovered_) return {.state = ops::RoleState::Recovering, .reason = log_->progress()};
    if (!runner_) return waits("for execution to say what is traded");
    if (!market_->connected()) return waits("for the market relay");
    if (!market_->joined()) return waits("for the market to be told");
    const bool away = seat_.owns() && !seat_.publisher().connected();
    if (away || !log_->connected()) return waits("for the execution relay");
    if (!seat_.leads()) return {.state = ops::RoleState::Ready, .reason = "follows"};
    if (!runner_->live() || !execution_.ready(clock_.monotonic())) return waits("for execution");
    return {.state = ops::RoleState::Ready};
  }
  void drain() override {
    draining_ = true;
    if (runner_ && runner_->live()) log::info("strategies_stopped", {});
  }
  [[nodiscard]] bool drained() const override {
    return draining_ && seat_.publisher().unacked() == 0;
  }
  [[nodiscard]] std::optional<bool> leads() const override { return seat_.has_place(); }
  [[nodiscard]] const Error* failed() const override {
    if (failed_) return &*failed_;
    return seat_.failed() != nullptr ? seat_.failed() : log_->failed();
  }
  void add_metrics(ops::Metrics& metrics) override {
    metrics.counter("stoa_strategy_market_messages_total", "Market messages seen", messages_);
    metrics.counter("stoa_strategy_intents_total", "What strategies asked for and was taken",
                    sink_.taken());
    metrics.counter("stoa_strategy_refused_intents_total",
                    "What they asked for while the execution relay was away", sink_.refused());
    metrics.gauge("stoa_log_cursor_seq", "Newest record seen", cursor_, {{"reader", "strategy"}});
    metrics.gauge("stoa_strategies", "Strategies configured", count_);
    metrics.summary({.messages = &messages_});
  }

 private:
  Strategies(const RoleParts& parts, std::unique_ptr<LogFollower> log,
             std::unique_ptr<MarketFollower> market, Seat seat)
      : config_{*parts.config},
        clock_{*parts.clock},
        log_{std::move(log)},
        market_{std::move(market)},
        status_{*parts.status},
        seat_{std::move(seat)} {}

  void on_log(Lsn lsn, const native::MessageView& message) {
    if (lsn == Lsn{}) return execution_.hear(message, clock_.monotonic());
    cursor_.set(static_cast<std::int64_t>(lsn.value()));
    head_ = lsn;
    facts_.note(message);
    seat_.note(message);
    if (runner_) {
      runner_->on_execution(lsn, message);
    } else {
      recovered_->past.add(lsn, message.bytes());  // shown to the runner once there is one
    }
  }

  /// Once the log says what is traded.
  std::size_t make_runner() {
    const auto instruments = instruments_of(recovered_->past);
    // The execution role names them one after the other; all are there once its session is.
    if (instruments.empty() || !execution_.there(clock_.monotonic())) return 0;
    auto runner = make_strategies(config_, facts_.strategies, instruments, sink_);
    if (!runner) {
      failed_ = std::move(runner.error());
      return 1;
    }
    runner_ = std::move(*runner);
    count_.set(static_cast<std::int64_t>(runner_->size()));
    show_past(*recovered_, *runner_);
    return 1;
  }

  /// Not before the market is whole and execution takes orders: a strategy's first look must be
  /// the truth, and its first order must have somewhere to go.
  std::size_t go_live(Timestamp now, nanoseconds monotonic) {
    if (draining_ || !seat_.works() || !seat_.publisher().ready() || !market_->joined() ||
        !execution_.ready(monotonic)) {
      return 0;
    }
    runner_->set_live(true, now);
    log::info("strategies_live", {{"count", runner_->size()}});
    return 1;
  }

  const ops::Config& config_;
  const Clock& clock_;
  std::unique_ptr<LogFollower> log_;
  std::unique_ptr<MarketFollower> market_;
  ops::RoleStatus& status_;
  Seat seat_;
  RelayIntents sink_{seat_.publisher(), clock_};
  Lsn head_{};  // newest record shown
  std::unique_ptr<Recovered> recovered_;
  LogFacts facts_;
  std::unique_ptr<strategy::Runner> runner_;
  Pulse execution_{relay::Source::Core};
  bool draining_ = false;
  Counter messages_;
  Gauge cursor_;
  Gauge count_;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_strategy(const RoleParts& parts) {
  return Strategies::make(parts);
}

}  // namespace stoa::apps

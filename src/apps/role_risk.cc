#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <utility>

#include "apps/checkpoint_state.h"
#include "apps/heartbeat.h"
#include "apps/log_facts.h"
#include "apps/log_follower.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/seat.h"
#include "apps/standing.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/layout.h"
#include "model/risk.h"
#include "model/system.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "risk/drawdown.h"

// `stoa run risk`: the supervisor beside the gate. It follows the log, and what it decides becomes
// a command in it.
namespace stoa::apps {
namespace {

class Risk final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto log = LogFollower::open({.socket = layout.relay("execution"), .name = parts.name});
    if (!log) return std::unexpected(std::move(log.error()));
    auto seat = Seat::open({.socket = layout.relay("execution"),
                            .source = relay::Source::Risk,
                            .role = SwitchRole::Risk,
                            .name = parts.name,
                            .colour = parts.colour,
                            .release = parts.release,
                            .beside = parts.beside,
                            .outbox_bytes = 1U << 20U});
    if (!seat) return std::unexpected(std::move(seat.error()));
    return std::unique_ptr<Role>{new Risk{parts, std::move(*log), std::move(*seat)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_->poll(
        monotonic, [this](Lsn lsn, const native::MessageView& message) { take(lsn, message); });
    if (!live_ && log_->recovered() && log_->failed() == nullptr) {
      const LogState state = std::move(log_->take_recovered().state);
      facts_ = state.facts;
      seat_.begin(facts_.leads[static_cast<std::size_t>(SwitchRole::Risk)], state.numbers);
      live_ = true;
      note_figures();
    }
    if (live_) supervise(now);
    // Until it has read the log it says that it is there; then who leads does.
    if (seat_.leads() || (!live_ && seat_.owns())) {
      heart_.poll(monotonic, now, ready(), seat_.publisher(), relay::Source::Risk, log_->head());
    }
    work +=
        seat_.poll(monotonic, now,
                   {.head = log_->head(), .up_to_date = log_->connected() && !log_->has_more()});
    status_.set_place(seat_.view(log_->head()));
    return work + (log_->has_more() ? 1U : 0U);
  }
  void watch(Waiting& waiting) const override {
    log_->watch(waiting);
    seat_.watch(waiting, clock_.monotonic());
    if (seat_.leads()) waiting.add_due(heart_.due());
  }
  [[nodiscard]] Standing standing() const override {
    if (!live_) return {.state = ops::RoleState::Recovering, .reason = log_->progress()};
    if (!log_->connected() || (seat_.owns() && !seat_.publisher().connected())) {
      return waits("for the execution relay");
    }
    return {.state = ops::RoleState::Ready, .reason = seat_.leads() ? "" : "follows"};
  }
  void drain() override { draining_ = true; }
  [[nodiscard]] bool drained() const override {
    return draining_ && seat_.publisher().unacked() == 0;
  }
  [[nodiscard]] std::optional<bool> leads() const override { return seat_.has_place(); }
  [[nodiscard]] const Error* failed() const override {
    return seat_.failed() != nullptr ? seat_.failed() : log_->failed();
  }
  void add_metrics(ops::Metrics& metrics) override {
    metrics.counter("stoa_risk_records_total", "Records of the execution log looked at", records_);
    metrics.counter("stoa_risk_trips_total", "Times the kill switch was tripped", trips_);
    metrics.gauge("stoa_risk_drawdown_ratio", "Of the account's peak", drawdown_, {},
                  ops::Scale::Nanoseconds);
    metrics.gauge("stoa_risk_halted", "1: the kill switch is on", halted_);
    metrics.summary({.messages = &records_});
  }

 private:
  Risk(const RoleParts& parts, std::unique_ptr<LogFollower> log, Seat seat)
      : clock_{*parts.clock},
        status_{*parts.status},
        log_{std::move(log)},
        seat_{std::move(seat)},
        drawdown_limit_{parts.config->risk.max_drawdown_percent_e8} {}

  [[nodiscard]] bool ready() const {
    return live_ && !draining_ && log_->connected() && seat_.publisher().connected();
  }
  void take(Lsn lsn, const native::MessageView& message) {
    if (lsn == Lsn{}) return;
    records_.add();
    facts_.note(message);
    seat_.note(message);
    // What a switch did to the account stands in the word on the account behind it.
    if (message.is<KillSwitch>()) asked_ = true;
    if (message.is<AccountUpdate>()) {
      asked_ = false;
      note_figures();
    }
  }
  void note_figures() {
    // percent x 1e8 is a ratio x 1e10; the metric's scale is 1e9.
    drawdown_.set(risk::Drawdown::percent_e8(facts_.equity, facts_.peak_equity) / 10);
    halted_.set(facts_.halted);
  }
  void supervise(Timestamp now) {
    if (asked_ || !seat_.works() || !seat_.publisher().ready()) return;
    const auto trip =
        drawdown_limit_.consider(facts_.equity, facts_.peak_equity, facts_.halted != 0);
    if (!trip || seat_.publisher().publish(*trip, now) != relay::Publish::Ok) return;
    asked_ = true;  // until the log shows it
    trips_.add();
    log::error("risk_tripped", {{"reason", trip->reason.view()}});
  }

  const Clock& clock_;
  ops::RoleStatus& status_;
  std::unique_ptr<LogFollower> log_;
  Seat seat_;
  risk::Drawdown drawdown_limit_;
  LogFacts facts_;
  Heart heart_;
  bool live_ = false;
  bool asked_ = false;
  bool draining_ = false;
  Counter records_;
  Counter trips_;
  Gauge drawdown_;
  Gauge halted_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_risk(const RoleParts& parts) { return Risk::make(parts); }

}  // namespace stoa::apps

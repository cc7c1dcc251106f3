#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <utility>

#include "apps/heartbeat.h"
#include "apps/log_facts.h"
#include "apps/log_follower.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/layout.h"
#include "model/risk.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
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
    auto publisher = relay::Publisher::open({.socket = layout.relay("execution"),
                                             .domain = native::Domain::Execution,
                                             .source = relay::Source::Risk,
                                             .name = parts.name,
                                             .outbox_bytes = 1U << 20U});
    if (!publisher) return std::unexpected(std::move(publisher.error()));
    return std::unique_ptr<Role>{new Risk{parts, std::move(*log), std::move(*publisher)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_->poll(
        monotonic, [this](Lsn lsn, const native::MessageView& message) { take(lsn, message); });
    if (!live_ && log_->recovered() && log_->failed() == nullptr) {
      facts_ = log_->take_recovered().state.facts;
      live_ = true;
      note_figures();
    }
    if (live_) supervise(now);
    heart_.poll(monotonic, now, ready(), publisher_, relay::Source::Risk, log_->head());
    work += publisher_.poll(monotonic);
    return work + (log_->has_more() ? 1U : 0U);
  }
  void watch(Waiting& waiting) const override {
    log_->watch(waiting);
    waiting.add(publisher_.fd(), publisher_.events());
    waiting.add_due(publisher_.next_due());
    waiting.add_due(heart_.due());
  }
  [[nodiscard]] Standing standing() const override {
    if (!live_) return {.state = ops::RoleState::Recovering, .reason = log_->progress()};
    if (!log_->connected() || !publisher_.connected()) return waits("for the execution relay");
    return {.state = ops::RoleState::Ready};
  }
  void drain() override { draining_ = true; }
  [[nodiscard]] bool drained() const override { return draining_ && publisher_.unacked() == 0; }
  [[nodiscard]] const Error* failed() const override {
    if (publisher_.superseded()) return publisher_.refusal();
    return log_->failed();
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
  Risk(const RoleParts& parts, std::unique_ptr<LogFollower> log, relay::Publisher publisher)
      : clock_{*parts.clock},
        log_{std::move(log)},
        publisher_{std::move(publisher)},
        drawdown_limit_{parts.config->risk.max_drawdown_percent_e8} {}

  [[nodiscard]] bool ready() const {
    return live_ && !draining_ && log_->connected() && publisher_.connected();
  }
  void take(Lsn lsn, const native::MessageView& message) {
    if (lsn == Lsn{}) return;
    records_.add();
    facts_.note(message);
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
    if (asked_ || !publisher_.ready()) return;
    const auto trip =
        drawdown_limit_.consider(facts_.equity, facts_.peak_equity, facts_.halted != 0);
    if (!trip || publisher_.publish(*trip, now) != relay::Publish::Ok) return;
    asked_ = true;  // until the log shows it
    trips_.add();
    log::error("risk_tripped", {{"reason", trip->reason.view()}});
  }

  const Clock& clock_;
  std::unique_ptr<LogFollower> log_;
  relay::Publisher publisher_;
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

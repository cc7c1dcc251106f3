#include "apps/log_follower.h"

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/recovery.h"
#include "apps/role.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace stoa::apps {

LogFollower::LogFollower(relay::Subscriber subscriber, Options options)
    : subscriber_{std::move(subscriber)}, options_{std::move(options)} {}

Result<relay::Subscriber> LogFollower::subscribe(const Options& options, relay::StartAt start) {
  return relay::Subscriber::open({.socket = options.socket,
                                  .domain = native::Domain::Execution,
                                  .name = options.name,
                                  .start = start,
                                  .history = options.history});
}

Result<std::unique_ptr<LogFollower>> LogFollower::open(const Options& options) {
  auto subscriber = subscribe(options, relay::StartAt::Checkpoint);
  if (!subscriber) return std::unexpected(std::move(subscriber.error()));
  return std::unique_ptr<LogFollower>{new LogFollower{std::move(*subscriber), options}};
}

/// A checkpoint of another build is no reason not to start: the log says the same, only longer.
void LogFollower::begin_at_first_record() {
  unusable_ = false;
  pass_.reset();
  *found_ = Recovered{};
  auto subscriber = subscribe(options_, relay::StartAt::Lsn);
  if (subscriber) {
    subscriber_ = std::move(*subscriber);
  } else {
    failed_ = std::move(subscriber.error());
  }
}

std::size_t LogFollower::poll(nanoseconds now, const Visit& visit, std::size_t limit) {
  if (failed_) return 0;
  visit_ = &visit;
  const std::size_t work = subscriber_.poll(now, *this, limit);
  visit_ = nullptr;
  if (unusable_) begin_at_first_record();
  if (!pass_done_ && !failed_ && subscriber_.caught_up()) finish();
  return work;
}

void LogFollower::on_message(Lsn lsn, const native::MessageView& message) {
  if (failed_ || unusable_) return;
  if (pass_done_) return (*visit_)(lsn, message);
  if (lsn == Lsn{}) return;  // words of a moment that is past when recovery ends
  if (!pass_) {
    const std::uint64_t head = subscriber_.head_at_join().value();
    pass_ = std::make_unique<RecoveryPass>(
        *found_, Lsn{head > options_.history ? head - options_.history : 0});
  }
  pass_->take(lsn, message);
}

void LogFollower::on_gap(const relay::Gap& gap) {
  failed_ =
      Error{.code = ErrorCode::Damaged,
            .message = gap.unknown() ? "the execution relay has another log than before"
                                     : fmt::format("records {} to {} of the execution log are gone",
                                                   gap.first.value(), gap.last.value()),
            .source = "execution relay"};
}

void LogFollower::on_checkpoint(Lsn lsn, std::span<const std::byte> state) {
  if (pass_ || pass_done_) return;  // a reconnect has no need of it
  auto loaded = load_state(state);
  if (!loaded) {
    log::warn("checkpoint_passed_over", {{"lsn", lsn.value()}, {"why", loaded.error().text()}});
    unusable_ = true;
    return;
  }
  found_->state = std::move(*loaded);
  found_->checkpoint = lsn;
}

void LogFollower::finish() {
  if (!pass_) pass_ = std::make_unique<RecoveryPass>(*found_, Lsn{});
  pass_done_ = true;
  auto done = pass_->finish();
  if (done) return;
  if (options_.keep_difference) {
    difference_ = std::move(done.error().message);
    differs_at_ = pass_->differs_at();
  } else {
    failed_ = std::move(done.error());
  }
}

Recovered LogFollower::take_recovered() {
  pass_.reset();
  return std::move(*found_);
}

std::vector<std::vector<std::byte>> LogFollower::take_unrecorded() {
  return pass_->take_unrecorded();
}

void LogFollower::watch(Waiting& waiting) const {
  waiting.add(subscriber_.fd(), subscriber_.events());
  waiting.add_due(subscriber_.next_due());
}

std::string LogFollower::progress() const {
  if (!subscriber_.connected()) {
    const Error* why = subscriber_.last_error();
    return why == nullptr ? "waits for the execution relay"
                          : "waits for the execution relay: " + why->text();
  }
  return fmt::format("reads the log: record {} of {}", head().value(),
                     subscriber_.head_at_join().value());
}

}  // namespace stoa::apps

#include "apps/market_follower.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <utility>

#include "apps/role.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/market.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/filter.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace stoa::apps {
MarketFollower::MarketFollower(relay::Subscriber subscriber, bool past_trades)
    : subscriber_{std::move(subscriber)}, past_trades_{past_trades} {}

Result<std::unique_ptr<MarketFollower>> MarketFollower::open(const Options& options) {
  const bool at_key = options.from == Lsn{};
  auto subscriber =
      relay::Subscriber::open({.socket = options.socket,
                               .domain = native::Domain::Market,
                               .name = options.name,
                               .start = at_key ? relay::StartAt::Key : relay::StartAt::Lsn,
                               .from = options.from,
                               .policy = relay::ReaderPolicy::Drop,
                               .backoff_max = options.backoff_max});
  if (!subscriber) return std::unexpected(std::move(subscriber.error()));
  return std::unique_ptr<MarketFollower>{
      new MarketFollower{std::move(*subscriber), options.past_trades}};
}

std::size_t MarketFollower::poll(nanoseconds monotonic_now, Timestamp now, const Visit& visit,
                                 std::size_t limit) {
  visit_ = &visit;
  now_ = now;
  monotonic_now_ = monotonic_now;
  const std::size_t work = subscriber_.poll(monotonic_now, *this, limit);
  if (subscriber_.caught_up()) fresh_ = false;
  if (lost_at_ && monotonic_now - *lost_at_ >= kGrace) {
    lost_at_.reset();
    say(FeedStatus::Stale, FeedReason::Disconnected, 0);
  }
  if (work > 0) heard_ = monotonic_now;
  if (joined_ && monotonic_now - heard_ >= kSilenceMax) {
    say(FeedStatus::Stale, FeedReason::Stale, 0);
  }
  visit_ = nullptr;
  return work;
}

bool MarketFollower::passed_over(const native::MessageView& message) const {
  if (!in_frame_) return false;
  const auto at = in_step_.find(InstrumentId{relay::instrument_of(message)});
  return at != in_step_.end() && at->second;
}

void MarketFollower::note(const native::MessageView& message) {
  if (message.is<FeedState>()) {
    const auto state = message.as<FeedState>();
    if (state.status == FeedStatus::Live) {
      in_step_.try_emplace(state.instrument, false);
      return;
    }
    for (auto& [instrument, in_step] : in_step_) {
      if (state.instrument == InstrumentId{} || instrument == state.instrument) in_step = false;
    }
    return;
  }
  if (message.is_book() && message.type() == native::kBookSnapshotType) {
    const auto head = message.as<BookUpdate>();
    if (head.part + 1 == head.parts) in_step_[head.instrument] = true;
  }
}

void MarketFollower::on_message(Lsn lsn, const native::MessageView& message) {
  if (lsn == Lsn{}) return;
  // A relay that was started anew has forgotten what it has passed on, and is sent it again.
  const std::uint64_t sequence = message.header().sequence;
  if (sequence <= last_sequence_) return;
  last_sequence_ = sequence;
  if (message.is<SnapshotMark>()) {
    const bool begins = message.as<SnapshotMark>().edge == SnapshotEdge::Begin;
    if (!begins && frame_whole_) {
      joined_ = true;
      // Feeds without depth have no snapshot: the frame was all there is to know.
      for (auto& [instrument, in_step] : in_step_) in_step = true;
    }
    in_frame_ = begins;
    frame_whole_ = begins;
    return;
  }
  if (message.header().domain != static_cast<std::uint8_t>(native::Domain::Market) ||
      message.body().size() < sizeof(InstrumentId) || message.type() >= 100) {
    return;
  }
  if (passed_over(message)) return;
  const bool past = fresh_ && lsn <= subscriber_.head_at_join();
  if (past && !past_trades_ && message.is<Trade>()) return;
  note(message);
  (*visit_)(message, lsn.value());
}

void MarketFollower::on_gap(const relay::Gap& gap) {
  ++gaps_;
  const std::uint64_t missed = gap.unknown() ? 0 : gap.last.value() - gap.first.value() + 1;
  missed_ += missed;
  lost_at_.reset();
  say(FeedStatus::Recovering, FeedReason::Gap, missed);
}

void MarketFollower::on_disconnected(const Error& /*why*/) {
  if (joined_ && !lost_at_) lost_at_ = monotonic_now_;
}

void MarketFollower::on_connected() { lost_at_.reset(); }

void MarketFollower::say(FeedStatus status, FeedReason reason, std::uint64_t missed) {
  joined_ = false;
  in_frame_ = false;
  frame_whole_ = false;
  for (auto& [instrument, in_step] : in_step_) in_step = false;
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const std::size_t size =
      native::encode(bytes,
                     {.domain = native::Domain::Market,
                      .source = static_cast<std::uint8_t>(relay::Source::System),
                      .timestamp = now_},
                     FeedState{.status = status, .reason = reason, .missed = missed});
  (*visit_)(native::MessageView::trusted(std::span{bytes}.first(size)), 0);
}

void MarketFollower::watch(Waiting& waiting) const {
  waiting.add(subscriber_.fd(), subscriber_.events());
  waiting.add_due(subscriber_.next_due());
  if (lost_at_) waiting.add_due(*lost_at_ + kGrace);
  if (joined_) waiting.add_due(heard_ + kSilenceMax);
}

}  // namespace stoa::apps

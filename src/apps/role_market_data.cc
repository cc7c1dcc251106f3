#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "apps/key_frames.h"
#include "apps/market_follower.h"
#include "apps/market_writer.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/layout.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/publisher.h"
#include "relay/source.h"

// `stoa run market-data`: a venue's feed, onto the market relay under our own numbers and time, and
// the newest market of each instrument to whoever writes the execution log.
namespace stoa::apps {
namespace {

class MarketData final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto feed = MarketFollower::open(
        {.socket = layout.venue_feed(), .name = parts.name, .past_trades = true});
    if (!feed) return std::unexpected(std::move(feed.error()));
    const MarketFollower::Options told_by{
        .socket = layout.relay("market"), .name = parts.name, .past_trades = true};
    auto told = MarketFollower::open(told_by);
    if (!told) return std::unexpected(std::move(told.error()));
    const std::uint64_t first = relay::Publisher::numbers_begin_at(parts.clock->now());
    auto market = relay::Publisher::open({.socket = layout.relay("market"),
                                          .domain = native::Domain::Market,
                                          .source = relay::Source::Market,
                                          .name = parts.name,
                                          .outbox_bytes = 16U << 20U,
                                          .first_sequence = first});
    if (!market) return std::unexpected(std::move(market.error()));
    auto marks = relay::Publisher::open({.socket = layout.relay("execution"),
                                         .domain = native::Domain::Execution,
                                         .source = relay::Source::Market,
                                         .name = parts.name,
                                         .outbox_bytes = 1U << 20U});
    if (!marks) return std::unexpected(std::move(marks.error()));
    return std::unique_ptr<Role>{new MarketData{parts, std::move(*feed), told_by, std::move(*told),
                                                std::move(*market), std::move(*marks)}};
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = 0;
    // Only once the relay has welcomed us is an older process of us out, and all that it sent told.
    if (told_ && market_.ready()) work += read_what_was_told(monotonic, now);
    // A feed is read only while what it says can be numbered.
    if (market_.ready() && !told_) {
      work += feed_->poll(
          monotonic, now,
          [&](const native::MessageView& message, std::uint64_t) { take(message, now); },
          kMessagesPerRound);
      say_what_was_lost(now);
      if (frames_.poll(monotonic, now, writer_)) ++work;
    }
    tell_marks(now);
    work += market_.poll(monotonic);
    work += marks_.poll(monotonic);
    return work + (feed_->has_more() ? 1U : 0U);
  }

  void watch(Waiting& waiting) const override {
    feed_->watch(waiting);
    if (told_) told_->watch(waiting);
    waiting.add(market_.fd(), market_.events());
    waiting.add(marks_.fd(), marks_.events());
    waiting.add_due(market_.next_due());
    waiting.add_due(marks_.next_due());
  }

  [[nodiscard]] Standing standing() const override {
    if (!market_.connected()) return waits("for the market relay");
    if (!feed_->connected()) return waits("for the venue's feed");
    if (!feed_->joined()) return waits("for the venue to tell its market");
    return {.state = ops::RoleState::Ready};
  }
  void drain() override { draining_ = true; }
  [[nodiscard]] bool drained() const override { return draining_ && market_.unacked() == 0; }
  [[nodiscard]] const Error* failed() const override {
    if (failed_) return &*failed_;
    return market_.superseded() ? market_.refusal() : nullptr;
  }

  void add_metrics(ops::Metrics& metrics) override {
    metrics.counter("stoa_feed_messages_total", "Messages of the venue passed on", passed_);
    metrics.counter("stoa_feed_lost_messages_total", "Messages dropped: the relay had no room",
                    lost_);
    metrics.counter("stoa_feed_gaps_total", "Gaps in the venue's feed", gaps_);
    metrics.gauge("stoa_feed_last_message_timestamp_seconds", "When the feed last said anything",
                  last_message_, {{"venue", "sim"}}, ops::Scale::Nanoseconds);
    metrics.gauge("stoa_feed_instruments", "Instruments whose feed is known", instruments_);
    metrics.gauge("stoa_feed_live_instruments", "Instruments whose feed is live", live_);
    metrics.summary({.messages = &passed_});
  }

 private:
  static constexpr std::size_t kMessagesPerRound = 4'096;

  /// Records before the newest that are looked at for trades: most of a second at full speed, and
  /// well inside what the relay keeps, at whose edge a reader loses its place.
  static constexpr std::uint64_t kLookBack = 1U << 13U;

  MarketData(const RoleParts& parts, std::unique_ptr<MarketFollower> feed,
             MarketFollower::Options told_by, std::unique_ptr<MarketFollower> told,
             relay::Publisher market, relay::Publisher marks)
      : clock_{*parts.clock},
        feed_{std::move(feed)},
        told_by_{std::move(told_by)},
        told_{std::move(told)},
        market_{std::move(market)},
        marks_{std::move(marks)} {}

  /// What an earlier process of us has told: its trades are not told again, and whoever heard it
  /// learns that something may be missing between us.
  std::size_t read_what_was_told(nanoseconds monotonic, Timestamp now) {
    const std::size_t work =
        told_->poll(monotonic, now, [this](const native::MessageView& message, std::uint64_t seq) {
          heard_ = heard_ || seq != 0;
          if (!message.is<Trade>()) return;
          const auto trade = message.as<Trade>();
          auto& last = last_trades_[trade.instrument];
          last = std::max(last, trade.trade_id);
        });
    if (!told_->caught_up()) return work;
    if (told_by_.from == Lsn{} && told_->head_at_join() != Lsn{}) return work + look_back();
    told_.reset();
    if (heard_) {
      writer_.on_feed_state({.status = FeedStatus::Recovering, .reason = FeedReason::Recovery},
                            now);
    }
    return work + 1;
  }

  /// The last trade of an instrument may lie before the newest key frame of what was told, and
  /// behind the one with which the venue's feed begins.
  std::size_t look_back() {
    const std::uint64_t head = told_->head_at_join().value();
    told_by_.from = Lsn{head > kLookBack ? head - kLookBack : 1};
    auto earlier = MarketFollower::open(told_by_);
    if (earlier) {
      told_ = std::move(*earlier);
    } else {
      failed_ = std::move(earlier.error());
    }
    return 1;
  }

  [[nodiscard]] bool told_before(const native::MessageView& message) const {
    if (!message.is<Trade>()) return false;
    const auto trade = message.as<Trade>();
    const auto last = last_trades_.find(trade.instrument);
    return last != last_trades_.end() && trade.trade_id <= last->second;
  }

  void take(const native::MessageView& message, Timestamp now) {
    if (told_before(message)) return;
    frames_.note(message);
    writer_.pass_on(message, now);
    passed_.add();
    last_message_.set(now.ns());
    if (message.is<FeedState>() && message.as<FeedState>().reason == FeedReason::Gap) gaps_.add();
    instruments_.set(static_cast<std::int64_t>(frames_.instruments()));
    live_.set(static_cast<std::int64_t>(frames_.live()));
  }

  /// What the relay had no room for is a gap in what its readers see; the next frame mends it.
  void say_what_was_lost(Timestamp now) {
    pending_lost_ += writer_.take_lost();
    if (pending_lost_ == 0 || market_.outbox_used() > 4U << 20U) return;
    lost_.add(pending_lost_);
    writer_.on_feed_state({.status = FeedStatus::Recovering,
                           .reason = FeedReason::Gap,
                           .missed = std::exchange(pending_lost_, 0)},
                          now);
    frames_.ask();
  }

  void tell_marks(Timestamp now) {
    if (!marks_.connected()) {
      marks_told_ = false;
      return;
    }
    if (!std::exchange(marks_told_, true)) frames_.repeat_marks();
    if (marks_.outbox_used() > 1U << 18U) return;  // the newest are told when there is room
    frames_.take_marks([&](const Mark& mark) {
      if (marks_.transient(mark, now) != relay::Publish::Ok) marks_told_ = false;
    });
  }

  const Clock& clock_;
  std::unique_ptr<MarketFollower> feed_;
  MarketFollower::Options told_by_;
  std::unique_ptr<MarketFollower> told_;  // our own relay, until its end was read
  std::optional<Error> failed_;
  bool heard_ = false;
  std::unordered_map<InstrumentId, TradeId> last_trades_;
  relay::Publisher market_;
  relay::Publisher marks_;  // words of the moment only
  MarketWriter writer_{market_};
  KeyFrames frames_;
  std::uint64_t pending_lost_ = 0;
  bool marks_told_ = false;
  bool draining_ = false;
  Counter passed_;
  Counter lost_;
  Counter gaps_;
  Gauge last_message_;
  Gauge instruments_;
  Gauge live_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_market_data(const RoleParts& parts) {
  return MarketData::make(parts);
}

}  // namespace stoa::apps

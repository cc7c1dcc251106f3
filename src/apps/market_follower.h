#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/role.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/market.h"
#include "protocol/native/codec.h"
#include "relay/subscriber.h"

namespace stoa::apps {

/// Follows a market through its relay. Joins at a key frame; passes frames over while it is in
/// step; and turns what goes wrong on the way into what a feed would say: a connection lost for
/// longer than `kGrace` and a gap are FeedStates, after which the next frame tells the market anew.
///
/// thread  one
class MarketFollower final : public relay::SubscriberHandler {
 public:
  struct Options {
    std::filesystem::path socket;
    std::string name;
    nanoseconds backoff_max = std::chrono::seconds{1};
    /// Trades from before this process has joined are handed out too. Whoever tells others says
    /// no trade twice by their ids; whoever shows them to people has no use for the past.
    bool past_trades = false;
    Lsn from{};  // join at this record of the relay's log; 0: at the newest key frame
  };
  /// A relay's hand-over takes milliseconds: nobody needs to hear of it.
  static constexpr nanoseconds kGrace = std::chrono::milliseconds{250};
  /// The market is told anew each second: a connection on which nothing comes for so long is one
  /// to a process that has stopped.
  static constexpr nanoseconds kSilenceMax = std::chrono::milliseconds{2'500};

  /// The message, its place in the relay's log; 0: said by the follower itself.
  using Visit = std::function<void(const native::MessageView&, std::uint64_t seq)>;

  [[nodiscard]] static Result<std::unique_ptr<MarketFollower>> open(const Options& options);
  std::size_t poll(nanoseconds monotonic_now, Timestamp now, const Visit& visit,
                   std::size_t limit = 4'096);

  [[nodiscard]] bool connected() const noexcept { return subscriber_.connected(); }
  /// Everything that the relay had when it was joined has been handed out.
  [[nodiscard]] bool caught_up() const noexcept { return subscriber_.caught_up(); }
  /// The newest record that the relay had when it was joined; 0: none.
  [[nodiscard]] Lsn head_at_join() const noexcept { return subscriber_.head_at_join(); }
  /// A whole frame was seen since the last loss: every instrument is known.
  [[nodiscard]] bool joined() const noexcept { return joined_; }
  void watch(Waiting& waiting) const;
  [[nodiscard]] bool has_more() const noexcept { return subscriber_.has_more(); }
  [[nodiscard]] std::uint64_t gaps() const noexcept { return gaps_; }
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  [[nodiscard]] const Error* last_error() const noexcept { return subscriber_.last_error(); }

  void on_message(Lsn lsn, const native::MessageView& message) override;
  void on_gap(const relay::Gap& gap) override;
  void on_disconnected(const Error& why) override;
  void on_connected() override;

 private:
  MarketFollower(relay::Subscriber subscriber, bool past_trades);

  /// True: the message says nothing that is not known.
  [[nodiscard]] bool passed_over(const native::MessageView& message) const;
  void note(const native::MessageView& message);
  void say(FeedStatus status, FeedReason reason, std::uint64_t missed);

  relay::Subscriber subscriber_;
  bool past_trades_;
  bool fresh_ = true;                // not caught up yet for the first time
  std::uint64_t last_sequence_ = 0;  // of the market's source: what comes twice counts once
  std::unordered_map<InstrumentId, bool> in_step_;
  bool in_frame_ = false;
  bool frame_whole_ = false;  // its beginning was seen
  bool joined_ = false;
  std::optional<nanoseconds> lost_at_;
  nanoseconds heard_{};  // when anything came
  std::uint64_t gaps_ = 0;
  std::uint64_t missed_ = 0;
  const Visit* visit_ = nullptr;
  Timestamp now_{};
  nanoseconds monotonic_now_{};
};

}  // namespace stoa::apps

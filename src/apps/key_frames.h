#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "book/books.h"
#include "model/market.h"
#include "model/risk.h"
#include "protocol/native/codec.h"

namespace stoa::apps {

class MarketWriter;

/// Tells a market anew, once a second: who joins its relay begins with the newest such frame.
///
///   SnapshotMark begin (header flag key) · per instrument its FeedState, the book, or where there
///   is none the last quote · SnapshotMark end
///
/// Whoever has followed so far passes the frame over (MarketFollower).
///
/// thread  one
class KeyFrames {
 public:
  static constexpr nanoseconds kPeriod = std::chrono::seconds{1};

  /// Looks at a message of the market.
  void note(const native::MessageView& message);
  /// Writes a frame when one is due, or was asked for; answers whether it did.
  bool poll(nanoseconds monotonic_now, Timestamp now, MarketWriter& writer);
  void ask() noexcept { due_ = {}; }

  /// The newest market of each instrument, for marks: `visit(mark)` for those that changed since
  /// the last call.
  template <class Visit>
  void take_marks(Visit visit) {
    for (auto& [instrument, lane] : lanes_) {
      if (!lane.mark_changed) continue;
      lane.mark_changed = false;
      visit(lane.mark);
    }
  }
  /// Says `mark_changed` of all again: a relay that was away has forgotten them.
  void repeat_marks() noexcept {
    for (auto& [instrument, lane] : lanes_) lane.mark_changed = true;
  }
  [[nodiscard]] std::size_t instruments() const noexcept { return lanes_.size(); }
  /// How many of them have a live feed.
  [[nodiscard]] std::size_t live() const noexcept;

 private:
  struct Lane {
    FeedState state{};
    Quote quote{};
    bool quoted = false;
    Mark mark{};
    bool mark_changed = false;
  };

  Lane& lane(InstrumentId instrument);

  std::map<InstrumentId, Lane> lanes_;
  book::Books books_;
  std::vector<Level> levels_ = std::vector<Level>(native::kLevelsPerMessage);
  std::vector<Level> bids_;
  std::vector<Level> asks_;
  nanoseconds due_{};
  std::uint64_t frames_ = 0;
};

}  // namespace stoa::apps

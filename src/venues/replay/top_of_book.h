#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "model/market.h"

namespace stoa::venues::replay {

/// Holds the rebuilt book's top against the venue's own bookTicker: evidence that no update was
/// lost or misread. The two streams arrive in any order, so they are compared by update id.
///
/// A diff is comparable when the last quote with an id up to its own is newer than the diff before
/// it (else the quote may tell of a top that this diff has already changed), and certain to be the
/// last: a quote with a higher id has been seen.
///
/// bounds  kPendingMax diffs and kQuotesMax quotes wait; the oldest are forgotten, not compared
class TopOfBookCheck {
 public:
  static constexpr std::size_t kPendingMax = 4'096;
  static constexpr std::size_t kQuotesMax = 65'536;

  /// Ids of one instrument do not go back; those that do are passed over.
  void on_quote(const Quote& quote) {
    if (!quotes_.empty() && quote.update_id < quotes_.back().update_id) return;
    quotes_.push_back(quote);
    if (quotes_.size() > kQuotesMax) quotes_.pop_front();
    settle();
  }
  /// The top after a diff that moved the book from `prev_update_id` to `update_id`.
  void on_diff(std::uint64_t prev_update_id, std::uint64_t update_id, std::optional<Level> bid,
               std::optional<Level> ask) {
    pending_.push_back({prev_update_id, update_id, bid.value_or(Level{}), ask.value_or(Level{})});
    if (pending_.size() > kPendingMax) pending_.pop_front();
    settle();
  }
  /// The chain was broken: what waits can no longer be judged.
  void on_gap() noexcept { pending_.clear(); }

  [[nodiscard]] std::uint64_t compared() const noexcept { return compared_; }
  [[nodiscard]] std::uint64_t equal() const noexcept { return equal_; }

 private:
  struct Diff {
    std::uint64_t prev_update_id = 0;
    std::uint64_t update_id = 0;
    Level bid{};
    Level ask{};
  };

  void settle() {
    while (!pending_.empty() && !quotes_.empty() &&
           quotes_.back().update_id > pending_.front().update_id) {
      const Diff& diff = pending_.front();
      while (quotes_.size() > 1 && quotes_[1].update_id <= diff.update_id) quotes_.pop_front();
      const Quote& last = quotes_.front();
      if (last.update_id > diff.prev_update_id && last.update_id <= diff.update_id) {
        ++compared_;
        if (same_top(diff, last)) ++equal_;
      }
      pending_.pop_front();
    }
  }
  static bool same_top(const Diff& diff, const Quote& quote) noexcept {
    return diff.bid.px == quote.bid_px && diff.bid.qty == quote.bid_qty &&
           diff.ask.px == quote.ask_px && diff.ask.qty == quote.ask_qty;
  }

  std::deque<Diff> pending_;
  std::deque<Quote> quotes_;
  std::uint64_t compared_ = 0;
  std::uint64_t equal_ = 0;
};

}  // namespace stoa::venues::replay

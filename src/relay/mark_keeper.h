#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "protocol/native/codec.h"

namespace stoa::relay {

/// A side without a quantity has no price.
inline void take_quote(Mark& mark, const Quote& quote) noexcept {
  mark.bid = quote.bid_qty.is_zero() ? Price{} : quote.bid_px;
  mark.ask = quote.ask_qty.is_zero() ? Price{} : quote.ask_px;
}

/// Says when the market must go into the execution log (decision 0004): right before an order that
/// is judged by it, and once a second where it has moved. Stands where the log is written, so that
/// the order of the log is the same in one process and in many.
///
/// thread  the log's
class MarkKeeper {
 public:
  /// Marks of an instrument are kept only once the log knows it.
  void on_instrument(InstrumentId instrument) { at(instrument).known = true; }
  /// The market as the log has it: after a recovery.
  void on_logged(const Mark& mark) {
    Kept& kept = at(mark.instrument);
    kept.latest = mark;
    kept.logged = mark;
  }

  // The market as it is.
  void on_quote(const Quote& quote) { take_quote(at(quote.instrument).latest, quote); }
  void on_trade(const Trade& trade) { at(trade.instrument).latest.last = trade.px; }
  void on_mark(const Mark& mark) { at(mark.instrument).latest = mark; }

  [[nodiscard]] Mark latest(InstrumentId instrument) { return at(instrument).latest; }

  /// The mark to log before `message`, if it is judged by a market that the log has not heard of.
  [[nodiscard]] std::optional<Mark> due_before(const native::MessageView& message, Timestamp now) {
    if (message.is<OrderIntent>()) return due(message.as<OrderIntent>().instrument, now);
    if (message.is<ReplaceIntent>()) return due(message.as<ReplaceIntent>().instrument, now);
    return {};
  }
  /// `visit(mark)` for each market that has moved since it was logged a second ago or earlier.
  template <class Visit>
  void take_old(Timestamp now, Visit visit) {
    for (Kept& kept : kept_) {
      if ((now - kept.logged_at).count() < kEveryNs) continue;
      if (const auto mark = take(kept, now)) visit(*mark);
    }
  }

 private:
  static constexpr std::int64_t kEveryNs = 1'000'000'000;

  struct Kept {
    Mark latest{};
    Mark logged{};
    Timestamp logged_at{};
    bool known = false;
  };

  Kept& at(InstrumentId instrument) {
    for (Kept& kept : kept_) {
      if (kept.latest.instrument == instrument) return kept;
    }
    kept_.push_back({});
    kept_.back().latest.instrument = instrument;
    kept_.back().logged.instrument = instrument;
    return kept_.back();
  }
  [[nodiscard]] std::optional<Mark> due(InstrumentId instrument, Timestamp now) {
    return take(at(instrument), now);
  }
  [[nodiscard]] static std::optional<Mark> take(Kept& kept, Timestamp now) {
    if (!kept.known || same(kept.latest, kept.logged)) return {};
    kept.logged = kept.latest;
    kept.logged_at = now;
    return kept.logged;
  }
  [[nodiscard]] static bool same(const Mark& a, const Mark& b) noexcept {
    return a.bid == b.bid && a.ask == b.ask && a.last == b.last;
  }

  std::vector<Kept> kept_;  // a few dozen: a walk is the fastest look-up
};

}  // namespace stoa::relay

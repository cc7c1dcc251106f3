#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/log_facts.h"
#include "base/error.h"
#include "base/ids.h"
#include "gateway/gateway.h"
#include "model/instrument.h"
#include "oms/replay.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"
#include "strategy/runner.h"

namespace stoa::apps {

/// What those who follow the log are shown at a start, in this order:
///   1. the recent past: records for lists and stories, of no effect on what is
///   2. the state as it then was: last words, open orders, positions, account; of lsn 0, as they
///      are no records
///   3. the records behind that
/// Bounded: at most as many records as were asked for, and the state.
class RecentPast {
 public:
  void add(Lsn lsn, std::span<const std::byte> message);
  /// Messages one behind the other; the state stands here.
  void add_state(std::span<const std::byte> messages);

  [[nodiscard]] bool has_state() const noexcept { return state_begin_ != kNone; }
  /// Calls `visit(lsn, message, place)` for each; `place` says which of the three parts.
  enum class Place : std::uint8_t { Past, State, Behind };
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Place place = i < state_begin_ ? Place::Past
                          : i < state_end_ ? Place::State
                                           : Place::Behind;
      visit(entries_[i].lsn,
            native::MessageView::trusted({bytes_.data() + entries_[i].offset, entries_[i].bytes}),
            place);
    }
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  struct Entry {
    Lsn lsn;
    std::size_t offset;
    std::size_t bytes;
  };
  std::vector<std::byte> bytes_;
  std::vector<Entry> entries_;
  std::size_t state_begin_ = kNone;
  std::size_t state_end_ = kNone;
};

/// What a start has made of the log.
struct Recovered {
  LogState state;  // after the last record
  RecentPast past;
  LogFacts
      shown;  // counts of what stands in the past of `past`, to be taken off those of the state
  LogFacts at_state;                     // facts where `past` shows the state
  Lsn checkpoint{};                      // the start began behind it; 0: at the first record
  std::vector<std::string> passed_over;  // why newer checkpoints were not taken
  std::uint64_t replayed = 0;            // records applied
};

/// One pass over a log, from whichever side it comes: what is behind the checkpoint is applied and
/// compared with what the log recorded, what is recent is kept to be shown.
class RecoveryPass {
 public:
  /// `found.state` is the checkpoint's, or fresh; records above `show_behind` are kept.
  RecoveryPass(Recovered& found, Lsn show_behind);

  void take(Lsn lsn, const native::MessageView& message);
  /// Outputs derived that no record has shown.
  [[nodiscard]] std::vector<std::vector<std::byte>> take_unrecorded();
  /// One of those is in the log now.
  void note_recorded(Lsn lsn, const native::MessageView& output);
  /// errors  Damaged: this build derives other outputs than the log holds
  [[nodiscard]] Result<void> finish();
  /// The record of that error; 0: there is none.
  [[nodiscard]] Lsn differs_at() const noexcept { return check_.first_mismatch_at(); }

 private:
  void show(Lsn lsn, const native::MessageView& message);
  void show_state();

  Recovered& found_;
  oms::ReplayCheck check_;
  Lsn show_behind_;
  Lsn state_behind_;
};

/// Brings the state up to the end of the log: from the newest checkpoint that can be used and the
/// records behind it, else from the first record. Compares each output that the log recorded with
/// what the core derives, and appends those that a crash kept from being recorded. The log is read
/// once; `history` is how many of its last records readers want to see again.
///
/// errors  Damaged: the log cannot be read, or this build derives other outputs (first lsn in the
///         text): it does not continue a log that it reads differently
///         · NotFound: the first records are gone and no checkpoint can be used
[[nodiscard]] Result<Recovered> recover(relay::Sequencer& log, const std::filesystem::path& dir,
                                        std::uint64_t history);

/// Lets the gateway's boards begin with what they are not shown: they count events as they come.
void count_before(const Recovered& recovered, gateway::Options& options);

/// Instruments that the past names, each as it was named last.
[[nodiscard]] std::vector<Instrument> instruments_of(const RecentPast& past);

/// Shows the past to `publish(lsn, message)`, which the gateway's lists follow.
void show_past(const Recovered& recovered,
               const std::function<void(Lsn, const native::MessageView&)>& publish);
/// Shows the state and what came behind it to the runner, as it would have seen them live.
void show_past(const Recovered& recovered, strategy::Runner& runner);

}  // namespace stoa::apps

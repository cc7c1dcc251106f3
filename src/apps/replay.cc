#include "apps/replay.h"

#include <fmt/core.h>

#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/hooks.h"
#include "journal/checkpoint.h"
#include "journal/reader.h"
#include "oms/replay.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::apps {
namespace {

/// A log being replayed beside its checkpoints.
class Replay {
 public:
  Replay(std::filesystem::path dir, std::vector<journal::CheckpointFile> checkpoints)
      : dir_{std::move(dir)}, checkpoints_{std::move(checkpoints)} {}

  /// Takes over the oldest checkpoint from which the log can be read on. `first` is the oldest
  /// record kept, `to` the last one to look at.
  Result<void> begin_at_checkpoint(Lsn first, Lsn to) {
    std::string why;
    for (const journal::CheckpointFile& file : checkpoints_) {
      if (file.lsn.value() + 1 < first.value() || file.lsn > to) continue;
      auto checkpoint = journal::read_checkpoint(dir_, file.lsn);
      auto state = checkpoint ? load_state(checkpoint->state)
                              : std::unexpected(std::move(checkpoint.error()));
      if (state) {
        state_ = std::move(*state);
        at_ = file.lsn;
        return {};
      }
      why += "; " + file.name + ": " + state.error().text();
    }
    return std::unexpected(
        Error{.code = ErrorCode::NotFound,
              .message = fmt::format("the log begins at record {} and no checkpoint leads there{}",
                                     first.value(), why),
              .source = dir_.string()});
  }

  Result<void> run(Lsn to) {
    // An engine that writes on gives it no end: what is there now is enough.
    auto reader = journal::Reader::open(dir_, Lsn{at_.value() + 1});
    if (!reader) return std::unexpected(std::move(reader.error()));
    oms::ReplayCheck check{*state_.core};
    check.expect(state_.waiting);
    report_.from_lsn = at_.value() + 1;
    while (true) {
      const auto record = reader->next(to);
      if (!record) return std::unexpected(record.error());
      const std::optional<journal::Record>& entry = *record;
      if (!entry) break;
      const auto message = native::decode(entry->payload);
      if (!message || message->header().source >= relay::kSources) {
        return std::unexpected(Error{
            .code = ErrorCode::Damaged,
            .message =
                fmt::format("record {} is no message: {} at byte {}", entry->lsn.value(),
                            message ? "unknown source" : native::to_string(message.error().error),
                            message ? 6 : message.error().offset),
            .source = dir_.string()});
      }
      ++report_.messages;
      check.take(entry->lsn, *message);
      state_.facts.note(*message);
      state_.numbers.note(message->header());
      at_ = entry->lsn;
      compare_checkpoint(check);
    }
    report_.state_hash = state_.core->state_hash();
    report_.inputs = check.inputs();
    report_.outputs_compared = check.compared();
    report_.mismatches = check.mismatches();
    report_.first_mismatch = check.first_mismatch();
    return {};
  }

  [[nodiscard]] cli::ReplayReport&& report() { return std::move(report_); }

 private:
  /// If there is one of the record just taken. One that cannot be read is the business of
  /// `journal verify`, and one that has been replaced meanwhile of nobody.
  void compare_checkpoint(const oms::ReplayCheck& check) {
    while (next_ < checkpoints_.size() && checkpoints_[next_].lsn < at_) ++next_;
    if (next_ == checkpoints_.size() || checkpoints_[next_].lsn != at_) return;
    const auto checkpoint = journal::read_checkpoint(dir_, at_);
    if (!checkpoint) return;
    ++report_.checkpoints_checked;
    std::vector<std::byte> waiting;
    check.copy_waiting(waiting);
    std::vector<std::byte> reached;
    save_state(reached, *state_.core, state_.facts, state_.numbers, waiting);
    if (reached == checkpoint->state) return;
    std::size_t at = 0;
    while (at < reached.size() && at < checkpoint->state.size() &&
           reached[at] == checkpoint->state[at]) {
      ++at;
    }
    differ(fmt::format("holds another state than the log leads to, from byte {} on", at));
  }
  void differ(const std::string& how) {
    ++report_.checkpoints_differ;
    if (report_.first_checkpoint_fault.empty()) {
      report_.first_checkpoint_fault = fmt::format("{} {}", journal::checkpoint_name(at_), how);
    }
  }

  std::filesystem::path dir_;
  std::vector<journal::CheckpointFile> checkpoints_;  // by lsn
  std::size_t next_ = 0;                              // not yet passed
  LogState state_;
  Lsn at_{};  // last record taken
  cli::ReplayReport report_;
};

}  // namespace

Result<cli::ReplayReport> verify_replay(const std::filesystem::path& dir, Lsn to) {
  auto checkpoints = journal::list_checkpoints(dir);
  if (!checkpoints) return std::unexpected(std::move(checkpoints.error()));
  auto oldest = journal::Reader::open(dir);
  if (!oldest) return std::unexpected(std::move(oldest.error()));
  const Lsn first = oldest->next_lsn();
  Replay replay{dir, std::move(*checkpoints)};
  if (first > Lsn{1}) {
    if (auto begun = replay.begin_at_checkpoint(first, to); !begun) {
      return std::unexpected(std::move(begun.error()));
    }
  }
  if (auto done = replay.run(to); !done) return std::unexpected(std::move(done.error()));
  return replay.report();
}

}  // namespace stoa::apps

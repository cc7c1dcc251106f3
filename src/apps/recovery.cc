#include "apps/recovery.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/log_facts.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "oms/replay.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"

namespace stoa::apps {
namespace {

/// Takes over the newest checkpoint that can be used; why newer ones cannot is noted.
Result<void> begin_at_checkpoint(Recovered& found, const std::filesystem::path& dir, Lsn first,
                                 Lsn head) {
  Lsn newest = head;
  while (true) {
    auto looked = journal::find_checkpoint(dir, newest);
    if (!looked) return std::unexpected(std::move(looked.error()));
    for (std::string& why : looked->passed_over) {
      if (std::ranges::find(found.passed_over, why) == found.passed_over.end()) {
        found.passed_over.push_back(std::move(why));
      }
    }
    if (!looked->checkpoint) return {};
    const journal::Checkpoint& checkpoint = *looked->checkpoint;
    const std::string name = journal::checkpoint_name(checkpoint.lsn);
    if (checkpoint.lsn.value() + 1 < first.value()) {
      found.passed_over.push_back(fmt::format("{}: records {} to {} behind it are gone", name,
                                              checkpoint.lsn.value() + 1, first.value() - 1));
      return {};
    }
    auto state = load_state(checkpoint.state);
    if (state) {
      found.state = std::move(*state);
      found.checkpoint = checkpoint.lsn;
      return {};
    }
    found.passed_over.push_back(fmt::format("{}: {}", name, state.error().text()));
    if (checkpoint.lsn.value() <= 1) return {};
    newest = Lsn{checkpoint.lsn.value() - 1};
  }
}

Error no_beginning(const Recovered& found, Lsn first, const std::filesystem::path& dir) {
  return {
      .code = ErrorCode::NotFound,
      .message = fmt::format(
          "the log begins at record {} and there is no checkpoint to begin with{}{}; put back "
          "a checkpoint (*.ckpt) or the older segments from a backup",
          first.value(), found.passed_over.empty() ? "" : ": ", fmt::join(found.passed_over, "; ")),
      .source = dir.string()};
}

/// One pass over the log: what is behind the checkpoint is applied, what is recent is kept.
class Pass {
 public:
  Pass(Recovered& found, Lsn show_behind)
      : found_{found},
        check_{*found.state.core},
        show_behind_{show_behind},
        state_behind_{std::max(show_behind, found.checkpoint)} {}

  void take(Lsn lsn, const native::MessageView& message) {
    // Between rounds only: an order that is told in the state must not be told again as it was.
    if (!found_.past.has_state() && lsn > state_behind_ && check_.waiting() == 0) show_state();
    if (lsn > show_behind_) show(lsn, message);
    if (lsn <= found_.checkpoint) return;
    check_.take(lsn, message);
    found_.state.facts.note(message);
    ++found_.replayed;
  }

  Result<void> finish(relay::Sequencer& log) {
    if (check_.mismatches() != 0) {
      return std::unexpected(Error{
          .code = ErrorCode::Damaged,
          .message = fmt::format("this build reads the log differently from the one that wrote "
                                 "it: {}; run the older build, or start with another --data",
                                 check_.first_mismatch()),
          .source = {}});
    }
    // A crash can fall between an input and the recording of what followed from it.
    for (const auto& bytes : check_.take_unrecorded()) {
      const auto lsn = log.append_output(bytes);
      if (!lsn) return std::unexpected(lsn.error());
      const auto output = native::MessageView::trusted(bytes);
      show(*lsn, output);
      found_.state.facts.note(output);
    }
    if (!found_.past.has_state()) show_state();
    return {};
  }

 private:
  void show(Lsn lsn, const native::MessageView& message) {
    found_.past.add(lsn, message.bytes());
    if (!found_.past.has_state()) found_.shown.note(message);
  }
  void show_state() {
    std::vector<std::byte> told;
    found_.state.facts.tell_all(told);
    found_.state.core->tell_all(told);
    found_.past.add_state(told);
    found_.at_state = found_.state.facts;
  }

  Recovered& found_;
  oms::ReplayCheck check_;
  Lsn show_behind_;
  Lsn state_behind_;
};

}  // namespace

void RecentPast::add(Lsn lsn, std::span<const std::byte> message) {
  entries_.push_back({.lsn = lsn, .offset = bytes_.size(), .bytes = message.size()});
  bytes_.insert(bytes_.end(), message.begin(), message.end());
}

void RecentPast::add_state(std::span<const std::byte> messages) {
  state_begin_ = entries_.size();
  while (!messages.empty()) {
    const auto message = native::MessageView::trusted(messages);
    add(Lsn{}, message.bytes());
    messages = messages.subspan(message.bytes().size());
  }
  state_end_ = entries_.size();
}

Result<Recovered> recover(relay::Sequencer& log, const std::filesystem::path& dir,
                          std::uint64_t history) {
  Recovered found;
  const Lsn first = log.recovery().first;
  const Lsn head = log.head();
  if (auto begun = begin_at_checkpoint(found, dir, first, head); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  if (found.checkpoint == Lsn{} && first > Lsn{1}) {
    return std::unexpected(no_beginning(found, first, dir));
  }
  log.resume(found.state.numbers);

  const Lsn show_behind{head.value() > history ? head.value() - history : 0};
  const Lsn from{std::max(std::min(show_behind, found.checkpoint).value() + 1, first.value())};
  Pass pass{found, show_behind};
  if (auto read = log.replay(
          [&](Lsn lsn, const native::MessageView& message) { pass.take(lsn, message); }, from);
      !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (auto done = pass.finish(log); !done) return std::unexpected(std::move(done.error()));
  return found;
}

}  // namespace stoa::apps

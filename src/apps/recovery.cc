#include "apps/recovery.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/checkpoint_state.h"
#include "apps/log_facts.h"
#include "base/error.h"
#include "base/ids.h"
#include "gateway/gateway.h"
#include "journal/checkpoint.h"
#include "model/instrument.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"
#include "strategy/runner.h"

namespace stoa::apps {
namespace {

/// The state in one checkpoint, or why it cannot be used.
Result<LogState> state_of(const journal::CheckpointFile& file, const std::filesystem::path& dir,
                          Lsn first, Lsn head) {
  if (file.lsn > head) {
    return bad_input(
        fmt::format("is of record {}, the log ends at {}", file.lsn.value(), head.value()));
  }
  if (file.lsn.value() + 1 < first.value()) {
    return bad_input(fmt::format("records {} to {} behind it are gone", file.lsn.value() + 1,
                                 first.value() - 1));
  }
  const auto checkpoint = journal::read_checkpoint(dir, file.lsn);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  return load_state(checkpoint->state);
}

/// Takes over the newest checkpoint that can be used; why newer ones cannot is noted.
Result<void> begin_at_checkpoint(Recovered& found, const std::filesystem::path& dir, Lsn first,
                                 Lsn head) {
  auto files = journal::list_checkpoints(dir);
  if (!files) return std::unexpected(std::move(files.error()));
  for (const journal::CheckpointFile& file : std::views::reverse(*files)) {
    auto state = state_of(file, dir, first, head);
    if (state) {
      found.state = std::move(*state);
      found.checkpoint = file.lsn;
      return {};
    }
    found.passed_over.push_back(fmt::format("{}: {}", file.name, state.error().text()));
  }
  return {};
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

}  // namespace

RecoveryPass::RecoveryPass(Recovered& found, Lsn show_behind)
    : found_{found},
      check_{*found.state.core},
      show_behind_{show_behind},
      state_behind_{std::max(show_behind, found.checkpoint)} {
  check_.expect(found.state.waiting);
}

void RecoveryPass::take(Lsn lsn, const native::MessageView& message) {
  // Between rounds only: an order that is told in the state must not be told again as it was.
  if (!found_.past.has_state() && lsn > state_behind_ && check_.waiting() == 0) show_state();
  if (lsn > show_behind_) show(lsn, message);
  if (lsn <= found_.checkpoint) return;
  check_.take(lsn, message);
  found_.state.facts.note(message);
  found_.state.numbers.note(message.header());
  ++found_.replayed;
}

std::vector<std::vector<std::byte>> RecoveryPass::take_unrecorded() {
  return check_.take_unrecorded();
}

void RecoveryPass::note_recorded(Lsn lsn, const native::MessageView& output) {
  show(lsn, output);
  found_.state.facts.note(output);
}

Result<void> RecoveryPass::finish() {
  if (!found_.past.has_state()) show_state();
  if (check_.mismatches() == 0) return {};
  return std::unexpected(
      Error{.code = ErrorCode::Damaged,
            .message = fmt::format("this build reads the log differently from the one that wrote "
                                   "it: {}; run the older build, or start with another --data",
                                   check_.first_mismatch()),
            .source = {}});
}

void RecoveryPass::show(Lsn lsn, const native::MessageView& message) {
  found_.past.add(lsn, message.bytes());
  if (!found_.past.has_state()) found_.shown.note(message);
}

void RecoveryPass::show_state() {
  std::vector<std::byte> told;
  found_.state.facts.tell_all(told);
  found_.state.core->tell_all(told);
  found_.past.add_state(told);
  found_.at_state = found_.state.facts;
}

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
  RecoveryPass pass{found, show_behind};
  if (auto read = log.replay(
          [&](Lsn lsn, const native::MessageView& message) { pass.take(lsn, message); }, from);
      !read) {
    return std::unexpected(std::move(read.error()));
  }
  // A crash can fall between an input and the recording of what followed from it.
  for (const auto& bytes : pass.take_unrecorded()) {
    const auto taken = log.append_output(bytes);
    if (!taken) return std::unexpected(taken.error());
    const std::optional<Lsn>& lsn = *taken;
    if (lsn) pass.note_recorded(*lsn, native::MessageView::trusted(bytes));
  }
  if (auto done = pass.finish(); !done) return std::unexpected(std::move(done.error()));
  return found;
}

void count_before(const Recovered& recovered, gateway::Options& options) {
  const LogFacts& all = recovered.at_state;
  const LogFacts& shown = recovered.shown;
  for (gateway::StrategyInfo& info : options.strategies) {
    const StrategyTally total = all.tally(info.id);
    const StrategyTally later = shown.tally(info.id);
    info.orders = total.pending - later.pending;
    info.fills = total.fills - later.fills;
    info.rejects = total.rejects - later.rejects;
    info.last_decision = total.last_decision.view();
  }
  std::ranges::transform(all.rejects, shown.rejects, options.rejects.begin(), std::minus{});
}

std::vector<Instrument> instruments_of(const RecentPast& past) {
  std::vector<Instrument> instruments;
  past.for_each([&](Lsn, const native::MessageView& message, RecentPast::Place) {
    if (!message.is<Instrument>()) return;
    const auto instrument = message.as<Instrument>();
    std::erase_if(instruments,
                  [&](const Instrument& each) { return each.instrument == instrument.instrument; });
    instruments.push_back(instrument);
  });
  return instruments;
}

void show_past(const Recovered& recovered,
               const std::function<void(Lsn, const native::MessageView&)>& publish) {
  recovered.past.for_each([&](Lsn lsn, const native::MessageView& message, RecentPast::Place) {
    publish(lsn, message);
  });
}

void show_past(const Recovered& recovered, strategy::Runner& runner) {
  using Place = RecentPast::Place;
  bool counted = false;
  const auto restore_counters = [&] {
    if (std::exchange(counted, true)) return;
    for (const StrategyTally& tally : recovered.at_state.tallies) {
      runner.restore_counters(tally.id, tally.created, tally.fills, tally.rejects);
    }
  };
  recovered.past.for_each([&](Lsn lsn, const native::MessageView& message, Place place) {
    if (place == Place::Past) return;
    if (place == Place::Behind) restore_counters();
    runner.on_execution(lsn, message);
  });
  restore_counters();
}

}  // namespace stoa::apps

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// One change to one file.
struct RepairStep {
  enum class Kind : std::uint8_t {
    Move,   // the whole file goes into the folder of what was dropped
    Zero,   // bytes from `from` to `until` become zero
    Write,  // `bytes` are written at `from`: a header or footer that the records prove
    Grow,   // the file gets its full length again, with zeros
  };
  Kind kind = Kind::Move;
  std::string file;
  std::uint64_t from = 0;   // bytes concerned
  std::uint64_t until = 0;  // behind the last of them
  std::vector<std::byte> bytes{};
  std::string why;  // one sentence
};

/// What a repair or a cut would do to a journal; made by reading, nothing is changed yet.
struct RepairPlan {
  std::vector<RepairStep> steps;  // in the order in which they are taken; empty: nothing to do
  Lsn keep_first;                 // records that stay; keep_last < keep_first: none
  Lsn keep_last;
  Lsn drop_first;                   // what goes; drop_last < drop_first: no record
  Lsn drop_last;                    // the highest lsn that is known to have been there
  std::uint64_t drop_readable = 0;  // whole records among them
  Lsn promised_last;      // of those that go, the last one known to have been durable; 0: none
  bool startable = true;  // from the first record, or a checkpoint that stays leads on
  /// No record goes.
  [[nodiscard]] bool drops_nothing() const noexcept { return drop_last < drop_first; }
  /// Of the records that go, how many had been durable, so that somebody may have acted on them.
  [[nodiscard]] std::uint64_t promised() const noexcept {
    return promised_last < drop_first ? 0 : promised_last.value() - drop_first.value() + 1;
  }
};

/// How to make the journal in `dir` one that verifies and starts, giving up as little as can be
/// proved: a header or footer is made anew only when every record's checksum and its neighbours
/// agree with it; otherwise the log ends before the first thing that cannot be believed. Nothing is
/// ever guessed or joined over a hole.
///
///   torn tail, stray bytes       zeroed, as a start does
///   footer rotten or missing     made anew, when the records reach the next segment and its chain
///   fits header rotten, file too short  mended, when the records prove the header damage, a
///   missing segment    cut at the last good record before it checkpoints, cursors         those
///   that are damaged or lie beyond the cut are moved away
///
/// Call it with the lock held (lock.h) if the plan is to be carried out.
///
/// errors  NotFound, Io
/// cost    reads every segment
[[nodiscard]] Result<RepairPlan> plan_repair(const std::filesystem::path& dir,
                                             FileSystem* file_system = nullptr);

/// How to end the log behind the record `after`, which must be there.
///
/// errors  BadInput: no such record · Damaged: the part that would stay is not intact · NotFound,
/// Io
[[nodiscard]] Result<RepairPlan> plan_cut(const std::filesystem::path& dir, Lsn after,
                                          FileSystem* file_system = nullptr);

/// Carries a plan out. Every file that changes or goes is first kept, as it was, in a new folder
/// "dropped-LSN" inside `dir`: moving its files back undoes everything. Killed at any moment the
/// log is as before, as after, or damaged in a way that another repair mends; never shorter than
/// planned. The caller holds the lock.
///
/// returns the folder
/// errors  Unavailable: no space for the copies · Io
[[nodiscard]] Result<std::filesystem::path> apply_plan(const std::filesystem::path& dir,
                                                       const RepairPlan& plan,
                                                       FileSystem* file_system = nullptr);

/// One step without keeping anything: for a copy that can be made again. A move removes the file.
[[nodiscard]] Result<void> apply_step(const std::filesystem::path& dir, const RepairStep& step,
                                      FileSystem* file_system = nullptr);

}  // namespace stoa::journal

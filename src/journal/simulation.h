#pragma once

// Whole lives of a journal on a simulated disk: written, stopped anywhere, recovered, compared with
// what was acknowledged, and gone on with. For tests and simulation; not part of the library.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/reader.h"
#include "journal/retention.h"
#include "journal/simulated_disk.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal::test {

/// What the disk is made to do wrong in a life; each kind once in so many calls, 0 never.
enum class FaultKind : std::uint8_t {
  WriteError,
  ShortWrite,
  FailedSync,
  NoSpace,
  ReadError,
  FailedRename,
  FailedDirectorySync,
  ReadOnly,
};
inline constexpr std::array<std::string_view, 8> kFaultNames{
    "write_error", "short_write",   "failed_sync",           "no_space",
    "read_error",  "failed_rename", "failed_directory_sync", "read_only"};

/// What happened over any number of runs.
struct Tally {
  std::uint64_t runs = 0;
  std::uint64_t lives = 0;
  std::uint64_t calls = 0;                       // to the disk
  std::array<std::uint64_t, kSurvivals> ends{};  // of programs, by Survival
  std::array<std::uint64_t, kFaultNames.size()> faults{};
  std::uint64_t appended = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t tails_cut = 0;
  std::uint64_t rotations = 0;
  std::uint64_t epochs = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t cursors = 0;
  std::uint64_t segments_removed = 0;
  // Violations:
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t invented = 0;
  std::uint64_t other = 0;
};

struct Life {
  std::uint64_t segment_bytes = 4096;
  SyncPolicy sync = SyncPolicy::Always;
  std::uint64_t batch_max = 4;
  int steps = 20;
  std::array<std::uint64_t, kFaultNames.size()> one_in{};  // calls per fault of each kind
};

/// One journal and what is known about it: which record each lsn must hold, how far it was
/// acknowledged, how far it was written, which checkpoints and cursors were promised. Contents are
/// unique over all lives, so that a record of an earlier life in the place of a later one is
/// noticed.
class Lives {
 public:
  Lives(SimulatedDisk& disk, std::uint64_t seed, Tally& tally)
      : disk_{disk}, script_{seed}, dice_{seed ^ 0x6A09'E667'F3BC'C908}, tally_{tally} {}

  [[nodiscard]] const std::optional<std::string>& violation() const noexcept { return violation_; }

  /// Opens the journal and does `life.steps` things with it; ends early when the disk stops or
  /// fails it.
  void live(const Life& life) {
    if (violation_) return;
    ++tally_.lives;
    roll_faults(life);
    {
      const bool full = disk_.capacity_bytes != UINT64_MAX;
      auto writer = Writer::open(kDir, options(life));
      if (writer) {
        took_over(*writer);
        for (int step = 0; step < life.steps && !violation_ && writer->error() == nullptr; ++step) {
          act(*writer, life);
          learn(*writer);
        }
        if (writer->error() != nullptr) expect_dead(*writer);
      } else if (writer.error().code == ErrorCode::Damaged) {
        violate(tally_.other, "a start saw damage: " + writer.error().text());
      } else if (!failed_ && !full && !disk_.stopped()) {
        violate(tally_.other, "a start failed on a sound disk: " + writer.error().text());
      }
    }
    disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    disk_.read_only = false;
  }

  /// The program ends, with what survives of it; then everything that can be read must be what was
  /// written, and all that was promised.
  void end(Survival survival) {
    ++tally_.ends[static_cast<std::size_t>(survival)];
    disk_.restart(survival);
    if (survival != Survival::ProcessKilled || sync_failed_) written_ = acknowledged_;
    sync_failed_ = false;
    failed_ = false;
    inspect();
    // Retention may also be asked for while nobody writes.
    if (!violation_ && script_.one_in(4)) {
      retain();
      inspect();
    }
  }

 private:
  static constexpr const char* kDir = "log";

  void violate(std::uint64_t& count, std::string what) {
    ++count;
    if (!violation_) violation_ = std::move(what);
  }

  WriterOptions options(const Life& life) {
    // A successor comes with a higher epoch, a restart with none.
    const auto epoch = script_.one_in(4) ? std::optional{epoch_tried_ + 1} : std::nullopt;
    if (epoch) epoch_tried_ = *epoch;
    return {.segment_bytes = life.segment_bytes,
            .sync = life.sync,
            .sync_interval = std::chrono::milliseconds{10},
            .buffer_bytes = std::size_t{4096} << script_.below(3),
            .prepare_ahead = false,  // a thread of its own has no place in a repeatable run
            .epoch = epoch,
            .file_system = &disk_,
            .clock = &clock_};
  }

  // The bytes of a record follow from its tag alone; sizes cross sectors now and then.
  static Bytes payload(std::uint64_t tag) {
    Random random{tag};
    Bytes bytes(random.one_in(8) ? random.below(1500) : random.below(97));
    for (auto& b : bytes) b = static_cast<std::byte>(random.below(256));
    return bytes;
  }

  // --- what the disk does wrong

  void roll_faults(const Life& life) {
    if (std::ranges::all_of(life.one_in, [](std::uint64_t n) { return n == 0; })) return;
    disk_.on_call = [this, one_in = life.one_in](Op op, const std::filesystem::path&) {
      const auto thrown = [&](FaultKind kind) {
        const auto index = static_cast<std::size_t>(kind);
        if (one_in[index] == 0 || !dice_.one_in(one_in[index])) return false;
        ++tally_.faults[index];
        if (kind != FaultKind::ShortWrite) failed_ = true;
        return true;
      };
      switch (op) {
        case Op::Write:
          if (thrown(FaultKind::ReadOnly)) disk_.read_only = true;
          if (thrown(FaultKind::WriteError)) return Fault{.error = EIO};
          if (thrown(FaultKind::ShortWrite)) return Fault{.write_at_most = 1 + dice_.below(4000)};
          break;
        case Op::Sync:
          if (!thrown(FaultKind::FailedSync)) break;
          sync_failed_ = true;
          return Fault{.error = EIO};
        case Op::Allocate:
          if (thrown(FaultKind::NoSpace)) return Fault{.error = ENOSPC};
          break;
        case Op::Read:
          if (thrown(FaultKind::ReadError)) return Fault{.error = EIO};
          break;
        case Op::Rename:
        case Op::Remove:
          if (thrown(FaultKind::FailedRename)) return Fault{.error = EIO};
          break;
        case Op::SyncDirectory:
          if (thrown(FaultKind::FailedDirectorySync)) return Fault{.error = EIO};
          break;
        default:
          break;
      }
      return Fault{};
    };
  }

  // --- what a program does

  void act(Writer& writer, const Life& life) {
    switch (script_.below(18)) {
      case 0: {
        const auto flushed = writer.flush();
        if (flushed) written_ = known_.size();
        break;
      }
      case 1: {
        const auto synced = writer.sync();
        if (synced && synced->value() != known_.size()) {
          violate(tally_.other, "sync did not cover everything");
        }
        break;
      }
      case 2:
        clock_.advance_to(clock_.now() + std::chrono::milliseconds{script_.below(15)});
        break;
      case 3:
        follow(writer);
        break;
      case 4:
        begin_epoch(writer);
        break;
      case 5:
        checkpoint(writer);
        break;
      case 6:
        move_cursor();
        break;
      case 7:
        retain();
        break;
      default: {
        for (std::uint64_t n = 1 + script_.below(life.batch_max); n > 0; --n) append(writer);
        if (script_.one_in(4)) break;  // the batch goes on
        const std::uint64_t before = known_.size();
        const auto durable = writer.commit();
        if (durable && *durable != writer.durable_lsn()) {
          violate(tally_.other, "commit and durable_lsn disagree");
        }
        if (durable) written_ = before;
      }
    }
  }

  void append(Writer& writer) {
    const std::uint64_t tag = next_tag_;
    const auto lsn = writer.append(payload(tag));
    if (!lsn) return;
    ++next_tag_;
    ++tally_.appended;
    known_.push_back({.tag = tag, .epoch = writer.epoch()});
    if (lsn->value() != known_.size()) {
      violate(tally_.other, "lsn " + std::to_string(lsn->value()) + " was given instead of " +
                                std::to_string(known_.size()));
    }
  }

  void begin_epoch(Writer& writer) {
    ++epoch_tried_;
    if (!writer.begin_epoch(epoch_tried_)) return;
    epoch_acknowledged_ = epoch_tried_;
    ++tally_.epochs;
  }

  // The state of a checkpoint follows from its lsn; a few are larger than a sector.
  static Bytes state_at(std::uint64_t lsn) { return payload(lsn ^ 0x5741'7465'0000'0000); }

  void checkpoint(Writer& writer) {
    const auto durable = writer.sync();
    if (!durable || *durable == Lsn{0}) return;
    learn(writer);
    const std::uint64_t lsn = durable->value();
    chains_[lsn] = writer.chain();
    const auto written = write_checkpoint(
        kDir,
        {.lsn = *durable, .chain = writer.chain(), .epoch = writer.epoch(), .state = state_at(lsn)},
        &disk_);
    if (!written) return;
    checkpoint_acknowledged_ = lsn;
    ++tally_.checkpoints;
  }

  void move_cursor() {
    CursorMark& mark = cursors_[script_.below(cursors_.size())];
    const std::uint64_t from = std::max({mark.tried, mark.acknowledged, removed_below_});
    const std::uint64_t to =
        from + script_.below(acknowledged_ - std::min(from, acknowledged_) + 1);
    mark.tried = to;
    if (!set_cursor(kDir, mark.name, Lsn{to}, &disk_)) return;
    mark.acknowledged = to;
    mark.exists = true;
    ++tally_.cursors;
  }

  void retain() {
    const std::uint64_t keep = 4096 * script_.below(6);
    const auto planned = plan_retention(kDir, keep, &disk_);
    if (!planned || planned->segments == 0) return;
    // Known before it happens, as it may happen in part.
    removed_below_ = std::max(removed_below_, planned->first.value() - 1);
    const auto report = apply_retention(kDir, keep, &disk_);
    if (report) tally_.segments_removed += report->segments;
  }

  // A reader beside the writer sees what was handed to the disk, in order.
  void follow(Writer& writer) {
    if (!writer.flush()) return;
    written_ = known_.size();
    disk_quiet([&] {
      const std::uint64_t kept = known_.size() - std::min(known_.size(), removed_below_);
      const std::uint64_t from = removed_below_ + 1 + script_.below(kept + 1);
      const auto seen = read(Lsn{from});
      if (seen && *seen != known_.size() && !disk_.stopped()) {
        violate(tally_.lost, "a reader beside the writer ends at lsn " + std::to_string(*seen) +
                                 " of " + std::to_string(known_.size()));
      }
    });
  }

  void took_over(const Writer& writer) {
    ++tally_.recoveries;
    const Recovery& found = writer.recovery();
    const std::uint64_t last = found.last.value();
    if (found.cut_bytes > 0) ++tally_.tails_cut;
    expect_reach(last, "recovery");
    if (read_last_ && last != *read_last_ && !failed_) {
      violate(tally_.other, "recovery ends at lsn " + std::to_string(last) +
                                ", a reader before it at " + std::to_string(*read_last_));
    }
    // Handed out, so acted upon: from now on it must stay, and what lies behind must never return.
    known_.resize(std::min<std::size_t>(known_.size(), last));
    acknowledged_ = written_ = known_.size();
    std::erase_if(chains_, [&](const auto& chain) { return chain.first > last; });
    if (writer.epoch() < epoch_acknowledged_ || writer.epoch() > epoch_tried_) {
      violate(tally_.other, "the journal is in epoch " + std::to_string(writer.epoch()) +
                                " after " + std::to_string(epoch_acknowledged_));
    }
    epoch_acknowledged_ = writer.epoch();
    read_last_.reset();
    sync_failed_ = false;
    rotations_ = 0;
  }

  void learn(const Writer& writer) {
    const std::uint64_t durable = writer.durable_lsn().value();
    if (durable > known_.size())
      violate(tally_.invented, "an lsn was acknowledged that was not appended");
    if (durable < acknowledged_) violate(tally_.other, "the durable lsn went back");
    tally_.acknowledged += durable - std::min(durable, acknowledged_);
    acknowledged_ = durable;
    written_ = std::max(written_, acknowledged_);
    tally_.rotations += writer.metrics().rotations.value() - rotations_;
    rotations_ = writer.metrics().rotations.value();
  }

  // The first error is the last word, and the disk is left alone.
  void expect_dead(Writer& writer) {
    const std::string first = writer.error()->text();
    const std::uint64_t calls = disk_.calls();
    const auto appended = writer.append({});
    const auto durable = writer.commit();
    const auto synced = writer.sync();
    if (appended || durable || synced || durable.error().text() != first ||
        appended.error().text() != first || synced.error().text() != first ||
        disk_.calls() != calls) {
      violate(tally_.other, "a writer that had failed went on: " + first);
    }
  }

  // --- what must hold

  void expect_reach(std::uint64_t last, std::string_view who) {
    if (last < std::max(acknowledged_, written_)) {
      violate(tally_.lost, std::string{who} + " ends at lsn " + std::to_string(last) +
                               ", acknowledged " + std::to_string(acknowledged_) + ", written " +
                               std::to_string(written_));
    }
    if (last > known_.size()) {
      violate(tally_.invented, std::string{who} + " ends at lsn " + std::to_string(last) +
                                   " of only " + std::to_string(known_.size()));
    }
  }

  template <class What>
  void disk_quiet(What what) {
    const auto hook = std::exchange(disk_.on_call, [](Op, const auto&) { return Fault{}; });
    what();
    disk_.on_call = hook;
  }

  // Reads to the tail and compares; answers with the last lsn seen, or nothing on a violation.
  std::optional<std::uint64_t> read(Lsn from) {
    auto reader = Reader::open(kDir, from, &disk_);
    if (from.value() == 0) first_read_ = 0;
    std::uint64_t last = from.value() == 0 ? 0 : from.value() - 1;
    if (!reader) {
      if (reader.error().code == ErrorCode::NotFound) return last;  // the directory did not survive
      if (!disk_.stopped())
        violate(tally_.other, "a reader cannot begin: " + reader.error().text());
      return std::nullopt;
    }
    for (;;) {
      const auto result = reader->next();
      if (!result) {
        if (!disk_.stopped()) violate(tally_.other, "a reader saw " + result.error().text());
        return std::nullopt;
      }
      const std::optional<Record>& record = *result;
      if (!record) {  // a log whose records were all let go still knows where it goes on
        return std::max(last, reader->next_lsn().value() -
                                  std::min<std::uint64_t>(1, reader->next_lsn().value()));
      }
      const std::uint64_t lsn = record->lsn.value();
      if (from.value() == 0 && first_read_ == 0) {
        first_read_ = lsn;
        last = lsn - 1;
      }
      if (lsn <= last) violate(tally_.doubled, "lsn " + std::to_string(lsn) + " came again");
      if (lsn > last + 1) violate(tally_.lost, "lsn " + std::to_string(last + 1) + " is missing");
      if (lsn > known_.size() || record->epoch != known_[lsn - 1].epoch ||
          !std::ranges::equal(record->payload, payload(known_[lsn - 1].tag))) {
        violate(tally_.invented,
                "lsn " + std::to_string(lsn) + " holds what was not written there");
      }
      if (violation_) return std::nullopt;
      last = lsn;
    }
  }

  // The state between two programs: verify and a reader agree, and it is what it must be.
  void inspect() {
    const auto report = verify(kDir, &disk_);
    if (!report && report.error().code != ErrorCode::NotFound) {
      violate(tally_.other, "verify could not look: " + report.error().text());
      return;
    }
    if (report && !report->intact) {
      violate(tally_.other, "verify saw damage: " + report->damage.front().text());
    }
    const auto last = read(Lsn{0});
    if (!last) return;
    expect_reach(*last, "a reader");
    const std::uint64_t verified =
        report && !report->segments.empty() ? report->segments.back().last.value() : 0;
    if (verified != *last) {
      violate(tally_.other, "verify ends at lsn " + std::to_string(verified) + ", a reader at " +
                                std::to_string(*last));
    }
    read_last_ = last;
    inspect_checkpoints(*last, report && !report->segments.empty()
                                   ? report->segments.front().info.first.value()
                                   : 1);
  }

  // Checkpoints can be started from, and nothing that they or the cursors need has been let go.
  void inspect_checkpoints(std::uint64_t last, std::uint64_t first) {
    const auto found = find_checkpoint(kDir, Lsn{last}, &disk_);
    const auto files = list_checkpoints(kDir, &disk_);
    const auto cursors = list_cursors(kDir, &disk_);
    if (!found || !files || !cursors) {
      const bool gone = !files && files.error().code == ErrorCode::NotFound;
      if (!gone || acknowledged_ > 0)
        violate(tally_.other, "checkpoints or cursors cannot be read");
      return;
    }
    if (!found->passed_over.empty()) violate(tally_.other, found->passed_over.front());
    const std::uint64_t newest = found->checkpoint ? found->checkpoint->lsn.value() : 0;
    if (newest < checkpoint_acknowledged_) {
      violate(tally_.lost, "the newest checkpoint is " + std::to_string(newest) +
                               ", acknowledged " + std::to_string(checkpoint_acknowledged_));
    }
    if (newest > 0 && (found->checkpoint->chain != chains_[newest] ||
                       found->checkpoint->state != state_at(newest))) {
      violate(tally_.invented, "checkpoint " + std::to_string(newest) + " holds another state");
    }
    const std::uint64_t older = files->size() < 2 ? 0 : (*files)[files->size() - 2].lsn.value();
    if (first > older + 1) {
      violate(tally_.lost, "the log begins at lsn " + std::to_string(first) +
                               " and its older checkpoint is " + std::to_string(older));
    }
    for (CursorMark& mark : cursors_) {
      const auto there = std::ranges::find(*cursors, mark.name, &Cursor::name);
      const bool exists = there != cursors->end();
      const std::uint64_t lsn = exists ? there->lsn.value() : 0;
      if ((mark.exists && !exists) || lsn < mark.acknowledged || lsn > mark.tried) {
        violate(tally_.lost, "cursor " + mark.name + " stands at " + std::to_string(lsn) +
                                 ", acknowledged " + std::to_string(mark.acknowledged));
      }
      if (exists && first > lsn + 1) {
        violate(tally_.lost, "the log begins at lsn " + std::to_string(first) + " and cursor " +
                                 mark.name + " stands at " + std::to_string(lsn));
      }
    }
  }

  SimulatedDisk& disk_;
  Random script_;  // what the program does
  Random dice_;    // what the disk does wrong
  Tally& tally_;
  ManualClock clock_{Timestamp::from_ns(1'700'000'000'000'000'000)};
  std::optional<std::string> violation_;

  struct Known {
    std::uint64_t tag = 0;
    std::uint64_t epoch = 0;
  };
  struct CursorMark {
    std::string name;
    std::uint64_t tried = 0;
    std::uint64_t acknowledged = 0;
    bool exists = false;
  };
  std::vector<Known> known_;                       // of lsn 1, 2, …: what each record must hold
  std::map<std::uint64_t, std::uint32_t> chains_;  // after the records that have a checkpoint
  std::array<CursorMark, 2> cursors_{CursorMark{.name = "backup"}, CursorMark{.name = "store"}};
  std::uint64_t checkpoint_acknowledged_ = 0;
  std::uint64_t removed_below_ = 0;  // retention may have let go of records up to this one
  std::uint64_t epoch_tried_ = 0;
  std::uint64_t epoch_acknowledged_ = 0;
  std::uint64_t first_read_ = 0;
  std::uint64_t next_tag_ = 1;
  std::uint64_t acknowledged_ = 0;          // survives everything
  std::uint64_t written_ = 0;               // survives the process
  std::optional<std::uint64_t> read_last_;  // seen since the last program ended
  bool failed_ = false;                     // the disk has failed this program
  bool sync_failed_ = false;                // and may have dropped what was written
  std::uint64_t rotations_ = 0;             // of the present writer, counted already
};

/// The life of `seed` stopped at change number `stop`, its successor stopped a little later, and
/// the end of a third: what is left must be right each time. Nothing when `stop` lies behind the
/// end of that life.
struct StoppedLife {
  std::uint64_t seed = 1;
  std::uint64_t stop = 1;
  Survival survival = Survival::AnyOfIt;
  std::uint64_t chance = 1;  // seed of what the disk throws
};
inline bool run_stopped(const StoppedLife& run, Tally& tally, std::optional<std::string>& violation,
                        Sabotage sabotage = Sabotage::None) {
  SimulatedDisk disk{run.chance, sabotage};
  Lives lives{disk, run.seed, tally};
  const Life life{.segment_bytes = 4096, .batch_max = 6, .steps = 80, .one_in = {}};
  ++tally.runs;
  disk.stop_at(run.stop);
  lives.live(life);
  const bool within = disk.stopped();
  lives.end(run.survival);
  disk.stop_at(disk.changes() + 1 + run.stop * 7 % 61);
  lives.live(life);
  lives.end(Survival::AnyOfIt);
  lives.live(life);
  lives.end(Survival::OnlySynced);
  tally.calls += disk.calls();
  violation = lives.violation();
  return within;
}

/// A random campaign of several lives under faults and crashes: what `seed` stands for.
inline std::optional<std::string> run_campaign(std::uint64_t seed, Tally& tally,
                                               Sabotage sabotage = Sabotage::None) {
  Random random{seed};
  SimulatedDisk disk{random.next(), sabotage};
  Lives lives{disk, random.next(), tally};
  ++tally.runs;
  const bool faults = random.one_in(2);
  for (std::uint64_t left = 3 + random.below(4); left > 0 && !lives.violation(); --left) {
    constexpr std::array kPolicies{SyncPolicy::Always, SyncPolicy::Always, SyncPolicy::Interval,
                                   SyncPolicy::None};
    Life life{.segment_bytes = 4096 * (1 + random.below(4)),
              .sync = kPolicies[random.below(kPolicies.size())],
              .batch_max = 1 + random.below(24),
              .steps = static_cast<int>(5 + random.below(60)),
              .one_in = {}};
    for (auto& one_in : life.one_in) {
      if (faults && random.one_in(3)) one_in = 4 + random.below(80);
    }
    if (!random.one_in(4)) disk.stop_at(disk.changes() + 1 + random.below(120));
    disk.capacity_bytes = random.one_in(6) ? 4096 * (2 + random.below(12)) : UINT64_MAX;
    lives.live(life);
    disk.capacity_bytes = UINT64_MAX;
    lives.end(static_cast<Survival>(random.below(kSurvivals)));
  }
  // Whatever was, a sound disk makes a sound journal of it.
  lives.live({.segment_bytes = 8192, .steps = 10, .one_in = {}});
  lives.end(Survival::OnlySynced);
  tally.calls += disk.calls();
  return lives.violation();
}

}  // namespace stoa::journal::test

#include "journal/repair.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "journal/side_files.h"
#include "journal/verify.h"

namespace stoa::journal {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20U;
// Where a header that cannot be believed may still hold what stood there (format.cc).
constexpr std::size_t kStoredEpochAt = 32;
constexpr std::size_t kStoredChainAt = 40;

// What a segment continues: the records before it.
struct Link {
  Lsn next;
  std::uint32_t chain = 0;
};

// A segment that can be read, and what must be mended on it first.
struct Opened {
  SegmentFile segment;
  std::vector<RepairStep> mend;
};

// Whole records somewhere in a segment, whatever stands between them.
struct Readable {
  std::uint64_t records = 0;
  Lsn last;          // highest
  Lsn durable_last;  // every record up to here was durable, by a sync point; 0: not known
};

Checked<Readable> count_readable(SegmentFile& segment, std::uint64_t from, Lsn low) {
  Readable found;
  const std::uint64_t end = segment.records_end();
  const Lsn high{low.value() + end / kRecordHeaderBytes};
  for (std::uint64_t at = from; at + kRecordHeaderBytes <= end;) {
    const auto window = segment.bytes(at, kRecordHeaderBytes);
    if (!window) return std::unexpected(window.error());
    const Lsn lsn{get<std::uint64_t>(*window, kRecordAlignBytes)};
    if (lsn < low || lsn > high) {
      at += kRecordAlignBytes;
      continue;
    }
    const auto view = segment.record(at, low, high);
    if (!view) return std::unexpected(view.error());
    if (view->status != RecordStatus::Whole) {
      at += kRecordAlignBytes;
      continue;
    }
    ++found.records;
    found.last = std::max(found.last, view->lsn);
    if (view->sync_point) found.durable_last = std::max(found.durable_last, Lsn{lsn.value() - 1});
    low = Lsn{std::max(low.value(), lsn.value() + 1)};
    at += stored_bytes(view->payload.size());
  }
  return found;
}

// The first byte that is not zero between two offsets, and behind the last one.
struct Stray {
  std::uint64_t from = 0;
  std::uint64_t until = 0;  // 0: all are zero
};
Checked<Stray> find_stray(SegmentFile& segment, std::uint64_t from) {
  Stray stray;
  for (std::uint64_t at = from; at < segment.records_end();) {
    const auto bytes = segment.bytes(at, 1);
    if (!bytes) return std::unexpected(bytes.error());
    for (std::size_t i = 0; i < bytes->size(); ++i) {
      if ((*bytes)[i] == std::byte{0}) continue;
      if (stray.until == 0) stray.from = at + i;
      stray.until = at + i + 1;
    }
    at += bytes->size();
  }
  return stray;
}

std::vector<std::byte> footer_bytes(const SegmentFile& segment, const SegmentWalk& walk) {
  std::array<std::byte, kFooterBytes> bytes{};
  encode_footer({.records = walk.records,
                 .first_lsn = segment.header().first_lsn,
                 .last_lsn = Lsn{walk.next.value() - 1},
                 .end_offset = walk.end_offset,
                 .chain = walk.chain},
                segment.seed(), bytes);
  return {bytes.begin(), bytes.end()};
}

// Goes through the segments from the oldest and writes the plan as it goes.
class Planner {
 public:
  Planner(FileSystem& files, const std::filesystem::path& dir, std::vector<Lsn> firsts)
      : files_{files}, dir_{dir}, firsts_{std::move(firsts)} {}

  Checked<RepairPlan> repair() {
    plan_.keep_first = firsts_.front();
    for (std::size_t i = 0; i < firsts_.size() && !ended_; ++i) {
      if (const auto looked = look_at(i); !looked) return std::unexpected(looked.error());
    }
    return finish();
  }

  Checked<RepairPlan> cut(Lsn after) {
    plan_.keep_first = firsts_.front();
    for (std::size_t i = 0; i < firsts_.size(); ++i) {
      if (i + 1 < firsts_.size() && firsts_[i + 1] <= after) continue;
      auto segment = SegmentFile::open(files_, dir_, firsts_[i]);
      if (!segment) return std::unexpected(segment.error());
      const auto walk = walk_segment(*segment, after);
      if (!walk) return std::unexpected(walk.error());
      if (walk->next <= after) {
        return bad_input("the record " + std::to_string(after.value()) +
                             " is not in the log, which ends with " +
                             std::to_string(walk->next.value() - 1),
                         dir_.string());
      }
      const auto whole = walk_segment(*segment);
      if (!whole) return std::unexpected(whole.error());
      const auto footer = segment->footer();
      if (!footer) return std::unexpected(footer.error());
      const std::optional<Footer>& seal = *footer;
      before_ = Link{.next = walk->next, .chain = walk->chain};
      const bool at_its_end = whole->next == walk->next;
      const bool last_segment = i + 1 == firsts_.size();
      // A sealed segment that stays whole needs no change; nor does the newest without a tail.
      if (at_its_end && (seal || last_segment)) {
        drop_segments(i + 1, "behind the cut");
      } else if (const auto done = end_within(i, *segment, *walk, "behind the cut"); !done) {
        return std::unexpected(done.error());
      }
      break;
    }
    return finish();
  }

 private:
  Checked<void> look_at(std::size_t i) {
    auto opened = open(i);
    if (!opened) {
      const std::optional<Damage>& damage = opened.error().damage;
      if (!damage) return std::unexpected(opened.error());
      drop_segments(i, damage->what);
      return {};
    }
    SegmentFile& segment = opened->segment;
    const SegmentHeader& header = segment.header();
    if (before_ && before_->next != header.first_lsn) {
      drop_segments(i, "the records from lsn " + std::to_string(before_->next.value()) +
                           " on are missing before this segment");
      return {};
    }
    if (before_ && before_->chain != header.previous_chain) {
      drop_segments(i, "the segment does not continue the one before it");
      return {};
    }
    mended_.insert(mended_.end(), opened->mend.begin(), opened->mend.end());
    const auto walk = walk_segment(segment);
    if (!walk) return std::unexpected(walk.error());
    before_ = Link{.next = walk->next, .chain = walk->chain};
    auto footer = segment.footer();
    if (!footer && !footer.error().damage) return std::unexpected(footer.error());
    const std::optional<Footer> seal = footer ? *footer : std::nullopt;
    if (seal && !compare_with_footer(segment, *walk, *seal)) return clear_unused(segment, *walk);
    if (i + 1 == firsts_.size()) return look_at_newest(i, segment, *walk, seal, footer.has_value());
    if (reaches_next(i)) {
      mended_.push_back({.kind = RepairStep::Kind::Write,
                         .file = segment.name(),
                         .from = segment.records_end(),
                         .until = header.segment_bytes,
                         .bytes = footer_bytes(segment, *walk),
                         .why = "the footer cannot be believed; every record is whole and the next "
                                "segment continues them, so it is made anew"});
      return clear_unused(segment, *walk);
    }
    return end_within(i, segment, *walk, why_stopped(*walk, seal));
  }

  Checked<void> look_at_newest(std::size_t i, SegmentFile& segment, const SegmentWalk& walk,
                               const std::optional<Footer>& seal, bool footer_readable) {
    if (seal) return end_within(i, segment, walk, why_stopped(walk, seal));
    const auto tail = scan_tail(segment, walk.end_offset, walk.next);
    if (!tail) return std::unexpected(tail.error());
    if (tail->verdict == TailScan::Verdict::Damaged) {
      return end_within(i, segment, walk, "the record cannot be read, yet " + tail->what);
    }
    if (!footer_readable) {
      mended_.push_back({.kind = RepairStep::Kind::Zero,
                         .file = segment.name(),
                         .from = segment.records_end(),
                         .until = segment.header().segment_bytes,
                         .why = "the footer cannot be believed; without it the segment goes on"});
    }
    if (tail->verdict == TailScan::Verdict::Torn) {
      mended_.push_back({.kind = RepairStep::Kind::Zero,
                         .file = segment.name(),
                         .from = walk.end_offset,
                         .until = tail->end,
                         .why = "an unfinished write that was never acknowledged"});
    }
    return {};
  }

  static std::string why_stopped(const SegmentWalk& walk, const std::optional<Footer>& seal) {
    std::string why = walk.stopped.status == RecordStatus::Bad ? std::string{walk.stopped.why}
                                                               : "nothing is written here";
    if (seal) why += ", yet the footer promises lsn " + std::to_string(seal->last_lsn.value());
    return why;
  }

  // Do the records that were just walked end where the next segment begins, by lsn and by chain?
  bool reaches_next(std::size_t i) {
    if (!before_ || firsts_[i + 1] != before_->next) return false;
    auto next = open(i + 1);
    return next && next->segment.header().previous_chain == before_->chain;
  }

  Checked<void> clear_unused(SegmentFile& segment, const SegmentWalk& walk) {
    const auto stray = find_stray(segment, walk.end_offset);
    if (!stray) return std::unexpected(stray.error());
    if (stray->until == 0) return {};
    mended_.push_back({.kind = RepairStep::Kind::Zero,
                       .file = segment.name(),
                       .from = stray->from,
                       .until = stray->until,
                       .why = "the unused space is not zero; no record is touched"});
    return {};
  }

  // Opens a segment, or finds a header that its records prove.
  Checked<Opened> open(std::size_t i) {
    auto plain = SegmentFile::open(files_, dir_, firsts_[i]);
    if (plain) return Opened{.segment = std::move(*plain), .mend = {}};
    if (!plain.error().damage) return std::unexpected(plain.error());
    auto proved = prove_header(i);
    if (!proved) return std::unexpected(proved.error());
    std::optional<Opened>& opened = *proved;
    if (!opened) return std::unexpected(plain.error());
    return std::move(*opened);
  }

  // Every checksum in a segment begins with that of its header, so one whole record proves all of
  // the header's bytes. Few are not known from the file's name and size and from the neighbours.
  Checked<std::optional<Opened>> prove_header(std::size_t i) {
    const std::filesystem::path path = dir_ / segment_name(firsts_[i]);
    auto file = files_.open(path, OpenMode::Read);
    if (!file) return disk_error("cannot open the segment", file.error(), path);
    const auto size = (*file)->size();
    if (!size) return disk_error("cannot read the segment's size", size.error(), path);
    std::array<std::byte, kSegmentHeaderBytes> stored{};
    const auto got = (*file)->read_at(stored, 0);
    if (!got) return disk_error("cannot read the segment", got.error(), path);

    for (const SegmentHeader& header : header_candidates(i, stored, *size)) {
      auto segment = SegmentFile::open_as(files_, dir_, header);
      if (!segment) return std::unexpected(segment.error());
      const auto first = segment->record(kSegmentHeaderBytes, header.first_lsn, header.first_lsn);
      if (!first) return std::unexpected(first.error());
      if (first->status != RecordStatus::Whole) continue;
      Opened opened{.segment = std::move(*segment), .mend = {}};
      mend_file(opened, stored, *size);
      return opened;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<SegmentHeader> header_candidates(
      std::size_t i, std::span<const std::byte, kSegmentHeaderBytes> stored,
      std::uint64_t file_bytes) const {
    std::vector<SegmentHeader> candidates;
    if (const auto decoded = decode_header(stored)) {
      // Only the size or the name is wrong; longer files and other names are not ours to explain.
      if (decoded->header.first_lsn == firsts_[i] && file_bytes < decoded->header.segment_bytes) {
        candidates.push_back(decoded->header);
      }
      return candidates;
    }
    if (file_bytes < kSegmentUnitBytes || file_bytes > kMaxSegmentBytes ||
        file_bytes % kSegmentUnitBytes != 0) {
      return candidates;
    }
    const std::uint64_t stored_epoch = get<std::uint64_t>(stored, kStoredEpochAt);
    const auto stored_chain = get<std::uint32_t>(stored, kStoredChainAt);
    std::vector<std::uint64_t> epochs{stored_epoch};
    for (const std::size_t j : {i - 1, i + 1}) {
      if (j >= firsts_.size()) continue;  // i - 1 wraps for the first
      if (const auto near = SegmentFile::open(files_, dir_, firsts_[j])) {
        epochs.push_back(near->header().epoch);
      }
    }
    std::vector<std::uint32_t> chains{stored_chain, 0};
    if (before_) chains.push_back(before_->chain);
    for (const std::uint64_t epoch : epochs) {
      for (const std::uint32_t chain : chains) {
        candidates.push_back({.segment_bytes = file_bytes,
                              .first_lsn = firsts_[i],
                              .epoch = epoch,
                              .previous_chain = chain});
      }
    }
    return candidates;
  }

  static void mend_file(Opened& opened, std::span<const std::byte, kSegmentHeaderBytes> stored,
                        std::uint64_t file_bytes) {
    const SegmentHeader& header = opened.segment.header();
    if (file_bytes < header.segment_bytes) {
      opened.mend.push_back({.kind = RepairStep::Kind::Grow,
                             .file = opened.segment.name(),
                             .from = file_bytes,
                             .until = header.segment_bytes,
                             .why = "the file is shorter than its header says"});
    }
    std::array<std::byte, kSegmentHeaderBytes> bytes{};
    encode_header(header, bytes);
    if (std::ranges::equal(bytes, stored)) return;
    opened.mend.push_back({.kind = RepairStep::Kind::Write,
                           .file = opened.segment.name(),
                           .from = 0,
                           .until = kSegmentHeaderBytes,
                           .bytes = {bytes.begin(), bytes.end()},
                           .why = "the header cannot be believed; the records' checksums prove "
                                  "what stood there"});
  }

  // The log ends inside segment `i`, behind what was walked; all later segments go.
  Checked<void> end_within(std::size_t i, SegmentFile& segment, const SegmentWalk& walk,
                           std::string why) {
    const auto rest = count_readable(segment, walk.end_offset, walk.next);
    if (!rest) return std::unexpected(rest.error());
    note_dropped(*rest);
    if (const auto footer = segment.footer(); footer) {
      const std::optional<Footer>& seal = *footer;
      if (seal) note_durable(seal->last_lsn);
    }
    drop_segments(i + 1, "behind the end of the log, lsn " + std::to_string(walk.next.value() - 1));
    cut_.push_back({.kind = RepairStep::Kind::Zero,
                    .file = segment.name(),
                    .from = walk.end_offset,
                    .until = segment.header().segment_bytes,
                    .why = std::move(why)});
    return {};
  }

  // Segments from `i` on go, newest first: killed in between, what is left is still refused.
  void drop_segments(std::size_t i, const std::string& why) {
    ended_ = true;
    for (std::size_t j = firsts_.size(); j-- > i;) {
      std::uint64_t file_bytes = 0;
      // The lsn of its name says that everything before it was durable.
      note_durable(Lsn{firsts_[j].value() - 1});
      if (auto opened = open(j)) {
        file_bytes = opened->segment.header().segment_bytes;
        if (const auto readable =
                count_readable(opened->segment, kSegmentHeaderBytes, firsts_[j])) {
          note_dropped(*readable);
        }
        if (const auto footer = opened->segment.footer(); footer) {
          const std::optional<Footer>& seal = *footer;
          if (seal) note_durable(seal->last_lsn);
        }
      }
      moved_.push_back({.kind = RepairStep::Kind::Move,
                        .file = segment_name(firsts_[j]),
                        .from = 0,
                        .until = file_bytes,
                        .why = why});
    }
  }

  void note_dropped(const Readable& readable) {
    plan_.drop_readable += readable.records;
    plan_.drop_last = std::max(plan_.drop_last, readable.last);
    note_durable(readable.durable_last);
  }
  void note_durable(Lsn lsn) {
    plan_.promised_last = std::max(plan_.promised_last, lsn);
    plan_.drop_last = std::max(plan_.drop_last, lsn);
  }

  RepairPlan finish() {
    const Lsn next = before_ ? before_->next : plan_.keep_first;
    plan_.keep_last = Lsn{next.value() - 1};
    plan_.drop_first = next;
    plan_.drop_last = std::max(plan_.drop_last, plan_.keep_last);
    if (plan_.promised_last < next) plan_.promised_last = Lsn{0};
    for (auto* part : {&moved_, &cut_, &mended_}) {
      std::ranges::move(*part, std::back_inserter(plan_.steps));
    }
    return std::move(plan_);
  }

  FileSystem& files_;
  const std::filesystem::path& dir_;
  std::vector<Lsn> firsts_;
  std::optional<Link> before_;
  bool ended_ = false;
  RepairPlan plan_;
  std::vector<RepairStep> moved_;
  std::vector<RepairStep> cut_;
  std::vector<RepairStep> mended_;
};

// --- carrying out

// A folder that was not there: "dropped-42", "dropped-42-2", …
Result<std::filesystem::path> make_folder(FileSystem& files, const std::filesystem::path& dir,
                                          Lsn first) {
  const std::string name = "dropped-" + std::to_string(first.value());
  for (int n = 1;; ++n) {
    std::filesystem::path folder = dir / (n == 1 ? name : name + "-" + std::to_string(n));
    const auto made = files.make_directory(folder);
    if (!made) return disk_error("cannot make a folder", made.error(), folder);
    if (*made) return folder;
  }
}

Result<void> copy_file(FileSystem& files, const std::filesystem::path& from,
                       const std::filesystem::path& to) {
  auto source = files.open(from, OpenMode::Read);
  if (!source) return disk_error("cannot open", source.error(), from);
  auto target = files.open(to, OpenMode::Reset);
  if (!target) return disk_error("cannot create", target.error(), to);
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t at = 0;;) {
    const auto got = (*source)->read_at(piece, at);
    if (!got) return disk_error("cannot read", got.error(), from);
    if (*got == 0) break;
    if (const auto wrote = write_all(**target, std::span{piece}.first(*got), at); !wrote) {
      return disk_error("cannot write", wrote.error(), to);
    }
    at += *got;
  }
  if (const auto synced = (*target)->sync_data(); !synced) {
    return disk_error("cannot sync", synced.error(), to);
  }
  return {};
}

Result<void> change(FileSystem& files, const std::filesystem::path& path, const RepairStep& step) {
  auto file = files.open(path, OpenMode::Write);
  if (!file) return disk_error("cannot write", file.error(), path);
  if (step.kind == RepairStep::Kind::Grow) {
    if (const auto grown = (*file)->allocate(step.until); !grown) {
      return disk_error("cannot make the file longer", grown.error(), path);
    }
  }
  IoResult<void> wrote = write_all(**file, step.bytes, step.from);
  const std::vector<std::byte> zeros(kPieceBytes);
  // New space is written, too, so that the log's own writes into it change no metadata.
  for (std::uint64_t at = step.from; wrote && at < step.until && step.bytes.empty();) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(step.until - at, zeros.size()));
    wrote = write_all(**file, std::span{zeros}.first(size), at);
    at += size;
  }
  if (!wrote) return disk_error("cannot write", wrote.error(), path);
  if (const auto synced = (*file)->sync_data(); !synced) {
    return disk_error("cannot sync", synced.error(), path);
  }
  return {};
}

Result<void> sync(FileSystem& files, const std::filesystem::path& dir) {
  const auto synced = files.sync_directory(dir);
  if (!synced) return disk_error("cannot sync the directory", synced.error(), dir);
  return {};
}

// Every file that is changed in place, as it was, is in the folder before anything else happens.
Result<void> keep_originals(FileSystem& files, const std::filesystem::path& dir,
                            const std::filesystem::path& folder, const RepairPlan& plan) {
  std::vector<std::string_view> kept;
  for (const RepairStep& step : plan.steps) {
    if (step.kind == RepairStep::Kind::Move || std::ranges::find(kept, step.file) != kept.end())
      continue;
    kept.push_back(step.file);
    if (auto copied = copy_file(files, dir / step.file, folder / step.file); !copied) return copied;
  }
  if (auto synced = sync(files, folder); !synced) return synced;
  return sync(files, dir);
}

Result<std::vector<Lsn>> segments_of(FileSystem& files, const std::filesystem::path& dir) {
  auto firsts = list_segments(files, dir);
  if (firsts && firsts->empty()) {
    return std::unexpected(
        Error{.code = ErrorCode::NotFound, .message = "no segments in it", .source = dir.string()});
  }
  return firsts;
}

// Checkpoints and cursors that do not fit what stays go first: a start must never be led by them.
Result<RepairPlan> with_side_files(FileSystem& files, const std::filesystem::path& dir,
                                   Result<RepairPlan> plan) {
  if (!plan) return plan;
  const auto sides = read_side_files(files, dir);
  if (!sides) return std::unexpected(sides.error());
  std::vector<RepairStep> moves;
  plan->startable = plan->keep_first == Lsn{1};
  for (const SideFile& side : *sides) {
    auto wrong = check_side_file(files, dir, side, plan->keep_first, plan->keep_last);
    if (!wrong) return std::unexpected(wrong.error());
    const std::optional<Damage>& damage = *wrong;
    if (damage) {
      moves.push_back({.kind = RepairStep::Kind::Move, .file = side.name, .why = damage->what});
    } else if (side.is_checkpoint() && side.lsn.value() + 1 >= plan->keep_first.value()) {
      plan->startable = true;
    }
  }
  plan->steps.insert(plan->steps.begin(), moves.begin(), moves.end());
  return plan;
}

}  // namespace

Result<RepairPlan> plan_repair(const std::filesystem::path& dir, FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  auto firsts = segments_of(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  auto plan = Planner{files, dir, std::move(*firsts)}.repair();
  if (!plan) return std::unexpected(plan.error());
  return with_side_files(files, dir, std::move(*plan));
}

Result<RepairPlan> plan_cut(const std::filesystem::path& dir, Lsn after, FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  auto firsts = segments_of(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  if (after.value() + 1 < firsts->front().value()) {
    return bad_input("lsn " + std::to_string(after.value()) +
                         " lies before the oldest record kept, " +
                         std::to_string(firsts->front().value()),
                     dir.string());
  }
  const auto repair = Planner{files, dir, *firsts}.repair();
  if (!repair) return std::unexpected(repair.error());
  if (!repair->steps.empty() && repair->keep_last < after) {
    return std::unexpected(Error{.code = ErrorCode::Damaged,
                                 .message = "the log is damaged behind lsn " +
                                            std::to_string(repair->keep_last.value()) +
                                            ": repair it first",
                                 .source = dir.string()});
  }
  auto plan = Planner{files, dir, std::move(*firsts)}.cut(after);
  if (!plan) return std::unexpected(plan.error());
  return with_side_files(files, dir, std::move(*plan));
}

Result<std::filesystem::path> apply_plan(const std::filesystem::path& dir, const RepairPlan& plan,
                                         FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  auto folder = make_folder(files, dir, plan.drop_first);
  if (!folder) return folder;
  if (const auto kept = keep_originals(files, dir, *folder, plan); !kept) {
    return std::unexpected(kept.error());
  }
  for (const RepairStep& step : plan.steps) {
    if (step.kind == RepairStep::Kind::Move) {
      const auto moved = files.rename(dir / step.file, *folder / step.file);
      if (!moved) return disk_error("cannot move", moved.error(), dir / step.file);
      // One after the other on the disk, too: a later segment never outlives an earlier one.
      if (const auto synced = sync(files, dir); !synced) return std::unexpected(synced.error());
    } else if (const auto changed = change(files, dir / step.file, step); !changed) {
      return std::unexpected(changed.error());
    }
  }
  if (const auto synced = sync(files, *folder); !synced) return std::unexpected(synced.error());
  if (const auto synced = sync(files, dir); !synced) return std::unexpected(synced.error());
  return folder;
}

Result<void> apply_step(const std::filesystem::path& dir, const RepairStep& step,
                        FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  if (step.kind != RepairStep::Kind::Move) return change(files, dir / step.file, step);
  if (const auto removed = files.remove(dir / step.file); !removed) {
    return disk_error("cannot remove", removed.error(), dir / step.file);
  }
  return {};
}

}  // namespace stoa::journal

#include "journal/verify.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "journal/side_files.h"

namespace stoa::journal {
namespace {

void describe(const SegmentFile& segment, const std::optional<Footer>& footer, SegmentInfo& info) {
  info.file_bytes = segment.header().segment_bytes;
  info.epoch = segment.header().epoch;
  if (!footer) return;
  info.sealed = true;
  info.last = footer->last_lsn;
  info.records = footer->records;
}

// Bytes between the last record and the footer that are not zero.
Checked<std::optional<std::uint64_t>> find_stray_byte(SegmentFile& segment, std::uint64_t from) {
  for (std::uint64_t at = from; at < segment.records_end();) {
    const auto bytes = segment.bytes(at, 1);
    if (!bytes) return std::unexpected(bytes.error());
    const auto stray = std::ranges::find_if(*bytes, [](std::byte b) { return b != std::byte{0}; });
    at += static_cast<std::uint64_t>(stray - bytes->begin());
    if (stray != bytes->end()) return at;
  }
  return std::nullopt;
}

// Verifies one segment after the other, carrying the link between them.
class Verifier {
 public:
  Verifier(FileSystem& files, const std::filesystem::path& dir) : files_{files}, dir_{dir} {}

  Result<void> check(Lsn first, bool newest) {
    if (auto checked = check_segment(first, newest); checked || !retained_away(first)) {
      return checked;
    }
    // The oldest may go while we look, and all before it have gone: the log begins later, and
    // nothing is wrong.
    report_ = {};
    chain_.reset();
    return {};
  }
  /// Retention has taken everything that was looked at.
  [[nodiscard]] bool overtaken() const noexcept { return report_.segments.empty(); }

  Result<void> check_side_files(const std::vector<SideFile>& sides) {
    const Lsn first = report_.segments.empty() ? Lsn{1} : report_.segments.front().info.first;
    const Lsn last{std::max(report_.last.value(), first.value() - 1)};
    for (const SideFile& side : sides) {
      ++(side.is_checkpoint() ? report_.checkpoints : report_.cursors);
      auto wrong = check_side_file(files_, dir_, side, first, last);
      if (!wrong) return std::unexpected(wrong.error());
      std::optional<Damage>& damage = *wrong;
      if (damage && still_there(side)) report_.damage.push_back(std::move(*damage));
    }
    return {};
  }

  [[nodiscard]] VerifyReport finish() {
    report_.intact = report_.damage.empty();
    return std::move(report_);
  }

 private:
  // A newer checkpoint takes the place of an old one, and retention the records behind it, while we
  // look.
  [[nodiscard]] bool still_there(const SideFile& side) const {
    const auto file = files_.open(dir_ / side.name, OpenMode::Read);
    return file || file.error().value != ENOENT;
  }
  [[nodiscard]] bool retained_away(Lsn first) const {
    const auto firsts = list_segments(files_, dir_);
    return firsts && !firsts->empty() && first < firsts->front();
  }

  Result<void> check_segment(Lsn first, bool newest) {
    SegmentReport& report = report_.segments.emplace_back();
    report.info.name = segment_name(first);
    report.info.first = first;
    report.last = Lsn{first.value() - 1};
    if (expected_ && *expected_ != first) {
      blame(report, 0, *expected_, "the records before this segment are missing");
      chain_.reset();
    }
    expected_.reset();
    const auto checked = check_bytes(report, first, newest);
    if (checked) return {};
    const std::optional<Damage>& damage = checked.error().damage;
    if (!damage) return std::unexpected(checked.error());
    chain_.reset();
    report.info.trouble = damage->what;
    blame(report, damage->offset, damage->lsn, damage->what);
    return {};
  }

  // One finding per segment: the first is the place to look.
  void blame(const SegmentReport& report, std::uint64_t offset, Lsn lsn, std::string what) {
    const std::string& name = report.info.name;
    if (!report_.damage.empty() && report_.damage.back().segment == name) return;
    report_.damage.push_back(
        {.segment = name, .offset = offset, .lsn = lsn, .what = std::move(what)});
  }

  Checked<void> check_bytes(SegmentReport& report, Lsn first, bool newest) {
    auto segment = SegmentFile::open(files_, dir_, first);
    if (!segment) return std::unexpected(segment.error());
    if (chain_ && *chain_ != segment->header().previous_chain) {
      blame(report, 0, first, "the segment does not continue the one before it");
    }
    chain_.reset();
    describe(*segment, std::nullopt, report.info);
    // A footer is written when all its records are there: what it vouches for is read once. One
    // that comes while an open segment is read sends us through it again.
    auto footer = segment->footer();
    auto walk = walk_segment(*segment);
    if (!walk) return std::unexpected(walk.error());
    count(report, *walk);
    if (!footer) return std::unexpected(footer.error());
    if (!*footer) {
      footer = segment->footer();
      if (!footer) return std::unexpected(footer.error());
      const std::optional<Footer>& came = *footer;
      if (came) {
        segment->forget();
        uncount(report);
        walk = walk_segment(*segment);
        if (!walk) return std::unexpected(walk.error());
        count(report, *walk);
      }
    }
    const std::optional<Footer>& seal = *footer;
    describe(*segment, seal, report.info);
    if (seal) return check_sealed(report, *segment, *walk, *seal);
    if (newest) return check_tail(report, *segment, *walk);
    blame(report, walk->end_offset, walk->next,
          "a later segment exists but this one has no footer");
    return {};
  }

  void count(SegmentReport& report, const SegmentWalk& walk) {
    report.records = walk.records;
    report.payload_bytes = walk.payload_bytes;
    report.last = Lsn{walk.next.value() - 1};
    report.end_offset = walk.end_offset;
    report_.records += walk.records;
    report_.payload_bytes += walk.payload_bytes;
    if (walk.records == 0) return;
    if (report_.first == Lsn{0}) report_.first = report.info.first;
    report_.last = report.last;
  }

  void uncount(const SegmentReport& report) {
    report_.records -= report.records;
    report_.payload_bytes -= report.payload_bytes;
  }

  Checked<void> check_sealed(SegmentReport& report, SegmentFile& segment, const SegmentWalk& walk,
                             const Footer& footer) {
    expected_ = Lsn{footer.last_lsn.value() + 1};
    chain_ = footer.chain;
    if (const auto damage = compare_with_footer(segment, walk, footer)) {
      blame(report, damage->offset, damage->lsn, damage->what);
      return {};
    }
    const auto stray = find_stray_byte(segment, walk.end_offset);
    if (!stray) return std::unexpected(stray.error());
    const std::optional<std::uint64_t>& offset = *stray;
    if (offset) blame(report, *offset, Lsn{0}, "the unused space is not zero");
    return {};
  }

  Checked<void> check_tail(SegmentReport& report, SegmentFile& segment, const SegmentWalk& walk) {
    const auto tail = scan_tail(segment, walk.end_offset, walk.next);
    if (!tail) return std::unexpected(tail.error());
    report.torn_tail_bytes = tail->end - walk.end_offset;
    if (tail->verdict != TailScan::Verdict::Damaged) return {};
    report.torn_tail_bytes = 0;
    // A writer may have been here between the walk and the scan: only what stays is damage.
    segment.forget();
    const auto again = segment.record(walk.end_offset, walk.next, walk.next);
    if (!again) return std::unexpected(again.error());
    if (again->status == RecordStatus::Whole) return {};
    blame(report, walk.end_offset, walk.next, "the record cannot be read, yet " + tail->what);
    return {};
  }

  FileSystem& files_;
  const std::filesystem::path& dir_;
  VerifyReport report_;
  std::optional<Lsn> expected_;         // first lsn of the next segment
  std::optional<std::uint32_t> chain_;  // at its start
};

}  // namespace

Result<std::vector<SegmentInfo>> list(const std::filesystem::path& dir, FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  const auto firsts = list_segments(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  std::vector<SegmentInfo> infos;
  for (const Lsn first : *firsts) {
    SegmentInfo& info = infos.emplace_back();
    info.name = segment_name(first);
    info.first = first;
    auto segment = SegmentFile::open(files, dir, first);
    const auto footer = segment ? segment->footer() : Checked<std::optional<Footer>>{std::nullopt};
    if (segment) describe(*segment, footer ? *footer : std::nullopt, info);
    const Failure* trouble = !segment ? &segment.error() : !footer ? &footer.error() : nullptr;
    if (trouble == nullptr) continue;
    if (trouble->code == ErrorCode::NotFound) {  // retention has just taken it
      infos.pop_back();
      continue;
    }
    if (!trouble->damage) return std::unexpected(*trouble);
    info.trouble = trouble->damage->what;
  }
  return infos;
}

Result<VerifyReport> verify(const std::filesystem::path& dir, FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  for (;;) {
    const auto sides = read_side_files(files, dir);  // first, as the log only grows
    if (!sides) return std::unexpected(sides.error());
    const auto firsts = list_segments(files, dir);
    if (!firsts) return std::unexpected(firsts.error());
    Verifier verifier{files, dir};
    for (const Lsn first : *firsts) {
      if (const auto checked = verifier.check(first, first == firsts->back()); !checked) {
        return std::unexpected(checked.error());
      }
    }
    if (verifier.overtaken() && !firsts->empty()) continue;
    if (const auto checked = verifier.check_side_files(*sides); !checked) {
      return std::unexpected(checked.error());
    }
    return verifier.finish();
  }
}

}  // namespace stoa::journal

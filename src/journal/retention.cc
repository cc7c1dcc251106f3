#include "journal/retention.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/segment.h"
#include "journal/verify.h"

namespace stoa::journal {
namespace {

/// Records up to `lsn` may go; `by` is who says so.
struct Bound {
  Lsn lsn;
  std::string by;
};

/// The older of the two newest checkpoints that can be believed: each is read whole, as a start
/// from it must work when the log before it is gone.
Result<Bound> checkpoint_bound(const std::filesystem::path& dir, FileSystem* file_system) {
  const auto files = list_checkpoints(dir, file_system);
  if (!files) return std::unexpected(files.error());
  std::size_t believed = 0;
  for (const CheckpointFile& each : *files | std::views::reverse) {
    const auto checkpoint = read_checkpoint(dir, each.lsn, file_system);
    if (!checkpoint) {
      if (checkpoint.error().code == ErrorCode::Damaged) continue;
      return std::unexpected(checkpoint.error());
    }
    if (++believed == kCheckpointsKept) {
      return Bound{each.lsn, "checkpoint " + std::to_string(each.lsn.value())};
    }
  }
  return Bound{Lsn{0}, "no two checkpoints"};
}

Result<Bound> bound_of(const std::filesystem::path& dir, FileSystem* file_system) {
  auto bound = checkpoint_bound(dir, file_system);
  if (!bound) return bound;
  const auto cursors = list_cursors(dir, file_system);
  if (!cursors) return std::unexpected(cursors.error());
  for (const Cursor& cursor : *cursors) {
    if (cursor.lsn >= bound->lsn) continue;
    *bound = {cursor.lsn, "cursor " + cursor.name + " at " + std::to_string(cursor.lsn.value())};
  }
  return bound;
}

struct Plan {
  RetentionReport report;
  std::vector<std::string> checkpoints;  // left over from before the two that count
  std::vector<std::string> segments;     // to remove, oldest first
};

Result<Plan> plan(const std::filesystem::path& dir, std::uint64_t keep_bytes,
                  FileSystem* file_system) {
  const auto segments = list(dir, file_system);
  if (!segments) return std::unexpected(segments.error());
  const auto bound = bound_of(dir, file_system);
  if (!bound) return std::unexpected(bound.error());
  Plan made;
  RetentionReport& report = made.report;
  for (const SegmentInfo& segment : *segments) report.kept_bytes += segment.file_bytes;
  if (!segments->empty()) report.first = segments->front().first;
  for (const SegmentInfo& segment : *segments) {
    const bool newest = &segment == &segments->back();  // sealed or not, it says where to go on
    if (report.kept_bytes <= keep_bytes || !segment.sealed || newest) break;
    if (segment.last > bound->lsn) {
      report.held_by = bound->by;
      break;
    }
    made.segments.push_back(segment.name);
    report.bytes += segment.file_bytes;
    report.kept_bytes -= segment.file_bytes;
    report.first = Lsn{segment.last.value() + 1};
    ++report.segments;
  }
  if (made.segments.empty()) return made;
  const auto checkpoints = list_checkpoints(dir, file_system);
  if (!checkpoints) return std::unexpected(checkpoints.error());
  for (const CheckpointFile& each : *checkpoints) {
    if (each.lsn.value() + 1 < report.first.value()) made.checkpoints.push_back(each.name);
  }
  return made;
}

Result<void> remove_files(FileSystem& files, const std::filesystem::path& dir,
                          const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::filesystem::path path = dir / name;
    if (const auto removed = files.remove(path); !removed && removed.error().value != ENOENT) {
      return disk_error("cannot remove an old file", removed.error(), path);
    }
  }
  return {};
}

Result<void> sync_names(FileSystem& files, const std::filesystem::path& dir) {
  if (const auto synced = files.sync_directory(dir); !synced) {
    return disk_error("cannot sync the directory", synced.error(), dir);
  }
  return {};
}

}  // namespace

Result<RetentionReport> plan_retention(const std::filesystem::path& dir, std::uint64_t keep_bytes,
                                       FileSystem* file_system) {
  auto made = plan(dir, keep_bytes, file_system);
  if (!made) return std::unexpected(made.error());
  return std::move(made->report);
}

Result<RetentionReport> apply_retention(const std::filesystem::path& dir, std::uint64_t keep_bytes,
                                        FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  auto made = plan(dir, keep_bytes, file_system);
  if (!made) return std::unexpected(made.error());
  if (made->segments.empty()) return std::move(made->report);
  // An older checkpoint that a crash left, or whose removal was not synced, must not outlive the
  // records behind it: whoever found it alone would miss them.
  auto done = remove_files(files, dir, made->checkpoints);
  if (done) done = sync_names(files, dir);
  for (const std::string& name : made->segments) {
    if (done) done = remove_files(files, dir, {name});
    if (done) done = at::pass(at::kRetentionRemoved);
    if (done) done = sync_names(files, dir);
    if (done) done = at::pass(at::kRetentionSynced);
  }
  if (!done) return std::unexpected(done.error());
  return std::move(made->report);
}

}  // namespace stoa::journal

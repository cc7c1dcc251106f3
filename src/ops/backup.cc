#include "ops/backup.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "ops/backup_manifest.h"
#include "ops/backup_store.h"
#include "ops/zstd.h"

namespace stoa::ops {
namespace {

using journal::File;
using journal::FileSystem;
using journal::Footer;
using journal::OpenMode;
using journal::SegmentFile;
using journal::SegmentWalk;

constexpr const char* kLockName = "backup.lock";
constexpr std::string_view kStoredSuffix = ".zst";

// Two runs into one folder would remove each other's files.
Result<std::unique_ptr<File>> lock_target(FileSystem& files, const std::filesystem::path& target) {
  const std::filesystem::path path = target / kLockName;
  auto file = files.open(path, OpenMode::Create);
  if (!file) return file_error("cannot open the backup's lock", file.error(), path);
  if (const auto locked = (*file)->try_lock(); !locked) {
    if (locked.error().value != EWOULDBLOCK) {
      return file_error("cannot lock the backup", locked.error(), path);
    }
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "another run is writing this backup",
                                 .source = target.string()});
  }
  return std::move(*file);
}

Error other_log(const std::filesystem::path& target, const std::string& what) {
  return Error{.code = ErrorCode::BadInput,
               .message = "holds a backup of another log, or of this one before it was cut: " +
                          what + "; take a new folder",
               .source = target.string()};
}

// One run: goes through the journal's files and makes the manifest of what is stored.
class Run {
 public:
  Run(FileSystem& files, const std::filesystem::path& dir, const std::filesystem::path& target,
      const BackupOptions& options, BackupManifest before)
      : files_{files}, dir_{dir}, target_{target}, options_{options}, before_{std::move(before)} {
    now_.time = options.time;
  }

  Result<BackupReport> go() {
    if (auto kept = hold_retention(); !kept) return std::unexpected(kept.error());
    if (auto done = take_segments(); !done) return std::unexpected(done.error());
    if (auto done = take_checkpoints(); !done) return std::unexpected(done.error());
    for (const BackupEntry& entry : now_.entries) {
      ++report_.files;
      report_.content_bytes += entry.content_bytes;
      report_.stored_bytes += entry.stored_bytes;
    }
    report_.first = now_.first();
    report_.last = now_.last();
    report_.new_records =
        report_.last.value() - std::max(before_.last().value(), report_.first.value() - 1);
    if (options_.dry_run) return report_;
    if (auto wrote = write_manifest(files_, target_, now_); !wrote) {
      return std::unexpected(wrote.error());
    }
    if (auto moved = journal::set_cursor(dir_, options_.cursor, now_.last(), &files_); !moved) {
      return std::unexpected(moved.error());
    }
    remove_unnamed();
    return report_;
  }

 private:
  // Before the first run has an end, the log must not shrink under it.
  Result<void> hold_retention() {
    if (options_.dry_run) return {};
    const auto cursors = journal::list_cursors(dir_, &files_);
    if (!cursors) return std::unexpected(cursors.error());
    for (const journal::Cursor& cursor : *cursors) {
      if (cursor.name == options_.cursor) return {};
    }
    return journal::set_cursor(dir_, options_.cursor, Lsn{0}, &files_);
  }

  Result<void> take_segments() {
    const auto firsts = journal::list_segments(files_, dir_);
    if (!firsts) return std::unexpected(firsts.error());
    if (firsts->empty()) {
      return std::unexpected(Error{
          .code = ErrorCode::NotFound, .message = "no segments in it", .source = dir_.string()});
    }
    if (before_.newest() != nullptr && before_.last().value() + 1 < firsts->front().value()) {
      return std::unexpected(
          other_log(target_, "records " + std::to_string(before_.last().value() + 1) + " to " +
                                 std::to_string(firsts->front().value() - 1) + " are in neither"));
    }
    // What retention has taken from the log stays in the backup.
    for (const BackupEntry& entry : before_.entries) {
      if (entry.kind != BackupEntry::Kind::Segment || entry.first >= firsts->front()) break;
      now_.entries.push_back(entry);
    }
    for (const Lsn first : *firsts) {
      if (auto taken = take_segment(first); !taken) return taken;
    }
    if (now_.last() < before_.last()) {
      return std::unexpected(
          other_log(target_, "it ends with lsn " + std::to_string(before_.last().value()) +
                                 ", the log with " + std::to_string(now_.last().value())));
    }
    return {};
  }

  Result<void> take_segment(Lsn first) {
    auto segment = SegmentFile::open(files_, dir_, first);
    if (!segment) return std::unexpected(segment.error());
    const BackupEntry* const known = before_.find(segment->name());
    const auto footer = segment->footer();
    if (!footer) return std::unexpected(footer.error());
    const std::optional<Footer>& seal = *footer;
    if (auto joined = check_link(*segment); !joined) return joined;
    if (known != nullptr && known->sealed) {
      if (!seal || seal->last_lsn != known->last || seal->chain != known->chain) {
        return std::unexpected(other_log(target_, segment->name() + " has changed"));
      }
      if (is_stored(*known)) {
        now_.entries.push_back(*known);
        return {};
      }
    }
    if (known != nullptr) {
      const auto walk = journal::walk_segment(*segment, known->last);
      if (!walk) return std::unexpected(walk.error());
      if (walk->next.value() != known->last.value() + 1 || walk->chain != known->chain) {
        return std::unexpected(other_log(target_, segment->name() + " has changed"));
      }
    }
    return read_segment(*segment, seal, known);
  }

  // Checks every record, makes sure that the disk has them, and stores them.
  Result<void> read_segment(SegmentFile& segment, const std::optional<Footer>& seal,
                            const BackupEntry* known) {
    segment.forget();
    const auto walk = journal::walk_segment(segment);
    if (!walk) return std::unexpected(walk.error());
    if (seal) {
      if (auto damage = journal::compare_with_footer(segment, *walk, *seal)) {
        return std::unexpected(journal::Failure{std::move(*damage), dir_});
      }
    }
    BackupEntry entry{.kind = BackupEntry::Kind::Segment,
                      .name = segment.name(),
                      .first = segment.header().first_lsn,
                      .last = Lsn{walk->next.value() - 1},
                      .sealed = seal.has_value(),
                      .chain = walk->chain,
                      .epoch = segment.header().epoch,
                      .file_bytes = segment.header().segment_bytes};
    const bool same = known != nullptr && known->sealed == entry.sealed &&
                      known->last == entry.last && known->epoch == entry.epoch;
    if (same && is_stored(*known)) {
      now_.entries.push_back(*known);
      return {};
    }
    // A file of its own for each state of an open segment: the manifest before names another.
    entry.stored = entry.name;
    if (!seal) {
      entry.stored +=
          "-upto-" + std::to_string(entry.last.value()) + "-epoch-" + std::to_string(entry.epoch);
    }
    entry.stored += kStoredSuffix;
    // The file system's zeros behind the records, and the footer, come with a sealed segment.
    const std::uint64_t bytes = seal ? entry.file_bytes : walk->end_offset;
    entry.content_bytes = bytes;
    auto file = files_.open(segment.path(), OpenMode::Read);
    if (!file) return file_error("cannot open the segment", file.error(), segment.path());
    if (!options_.dry_run && !seal) {
      // Records that a writer has not synced yet could be others after a power cut.
      if (const auto synced = (*file)->sync_data(); !synced) {
        return file_error("cannot sync the segment", synced.error(), segment.path());
      }
    }
    return keep(std::move(entry), [&](const ByteSink& sink) {
      return read_pieces(**file, segment.path(), bytes, sink);
    });
  }

  // Does the segment go on where the one before it ended?
  Result<void> check_link(const SegmentFile& segment) {
    const BackupEntry* const newest = now_.newest();
    if (newest == nullptr) return {};
    const journal::SegmentHeader& header = segment.header();
    if (newest->last.value() + 1 == header.first_lsn.value() &&
        newest->chain == header.previous_chain) {
      return {};
    }
    if (before_.find(newest->name) != nullptr && newest->sealed) {
      return std::unexpected(other_log(target_, segment.name() + " does not continue it"));
    }
    return std::unexpected(
        journal::Failure{{.segment = segment.name(),
                          .offset = 0,
                          .lsn = header.first_lsn,
                          .what = "the segment does not continue the one before it"},
                         dir_});
  }

  Result<void> take_checkpoints() {
    for (const BackupEntry& entry : before_.entries) {
      if (entry.kind == BackupEntry::Kind::Checkpoint && is_stored(entry)) {
        now_.entries.push_back(entry);
      }
    }
    const auto checkpoints = journal::list_checkpoints(dir_, &files_);
    if (!checkpoints) return std::unexpected(checkpoints.error());
    for (const journal::CheckpointFile& each : *checkpoints) {
      if (each.lsn > now_.last() || now_.find(each.name) != nullptr) continue;
      const auto checkpoint = journal::read_checkpoint(dir_, each.lsn, &files_);
      // Replaced by a newer one this moment, or rotten: the log does not need it.
      if (!checkpoint && checkpoint.error().code != ErrorCode::Io) continue;
      if (!checkpoint) return std::unexpected(checkpoint.error());
      const auto bytes = journal::encode_checkpoint(*checkpoint);
      BackupEntry entry{.kind = BackupEntry::Kind::Checkpoint,
                        .name = each.name,
                        .stored = each.name + std::string{kStoredSuffix},
                        .first = each.lsn,
                        .last = each.lsn,
                        .sealed = true,
                        .chain = checkpoint->chain,
                        .epoch = checkpoint->epoch,
                        .file_bytes = bytes.size(),
                        .content_bytes = bytes.size()};
      auto kept = keep(std::move(entry), [&](const ByteSink& sink) { return sink(bytes); });
      if (!kept) return kept;
    }
    return {};
  }

  Result<void> keep(BackupEntry entry, const ByteSource& source) {
    if (!options_.dry_run) {
      if (auto stored = store(files_, target_, source, options_.zstd_level, entry); !stored) {
        return stored;
      }
    }
    ++report_.new_files;
    report_.new_bytes += entry.content_bytes;
    report_.new_stored += entry.stored_bytes;
    now_.entries.push_back(std::move(entry));
    return {};
  }

  // Whether the stored file is there with its size; what is in it is check_backup's business.
  bool is_stored(const BackupEntry& entry) {
    auto file = files_.open(target_ / entry.stored, OpenMode::Read);
    if (!file) return false;
    const auto size = (*file)->size();
    return size && *size == entry.stored_bytes;
  }

  // Files of ours that the new manifest does not name: older states of the open segment, and what
  // a killed run left. Best effort: the next run tries again.
  void remove_unnamed() {
    const auto names = files_.list(target_);
    if (!names) return;
    for (const std::string& name : *names) {
      const bool ours = name.ends_with(kStoredSuffix) || name.ends_with(".zst.tmp");
      const bool named =
          std::ranges::find(now_.entries, name, &BackupEntry::stored) != now_.entries.end();
      if (ours && !named) [[maybe_unused]]
        const auto removed = files_.remove(target_ / name);
    }
  }

  FileSystem& files_;
  const std::filesystem::path& dir_;
  const std::filesystem::path& target_;
  const BackupOptions& options_;
  BackupManifest before_;
  BackupManifest now_;
  BackupReport report_;
};

}  // namespace

Result<BackupReport> backup(const std::filesystem::path& dir, const std::filesystem::path& target,
                            const BackupOptions& options) {
  FileSystem& files = journal::or_posix(options.file_system);
  if (const auto listed = files.list(dir); !listed) {
    return file_error("cannot list the journal", listed.error(), dir);
  }
  std::unique_ptr<File> lock;
  if (!options.dry_run) {
    const auto made = files.make_directory(target);
    if (!made) return file_error("cannot make the backup's folder", made.error(), target);
    const auto segments = journal::list_segments(files, target);
    if (!segments) return std::unexpected(segments.error());
    if (!segments->empty()) {
      return bad_input("is a journal itself: a backup goes into a folder of its own",
                       target.string());
    }
    auto locked = lock_target(files, target);
    if (!locked) return std::unexpected(locked.error());
    lock = std::move(*locked);
  }
  auto before = read_manifest(files, target);
  if (!before && before.error().code != ErrorCode::NotFound) return std::unexpected(before.error());
  return Run{files, dir, target, options, before ? std::move(*before) : BackupManifest{}}.go();
}

Result<BackupCheck> check_backup(const std::filesystem::path& target, FileSystem* file_system) {
  FileSystem& files = journal::or_posix(file_system);
  auto manifest = read_manifest(files, target);
  if (!manifest) return std::unexpected(manifest.error());
  BackupCheck check{.manifest = std::move(*manifest), .findings = {}};
  const BackupEntry* before = nullptr;
  for (const BackupEntry& entry : check.manifest.entries) {
    const auto unpacked =
        unpack(files, target, entry, [](std::span<const std::byte>) { return Result<void>{}; });
    if (!unpacked && unpacked.error().code != ErrorCode::Damaged) {
      return std::unexpected(unpacked.error());
    }
    if (!unpacked) {
      check.findings.push_back({.file = entry.stored, .what = unpacked.error().message});
    }
    if (entry.kind != BackupEntry::Kind::Segment) continue;
    if (before != nullptr && before->last.value() + 1 != entry.first.value()) {
      check.findings.push_back({.file = entry.stored, .what = "records before it are missing"});
    }
    before = &entry;
  }
  return check;
}

}  // namespace stoa::ops

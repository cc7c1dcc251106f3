#include <algorithm>
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

#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/file_system.h"
#include "journal/repair.h"
#include "journal/side_files.h"
#include "journal/verify.h"
#include "ops/backup.h"
#include "ops/backup_manifest.h"
#include "ops/backup_store.h"

namespace stoa::ops {
namespace {

using journal::FileSystem;
using journal::OpenMode;

constexpr std::string_view kUnfinishedSuffix = ".restoring";

// A path without a slash at its end, so that something can be put behind it.
std::filesystem::path plain(const std::filesystem::path& dir) {
  return dir.has_filename() ? dir : dir.parent_path();
}

Result<void> check_empty(FileSystem& files, const std::filesystem::path& dir) {
  const auto names = files.list(dir);
  if (!names) {
    const auto error = file_error("cannot look into", names.error(), dir);
    if (error.error().code == ErrorCode::NotFound) return {};
    return error;
  }
  for (const std::string& name : *names) {
    if (name != "." && name != "..") {
      return bad_input("is not empty: a journal is restored into a new folder", dir.string());
    }
  }
  return {};
}

// A folder of an earlier try is begun anew.
Result<void> make_empty(FileSystem& files, const std::filesystem::path& dir) {
  const auto made = files.make_directory(dir);
  if (!made)
    return file_error("cannot make a folder (the one above must exist)", made.error(), dir);
  if (*made) return {};
  const auto names = files.list(dir);
  if (!names) return file_error("cannot look into", names.error(), dir);
  for (const std::string& name : *names) {
    if (name == "." || name == "..") continue;
    if (const auto removed = files.remove(dir / name); !removed) {
      return file_error("cannot remove", removed.error(), dir / name);
    }
  }
  return {};
}

Result<void> check_reach(const BackupManifest& manifest, const std::filesystem::path& target,
                         Lsn last) {
  if (manifest.newest() == nullptr || last < Lsn{manifest.first().value() - 1} ||
      last > manifest.last()) {
    return bad_input("the backup holds lsn " + std::to_string(manifest.first().value()) + " to " +
                         std::to_string(manifest.last().value()) + ", not " +
                         std::to_string(last.value()),
                     target.string());
  }
  if (manifest.first() == Lsn{1}) return {};
  const bool led = std::ranges::any_of(manifest.entries, [&](const BackupEntry& entry) {
    return entry.kind == BackupEntry::Kind::Checkpoint && entry.last <= last &&
           entry.last.value() + 1 >= manifest.first().value();
  });
  if (led) return {};
  return bad_input("the backup begins with lsn " + std::to_string(manifest.first().value()) +
                       " and has no checkpoint from there to lsn " + std::to_string(last.value()) +
                       ": a start would have nothing to begin with",
                   target.string());
}

// One file, whole and durable; its folder has no name yet that anybody reads.
Result<void> restore_file(FileSystem& files, const std::filesystem::path& target,
                          const std::filesystem::path& dir, const BackupEntry& entry) {
  const std::filesystem::path path = dir / entry.name;
  auto file = files.open(path, OpenMode::Reset);
  if (!file) return file_error("cannot create", file.error(), path);
  if (const auto grown = (*file)->allocate(entry.file_bytes); !grown) {
    return file_error("cannot reserve space", grown.error(), path);
  }
  std::uint64_t at = 0;
  auto unpacked =
      unpack(files, target, entry, [&](std::span<const std::byte> bytes) -> Result<void> {
        if (const auto wrote = journal::write_all(**file, bytes, at); !wrote) {
          return file_error("cannot write", wrote.error(), path);
        }
        at += bytes.size();
        return {};
      });
  if (!unpacked) return unpacked;
  if (const auto synced = (*file)->sync_data(); !synced) {
    return file_error("cannot sync", synced.error(), path);
  }
  return {};
}

// Ends the restored log behind `last`; what stood there is still in the backup.
Result<void> end_behind(FileSystem& files, const std::filesystem::path& dir, Lsn last) {
  const auto plan = journal::plan_cut(dir, last, &files);
  if (!plan) return std::unexpected(plan.error());
  for (const journal::RepairStep& step : plan->steps) {
    if (auto done = journal::apply_step(dir, step, &files); !done) return done;
  }
  return {};
}

Result<void> verify_restored(FileSystem& files, const std::filesystem::path& dir,
                             const BackupManifest& manifest, Lsn last) {
  const auto report = journal::verify(dir, &files);
  if (!report) return std::unexpected(report.error());
  std::string wrong;
  if (!report->intact) {
    wrong = report->damage.front().text();
  } else if (std::max(report->last, Lsn{manifest.first().value() - 1}) != last) {
    wrong = "the log ends with lsn " + std::to_string(report->last.value()) + " instead of " +
            std::to_string(last.value());
  } else if (last == manifest.last()) {
    const auto chain = journal::chain_at(files, dir, last);
    if (!chain) return std::unexpected(chain.error());
    const std::optional<std::uint32_t>& found = *chain;
    if (found != manifest.newest()->chain) wrong = "the chain is not the one in the manifest";
  }
  if (wrong.empty()) return {};
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(wrong), .source = dir.string()});
}

}  // namespace

Result<RestoreReport> restore(const std::filesystem::path& target, const std::filesystem::path& dir,
                              std::optional<Lsn> to, FileSystem* file_system) {
  FileSystem& files = journal::or_posix(file_system);
  const std::filesystem::path final_dir = plain(dir);
  const std::filesystem::path unfinished = final_dir.string() + std::string{kUnfinishedSuffix};
  const auto manifest = read_manifest(files, target);
  if (!manifest) return std::unexpected(manifest.error());
  const Lsn last = to.value_or(manifest->last());
  if (auto fine = check_reach(*manifest, target, last); !fine) return std::unexpected(fine.error());
  if (auto empty = check_empty(files, final_dir); !empty) return std::unexpected(empty.error());
  if (auto made = make_empty(files, unfinished); !made) return std::unexpected(made.error());

  RestoreReport report{.first = manifest->first(), .last = last};
  for (const BackupEntry& entry : manifest->entries) {
    const bool segment = entry.kind == BackupEntry::Kind::Segment;
    if (entry.first > last && !(segment && entry.first == manifest->first())) continue;
    // A checkpoint that lies before the oldest segment leads nowhere.
    if (!segment && entry.last.value() + 1 < manifest->first().value()) continue;
    if (auto done = restore_file(files, target, unfinished, entry); !done) {
      return std::unexpected(done.error());
    }
    ++report.files;
    report.bytes += entry.content_bytes;
  }
  if (last < manifest->last()) {
    if (auto ended = end_behind(files, unfinished, last); !ended) {
      return std::unexpected(ended.error());
    }
  }
  if (auto fine = verify_restored(files, unfinished, *manifest, last); !fine) {
    return std::unexpected(fine.error());
  }
  if (auto synced = sync_folder(files, unfinished); !synced) return std::unexpected(synced.error());
  if (const auto named = files.rename(unfinished, final_dir); !named) {
    return file_error("cannot name the restored journal", named.error(), final_dir);
  }
  const auto parent = final_dir.has_parent_path() ? final_dir.parent_path() : ".";
  if (auto synced = sync_folder(files, parent); !synced) return std::unexpected(synced.error());
  return report;
}

}  // namespace stoa::ops

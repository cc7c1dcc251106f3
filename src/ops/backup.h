#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "ops/backup_manifest.h"

// Copies of a journal in another folder, while it is being written to (docs/backup.md).
namespace stoa::ops {

struct BackupOptions {
  Timestamp time;                              // goes into the manifest
  std::string cursor = "backup";               // retention keeps what it has not passed
  bool dry_run = false;                        // look only: nothing is written, no cursor moves
  int zstd_level = 3;                          // 1 to 19
  journal::FileSystem* file_system = nullptr;  // null: the system's
};

struct BackupReport {
  Lsn first;  // what the backup holds now; 0: no record
  Lsn last;
  std::uint64_t new_records = 0;    // since the run before
  std::uint64_t new_files = 0;      // stored by this run
  std::uint64_t new_bytes = 0;      // of their content
  std::uint64_t new_stored = 0;     // the same, compressed
  std::uint64_t files = 0;          // of the whole backup
  std::uint64_t content_bytes = 0;  // of the whole backup
  std::uint64_t stored_bytes = 0;
};

/// Brings the backup in `target` up to the journal in `dir`, which a writer may be appending to:
/// sealed segments once and for all, of the open one what is durable now, and checkpoints. Every
/// record is checked before it is stored. The manifest is replaced last, so that killed at any
/// moment the backup of the run before is whole. Then the cursor moves.
///
/// errors  NotFound: no such journal, or the folder above `target` · Unavailable: another backup is
///         at work, or no space · Damaged: the journal, or the backup in `target`
///         · BadInput: `target` holds a backup of another log, or of this one before it was cut
/// cost    reads what is new, and the newest segment
[[nodiscard]] Result<BackupReport> backup(const std::filesystem::path& dir,
                                          const std::filesystem::path& target,
                                          const BackupOptions& options);

/// Something in a backup that is not what was stored.
struct BackupFinding {
  std::string file;
  std::string what;
};
struct BackupCheck {
  BackupManifest manifest;
  std::vector<BackupFinding> findings;
};
/// Reads every file of a backup, unpacks it in memory and compares all digests. Changes nothing.
///
/// errors  NotFound: no manifest · Damaged: the manifest itself · Io
[[nodiscard]] Result<BackupCheck> check_backup(const std::filesystem::path& target,
                                               journal::FileSystem* file_system = nullptr);

struct RestoreReport {
  Lsn first;
  Lsn last;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // content written
};
/// Makes a journal in `dir`, which must not exist or be empty, that ends with the backup's last
/// record or with `to`. It is made in "DIR.restoring" beside, every digest is compared, the whole
/// journal is verified, and only then does the folder get its name: there is never half of one.
///
/// errors  BadInput: `dir` is not empty, `to` is not in the backup, or no checkpoint leads there
///         · Damaged: file and what · NotFound, Unavailable, Io
[[nodiscard]] Result<RestoreReport> restore(const std::filesystem::path& target,
                                            const std::filesystem::path& dir,
                                            std::optional<Lsn> to = std::nullopt,
                                            journal::FileSystem* file_system = nullptr);

}  // namespace stoa::ops

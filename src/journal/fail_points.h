#pragma once

#include <array>
#include <expected>
#include <string_view>

#include "base/error.h"
#include "base/fail_point.h"
#include "journal/file_system.h"
#include "journal/segment.h"

/// The journal's fail points (base/fail_point.h): each lies between two calls to the system after
/// which a crash leaves another state on the disk.
namespace stoa::journal::at {

inline constexpr std::string_view kAfterWrite = "journal.after_write";
inline constexpr std::string_view kBeforeSync = "journal.before_sync";
inline constexpr std::string_view kAfterSync = "journal.after_sync";
inline constexpr std::string_view kBeforeSeal = "journal.before_seal";
inline constexpr std::string_view kSealWritten = "journal.seal_written";
inline constexpr std::string_view kAfterSeal = "journal.after_seal";
inline constexpr std::string_view kPrepared = "journal.prepared";
inline constexpr std::string_view kBeforeRename = "journal.before_rename";
inline constexpr std::string_view kBeforeDirSync = "journal.before_dir_sync";
inline constexpr std::string_view kAfterDirSync = "journal.after_dir_sync";
inline constexpr std::string_view kEpochWritten = "journal.epoch_written";
inline constexpr std::string_view kRecoveryWritten = "journal.recovery_written";
inline constexpr std::string_view kRecoverySynced = "journal.recovery_synced";
inline constexpr std::string_view kCheckpointTmpWritten = "journal.checkpoint_tmp_written";
inline constexpr std::string_view kCheckpointTmpSynced = "journal.checkpoint_tmp_synced";
inline constexpr std::string_view kCheckpointRenamed = "journal.checkpoint_renamed";
inline constexpr std::string_view kCheckpointNamed = "journal.checkpoint_named";
inline constexpr std::string_view kCursorTmpWritten = "journal.cursor_tmp_written";
inline constexpr std::string_view kCursorTmpSynced = "journal.cursor_tmp_synced";
inline constexpr std::string_view kCursorRenamed = "journal.cursor_renamed";
inline constexpr std::string_view kCursorNamed = "journal.cursor_named";
inline constexpr std::string_view kRetentionRemoved = "journal.retention_removed";
inline constexpr std::string_view kRetentionSynced = "journal.retention_synced";

inline constexpr std::array kAll{kAfterWrite,        kBeforeSync,           kAfterSync,
                                 kBeforeSeal,        kSealWritten,          kAfterSeal,
                                 kPrepared,          kBeforeRename,         kBeforeDirSync,
                                 kAfterDirSync,      kEpochWritten,         kRecoveryWritten,
                                 kRecoverySynced,    kCheckpointTmpWritten, kCheckpointTmpSynced,
                                 kCheckpointRenamed, kCheckpointNamed,      kCursorTmpWritten,
                                 kCursorTmpSynced,   kCursorRenamed,        kCursorNamed,
                                 kRetentionRemoved,  kRetentionSynced};

/// Goes by the place called `point`; fails when it is armed with `eio`.
[[nodiscard]] inline Result<void> pass(std::string_view point) {
  if (const int error = fail_point(point); error != 0) {
    return disk_error("stopped at a fail point", Errno{error}, point);
  }
  return {};
}

}  // namespace stoa::journal::at

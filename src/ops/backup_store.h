#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "journal/file_system.h"
#include "ops/backup_manifest.h"
#include "ops/zstd.h"

// Single files of a backup, on their way in and out.
namespace stoa::ops {

/// Gives the content piece by piece; the sink's errors go through.
using ByteSource = std::function<Result<void>(const ByteSink& sink)>;

/// Compresses the content into `target / entry.stored` and fills in sizes and digests. The file is
/// durable under another name before it gets its own; the directory is the caller's to sync.
///
/// errors  the source's · Unavailable: no space · NotFound, Io
[[nodiscard]] Result<void> store(journal::FileSystem& files, const std::filesystem::path& target,
                                 const ByteSource& source, int zstd_level, BackupEntry& entry);

/// Unpacks a stored file into the sink. What came out is only to be believed when this succeeds:
/// sizes and both digests are compared at the end.
///
/// errors  Damaged: one sentence, the file as its source · the sink's · Io
[[nodiscard]] Result<void> unpack(journal::FileSystem& files, const std::filesystem::path& target,
                                  const BackupEntry& entry, const ByteSink& sink);

/// The manifest in `target`.
///
/// errors  NotFound: there is none · Damaged · Io
[[nodiscard]] Result<BackupManifest> read_manifest(journal::FileSystem& files,
                                                   const std::filesystem::path& target);
/// Replaces the manifest: from the moment that this succeeds the backup is the new one.
[[nodiscard]] Result<void> write_manifest(journal::FileSystem& files,
                                          const std::filesystem::path& target,
                                          const BackupManifest& manifest);

/// An error of the file system as an Error.
[[nodiscard]] std::unexpected<Error> file_error(std::string_view what, journal::Errno error,
                                                const std::filesystem::path& path);
[[nodiscard]] Result<void> sync_folder(journal::FileSystem& files,
                                       const std::filesystem::path& folder);

/// Reads `bytes` of a file from its start on.
[[nodiscard]] Result<void> read_pieces(journal::File& file, const std::filesystem::path& path,
                                       std::uint64_t bytes, const ByteSink& sink);

}  // namespace stoa::ops

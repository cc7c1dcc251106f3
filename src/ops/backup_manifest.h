#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"

namespace stoa::ops {

/// One file of a backup: a segment or a checkpoint, compressed.
struct BackupEntry {
  enum class Kind : std::uint8_t { Segment, Checkpoint };
  Kind kind = Kind::Segment;
  std::string name{};    // in the journal: "00000000000000000001.seg"
  std::string stored{};  // in the backup: "00000000000000000001.seg.zst"
  Lsn first;             // of a checkpoint the lsn that it names, as in `last`
  Lsn last;
  bool sealed = false;      // a segment that will not change
  std::uint32_t chain = 0;  // of the log after `last`
  std::uint64_t epoch = 0;
  std::uint64_t file_bytes = 0;     // of the file in the journal; what follows the content is zero
  std::uint64_t content_bytes = 0;  // before compression
  std::string content_sha256{};
  std::uint64_t stored_bytes = 0;
  std::string stored_sha256{};
};

/// What a backup holds. Entries are segments in order of lsn, then checkpoints in order of lsn.
struct BackupManifest {
  Timestamp time;  // of the run that wrote it
  std::vector<BackupEntry> entries;

  [[nodiscard]] const BackupEntry* find(std::string_view name) const noexcept;
  /// First and last record; 0 in an empty backup.
  [[nodiscard]] Lsn first() const noexcept;
  [[nodiscard]] Lsn last() const noexcept;
  /// The segment with the newest records, or null.
  [[nodiscard]] const BackupEntry* newest() const noexcept;
};

inline constexpr std::string_view kManifestName = "manifest.json";

/// One JSON object that ends in the SHA-256 of everything before it.
[[nodiscard]] std::string encode_manifest(const BackupManifest& manifest);
/// Believes nothing that the digest does not cover, and no name that could lead out of a folder.
///
/// errors  Damaged: one sentence
[[nodiscard]] Result<BackupManifest> decode_manifest(std::string_view text);

}  // namespace stoa::ops

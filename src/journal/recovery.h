#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/segment.h"
#include "journal/writer.h"

namespace stoa::journal {

/// The records of a segment from its header on, read one by one.
struct SegmentWalk {
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t end_offset = kSegmentHeaderBytes;  // behind the last whole record
  std::uint64_t sync_point_offset = 0;  // of the last record before which all was durable; 0: none
  Lsn next;                             // lsn that should stand at end_offset
  std::uint32_t chain = 0;
  RecordView stopped;  // Empty or Bad: what stands there
};
/// Stops behind the record `last` as if nothing stood there.
[[nodiscard]] Checked<SegmentWalk> walk_segment(SegmentFile& segment, Lsn last = Lsn{UINT64_MAX});

/// Does a segment that was walked agree with its footer?
///
/// returns the damage, or nothing
[[nodiscard]] std::optional<Damage> compare_with_footer(const SegmentFile& segment,
                                                        const SegmentWalk& walk,
                                                        const Footer& footer);

/// Where a writer goes on.
struct RecoveredLog {
  Recovery report;
  Lsn next;                    // of the next record
  std::uint32_t chain = 0;     // after the last record
  bool needs_segment = false;  // there is none yet, or the newest is sealed
  SegmentHeader header;        // of the newest segment; empty when there is none
  // Of the newest segment, open for writing, unless needs_segment:
  std::unique_ptr<File> file;
  std::uint32_t seed = 0;
  std::uint64_t end_offset = 0;
};

/// Checks the links between all segments and every record of the newest, cuts a torn tail, and
/// leaves everything that it believed durable. The caller holds the lock.
///
/// errors  as Writer::open
[[nodiscard]] Result<RecoveredLog> recover(FileSystem& files, const std::filesystem::path& dir,
                                           const WriterOptions& options);

/// What `recover` would find where a writer has stopped in order at `place`, without reading the
/// records. The caller holds the lock.
///
/// errors  as Writer::resume
[[nodiscard]] Result<RecoveredLog> go_on_at(FileSystem& files, const std::filesystem::path& dir,
                                            const WriterOptions& options, const Place& place);

}  // namespace stoa::journal

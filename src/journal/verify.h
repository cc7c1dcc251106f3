#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// One segment file as its name, header and footer describe it.
struct SegmentInfo {
  std::string name;              // "00000000000000000001.seg"
  Lsn first;                     // from the name
  std::uint64_t file_bytes = 0;  // space taken
  std::uint64_t epoch = 0;
  bool sealed = false;        // a footer closes it: complete, will not change
  Lsn last;                   // of a sealed segment; 0 otherwise
  std::uint64_t records = 0;  // of a sealed segment; 0 otherwise
  std::string trouble;        // why header or footer cannot be believed; empty when they can
};

/// `journal ls`: the segments in order of lsn, without reading records. A live writer does not
/// mind.
///
/// errors  NotFound, Io
[[nodiscard]] Result<std::vector<SegmentInfo>> list(const std::filesystem::path& dir,
                                                    FileSystem* file_system = nullptr);

/// One place where stored bytes are not what was written.
struct Damage {
  std::string segment;       // file name; a checkpoint's or a cursor's where they are checked
  std::uint64_t offset = 0;  // byte in that file
  Lsn lsn;                   // the record that should be there; 0 when it cannot be told
  std::string what;          // one sentence

  /// "FILE: byte OFFSET, lsn N: WHAT", as errors carry it.
  [[nodiscard]] std::string text() const;
};

struct SegmentReport {
  SegmentInfo info;
  std::uint64_t records = 0;          // whole and checked
  std::uint64_t payload_bytes = 0;    // of those
  Lsn last;                           // of those; one before `info.first` when there is none
  std::uint64_t end_offset = 0;       // byte behind the last of those
  std::uint64_t torn_tail_bytes = 0;  // newest segment only: what a writer would cut; a write in
                                      // flight looks the same
};

struct VerifyReport {
  std::vector<SegmentReport> segments;  // in order of lsn
  std::vector<Damage> damage;           // in order of place; at most one per segment, then those
                                        // of checkpoints and cursors
  std::uint64_t checkpoints = 0;        // looked at, damaged ones included
  std::uint64_t cursors = 0;            // the same
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  Lsn first;            // oldest whole record; 0 when there is none
  Lsn last;             // newest whole record; 0 when there is none
  bool intact = false;  // no damage; a torn tail is none
};

/// `journal verify`: reads every byte of every segment, checkpoint and cursor and changes nothing;
/// a live writer and retention do not mind. A checkpoint or cursor beyond the log's end, and a
/// checkpoint whose chain is not the log's, is damage. Damage is a finding, not an error.
///
/// errors  NotFound, Io: could not look
[[nodiscard]] Result<VerifyReport> verify(const std::filesystem::path& dir,
                                          FileSystem* file_system = nullptr);

}  // namespace stoa::journal

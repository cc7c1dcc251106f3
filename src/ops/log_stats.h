#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/retention.h"

namespace stoa::ops {

/// What stands in a journal of native messages.
struct LogStats {
  struct Type {
    std::uint8_t number = 0;
    std::uint64_t records = 0;
    std::uint64_t payload_bytes = 0;
  };
  /// One producer's own count, which has no gaps (design: source and sequence).
  struct Source {
    std::uint8_t number = 0;
    bool outputs = false;  // what the core derived has a count of its own
    std::uint64_t records = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t missing = 0;   // numbers jumped over
    std::uint64_t repeated = 0;  // numbers not above the one before
  };

  std::uint64_t segments = 0;
  std::uint64_t file_bytes = 0;    // of the segments
  std::uint64_t record_bytes = 0;  // of those taken by records, their headers and padding
  Lsn first;                       // 0: no record
  Lsn last;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t payload_min = 0;  // bytes of one record
  std::uint64_t payload_p50 = 0;
  std::uint64_t payload_p99 = 0;
  std::uint64_t payload_max = 0;
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  std::uint64_t unreadable = 0;  // whole records that are no message
  Timestamp begin;               // of the oldest and newest message
  Timestamp end;
  std::uint64_t busiest_second = 0;  // records in it
  Timestamp busiest_at;
  std::vector<Type> types;      // most records first
  std::vector<Source> sources;  // by number, inputs first
  std::vector<journal::CheckpointFile> checkpoints;
  std::vector<journal::Cursor> cursors;
  journal::RetentionReport removable;  // what retention could remove if it had to
};

/// Reads the whole journal in `dir`; a live writer does not mind.
///
/// errors  NotFound, Io · Damaged
[[nodiscard]] Result<LogStats> log_stats(const std::filesystem::path& dir);

}  // namespace stoa::ops

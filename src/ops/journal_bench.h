#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/histogram.h"

namespace stoa::ops {

struct JournalBenchOptions {
  std::filesystem::path dir;                    // on the disk to measure; must exist
  nanoseconds time = std::chrono::seconds{10};  // for all measurements together
  std::size_t payload_bytes = 200;              // of one record
  const Clock* clock = nullptr;                 // null: the system's
};

/// One size of batch: the disk alone, and the journal's writer on it.
struct JournalBenchRow {
  std::uint64_t records_per_commit = 0;
  std::unique_ptr<Histogram> raw_ns;     // one write of as many bytes and one fdatasync
  std::unique_ptr<Histogram> commit_ns;  // append them all and commit
  /// Records made durable in a second by a writer that does nothing else.
  [[nodiscard]] double records_per_second() const noexcept;
};

struct JournalBenchReport {
  std::vector<JournalBenchRow> rows;  // 1, 8, 64, 512 records a commit
  std::uint64_t read_bytes = 0;       // of the log that was read back and verified
  std::uint64_t read_records = 0;
  nanoseconds read_time{0};
};

/// Measures a disk as the log uses it: raw writes into preallocated space beside our own writer,
/// in turns, then reading back with every checksum compared. Works in a folder of its own below
/// `dir` and removes it.
///
/// errors  Unavailable: less than kJournalBenchSpaceBytes free · NotFound, Io
[[nodiscard]] Result<JournalBenchReport> journal_bench(const JournalBenchOptions& options);

inline constexpr std::uint64_t kJournalBenchSpaceBytes = 1U << 30U;

}  // namespace stoa::ops

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "journal/writer.h"
#include "ops/config.h"

namespace stoa::apps {

/// What the configuration says of the execution log's writer.
[[nodiscard]] inline journal::WriterOptions journal_options(const ops::Config& config) {
  journal::WriterOptions options;
  options.segment_bytes = config.wal.segment_bytes;
  options.sync_interval = std::chrono::milliseconds{config.wal.interval_ms};
  switch (config.wal.sync) {
    case ops::WalSync::Always:
      options.sync = journal::SyncPolicy::Always;
      break;
    case ops::WalSync::Interval:
      options.sync = journal::SyncPolicy::Interval;
      break;
    case ops::WalSync::None:
      options.sync = journal::SyncPolicy::None;
      break;
  }
  return options;
}

/// The smaller of the two bounds on the log; 0: everything.
[[nodiscard]] inline std::uint64_t bytes_to_keep(const ops::Config& config) {
  const std::uint64_t by_size = config.wal.keep_bytes;
  const std::uint64_t by_number = config.wal.max_files * config.wal.segment_bytes;
  if (by_size == 0 || by_number == 0) return std::max(by_size, by_number);
  return std::min(by_size, by_number);
}

}  // namespace stoa::apps

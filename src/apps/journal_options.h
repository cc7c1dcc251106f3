#pragma once

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

}  // namespace stoa::apps

#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/risk.h"
#include "model/system.h"

namespace stoa::apps {

/// What must be known of a log before the parts that replay it can be made.
struct LogFacts {
  std::uint64_t runs = 0;                   // engines that have run on it
  std::uint64_t gateway_sequence = 0;       // last number of Source::Gateway
  Timestamp last_time{};                    // of the newest record: time in a log never goes back
  std::vector<StrategyCommand> strategies;  // last start, stop or fault of each name
  std::vector<LimitSet> limits;             // last setting of each kind
  std::vector<Mark> marks;                  // last market of each instrument
};

/// Reads the log in `dir` once; an empty one has no facts.
///
/// errors  Damaged, Io
[[nodiscard]] Result<LogFacts> read_log_facts(const std::filesystem::path& dir);

}  // namespace stoa::apps

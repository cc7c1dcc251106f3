#pragma once

#include <span>
#include <string_view>

#include "apps/log_facts.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/instrument.h"
#include "oms/execution_agent.h"
#include "ops/config.h"

// What a run begins with in the execution log, in one process and in many.
namespace stoa::apps {

/// The run itself, instruments that are new or have changed, on the first run the paper cash, then
/// the limits of the configuration, and the venue's session. Counts after the agent's next poll.
///
/// Limits of the configuration hold until a person sets one; what a person has set is kept over
/// restarts.
[[nodiscard]] Result<void> begin_run(oms::ExecutionAgent& agent, const LogFacts& facts,
                                     std::span<const Instrument> instruments,
                                     const ops::Config& config, std::string_view version,
                                     Timestamp now);

/// What a process that takes over a run begins with: instruments and limits that its configuration
/// knows otherwise than the log.
[[nodiscard]] Result<void> continue_run(oms::ExecutionAgent& agent, const LogFacts& facts,
                                        std::span<const Instrument> instruments,
                                        const ops::Config& config, Timestamp now);

}  // namespace stoa::apps

#pragma once

#include <memory>
#include <span>
#include <vector>

#include "apps/log_facts.h"
#include "base/error.h"
#include "gateway/gateway.h"
#include "model/instrument.h"
#include "model/system.h"
#include "oms/strategy_port.h"
#include "ops/config.h"
#include "strategy/runner.h"

namespace stoa::apps {

/// The runner with the configured strategies whose symbol is traded at the venue; others are left
/// out with a log line. A strategy keeps the id that the log knows its name by; a new name gets the
/// next free one.
///
/// errors  BadInput: type, parameter or range, with its place in the configuration
[[nodiscard]] Result<std::unique_ptr<strategy::Runner>> make_strategies(
    const ops::Config& config, std::span<const Said<StrategyCommand>> known,
    std::span<const Instrument> instruments, oms::IntentSink& sink);

/// What the gateway tells people about them.
[[nodiscard]] std::vector<gateway::StrategyInfo> strategy_infos(
    const strategy::Runner& runner, std::span<const Instrument> instruments);

/// Judges one [[strategy]] of a file without running it.
[[nodiscard]] Result<void> check_strategy(const ops::StrategyConfig& config);

}  // namespace stoa::apps

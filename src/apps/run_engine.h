#pragma once

#include "apps/build.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::apps {

/// `stoa run engine`: starts the engine, says where to look, runs it until SIGINT or SIGTERM, and
/// reports.
///
/// exit  0 done, 1 could not start or the log failed
[[nodiscard]] int run_engine(const ops::Config& config, cli::Output output, const Build& build);

}  // namespace stoa::apps

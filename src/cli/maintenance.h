#pragma once

#include <vector>

#include "cli/command.h"
#include "deploy/log_files.h"

namespace stoa::cli {

/// Says what was done to logs, or would be.
void show_actions(Context& context, const std::vector<deploy::LogAction>& actions, bool dry_run);

/// As long as a writer may take to open its log anew: a tenth of a second.
void wait_a_moment();

}  // namespace stoa::cli

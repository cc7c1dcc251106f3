#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/platform.h"
#include "deploy/control.h"

namespace stoa::cli {

struct SupervisorStart {
  std::vector<std::string> only{};  // these roles and those that they wait for; empty: all
  bool idle = false;                // start none of them until somebody asks
};

/// Starts a supervisor that outlives us and returns a line to it.
///
/// errors  Io: it ended, with its last lines · Unavailable: it does not listen within 10 s
[[nodiscard]] Result<deploy::ControlClient> start_supervisor(const Context& context,
                                                             const Platform& platform,
                                                             const SupervisorStart& how);

}  // namespace stoa::cli

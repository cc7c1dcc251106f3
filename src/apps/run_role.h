#pragma once

#include <optional>
#include <string_view>

#include "apps/build.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::apps {

/// `stoa run ROLE`: builds the role, serves its health, registers it, tells whoever started the
/// process how it stands, and drives it until SIGTERM or SIGINT; then it drains, at most
/// `roles.stop_timeout_s`. Answers the exit code: 0 after a clean end, 1 when it could not start or
/// what it needs is gone. Nothing for a word that is no role.
[[nodiscard]] std::optional<int> run_role(std::string_view role, const ops::Config& config,
                                          const cli::RoleOptions& options, const Build& build);

}  // namespace stoa::apps

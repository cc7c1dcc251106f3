#pragma once

#include "deploy/hub.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/target.h"

namespace stoa::deploy {

/// What a page asks of the configuration beyond what commands do: "config.drift", what was applied
/// against what runs, and "config.audit.verify", the chain of the log. All outlive it.
///
/// source  docs/api.md
[[nodiscard]] HubVerbs config_view_verbs(const Hub& hub, const Target& target,
                                         const Layout& layout);

}  // namespace stoa::deploy

#pragma once

#include "base/clock.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/target.h"

namespace stoa::deploy {

/// What a page asks of deployments: "deploy.list", "deploy.show", and "deploy.act", which says one
/// thing to one deployment at the step that was looked at, once however often it is asked.
/// All that is handed in outlives them; the target has been polled.
///
/// source  docs/api.md
[[nodiscard]] HubVerbs deploy_view_verbs(Deployer& deployer, const Target& target,
                                         const Clock& clock, const Layout& layout);

}  // namespace stoa::deploy

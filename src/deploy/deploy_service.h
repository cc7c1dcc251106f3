#pragma once

#include <string>
#include <string_view>

#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {

/// The verbs of deployments over JSON, "deploy.start" and the like: what run/hub.sock answers, and
/// what a command does itself while no hub runs. `deployer` and `target` outlive them; the target
/// has been polled.
[[nodiscard]] HubVerbs deploy_verbs(Deployer& deployer, const Target& target, const Layout& layout);

/// A wish as the fields of a request, and back.
///
/// errors  BadInput: no strategy or setting of that name
void write_wish(json::Writer& json, const DeployWish& wish);
[[nodiscard]] Result<DeployWish> wish_of(const json::Value& request, std::string actor);

}  // namespace stoa::deploy

#pragma once

#include <filesystem>

#include "deploy/hub.h"
#include "deploy/hub_server.h"

namespace stoa::deploy {

/// The hub's verbs, "config.set" and the like, over JSON: what run/hub.sock answers, and what a
/// command asks of a log that no hub has open. `hub` outlives them; `dir` is that of its log.
///
/// source  docs/configuration-hub.md
[[nodiscard]] HubVerbs config_verbs(Hub& hub, std::filesystem::path dir);

}  // namespace stoa::deploy

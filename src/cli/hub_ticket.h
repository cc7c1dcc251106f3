#pragma once

#include <memory>

#include "cli/command.h"
#include "cli/json_value.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/target.h"

namespace stoa::cli {

/// What the hub answers about an apply.
[[nodiscard]] deploy::ApplyTicket ticket_of(const JsonValue& value);

/// The platform that a supervisor runs below `layout`, as far as an apply needs it: what each role
/// says of itself, and restarts. It refuses everything about a second colour.
[[nodiscard]] std::unique_ptr<deploy::Target> supervised_target(const deploy::Layout& layout);

}  // namespace stoa::cli

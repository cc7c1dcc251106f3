#pragma once

#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "cli/json_value.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/process_target.h"

namespace stoa::cli {

/// What the hub answers about an apply.
[[nodiscard]] deploy::ApplyTicket ticket_of(const JsonValue& value);

/// The platform that a supervisor runs below `layout`, looked at once; its `trouble()` says that
/// none does. A supervisor that has only just begun is waited for.
///
/// errors  BadInput: the data directory's path is too long for sockets
/// time    10 s, when a supervisor does not answer
[[nodiscard]] Result<std::unique_ptr<deploy::ProcessTarget>> platform_target(
    const deploy::Layout& layout, const Clock& clock);

}  // namespace stoa::cli

#pragma once

#include "base/error.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"

namespace stoa::deploy {

/// Does to the target what a machine wants; hooks are not its.
///
/// errors  as the target says: Unavailable may be tried again, anything else is for good
[[nodiscard]] Result<void> act(Target& target, const Action& action);

}  // namespace stoa::deploy

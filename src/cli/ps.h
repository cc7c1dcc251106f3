#pragma once

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/platform.h"

namespace stoa::cli {

/// The table of `stoa ps`, which `stoa status` shows for a platform too. Exit 3: a role is not
/// ready.
[[nodiscard]] Exit show_platform(Context& context, const Platform& platform,
                                 const PlatformState& state);

}  // namespace stoa::cli

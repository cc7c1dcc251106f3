#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "cli/command.h"
#include "cli/platform.h"
#include "deploy/pre_flight.h"
#include "ops/config.h"

// What every process of a platform needs at its start.
namespace stoa::cli {

/// Log lines that say which role wrote them; the file DATA/log/NAME.log is opened anew on SIGUSR1
/// when stderr was sent there.
[[nodiscard]] log::Options log_options(const Context& context, std::string_view name,
                                       const ops::Config& config);

/// Our variables, to be handed on.
[[nodiscard]] std::vector<std::string> own_environment();

/// What would stop these roles from starting.
[[nodiscard]] std::vector<deploy::Hindrance> hindrances_of(const Platform& platform,
                                                           std::span<const std::size_t> roles);

}  // namespace stoa::cli

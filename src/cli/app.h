#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::cli {

/// Finds the command that `words` (without the program's name) ask for, holds the rest to its
/// table and runs it. Everything a command may touch is a parameter, so that tests own it.
[[nodiscard]] Exit dispatch(const std::vector<std::string>& words, const Hooks& hooks,
                            const ops::Surroundings& surroundings, Terminal& terminal);

/// Reads the words behind a command's name. The only user of the option library.
///
/// errors  what is wrong with them, with the nearest known flag
[[nodiscard]] Result<Arguments> parse_arguments(const Command& command,
                                                std::vector<std::string> words);

}  // namespace stoa::cli

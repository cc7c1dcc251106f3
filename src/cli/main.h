#pragma once

#include "cli/hooks.h"

namespace stoa::cli {

/// The whole of the program `stoa`: reads the command line, runs one command, returns the exit code
/// (exit.h). stdout carries data only, stderr talk. Main thread, once.
[[nodiscard]] int run(int argc, char** argv, const Hooks& hooks);

}  // namespace stoa::cli

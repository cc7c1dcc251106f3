#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "cli/command.h"
#include "cli/exit.h"

namespace stoa::cli {

/// `--yes`, `--no-input` and `--dry-run`: flags of commands that change what cannot be made again.
[[nodiscard]] std::span<const Flag> confirm_flags() noexcept;

/// Asks the person at the terminal, on stderr; `--yes` is the answer of scripts.
///
/// returns nothing: go on · Usage: nobody is there to answer · Failed: the answer was not "yes"
[[nodiscard]] std::optional<Exit> confirm(const Context& context, std::string_view question);

}  // namespace stoa::cli

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace stoa::cli {

/// What `stoa` alone says: at most 14 lines of 100 columns, examples first.
[[nodiscard]] std::string landing();
/// Verbs of a noun, one line each; nothing for an unknown noun.
[[nodiscard]] std::optional<std::string> noun_help(std::string_view noun);
[[nodiscard]] std::string command_help(const Command& command);
/// Pages of `stoa help TOPIC`.
[[nodiscard]] std::optional<std::string> topic(std::string_view name);
[[nodiscard]] std::span<const std::string_view> topics() noexcept;
/// Nouns in the order of the table, once each.
[[nodiscard]] std::vector<std::string_view> nouns();
/// The generated part of docs/cli.md.
[[nodiscard]] std::string commands_as_markdown();

}  // namespace stoa::cli

#pragma once

#include <string>

#include "cli/json_value.h"

namespace stoa::cli {

/// Kill switch, limits with what is used of them, and refusals: the answer of every risk command.
[[nodiscard]] std::string risk_text(const JsonValue& risk);

}  // namespace stoa::cli

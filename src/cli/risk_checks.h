#pragma once

#include <string>

#include "cli/json_value.h"

namespace stoa::cli {

/// The risk gate's checks as a table: what the order would make of each, the limit, what is left.
[[nodiscard]] std::string checks_table(const JsonValue& checks);

}  // namespace stoa::cli

#pragma once

#include "protocol/json/value.h"  // IWYU pragma: export

namespace stoa::cli {

/// A JSON answer as the commands read it.
using JsonValue = json::Value;

}  // namespace stoa::cli

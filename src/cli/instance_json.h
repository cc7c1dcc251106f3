#pragma once

#include "ops/registry.h"
#include "protocol/json/writer.h"

namespace stoa::cli {

/// One instance as `stoa discovery -o json` shows it.
void append_instance(json::Writer& json, const ops::Instance& instance);

}  // namespace stoa::cli

#pragma once

#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {

/// `{"key","value","from","type","range","default","variable","doc","says":[…]}`.
void append_setting(json::Writer& json, const ops::Setting& setting);

}  // namespace stoa::cli

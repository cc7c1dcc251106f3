#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ops/config.h"

namespace stoa::cli {

enum class Health : std::uint8_t {
  Ok,
  Warn,  // works, but slower or more fragile than it should
  Fail,  // an engine would not start, or would lose what it promises to keep
  Skip,  // cannot be seen from here
};
[[nodiscard]] std::string_view to_string(Health health) noexcept;  // "ok"

struct Finding {
  std::string_view id{};  // stable: "disk.fsync"
  Health health = Health::Ok;
  std::string found{};   // what was seen, with units
  std::string remedy{};  // what to do; empty when all is well
};

/// Looks at the machine as an engine with this configuration would meet it. Writes one temporary
/// file of 128 KiB in the data directory (or where it will be made) and removes it.
[[nodiscard]] std::vector<Finding> examine(const ops::Config& config, const Clock& clock);

}  // namespace stoa::cli

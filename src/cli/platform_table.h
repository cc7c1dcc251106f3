#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/role_probe.h"

namespace stoa::cli {

/// A role as `stoa status` and `stoa health` show it.
struct RoleRow {
  std::string role{};
  std::string state{};  // the supervisor's word: "ready", "backoff", …
  bool runs = false;
  std::uint16_t port = 0;
  JsonValue told{};  // what the supervisor knows
  RoleProbe seen{};

  /// Ready in the supervisor's eyes and its own.
  [[nodiscard]] bool ready() const noexcept;
};

/// Every role of the platform, probed. Without a supervisor what its last state says of processes
/// is checked against the kernel.
[[nodiscard]] std::vector<RoleRow> role_rows(const Platform& platform, const PlatformState& state,
                                             std::chrono::milliseconds patience);

[[nodiscard]] std::string rows_text(const std::vector<RoleRow>& rows, Timestamp now);
[[nodiscard]] std::string rows_json(const std::vector<RoleRow>& rows, Timestamp now);

}  // namespace stoa::cli

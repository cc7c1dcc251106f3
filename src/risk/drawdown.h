#pragma once

#include <optional>

#include "base/price.h"
#include "model/risk.h"

namespace stoa::risk {

/// Stops trading when too much of the account's peak is lost: the supervisor's breaker. A person
/// who resumes knows of the loss; the peak begins anew there (apps/log_facts.h).
class Drawdown {
 public:
  /// units   max_percent_e8: percent of the peak x 1e8; 0: no limit
  explicit Drawdown(std::int64_t max_percent_e8) noexcept : max_percent_e8_{max_percent_e8} {}

  /// The switch to trip, when `equity` is so far below `peak` and nothing is halted yet.
  [[nodiscard]] std::optional<KillSwitch> consider(Price equity, Price peak, bool halted) const;
  /// How much of the peak is lost, in percent x 1e8; 0 without a peak.
  [[nodiscard]] static std::int64_t percent_e8(Price equity, Price peak) noexcept;

 private:
  std::int64_t max_percent_e8_;
};

}  // namespace stoa::risk

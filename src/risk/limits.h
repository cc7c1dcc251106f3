#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "model/risk.h"

namespace stoa::risk {

/// The account's limits, one number each (model/risk.h says the units). A limit that was never set
/// bounds nothing.
class Limits {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  constexpr Limits() noexcept { values_e8_.fill(kUnlimited); }

  [[nodiscard]] constexpr std::int64_t e8(LimitKind kind) const noexcept {
    return values_e8_[static_cast<std::size_t>(kind)];
  }
  constexpr void set(LimitKind kind, std::int64_t value_e8) noexcept {
    values_e8_[static_cast<std::size_t>(kind)] = value_e8;
  }

 private:
  std::array<std::int64_t, kLimitKinds> values_e8_{};
};

}  // namespace stoa::risk

#pragma once

#include <string>
#include <utility>

#include "ops/role_status.h"

namespace stoa::apps {

/// How a role stands; `reason` says why it is not ready.
struct Standing {
  ops::RoleState state = ops::RoleState::Starting;
  std::string reason{};

  friend bool operator==(const Standing&, const Standing&) = default;
};

/// "waits for the execution relay": a role that cannot be ready without it.
[[nodiscard]] inline Standing waits(std::string what) {
  return {.state = ops::RoleState::Starting, .reason = "waits " + std::move(what)};
}

/// What was last told of a role, so that each change is told once.
class ToldStanding {
 public:
  /// Takes how the role stands; true: that is news. Whoever drains takes no more, so it says that
  /// rather than what else it would be.
  bool take(Standing standing, bool draining) {
    if (draining) standing.state = ops::RoleState::Draining;
    if (standing == told_) return false;
    told_ = std::move(standing);
    return true;
  }
  [[nodiscard]] const Standing& last() const noexcept { return told_; }
  [[nodiscard]] bool ready() const noexcept { return told_.state == ops::RoleState::Ready; }

 private:
  Standing told_{.state = ops::RoleState::Stopped, .reason = {}};
};

}  // namespace stoa::apps

#pragma once

#include <memory>
#include <string>

#include "apps/role.h"
#include "base/clock.h"
#include "base/error.h"
#include "ops/config.h"
#include "ops/role_status.h"

// The roles of the platform, each in the file named after it. What they are given outlives them.
namespace stoa::apps {

/// What every role is built from.
struct RoleParts {
  const ops::Config* config = nullptr;
  const Clock* clock = nullptr;  // real time
  ops::RoleStatus* status = nullptr;
  std::string name{};      // "execution" or "execution.green": for relays' people and the log
  std::string domain{};    // of a relay
  std::uint16_t port = 0;  // of the gateway
  std::string version{};
  std::string commit{};
  bool take_over = false;  // a relay: from the one that runs
  // Of a role that can be switched (decision 0014).
  bool beside = false;    // it follows until the log says that it is to lead
  std::string colour{};   // "blue"
  std::string release{};  // which build, for the log
};

[[nodiscard]] Result<std::unique_ptr<Role>> make_relay(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_venue_role(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_market_data(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_risk(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_execution(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_strategy(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_gateway(const RoleParts& parts);
[[nodiscard]] Result<std::unique_ptr<Role>> make_hub(const RoleParts& parts);

}  // namespace stoa::apps

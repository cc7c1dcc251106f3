#pragma once

#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/process_target.h"
#include "deploy/target.h"

namespace stoa::deploy {

/// Deployments inside the hub: its verbs, and a deployment driven between them. One whose driver
/// died, the hub before this one or a command, is taken up as soon as the platform can be seen.
class DeployPlane {
 public:
  /// `clock` outlives it.
  ///
  /// errors  BadInput: the data directory's path is too long for sockets
  [[nodiscard]] static Result<std::unique_ptr<DeployPlane>> open(Layout layout, const Clock& clock);
  DeployPlane(const DeployPlane&) = delete;
  DeployPlane& operator=(const DeployPlane&) = delete;
  ~DeployPlane() = default;

  /// They refer to this.
  [[nodiscard]] HubVerbs verbs();
  /// Looks and acts when it is time to.
  ///
  /// cost    as Target::poll, each 20 ms while a deployment is under way, each second else
  void poll();
  /// The platform as it was at the last look.
  [[nodiscard]] const Target& target() const noexcept { return *target_; }
  /// Monotonic time of the next look.
  [[nodiscard]] nanoseconds next_due() const noexcept { return due_; }

 private:
  DeployPlane(Layout layout, const Clock& clock, std::unique_ptr<ProcessTarget> target);

  Layout layout_;
  const Clock& clock_;
  std::unique_ptr<ProcessTarget> target_;
  Deployer deployer_;
  nanoseconds due_{0};
  bool taken_up_ = false;
};

}  // namespace stoa::deploy

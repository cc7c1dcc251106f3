#include "deploy/deploy_plane.h"

#include <unistd.h>

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "deploy/deploy_service.h"
#include "deploy/deploy_view_service.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/process_target.h"

namespace stoa::deploy {
namespace {

constexpr nanoseconds kActiveEvery = std::chrono::milliseconds{20};
constexpr nanoseconds kIdleEvery = std::chrono::seconds{1};

}  // namespace

Result<std::unique_ptr<DeployPlane>> DeployPlane::open(Layout layout, const Clock& clock) {
  auto target = ProcessTarget::open({.layout = layout}, clock);
  if (!target) return std::unexpected(target.error());
  return std::unique_ptr<DeployPlane>(
      new DeployPlane{std::move(layout), clock, std::move(*target)});
}

DeployPlane::DeployPlane(Layout layout, const Clock& clock, std::unique_ptr<ProcessTarget> target)
    : layout_{std::move(layout)},
      clock_{clock},
      target_{std::move(target)},
      deployer_{layout_, *target_, clock_} {}

HubVerbs DeployPlane::verbs() {
  HubVerbs verbs = deploy_verbs(deployer_, *target_, layout_);
  verbs.merge(deploy_view_verbs(deployer_, *target_, clock_, layout_));
  return verbs;
}

void DeployPlane::poll() {
  const nanoseconds now = clock_.monotonic();
  if (now < due_) return;
  if (deployer_.active()) {
    deployer_.poll();
  } else {
    target_->poll();
    if (!taken_up_ && target_->trouble().empty() && target_->log_read()) {
      taken_up_ = true;
      // A command that drives one itself has its lock, and keeps it.
      const auto resumed = deployer_.resume(login_name(::geteuid()));
      if (!resumed && resumed.error().code != ErrorCode::Unavailable) {
        log::error("deploys_not_read", {{"why", resumed.error().text()}});
      }
    }
  }
  // Until it has seen whether one was interrupted there may be one.
  const bool busy = deployer_.active() || !taken_up_;
  due_ = clock_.monotonic() + (busy ? kActiveEvery : kIdleEvery);
}

}  // namespace stoa::deploy

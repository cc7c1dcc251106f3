#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "apps/strategies.h"
#include "apps/token.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/log.h"
#include "deploy/config_view_service.h"
#include "deploy/deploy_plane.h"
#include "deploy/hub.h"
#include "deploy/hub_server.h"
#include "deploy/hub_service.h"
#include "deploy/hub_state.h"
#include "deploy/layout.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

#include <unistd.h>

// `stoa run hub`: owns the configuration's log and answers at run/hub.sock.
namespace stoa::apps {
namespace {

/// A command may hold the log for the moment of one change.
constexpr nanoseconds kLockWait = std::chrono::seconds{10};
constexpr std::chrono::milliseconds kLockEvery{20};

Result<deploy::Hub> open_hub(const deploy::Layout& layout, const Clock& clock) {
  const deploy::HubOptions options{
      .owner = own_name(), .owner_uid = ::geteuid(), .check_strategy = check_strategy};
  const nanoseconds deadline = clock.monotonic() + kLockWait;
  while (true) {
    auto hub = deploy::Hub::open(layout.hub_log(), clock, options);
    const bool held = !hub && hub.error().code == ErrorCode::Unavailable;
    if (!held || clock.monotonic() >= deadline) return hub;
    std::this_thread::sleep_for(kLockEvery);  // before the role answers anyone
  }
}

class HubRole final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto hub = open_hub(layout, *parts.clock);
    if (!hub) return std::unexpected(std::move(hub.error()));
    auto deploys = deploy::DeployPlane::open(layout, *parts.clock);
    if (!deploys) return std::unexpected(std::move(deploys.error()));
    std::unique_ptr<HubRole> role{new HubRole{parts, std::move(*hub), layout, std::move(*deploys)}};
    auto server = deploy::HubServer::open(layout.hub(), role->verbs_);
    if (!server) return std::unexpected(std::move(server.error()));
    role->server_ = std::make_unique<deploy::HubServer>(std::move(*server));
    return role;
  }

  std::size_t poll(Timestamp /*now*/) override {
    const std::size_t answered = server_->poll();
    requests_.add(answered);
    deploys_->poll();
    look();
    return answered;
  }
  void watch(Waiting& waiting) const override {
    server_->wait_for(waiting.fds);
    waiting.add_due(deploys_->next_due());
  }
  [[nodiscard]] Standing standing() const override {
    if (const Error* failed = hub_.failed()) {
      return {.state = ops::RoleState::Starting, .reason = failed->text()};
    }
    return {.state = ops::RoleState::Ready};
  }
  void drain() override {}
  [[nodiscard]] bool drained() const override { return server_->quiet(); }
  [[nodiscard]] const Error* failed() const override { return hub_.failed(); }

  void add_metrics(ops::Metrics& metrics) override {
    metrics.counter("stoa_hub_requests_total", "Requests answered", requests_);
    metrics.gauge("stoa_hub_head_lsn", "Newest record of the configuration's log", head_lsn_);
    metrics.gauge("stoa_hub_conflicts_open", "Conflicts of promotions that nobody has decided",
                  conflicts_);
    metrics.gauge("stoa_hub_broken_glass",
                  "Revisions that were applied and that nobody has approved", broken_glass_);
  }

 private:
  HubRole(const RoleParts& parts, deploy::Hub hub, const deploy::Layout& layout,
          std::unique_ptr<deploy::DeployPlane> deploys)
      : hub_{std::move(hub)},
        deploys_{std::move(deploys)},
        verbs_{deploy::config_verbs(hub_, layout.hub_log())},
        status_{*parts.status},
        glass_check_{status_.add_check("hub:approved", ops::Probe::Ready, "revisions")} {
    verbs_.merge(deploys_->verbs());
    verbs_.merge(deploy::config_view_verbs(hub_, deploys_->target(), layout));
    look();
  }

  /// What everybody is to see: the head of the chain, and what was done without approval.
  void look() {
    const auto lsn = static_cast<std::int64_t>(hub_.head().lsn.value());
    if (lsn == head_lsn_.value()) return;
    head_lsn_.set(lsn);
    std::int64_t conflicts = 0;
    std::int64_t glass = 0;
    for (const deploy::Space& space : hub_.state().spaces()) {
      conflicts += static_cast<std::int64_t>(space.conflicts.size());
      glass += static_cast<std::int64_t>(space.broken_glass.size());
    }
    conflicts_.set(conflicts);
    broken_glass_.set(glass);
    status_.set(glass_check_, glass == 0 ? ops::CheckResult::Pass : ops::CheckResult::Warn, glass,
                glass == 0 ? "" : "applied without approval; stoa config status says what");
    log::info("hub_head", {{"lsn", lsn}, {"hash", hub_.head().hash}});
  }

  deploy::Hub hub_;
  std::unique_ptr<deploy::DeployPlane> deploys_;
  deploy::HubVerbs verbs_;
  std::unique_ptr<deploy::HubServer> server_;
  ops::RoleStatus& status_;
  ops::CheckId glass_check_;
  Counter requests_;
  Gauge head_lsn_;
  Gauge conflicts_;
  Gauge broken_glass_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_hub(const RoleParts& parts) { return HubRole::make(parts); }

}  // namespace stoa::apps

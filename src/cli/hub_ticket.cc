#include "cli/hub_ticket.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/build.h"
#include "deploy/control.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "deploy/target.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr std::chrono::milliseconds kStatusWait{500};

std::unexpected<Error> cannot(std::string what) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = std::move(what), .source = {}});
}

class SupervisedTarget final : public deploy::Target {
 public:
  explicit SupervisedTarget(deploy::Layout layout) : layout_{std::move(layout)} { poll(); }

  void poll() override {
    const auto state = platform_state(layout_);
    roles_.clear();
    supervised_ = state && state->supervised;
    if (!state) return;
    for (const JsonValue& told : state->value["roles"].items()) roles_.push_back(role_of(told));
  }
  [[nodiscard]] std::string trouble() const override {
    return supervised_ ? "" : "no platform runs here";
  }
  [[nodiscard]] std::span<const deploy::TargetRole> roles() const override { return roles_; }
  [[nodiscard]] std::span<const deploy::EpochRecord> epochs() const override { return {}; }
  [[nodiscard]] bool log_read() const override { return false; }

  [[nodiscard]] Result<void> restart(std::string_view role,
                                     const deploy::RestartHow& /*how*/) override {
    // The role reads DATA/config/current as it starts, which names the revision.
    auto client = deploy::ControlClient::connect(layout_.control());
    if (!client) return std::unexpected(std::move(client.error()));
    auto sent =
        client->send({.verb = deploy::Request::Verb::Restart, .roles = {std::string{role}}});
    client_.emplace(std::move(*client));  // it hears the end, though nobody asks
    return sent;
  }
  [[nodiscard]] Result<void> start_beside(std::string_view /*role*/, deploy::Colour /*colour*/,
                                          std::string_view /*release*/) override {
    return cannot("an apply starts nothing beside a role");
  }
  [[nodiscard]] Result<void> stop_beside(std::string_view /*role*/) override {
    return cannot("an apply stops nothing beside a role");
  }
  [[nodiscard]] Result<void> promote(std::string_view /*role*/,
                                     deploy::Colour /*colour*/) override {
    return cannot("an apply promotes nothing");
  }
  [[nodiscard]] Result<std::optional<Lsn>> order(
      const deploy::SwitchCommand& /*command*/) override {
    return cannot("an apply switches nothing");
  }

 private:
  [[nodiscard]] deploy::TargetRole role_of(const JsonValue& told) const {
    deploy::TargetRole role{.name = told["role"].text()};
    if (const auto* kind = deploy::find_role_kind(role.name)) {
      role.after.assign(kind->after.begin(), kind->after.end());
    }
    const auto pid = told["pid"].integer();
    deploy::InstanceView instance{.name = role.name,
                                  .running = supervised_ && pid.has_value(),
                                  .ready = told["ready"].is_true()};
    if (pid) instance.pid = static_cast<pid_t>(*pid);
    const std::string& state = told["state"].text();
    if (!pid && (state == "failed" || state == "backoff")) {
      instance.failure = told["last_exit"].text_or(told["last_error"].text_or(state));
    }
    if (instance.running) ask(told, instance);
    role.instances.push_back(std::move(instance));
    return role;
  }

  void ask(const JsonValue& told, deploy::InstanceView& instance) const {
    auto port = static_cast<std::uint16_t>(told["port"].integer().value_or(0));
    if (port == 0) port = registered_port(layout_, instance.name);
    if (port == 0) return;
    // The gateway's /status is the API's; every process answers for its life in the same words.
    const auto reply = ops::http_call({.port = port}, {.target = "/health/live"}, kStatusWait);
    if (!reply || reply->status != 200) return;
    const auto status = JsonValue::parse(reply->body);
    if (!status) return;
    instance.config_digest = (*status)["config_digest"].text();
    instance.config_revision = (*status)["config_revision"].text();
    instance.version = (*status)["version"].text();
    instance.commit = (*status)["releaseId"].text();
  }

  deploy::Layout layout_;
  bool supervised_ = false;
  std::vector<deploy::TargetRole> roles_;
  std::optional<deploy::ControlClient> client_;
};

}  // namespace

deploy::ApplyTicket ticket_of(const JsonValue& value) {
  deploy::ApplyTicket ticket{.revision = static_cast<std::uint64_t>(std::max<std::int64_t>(
                                 value["revision"].integer().value_or(0), 0)),
                             .hash = value["hash"].text(),
                             .name = value["name"].text(),
                             .text = value["text"].text(),
                             .environment = value["environment"].text(),
                             .backwards = value["backwards"].is_true(),
                             .digests = {},
                             .broke_glass = value["broke_glass"].is_true()};
  for (const auto& [role, digest] : value["digests"].members()) {
    ticket.digests.emplace(role, digest.text());
  }
  return ticket;
}

std::unique_ptr<deploy::Target> supervised_target(const deploy::Layout& layout) {
  return std::make_unique<SupervisedTarget>(layout);
}

}  // namespace stoa::cli

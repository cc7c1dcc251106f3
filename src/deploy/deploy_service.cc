#include "deploy/deploy_service.h"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

std::string refusal(const Error& error) {
  switch (error.code) {
    case ErrorCode::BadInput:
      return hub_refusal(HubCode::BadInput, error.text());
    case ErrorCode::NotFound:
      return hub_refusal(HubCode::NotFound, error.text());
    case ErrorCode::Unavailable:
      return hub_refusal(HubCode::Conflict, error.text());
    case ErrorCode::Io:
    case ErrorCode::Damaged:
      break;
  }
  return hub_refusal(HubCode::Failed, error.text());
}

std::string begun(std::uint64_t id) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.digits_field("id", id);
  json.end_object();
  return text;
}

std::string planned(const DeployPlan& plan, const Target& target) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.key("told");
  json.begin_array();
  for (const std::string& line : explain(plan, target)) json.value(std::string_view{line});
  json.end_array();
  json.raw_field("plan", to_json(plan));
  json.end_object();
  return text;
}

}  // namespace

void write_wish(json::Writer& json, const DeployWish& wish) {
  json.field("release", std::string_view{wish.release});
  json.field("strategy", to_string(wish.strategy));
  json.key("roles");
  json.begin_array();
  for (const std::string& role : wish.roles) json.value(std::string_view{role});
  json.end_array();
  json.key("settings");
  json.begin_object();
  for (const DeploySetting& setting : deploy_settings()) {
    json.field(setting.name, wish.settings.*setting.value);
  }
  json.end_object();
  json.field("reason", std::string_view{wish.reason});
}

Result<DeployWish> wish_of(const json::Value& request, std::string actor) {
  DeployWish wish{.release = request["release"].text(),
                  .actor = std::move(actor),
                  .reason = request["reason"].text()};
  const auto strategy = parse_strategy(request["strategy"].text_or("blue-green"));
  if (!strategy) return std::unexpected(strategy.error());
  wish.strategy = *strategy;
  for (const json::Value& role : request["roles"].items()) wish.roles.push_back(role.text());
  for (const auto& [name, value] : request["settings"].members()) {
    if (auto taken = set(wish.settings, name + "=" + value.text()); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (wish.release.empty()) return bad_input("release: expected the name of one, or current");
  return wish;
}

HubVerbs deploy_verbs(Deployer& deployer, const Target& target, const Layout& layout) {
  HubVerbs verbs;
  verbs["deploy.plan"] = [&target, layout](const json::Value& request, const HubPeer& peer) {
    const auto wish = wish_of(request, peer.user);
    if (!wish) return refusal(wish.error());
    const auto plan = plan_deploy(target, layout, *wish);
    return plan ? planned(*plan, target) : refusal(plan.error());
  };
  verbs["deploy.start"] = [&deployer](const json::Value& request, const HubPeer& peer) {
    const auto wish = wish_of(request, peer.user);
    if (!wish) return refusal(wish.error());
    const auto id = deployer.start(*wish);
    return id ? begun(*id) : refusal(id.error());
  };
  verbs["deploy.rollback"] = [&deployer, &target, layout](const json::Value& request,
                                                          const HubPeer& peer) {
    const auto all = read_deploys(layout.deploys());
    if (!all) return refusal(all.error());
    const auto id = static_cast<std::uint64_t>(request["id"].integer().value_or(0));
    auto wish = take_back(*all, id, target);
    if (!wish) return refusal(wish.error());
    wish->actor = peer.user;
    wish->reason = request["reason"].text();
    const auto taken = deployer.start(*wish);
    return taken ? begun(*taken) : refusal(taken.error());
  };
  verbs["deploy.resume"] = [&deployer](const json::Value& /*request*/, const HubPeer& peer) {
    const auto id = deployer.resume(peer.user);
    if (!id) return refusal(id.error());
    if (deployer.active() && deployer.machine()->paused()) {
      const auto asked = deployer.ask("resume", peer.user, {}, false);
      if (!asked) return refusal(asked.error());
    }
    return begun(id->value_or(0));
  };
  verbs["deploy.ask"] = [&deployer, &target](const json::Value& request, const HubPeer& peer) {
    // Whoever drove it may be gone, and this process has only just come.
    if (!deployer.active()) {
      if (!target.trouble().empty() || !target.log_read()) {
        return hub_refusal(HubCode::Conflict, "the platform is still being looked at; ask again");
      }
      if (const auto id = deployer.resume(peer.user); !id) return refusal(id.error());
    }
    const auto asked = deployer.ask(request["ask"].text(), peer.user, request["reason"].text(),
                                    request["force"].is_true());
    if (!asked) return refusal(asked.error());
    return begun(deployer.machine()->plan().id);
  };
  return verbs;
}

}  // namespace stoa::deploy

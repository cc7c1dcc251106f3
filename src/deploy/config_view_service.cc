#include "deploy/config_view_service.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/drift.h"
#include "deploy/hub.h"
#include "deploy/hub_log.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

/// Every role that has a value of the revision, and what its leader says that it runs with.
void write_instances(json::Writer& json, const ApplyTicket& ticket, const Target& target,
                     DriftFindings& findings) {
  json.key("instances");
  json.begin_array();
  for (const TargetRole& role : target.roles()) {
    const auto wanted = ticket.digests.find(role.name);
    if (wanted == ticket.digests.end()) continue;
    auto drift = drift_of(ticket, role);
    const InstanceView* const instance = role.leading() != nullptr ? role.leading() : role.placed();
    json.begin_object();
    json.field("role", std::string_view{role.name});
    json.field("instance", instance == nullptr ? "" : std::string_view{instance->name});
    json.field("runs_revision",
               instance == nullptr ? "" : std::string_view{instance->config_revision});
    json.field("runs_digest", instance == nullptr ? "" : std::string_view{instance->config_digest});
    json.field("wanted_digest", std::string_view{wanted->second});
    json.field("in_sync", drift.empty());
    json.field("drift", std::string_view{drift});
    json.end_object();
    if (!drift.empty()) findings.emplace_back(role.name, std::move(drift));
  }
  json.end_array();
}

std::string drift_json(const Hub& hub, const Target& target, const Layout& layout,
                       const Space& space) {
  ApplyTicket wanted;
  if (space.live) {
    auto ticket = hub.ticket(space, *space.find(space.live->revision));
    if (!ticket) return hub_refusal(ticket.error().code, ticket.error().message);
    wanted = std::move(*ticket);
  }
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.field("space", std::string_view{space.name});
  json.field("wanted", std::string_view{wanted.name});
  json.field("trouble", std::string_view{target.trouble()});
  DriftFindings findings;
  if (space.live) find_file_drift(layout, wanted, findings);
  write_instances(json, wanted, target, findings);
  json.key("findings");
  json.begin_array();
  for (const auto& [where, what] : findings) {
    json.begin_object();
    json.field("where", std::string_view{where});
    json.field("what", std::string_view{what});
    json.end_object();
  }
  json.end_array();
  json.field("in_sync", space.live && findings.empty() && target.trouble().empty());
  json.end_object();
  return text;
}

std::string verification_json(const Layout& layout) {
  const auto report = verify_hub_log(layout.hub_log(), std::nullopt);
  if (!report) return hub_refusal(HubCode::Failed, report.error().text());
  const std::optional<Error>& fault = report->fault;
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.field("intact", !fault);
  json.field("records", report->records);
  json.field("head_lsn", report->head.lsn.value());
  json.field("head_hash", std::string_view{report->head.hash});
  json.field("fault", fault ? std::string_view{fault->message} : std::string_view{});
  json.end_object();
  return text;
}

}  // namespace

HubVerbs config_view_verbs(const Hub& hub, const Target& target, const Layout& layout) {
  HubVerbs verbs;
  verbs["config.drift"] = [&hub, &target, layout](const json::Value& request, const HubPeer& peer) {
    const HubCall call{.user = peer.user, .uid = peer.uid, .space = request["space"].text()};
    const auto space = hub.look(call);
    if (!space) return hub_refusal(space.error().code, space.error().message);
    return drift_json(hub, target, layout, **space);
  };
  verbs["config.audit.verify"] = [layout](const json::Value& /*request*/, const HubPeer& /*peer*/) {
    return verification_json(layout);
  };
  return verbs;
}

}  // namespace stoa::deploy

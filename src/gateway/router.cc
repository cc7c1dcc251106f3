#include "gateway/router.h"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http_message.h"
#include "gateway/routes.h"

namespace stoa::gateway {
namespace {

std::string_view take_segment(std::string_view& path) noexcept {
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size() < path.size() ? segment.size() + 1 : segment.size());
  return segment;
}

/// "{name}:start" against a decoded segment.
bool match_segment(std::string_view pattern, std::string_view segment,
                   std::vector<std::string>& params) {
  if (!pattern.starts_with('{')) return pattern == segment;
  const std::string_view suffix = pattern.substr(pattern.find('}') + 1);
  if (segment.size() <= suffix.size() || !segment.ends_with(suffix)) return false;
  segment.remove_suffix(suffix.size());
  params.emplace_back(segment);
  return true;
}

bool match_path(std::string_view pattern, std::span<const std::string> segments,
                std::vector<std::string>& params) {
  params.clear();
  pattern.remove_prefix(1);
  for (const std::string& segment : segments) {
    if (pattern.empty() || !match_segment(take_segment(pattern), segment, params)) return false;
  }
  return pattern.empty();
}

}  // namespace

RouteMatch find_route(std::span<const Route> table, Method method, std::string_view path) {
  RouteMatch match;
  if (!path.starts_with('/')) return match;
  // Decoded segment by segment, so that an escaped slash stays inside its segment.
  std::vector<std::string> segments;
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    std::string segment;
    if (!percent_decode(take_segment(rest), segment)) {
      match.bad_escape = true;
      return match;
    }
    segments.push_back(std::move(segment));
  }
  const Method wanted = method == Method::Head ? Method::Get : method;
  for (const Route& route : table) {
    if (!match_path(route.pattern, segments, match.params)) continue;
    if (route.method == wanted) {
      match.route = &route;
      return match;
    }
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route.method == Method::Get ? "GET, HEAD" : to_string(route.method);
  }
  return match;
}

std::span<const Route> routes() noexcept {
  static constexpr auto kRoutes = std::to_array<Route>({
      {Method::Get, "/health", get_health, "verbose exclude"},
      {Method::Get, "/health/live", get_probe, "verbose exclude"},
      {Method::Get, "/health/ready", get_probe, "verbose exclude"},
      {Method::Get, "/health/startup", get_probe, "verbose exclude"},
      {Method::Get, "/livez", get_probe, "verbose exclude"},
      {Method::Get, "/ready", get_ready, "verbose exclude"},
      {Method::Get, "/readyz", get_probe, "verbose exclude"},
      {Method::Get, "/startupz", get_probe, "verbose exclude"},
      {Method::Get, "/status", get_status},
      {Method::Get, "/metrics", get_probe, "format"},
      {Method::Post, "/-/drain", post_role_request},
      {Method::Post, "/-/reload", post_role_request},
      {Method::Post, "/-/pause", post_role_request},
      {Method::Post, "/-/resume", post_role_request},
      {Method::Get, "/api/v1/instruments", get_instruments},
      {Method::Get, "/api/v1/book/{symbol}", get_book, "depth"},
      {Method::Get, "/api/v1/trades/{symbol}", get_trades, "limit"},
      {Method::Get, "/api/v1/candles/{symbol}", get_candles, "interval limit"},
      {Method::Post, "/api/v1/orders", post_order},
      {Method::Post, "/api/v1/orders:check", check_order},
      {Method::Get, "/api/v1/orders", get_orders, "status symbol limit cursor"},
      {Method::Delete, "/api/v1/orders", delete_orders, "symbol"},
      {Method::Get, "/api/v1/orders/{client_order_id}", get_order},
      {Method::Patch, "/api/v1/orders/{client_order_id}", patch_order},
      {Method::Delete, "/api/v1/orders/{client_order_id}", delete_order},
      {Method::Get, "/api/v1/fills", get_fills, "symbol client_order_id limit cursor"},
      {Method::Get, "/api/v1/positions", get_positions},
      {Method::Get, "/api/v1/account", get_account},
      {Method::Get, "/api/v1/strategies", get_strategies},
      {Method::Post, "/api/v1/strategies/{name}:start", start_strategy},
      {Method::Post, "/api/v1/strategies/{name}:stop", stop_strategy},
      {Method::Put, "/api/v1/strategies/{name}/params", put_strategy_params},
      {Method::Get, "/api/v1/risk", get_risk},
      {Method::Put, "/api/v1/risk/limits", put_risk_limits},
      {Method::Post, "/api/v1/risk/kill", post_risk_kill},
      {Method::Post, "/api/v1/risk/resume", post_risk_resume},
      {Method::Post, "/api/v1/journal/checkpoint", post_checkpoint},
      {Method::Get, "/api/orders_state", get_orders_state},
      {Method::Get, "/api/v1/deployments", get_deployments, "limit cursor", Needs::Viewer},
      {Method::Get, "/api/v1/deployments/{id}", get_deployment, "", Needs::Viewer},
      {Method::Post, "/api/v1/deployments/{id}:promote", post_deployment, "", Needs::Deployer},
      {Method::Post, "/api/v1/deployments/{id}:approve", post_deployment, "", Needs::Deployer},
      {Method::Post, "/api/v1/deployments/{id}:pause", post_deployment, "", Needs::Deployer},
      {Method::Post, "/api/v1/deployments/{id}:resume", post_deployment, "", Needs::Deployer},
      {Method::Post, "/api/v1/deployments/{id}:abort", post_deployment, "", Needs::Deployer},
      {Method::Post, "/api/v1/deployments/{id}:rollback", post_deployment, "", Needs::Deployer},
      {Method::Get, "/api/v1/config/spaces", get_config_spaces, "", Needs::Viewer},
      {Method::Get, "/api/v1/config/spaces/{space}", get_config_space, "", Needs::Viewer},
      {Method::Get, "/api/v1/config/spaces/{space}/units", get_config_units, "", Needs::Viewer},
      {Method::Get, "/api/v1/config/spaces/{space}/revisions", get_config_revisions, "limit",
       Needs::Viewer},
      {Method::Get, "/api/v1/config/diff", get_config_diff, "from to", Needs::Viewer},
      {Method::Get, "/api/v1/config/drift", get_config_drift, "space", Needs::Viewer},
      {Method::Get, "/api/v1/config/audit", get_config_audit, "space user limit", Needs::Viewer},
      {Method::Get, "/api/v1/config/audit/verification", get_config_verification, "",
       Needs::Viewer},
  });
  return kRoutes;
}

}  // namespace stoa::gateway

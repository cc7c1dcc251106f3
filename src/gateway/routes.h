#pragma once

#include "gateway/http_message.h"
#include "gateway/router.h"

// The handlers behind router.cc's table; what each answers is in docs/api.md. One file per group.
namespace stoa::gateway {

// routes_system.cc
void get_health(App& app, const Call& call, Reply reply);
void get_ready(App& app, const Call& call, Reply reply);
void get_status(App& app, const Call& call, Reply reply);
/// /livez, /readyz, /startupz, /health/…, /metrics: as every role answers them (docs/health.md).
void get_probe(App& app, const Call& call, Reply reply);
/// /-/drain and the like.
void post_role_request(App& app, const Call& call, Reply reply);

// routes_market.cc
void get_instruments(App& app, const Call& call, Reply reply);
void get_book(App& app, const Call& call, Reply reply);
void get_trades(App& app, const Call& call, Reply reply);
void get_candles(App& app, const Call& call, Reply reply);

// routes_orders.cc
void post_order(App& app, const Call& call, Reply reply);
void check_order(App& app, const Call& call, Reply reply);
void get_orders(App& app, const Call& call, Reply reply);
void delete_orders(App& app, const Call& call, Reply reply);
void get_order(App& app, const Call& call, Reply reply);
void patch_order(App& app, const Call& call, Reply reply);
void delete_order(App& app, const Call& call, Reply reply);
void get_fills(App& app, const Call& call, Reply reply);
void get_orders_state(App& app, const Call& call, Reply reply);

// routes_risk.cc
void get_positions(App& app, const Call& call, Reply reply);
void get_account(App& app, const Call& call, Reply reply);
void get_risk(App& app, const Call& call, Reply reply);
void put_risk_limits(App& app, const Call& call, Reply reply);
void post_risk_kill(App& app, const Call& call, Reply reply);
void post_risk_resume(App& app, const Call& call, Reply reply);

// routes_journal.cc
void post_checkpoint(App& app, const Call& call, Reply reply);
/// Answers whoever waits for a checkpoint, once it has ended or taken too long.
void settle_checkpoint(App& app);

// routes_strategies.cc
void get_strategies(App& app, const Call& call, Reply reply);
void start_strategy(App& app, const Call& call, Reply reply);
void stop_strategy(App& app, const Call& call, Reply reply);
void put_strategy_params(App& app, const Call& call, Reply reply);

// routes_hub.cc: asked of the hub
void get_deployments(App& app, const Call& call, Reply reply);
void get_deployment(App& app, const Call& call, Reply reply);
/// /api/v1/deployments/{id}:promote and the like.
void post_deployment(App& app, const Call& call, Reply reply);
void get_config_spaces(App& app, const Call& call, Reply reply);
void get_config_space(App& app, const Call& call, Reply reply);
void get_config_units(App& app, const Call& call, Reply reply);
void get_config_revisions(App& app, const Call& call, Reply reply);
void get_config_diff(App& app, const Call& call, Reply reply);
void get_config_drift(App& app, const Call& call, Reply reply);
void get_config_audit(App& app, const Call& call, Reply reply);
void get_config_verification(App& app, const Call& call, Reply reply);

}  // namespace stoa::gateway

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "gateway/app.h"
#include "gateway/http_message.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "journal/writer.h"
#include "model/types.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"
#include "ops/health_answer.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

std::int64_t uptime_ms(const App& app) {
  return (app.link.clock->now() - app.options.started).count() / kNsPerMs;
}

void write_feeds(json::Writer& json, const App& app) {
  json.key("feed");
  json.begin_array();
  const std::size_t count = std::min(app.options.instruments.size(), app.link.status->feeds.size());
  const std::int64_t now_ns = app.platform_now().ns();
  for (std::size_t i = 0; i < count; ++i) {
    const ops::FeedStatusCell& feed = app.link.status->feeds[i];
    const std::int64_t last_ns = feed.last_message_ns.value();
    json.begin_object();
    json.field("symbol", app.options.instruments[i].symbol.view());
    json.field("state", to_string(static_cast<FeedStatus>(feed.state.value())));
    json.key("age_ms");
    json.milli(last_ns == 0 ? 0 : std::max<std::int64_t>(0, (now_ns - last_ns) / 1'000));
    json.field("messages", feed.messages.value());
    json.field("gaps", feed.gaps.value());
    json.end_object();
  }
  json.end_array();
}

void write_log(json::Writer& json, const App& app) {
  const journal::WriterMetrics* journal = app.link.journal;
  const auto sync_us = [&](double quantile) {
    return journal == nullptr ? 0
                              : static_cast<std::int64_t>(journal->sync_ns.percentile(quantile));
  };
  json.key("log");
  json.begin_object();
  json.digits_field("head_lsn", app.link.status->head_lsn.value());
  json.digits_field("durable_lsn", app.link.status->durable_lsn.value());
  json.field("bytes", app.log_bytes);
  json.field("segments", app.log_segments);
  json.key("sync_p50_us");
  json.milli(sync_us(0.5));
  json.key("sync_p99_us");
  json.milli(sync_us(0.99));
  json.field("appended", journal == nullptr ? 0 : journal->records.value());
  json.field("failed", app.link.status->log_failed.value() != 0);
  json.key("checkpoint");
  json.begin_object();
  json.digits_field("lsn", app.link.status->checkpoint_lsn.value());
  json.field("bytes", static_cast<std::uint64_t>(app.link.status->checkpoint_bytes.value()));
  json.field("failed", app.link.status->checkpoint_failed.value() != 0);
  json.field("error", std::string_view{checkpoint_error(app)});
  json.end_object();
  json.key("start");
  json.begin_object();
  json.digits_field("checkpoint_lsn", app.link.status->start_checkpoint_lsn.value());
  json.field("replayed", static_cast<std::uint64_t>(app.link.status->start_replayed.value()));
  json.field("passed_over",
             static_cast<std::uint64_t>(app.link.status->checkpoints_passed_over.value()));
  json.key("ms");
  json.milli(app.link.status->start_ns.value() / 1'000);
  json.end_object();
  json.end_object();
}

/// The shared answers to probes, over the engine's own figures.
void answer_role(App& app, const Call& call, Reply& reply) {
  app.reflect_status();
  app.open_connections.set(static_cast<std::int64_t>(app.connections + app.clients));
  auto answer = ops::answer_health(
      app.role, app.metrics,
      {.path = call.request.path(), .query = call.request.query(), .accept = call.request.accept},
      app.link.role == nullptr ? app.options.engine_silence_max : ops::kSilenceMax);
  if (!answer)
    fail_check("the router and the probes know the same paths", std::source_location::current());
  Response response{.status = answer->status, .content_type = answer->content_type};
  response.body = std::move(answer->body);
  reply(std::move(response));
}

}  // namespace

std::string checkpoint_error(const App& app) {
  const bool failed = app.link.status->checkpoint_failed.value() != 0;
  return failed && app.link.checkpoints != nullptr ? app.link.checkpoints->last_error() : "";
}

std::string render_status(const App& app) {
  const ops::EngineStatus& status = *app.link.status;
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx",
                static_cast<unsigned long long>(status.state_hash.value()));
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("version", std::string_view{app.options.version});
  json.field("commit", std::string_view{app.options.commit});
  json.field("environment", std::string_view{app.options.environment});
  json.field("mode", std::string_view{app.options.mode});
  if (const ops::Identity& who = app.role.identity(); !who.config_digest.empty()) {
    json.field("config_revision", std::string_view{who.config_revision});
    json.field("config_digest", std::string_view{who.config_digest});
  }
  json.field("market_source", std::string_view{app.options.market_source});
  json.field("seed", app.options.seed);
  json.digits_field("started_ns", app.options.started.ns());
  json.digits_field("now_ns", app.platform_now().ns());
  json.key("uptime_s");
  json.milli(uptime_ms(app));
  json.key("engine");
  json.begin_object();
  json.field("loops", status.loops.value());
  json.digits_field("last_loop_ns", status.now_ns.value());
  json.field("sync", std::string_view{app.options.sync});
  json.end_object();
  write_feeds(json, app);
  write_log(json, app);
  json.field("state_hash", std::string_view{hash});
  json.key("gateway");
  json.begin_object();
  json.field("clients", app.clients);
  json.field("requests", app.requests);
  json.end_object();
  json.key("kill_switch");
  app.render.kill_switch(json);
  ops::write_switch(json, app.role.view().place);
  json.end_object();
  return body;
}

void get_probe(App& app, const Call& call, Reply reply) { answer_role(app, call, reply); }

/// Plain, in the words that it has always had; with a parameter, as every probe.
void get_health(App& app, const Call& call, Reply reply) {
  if (!call.query.all().empty()) return answer_role(app, call, reply);
  std::string body;
  json::Writer json{body};
  json.begin_object();
  if (!app.engine_alive()) {
    json.field("status", "unhealthy");
    json.end_object();
    return reply(respond_json(std::move(body), 503));
  }
  json.field("status", "healthy");
  json.field("mode", std::string_view{app.options.mode});
  json.field("version", std::string_view{app.options.version});
  json.key("uptime_s");
  json.milli(uptime_ms(app));
  // What works on and wants a look: no reason to be restarted.
  json.key("warnings");
  json.begin_array();
  if (const std::string error = checkpoint_error(app); !error.empty()) {
    json.value(std::string_view{"the last checkpoint was not written: " + error});
  }
  if (app.link.status->checkpoints_passed_over.value() > 0) {
    json.value("the start passed over checkpoints that could not be used");
  }
  json.end_array();
  json.end_object();
  reply(respond_json(std::move(body)));
}

void get_ready(App& app, const Call& call, Reply reply) {
  if (!call.query.all().empty()) return answer_role(app, call, reply);
  const ops::EngineStatus& status = *app.link.status;
  const bool alive = app.engine_alive();
  const bool recovered = status.ready.value() != 0;
  const bool log_writable = status.log_failed.value() == 0;
  const bool ready = alive && recovered && log_writable;
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("ready", ready);
  json.key("checks");
  json.begin_object();
  json.field("engine_loop", alive);
  json.field("recovered", recovered);
  json.field("log_writable", log_writable);
  json.end_object();
  json.end_object();
  reply(respond_json(std::move(body), ready ? 200 : 503));
}

void get_status(App& app, const Call& /*call*/, Reply reply) {
  reply(respond_json(render_status(app)));
}

void post_role_request(App& app, const Call& call, Reply reply) {
  const auto asked = ops::request_at(call.request.path());
  if (!asked)
    fail_check("the router and the requests know the same paths", std::source_location::current());
  auto answer = ops::take_request(app.role, *asked, app.link.role_requests);
  if (answer.status == 202 && app.link.wake_role) app.link.wake_role();
  Response response{.status = answer.status, .content_type = answer.content_type};
  response.body = std::move(answer.body);
  reply(std::move(response));
}

}  // namespace stoa::gateway

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/fields.h"
#include "gateway/http_message.h"
#include "gateway/json_body.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::size_t kReasonBytes = 120;  // of KillSwitch::reason
constexpr std::string_view kActor = "api";

Response risk_response(const App& app) {
  std::string body;
  json::Writer json{body};
  app.render.risk(json);
  return respond_json(std::move(body));
}

std::optional<LimitKind> limit_named(std::string_view name) noexcept {
  for (std::uint8_t i = 0; i < kLimitKinds; ++i) {
    if (to_string(static_cast<LimitKind>(i)) == name) return static_cast<LimitKind>(i);
  }
  return std::nullopt;
}

void send_kill(App& app, KillSwitch command, Reply reply) {
  app.desk.command(std::vector{command}, [&app] { return risk_response(app); }, std::move(reply));
}

}  // namespace

void get_positions(App& app, const Call& /*call*/, Reply reply) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  app.render.positions_members(json);
  json.end_object();
  reply(respond_json(std::move(body)));
}

void get_account(App& app, const Call& /*call*/, Reply reply) {
  std::string body;
  json::Writer json{body};
  app.render.account(json);
  reply(respond_json(std::move(body)));
}

void get_risk(App& app, const Call& /*call*/, Reply reply) { reply(risk_response(app)); }

void put_risk_limits(App& app, const Call& call, Reply reply) {
  const auto body = parse_object(call.request.body, {"limits", "reason"});
  if (!body) return reply(respond(body.error()));
  const auto reason = require_text(*body, "reason", kReasonBytes);
  if (!reason) return reply(respond(reason.error()));
  const auto limits = require(*body, "limits");
  if (!limits) return reply(respond(limits.error()));
  if ((*limits)->kind != JsonKind::Object || (*limits)->items.empty()) {
    return reply(respond(bad_field("limits", "must be an object with at least one limit")));
  }
  std::vector<LimitSet> commands;
  for (const JsonValue& member : (*limits)->items) {
    const auto kind = limit_named(member.name);
    if (!kind) {
      std::string names;
      for (std::uint8_t i = 0; i < kLimitKinds; ++i) {
        if (i > 0) names += ", ";
        names += to_string(static_cast<LimitKind>(i));
      }
      return reply(respond({.status = 400,
                            .code = "unknown_field",
                            .detail = "there is no limit of that name",
                            .hint = "It knows: " + names,
                            .field = "limits." + member.name}));
    }
    const auto e8 = read_decimal(member, "limits." + member.name);
    if (!e8) return reply(respond(e8.error()));
    if (*e8 < 0) {
      return reply(respond(bad_field("limits." + member.name, "must not be below zero")));
    }
    commands.push_back(LimitSet{
        .kind = *kind, .value_e8 = *e8, .actor = Note::cut(kActor), .reason = Note::cut(*reason)});
  }
  app.desk.command(commands, [&app] { return risk_response(app); }, std::move(reply));
}

void post_risk_kill(App& app, const Call& call, Reply reply) {
  const auto body = parse_object(call.request.body, {"reason", "actor"});
  if (!body) return reply(respond(body.error()));
  const auto reason = require_text(*body, "reason", kReasonBytes);
  if (!reason) return reply(respond(reason.error()));
  std::string actor{kActor};
  if (body->find("actor") != nullptr) {
    const auto given = require_text(*body, "actor", Note::kCapacity);
    if (!given) return reply(respond(given.error()));
    actor = *given;
  }
  send_kill(app,
            KillSwitch{.active = 1, .actor = Note::cut(actor), .reason = Text<120>::cut(*reason)},
            std::move(reply));
}

void post_risk_resume(App& app, const Call& call, Reply reply) {
  const auto body = parse_object(call.request.body, {"reason", "actor"});
  if (!body) return reply(respond(body.error()));
  const auto reason = require_text(*body, "reason", kReasonBytes);
  if (!reason) return reply(respond(reason.error()));
  const auto actor = require_text(*body, "actor", Note::kCapacity);
  if (!actor) return reply(respond(actor.error()));
  if (!app.account.kill().active) {
    return reply(respond({.status = 409,
                          .code = "state_conflict",
                          .detail = "the kill switch is not active",
                          .hint = "GET /api/v1/risk shows its state."}));
  }
  send_kill(app,
            KillSwitch{.active = 0, .actor = Note::cut(*actor), .reason = Text<120>::cut(*reason)},
            std::move(reply));
}

}  // namespace stoa::gateway

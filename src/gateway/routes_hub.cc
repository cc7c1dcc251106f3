#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/app.h"
#include "gateway/http_message.h"
#include "gateway/hub_port.h"
#include "gateway/json_body.h"
#include "gateway/problem.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "protocol/json/writer.h"

// Deployments and the configuration's revisions: asked of the hub, which decides. What it answers
// is the document; only refusals are put into the words of this API.
namespace stoa::gateway {
namespace {

constexpr std::size_t kReasonBytesMax = 500;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::int64_t kListMax = 200;
constexpr std::int64_t kListUsual = 50;

enum class Kind : std::uint8_t { Reads, Changes };

Problem no_hub() {
  return {.status = 404,
          .code = "no_hub",
          .detail = "this platform is one process and has no hub",
          .hint = "stoa up starts one process per role, with a hub among them."};
}

Problem problem_of(HubFault fault, Kind kind) {
  constexpr std::string_view kHint =
      "stoa status shows the role hub; stoa up starts it where service.hub.enabled is true.";
  switch (fault) {
    case HubFault::Away:
      return {.status = 503,
              .code = "hub_away",
              .detail = "no hub answers; orders are not affected by it",
              .hint = std::string{kHint}};
    case HubFault::Busy:
      return {.status = 503,
              .code = "hub_busy",
              .detail = "too many questions to the hub are under way",
              .hint = "Ask again in a second."};
    case HubFault::Silent:
      break;
  }
  if (kind == Kind::Reads) {
    return {.status = 503,
            .code = "hub_away",
            .detail = "the hub did not answer in time; orders are not affected by it",
            .hint = std::string{kHint}};
  }
  return {.status = 504,
          .code = "outcome_unknown",
          .detail = "the hub did not answer in time, and may have done it",
          .hint = "Look at the deployment; the same request_id again does nothing twice."};
}

/// A refusal of the hub: {"ok":false,"code":…,"message":…}.
Problem problem_of(const JsonValue& refusal) {
  const auto text = [&](std::string_view name) {
    const JsonValue* const value = refusal.find(name);
    return value == nullptr ? std::string{} : value->text;
  };
  struct Known {
    std::string_view hub{};
    int status = 500;
    std::string_view code{};
    std::string_view hint{};
  };
  static constexpr std::array<Known, 8> kKnown{{
      {"bad_input", 400, "bad_field", "The hub says what is wrong with it."},
      {"not_found", 404, "not_found", "The list beside it says what there is."},
      {"stale", 409, "stale", "Look again: it has gone on since."},
      {"conflict", 409, "state_conflict", "GET the deployment: asks says what may be said now."},
      {"denied", 403, "not_permitted", "stoa config space grant gives a role in a space."},
      {"unapproved", 409, "unapproved", "It needs its approvals first."},
      {"unconfirmed", 400, "unconfirmed", "Type the environment's name."},
      {"failed", 500, "hub_failed", "The hub's log says more: stoa logs hub."},
  }};
  const std::string code = text("code");
  const auto* const known = std::ranges::find(kKnown, code, &Known::hub);
  const Known& told = known == kKnown.end() ? kKnown.back() : *known;
  return {.status = told.status,
          .code = told.code,
          .detail = text("message"),
          .hint = std::string{told.hint}};
}

/// What the hub answered as an answer of ours. Its documents begin with "ok", which is the status
/// here, and go on as they are: reading and writing them again is nothing for this thread.
Response response_of(HubAnswer&& answer, Kind kind) {
  if (!answer) return respond(problem_of(answer.error(), kind));
  constexpr std::string_view kOk = R"({"ok":true)";
  std::string& text = *answer;
  if (text.starts_with(kOk) && text.size() > kOk.size()) {
    const bool more = text[kOk.size()] == ',';
    text.replace(0, kOk.size() + (more ? 1 : 0), "{");
    return respond_json(std::move(text));
  }
  const auto refusal = parse_json(text);
  if (!refusal) {
    return respond({.status = 500,
                    .code = "hub_failed",
                    .detail = "the hub's answer cannot be read: " + refusal.error(),
                    .hint = "Hub and gateway should be of one release."});
  }
  return respond(problem_of(*refusal));
}

void ask(App& app, const Call& call, std::string_view verb, Kind kind,
         const std::function<void(json::Writer&)>& fields, Reply reply) {
  if (app.hub == nullptr) return reply(respond(no_hub()));
  std::string line;
  json::Writer json{line};
  json.begin_object();
  json.field("verb", verb);
  json.field("user", std::string_view{call.holder->name});
  if (fields) fields(json);
  json.end_object();
  app.hub->ask(std::move(line), [kind, reply = std::move(reply)](HubAnswer answer) mutable {
    reply(response_of(std::move(answer), kind));
  });
}

/// Names of spaces, people and revisions: short, and without what a line of JSON or a log minds.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@' || c == ':';
  });
}

bool is_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 18;
  return !text.empty() && text.size() <= kDigitsMax &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// A query parameter that is a name; "" when it is left out, unless it has to be there.
std::expected<std::string, Problem> name_of(const Call& call, std::string_view parameter,
                                            bool needed) {
  const std::string* const value = call.query.find(parameter);
  if (value == nullptr) {
    if (!needed) return std::string{};
    return std::unexpected(bad_parameter(parameter, "is needed"));
  }
  if (!is_name(*value)) {
    return std::unexpected(
        bad_parameter(parameter, "expected 1 to 64 of letters, digits and . _ - @ :"));
  }
  return *value;
}

std::expected<std::int64_t, Problem> limit_of(const Call& call) {
  const std::string* const value = call.query.find("limit");
  if (value == nullptr) return kListUsual;
  const bool number = is_number(*value) && value->size() <= 3;
  const std::int64_t limit = number ? std::stoll(*value) : 0;
  if (limit < 1 || limit > kListMax) {
    return std::unexpected(bad_parameter("limit", "must be a whole number from 1 to 200"));
  }
  return limit;
}

/// A reading of one space that stands in the path.
void ask_space(App& app, const Call& call, std::string_view verb, Reply reply) {
  const std::string& space = call.params.front();
  if (!is_name(space)) return reply(respond(bad_parameter("space", "is no name of a space")));
  ask(
      app, call, verb, Kind::Reads,
      [&](json::Writer& json) { json.field("space", std::string_view{space}); }, std::move(reply));
}

struct ActBody {
  std::string reason{};
  std::string request_id{};
  std::string env_name{};
  std::string step{};
  bool has_step = false;
};

Problem missing_field(std::string_view field, std::string detail) {
  return {.status = 400,
          .code = "missing_field",
          .detail = std::move(detail),
          .hint = "Send it in the body.",
          .field = std::string{field}};
}

std::expected<ActBody, Problem> read_act(std::string_view text) {
  const auto body = parse_json(text.empty() ? std::string_view{"{}"} : text);
  if (!body) {
    return std::unexpected(Problem{.status = 400,
                                   .code = "malformed_json",
                                   .detail = "the body is not JSON: " + body.error(),
                                   .hint = "Send one JSON object."});
  }
  if (body->kind != JsonKind::Object) {
    return std::unexpected(bad_field("", "the body must be an object"));
  }
  ActBody act;
  for (const JsonValue& member : body->items) {
    if (member.kind != JsonKind::String) {
      return std::unexpected(bad_field(member.name, "must be a string"));
    }
    if (member.name == "reason") {
      act.reason = member.text;
    } else if (member.name == "request_id") {
      act.request_id = member.text;
    } else if (member.name == "env_name") {
      act.env_name = member.text;
    } else if (member.name == "step") {
      act.step = member.text;
      act.has_step = true;
    } else {
      return std::unexpected(Problem{.status = 400,
                                     .code = "unknown_field",
                                     .detail = "this call has no such field",
                                     .hint = "It knows: reason, step, request_id, env_name.",
                                     .field = member.name});
    }
  }
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  if (std::ranges::all_of(act.reason, blank)) {
    return std::unexpected(missing_field("reason", "why: it is kept in the log"));
  }
  if (act.reason.size() > kReasonBytesMax) {
    return std::unexpected(bad_field("reason", "has at most 500 bytes"));
  }
  if (!act.request_id.empty() && !is_name(act.request_id)) {
    return std::unexpected(
        bad_field("request_id", "expected 1 to 64 of letters, digits and . _ - @ :"));
  }
  if (act.step.size() > kNameBytesMax) return std::unexpected(bad_field("step", "is no step"));
  return act;
}

}  // namespace

void get_deployments(App& app, const Call& call, Reply reply) {
  const auto limit = limit_of(call);
  if (!limit) return reply(respond(limit.error()));
  const std::string* const cursor = call.query.find("cursor");
  if (cursor != nullptr && !is_number(*cursor)) {
    return reply(respond({.status = 400,
                          .code = "bad_cursor",
                          .detail = "this is no cursor of ours",
                          .hint = "Take next_cursor of the page before."}));
  }
  ask(
      app, call, "deploy.list", Kind::Reads,
      [&](json::Writer& json) {
        json.field("limit", *limit);
        if (cursor != nullptr) json.field("before", std::string_view{*cursor});
      },
      std::move(reply));
}

void get_deployment(App& app, const Call& call, Reply reply) {
  const std::string& id = call.params.front();
  const bool newest = id == "newest";
  if (!newest && !is_number(id)) {
    return reply(respond(bad_parameter("id", "expected a number, or newest")));
  }
  ask(
      app, call, "deploy.show", Kind::Reads,
      [&](json::Writer& json) { json.field("id", newest ? "0" : std::string_view{id}); },
      std::move(reply));
}

void post_deployment(App& app, const Call& call, Reply reply) {
  const std::string& id = call.params.front();
  if (!is_number(id)) return reply(respond(bad_parameter("id", "expected a number")));
  const auto act = read_act(call.request.body);
  if (!act) return reply(respond(act.error()));
  const std::string& environment = app.options.environment;
  if (environment == "production" && act->env_name != environment) {
    return reply(respond({.status = 400,
                          .code = "unconfirmed",
                          .detail = "a change of production needs its name",
                          .hint = "Send \"env_name\":\"production\".",
                          .field = "env_name"}));
  }
  const std::string_view path = call.request.path();
  const std::string_view verb = path.substr(path.rfind(':') + 1);
  ask(
      app, call, "deploy.act", Kind::Changes,
      [&](json::Writer& json) {
        json.field("id", std::string_view{id});
        json.field("ask", verb);
        json.field("reason", std::string_view{act->reason});
        if (act->has_step) json.field("step", std::string_view{act->step});
        json.field("request_id", std::string_view{act->request_id});
      },
      std::move(reply));
}

void get_config_spaces(App& app, const Call& call, Reply reply) {
  ask(app, call, "config.space.list", Kind::Reads, {}, std::move(reply));
}

void get_config_space(App& app, const Call& call, Reply reply) {
  ask_space(app, call, "config.status", std::move(reply));
}

void get_config_units(App& app, const Call& call, Reply reply) {
  ask_space(app, call, "config.unit.list", std::move(reply));
}

void get_config_revisions(App& app, const Call& call, Reply reply) {
  const std::string& space = call.params.front();
  if (!is_name(space)) return reply(respond(bad_parameter("space", "is no name of a space")));
  const auto limit = limit_of(call);
  if (!limit) return reply(respond(limit.error()));
  ask(
      app, call, "config.rev.list", Kind::Reads,
      [&](json::Writer& json) {
        json.field("space", std::string_view{space});
        json.field("limit", *limit);
      },
      std::move(reply));
}

void get_config_diff(App& app, const Call& call, Reply reply) {
  const auto from = name_of(call, "from", false);
  if (!from) return reply(respond(from.error()));
  const auto to = name_of(call, "to", true);
  if (!to) return reply(respond(to.error()));
  ask(
      app, call, "config.diff", Kind::Reads,
      [&](json::Writer& json) {
        json.field("from", std::string_view{*from});
        json.field("to", std::string_view{*to});
      },
      std::move(reply));
}

void get_config_drift(App& app, const Call& call, Reply reply) {
  const auto space = name_of(call, "space", true);
  if (!space) return reply(respond(space.error()));
  ask(
      app, call, "config.drift", Kind::Reads,
      [&](json::Writer& json) { json.field("space", std::string_view{*space}); }, std::move(reply));
}

void get_config_audit(App& app, const Call& call, Reply reply) {
  const auto space = name_of(call, "space", false);
  if (!space) return reply(respond(space.error()));
  const auto user = name_of(call, "user", false);
  if (!user) return reply(respond(user.error()));
  const auto limit = limit_of(call);
  if (!limit) return reply(respond(limit.error()));
  ask(
      app, call, "config.audit", Kind::Reads,
      [&](json::Writer& json) {
        json.field("space", std::string_view{*space});
        json.field("by", std::string_view{*user});
        json.field("limit", *limit);
      },
      std::move(reply));
}

void get_config_verification(App& app, const Call& call, Reply reply) {
  ask(app, call, "config.audit.verify", Kind::Reads, {}, std::move(reply));
}

}  // namespace stoa::gateway

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "base/text.h"
#include "gateway/account_board.h"
#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/json_body.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::int64_t kOneE8 = 100'000'000;

const StrategyCard* find_or_reply(const App& app, const Call& call, Reply& reply) {
  const StrategyCard* strategy = app.account.find_strategy(call.params.front());
  if (strategy == nullptr) {
    reply(respond({.status = 404,
                   .code = "unknown_strategy",
                   .detail = "no strategy is called " + call.params.front().substr(0, 64),
                   .hint = "GET /api/v1/strategies lists them."}));
  }
  return strategy;
}

StrategyCommand command_for(const StrategyCard& strategy, StrategyAction action) {
  return StrategyCommand{.strategy = strategy.info.id,
                         .action = action,
                         .name = Text<24>::cut(strategy.info.name),
                         .actor = Note::cut("api")};
}

void send(App& app, const StrategyCard& strategy, const std::vector<StrategyCommand>& commands,
          Reply reply) {
  app.desk.command(
      commands,
      [&app, name = strategy.info.name] {
        std::string body;
        json::Writer json{body};
        app.render.strategy(json, *app.account.find_strategy(name));
        return respond_json(std::move(body));
      },
      std::move(reply));
}

std::string range_text(const StrategyParam& param) {
  if (param.kind == ParamKind::Boolean) return "must be true or false";
  std::string text = param.kind == ParamKind::Integer ? "must be a whole number from "
                                                      : "must be a decimal in a string from ";
  text += DecimalText{param.min_e8}.view();
  text += " to ";
  text += DecimalText{param.max_e8}.view();
  if (param.step_e8 > 1) {
    text += " in steps of ";
    text += DecimalText{param.step_e8}.view();
  }
  return text;
}

/// A parameter as JSON has it by its kind; whole numbers and booleans also in strings, as forms and
/// command lines send them.
std::expected<std::int64_t, Problem> read_param(const JsonValue& value,
                                                const StrategyParam& param) {
  const auto refuse = [&] { return std::unexpected(bad_field(param.name, range_text(param))); };
  if (param.kind == ParamKind::Boolean) {
    if (value.kind == JsonKind::Bool) return value.flag ? kOneE8 : 0;
    if (value.text == "true") return kOneE8;
    if (value.text == "false") return 0;
    return refuse();
  }
  const bool whole_number = param.kind == ParamKind::Integer && value.kind == JsonKind::Number;
  if (value.kind != JsonKind::String && !whole_number) return refuse();
  const auto e8 = parse_e8(value.text);
  if (!e8 || *e8 < param.min_e8 || *e8 > param.max_e8) return refuse();
  if (param.step_e8 > 1 && (int128{*e8} - param.min_e8) % param.step_e8 != 0) return refuse();
  return *e8;
}

}  // namespace

void get_strategies(App& app, const Call& /*call*/, Reply reply) {
  std::string body;
  json::Writer json{body};
  app.render.strategies(json);
  reply(respond_json(std::move(body)));
}

void start_strategy(App& app, const Call& call, Reply reply) {
  const StrategyCard* strategy = find_or_reply(app, call, reply);
  if (strategy == nullptr) return;
  send(app, *strategy, {command_for(*strategy, StrategyAction::Start)}, std::move(reply));
}

void stop_strategy(App& app, const Call& call, Reply reply) {
  const StrategyCard* strategy = find_or_reply(app, call, reply);
  if (strategy == nullptr) return;
  send(app, *strategy, {command_for(*strategy, StrategyAction::Stop)}, std::move(reply));
}

void put_strategy_params(App& app, const Call& call, Reply reply) {
  const StrategyCard* strategy = find_or_reply(app, call, reply);
  if (strategy == nullptr) return;
  const auto body = parse_json(call.request.body);
  if (!body) {
    return reply(respond({.status = 400,
                          .code = "malformed_json",
                          .detail = "the body is not JSON: " + body.error(),
                          .hint = "Send one JSON object of parameters."}));
  }
  if (body->kind != JsonKind::Object || body->items.empty()) {
    return reply(respond(bad_field("", "the body must be an object with at least one parameter")));
  }
  std::vector<StrategyCommand> commands;
  for (const JsonValue& member : body->items) {
    const StrategyParam* param = nullptr;
    std::string names;
    for (const StrategyParam& each : strategy->info.params) {
      if (each.name == member.name) param = &each;
      if (!names.empty()) names += ", ";
      names += each.name;
    }
    if (param == nullptr) {
      return reply(respond({.status = 400,
                            .code = "unknown_field",
                            .detail = "the strategy has no parameter of that name",
                            .hint = "It knows: " + names,
                            .field = member.name}));
    }
    const auto e8 = read_param(member, *param);
    if (!e8) return reply(respond(e8.error()));
    StrategyCommand command = command_for(*strategy, StrategyAction::SetParameter);
    command.parameter = Text<24>::cut(param->name);
    command.value_e8 = *e8;
    commands.push_back(command);
  }
  send(app, *strategy, commands, std::move(reply));
}

}  // namespace stoa::gateway

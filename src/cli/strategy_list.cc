#include <ostream>
#include <string>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/table.h"

namespace stoa::cli {
namespace {

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply = engine->get("/api/v1/strategies");
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
    return Exit::Ok;
  }
  Table table{{"NAME"},
              {"TYPE"},
              {"SYMBOL"},
              {"STATE"},
              {"ORDERS", kRight},
              {"FILLS", kRight},
              {"REJECTS", kRight},
              {"POSITION", kRight},
              {"REALIZED", kRight},
              {"UNREALIZED", kRight},
              {"LAST DECISION"}};
  for (const JsonValue& strategy : reply->value["strategies"].items()) {
    const bool faulted = !strategy["error"].is_null();
    table.row({strategy["name"].text(), strategy["type"].text(), strategy["symbol"].text(),
               strategy["state"].text(), strategy["orders"].text(), strategy["fills"].text(),
               strategy["rejects"].text(), strategy["position"].text(),
               strategy["realized_pnl"].text(), strategy["unrealized_pnl"].text(),
               faulted ? strategy["error"].text() : strategy["last_decision"].text()});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

}  // namespace

Command strategy_list() {
  return {.noun = "strategy",
          .verb = "list",
          .group = Command::Group::Run,
          .summary = "List strategies with state, orders and profit",
          .flags = {engine_flags(), config_flags(), output_flags()},
          .run = run};
}

}  // namespace stoa::cli

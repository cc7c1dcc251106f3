
#include <ostream>

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
  const auto reply = engine->get("/api/v1/positions");
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
    return Exit::Ok;
  }
  Table table{{"SYMBOL"},           {"QUANTITY", kRight},   {"AVERAGE", kRight},  {"MARK", kRight},
              {"NOTIONAL", kRight}, {"UNREALIZED", kRight}, {"REALIZED", kRight}, {"FEES", kRight}};
  for (const JsonValue& position : reply->value["positions"].items()) {
    table.row({position["symbol"].text(), position["quantity"].text(),
               position["average_price"].text_or("-"), position["mark_price"].text_or("-"),
               position["notional"].text(), position["unrealized_pnl"].text(),
               position["realized_pnl"].text(), position["fees"].text()});
  }
  if (table.rows() > 0) {
    const JsonValue& totals = reply->value["totals"];
    table.row({"total", "", "", "", totals["notional"].text(), totals["unrealized_pnl"].text(),
               totals["realized_pnl"].text(), totals["fees"].text()});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

}  // namespace

Command position_list() {
  return {.noun = "position",
          .verb = "list",
          .group = Command::Group::Trade,
          .summary = "List positions with their profit and loss",
          .flags = {engine_flags(), config_flags(), output_flags()},
          .run = run};
}

}  // namespace stoa::cli

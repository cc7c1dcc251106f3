#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/order_table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 3> kStatuses{"open", "closed", "all"};
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--status",
     .value = "WHICH",
     .help = "open (default), closed or all",
     .kind = Flag::Kind::Choice,
     .choices = kStatuses},
    {.name = "--symbol", .value = "SYMBOL", .help = "of this instrument only"},
    {.name = "--limit",
     .value = "N",
     .help = "at most so many, 1 to 1000, 100 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--cursor", .value = "C", .help = "go on behind an earlier page"},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa order list", "stoa order list --status all --symbol BTCUSDT -o json"});

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const Arguments& given = context.arguments;
  auto target = "/api/v1/orders?status=" + given.value_or("--status", "open") +
                "&limit=" + given.value_or("--limit", "100");
  if (const auto symbol = given.value("--symbol"))
    target += "&symbol=" + ops::percent_encode(*symbol);
  if (const auto cursor = given.value("--cursor"))
    target += "&cursor=" + ops::percent_encode(*cursor);
  const auto reply = engine->get(target);
  if (!reply) return reply.error();
  if (context.json()) {
    context.terminal.out << reply->text << '\n';
    return Exit::Ok;
  }
  context.terminal.out << orders_table(reply->value["orders"].items());
  context.terminal.err << more_line(reply->value);
  return Exit::Ok;
}

}  // namespace

Command order_list() {
  return {.noun = "order",
          .verb = "list",
          .group = Command::Group::Trade,
          .summary = "List orders, newest first",
          .flags = {kFlags, engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

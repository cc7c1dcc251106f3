#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/order_table.h"
#include "cli/risk_checks.h"
#include "cli/table.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({{.name = "ID", .help = "client order id"}});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa order show eth-1", "stoa order show eth-1 -o json"});

/// Fields that say on every line which order this is, and fields that say nothing (-o json has
/// them all).
bool is_noise(std::string_view name, const JsonValue& value) {
  constexpr std::array<std::string_view, 7> kIdentity{
      "client_order_id", "symbol", "account", "intent", "checks", "cl_ord_id", "strategy"};
  constexpr std::array<std::string_view, 4> kNothing{"", "0", "none", "None"};
  const bool stamp = name.starts_with("ts_");
  const bool empty = value.kind() != JsonValue::Kind::Array &&
                     value.kind() != JsonValue::Kind::Object &&
                     std::ranges::find(kNothing, value.text()) != kNothing.end();
  return stamp || empty || std::ranges::find(kIdentity, name) != kIdentity.end();
}

/// "price=60000 quantity=0.5": a step's own fields; checks have a table of their own.
std::string detail_text(const JsonValue& detail) {
  std::string text;
  for (const auto& [name, value] : detail.members()) {
    if (is_noise(name, value)) continue;
    if (!text.empty()) text += ' ';
    text += name + "=" + (value.kind() == JsonValue::Kind::Text ? value.text() : value.compact());
  }
  if (const auto& checks = detail["checks"].items(); !checks.empty()) {
    const auto passed =
        std::ranges::count_if(checks, [](const JsonValue& check) { return check["ok"].is_true(); });
    text += fmt::format("{}checks={}/{}", text.empty() ? "" : " ", passed, checks.size());
  }
  return text;
}

/// Every record of the order's life with the time since the one before and since the first.
std::string timeline(const JsonValue& story) {
  Table table{{"LSN", kRight},   {"TIME (UTC)"}, {"STEP", kRight},
              {"TOTAL", kRight}, {"EVENT"},      {"DETAIL"}};
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> before;
  for (const JsonValue& step : story.items()) {
    const auto ns = step["ts_ns"].integer();
    if (!first) first = ns;
    const auto since = [&](const std::optional<std::int64_t>& start) {
      return ns && start ? "+" + duration_text(*ns - *start) : std::string{"-"};
    };
    table.row({step["lsn"].text(), time_cell(step["ts_ns"].text()), before ? since(before) : "-",
               before ? since(first) : "-", step["event"].text(), detail_text(step["detail"])});
    before = ns;
  }
  return table.text();
}

Exit run(Context& context) {
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto reply =
      engine->get("/api/v1/orders/" + ops::percent_encode(context.arguments.required("ID")));
  if (!reply) return reply.error();
  auto& out = context.terminal.out;
  if (context.json()) {
    out << reply->text << '\n';
    return Exit::Ok;
  }
  const JsonValue& order = reply->value;
  out << order_line(order) << '\n' << timeline(order["story"]);
  for (const JsonValue& step : order["story"].items()) {
    const JsonValue& checks = step["detail"]["checks"];
    if (checks.items().empty()) continue;
    out << fmt::format("\nrisk checks at lsn {}\n", step["lsn"].text()) << checks_table(checks);
  }
  return Exit::Ok;
}

}  // namespace

Command order_show() {
  return {
      .noun = "order",
      .verb = "show",
      .group = Command::Group::Trade,
      .summary = "Show an order's whole story: every record, the times between, the risk checks",
      .arguments = kArguments,
      .flags = {engine_flags(), config_flags(), output_flags()},
      .examples = kExamples,
      .run = run};
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/doctor_checks.h"
#include "cli/exit.h"
#include "cli/table.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--port",
     .value = "N",
     .help = "port that should be free (gateway.port)",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa doctor", "stoa doctor --data /var/lib/stoa -o json"});

std::vector<Finding> look(const Context& context) {
  auto options = load_options(context);
  if (const auto port = context.arguments.value("--port")) {
    options.overrides.push_back({.key = "gateway.port", .values = {*port}, .flag = "--port"});
  }
  const auto loaded = ops::load(options);
  if (!loaded) {
    const Error& first = loaded.error().front();
    return {{.id = "config",
             .health = Health::Fail,
             .found = first.text(),
             .remedy = "stoa config check names every problem"}};
  }
  std::vector<Finding> findings{
      {.id = "config",
       .found = fmt::format("environment {} ({})", loaded->config.environment,
                            loaded->environment_reason)}};
  for (Finding& finding : examine(loaded->config, SystemClock{})) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::string as_json(const std::vector<Finding>& findings) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("checks");
  json.begin_array();
  for (const Finding& finding : findings) {
    json.begin_object();
    json.field("id", finding.id);
    json.field("state", finding.health == Health::Fail ? "fail" : to_string(finding.health));
    json.field("found", std::string_view{finding.found});
    json.field("remedy", std::string_view{finding.remedy});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

Exit run(Context& context) {
  const auto findings = look(context);
  if (context.json()) {
    context.terminal.out << as_json(findings) << '\n';
  } else {
    Table table{{"CHECK"}, {"STATE"}, {"FOUND"}, {"REMEDY"}};
    for (const Finding& finding : findings) {
      table.row({std::string{finding.id}, std::string{to_string(finding.health)}, finding.found,
                 finding.remedy});
    }
    context.terminal.out << table.text();
  }
  const bool failed = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.health == Health::Fail; });
  return failed ? Exit::Finding : Exit::Ok;
}

}  // namespace

Command doctor() {
  return {.noun = "doctor",
          .group = Command::Group::Look,
          .summary = "Check clock, disk, limits, port and processor for an engine, with remedies",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 3: a check failed. Warnings do not fail.",
          .run = run};
}

}  // namespace stoa::cli

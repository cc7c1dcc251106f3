#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/instance_json.h"
#include "cli/table.h"
#include "ops/registry.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa discovery list --data data", "stoa discovery list -o json"});

std::string as_json(const ops::Listing& listing) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("instances");
  json.begin_array();
  for (const ops::Instance& instance : listing.instances) append_instance(json, instance);
  json.end_array();
  json.field("ghosts", listing.ghosts);
  json.field("damaged", listing.damaged);
  json.end_object();
  return text;
}

std::string as_table(const ops::Listing& listing) {
  Table table{{"SERVICE"},       {"INSTANCE"},         {"HEALTH"},      {"COLOUR"},
              {"EPOCH", kRight}, {"PRIORITY", kRight}, {"PID", kRight}, {"ENDPOINTS"}};
  for (const ops::Instance& instance : listing.instances) {
    std::string endpoints;
    for (const auto& [name, address] : instance.endpoints) {
      endpoints += fmt::format("{}{}={}", endpoints.empty() ? "" : " ", name, address);
    }
    table.row({instance.service, instance.instance, std::string{ops::to_string(instance.health)},
               instance.colour.empty() ? "-" : instance.colour, std::to_string(instance.epoch),
               std::to_string(instance.priority), std::to_string(instance.pid), endpoints});
  }
  return table.text();
}

Exit run(Context& context) {
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return Exit::Finding;
  const auto dir = ops::services_dir(loaded->config.data.dir);
  const auto listing = ops::list_instances(dir, false);
  if (!listing) return context.fail(listing.error());
  context.terminal.out << (context.json() ? as_json(*listing) + "\n" : as_table(*listing));
  if (listing->instances.empty()) {
    context.terminal.err << fmt::format("no process is registered below {}\n", dir.string());
  }
  if (listing->damaged > 0) {
    context.terminal.err << fmt::format("{} files below {} are no entries\n", listing->damaged,
                                        dir.string());
    return Exit::Finding;
  }
  return Exit::Ok;
}

}  // namespace

Command discovery_list() {
  return {.noun = "discovery",
          .verb = "list",
          .group = Command::Group::Look,
          .summary = "List the processes that are alive, where they answer and how they are",
          .flags = {config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Exit 3: a file of the registry is no entry.",
          .run = run};
}

}  // namespace stoa::cli

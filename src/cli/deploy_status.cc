#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/deploy_run.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/table.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/deploy_view.h"
#include "deploy/switch_machine.h"
#include "protocol/json/writer.h"

// What the log of deployments says. Needs neither hub nor platform.
namespace stoa::cli {
namespace {

constexpr auto kDeployment = std::to_array<Argument>({
    {.name = "ID",
     .help = "as stoa deploy history shows it; the newest when none is named",
     .required = false},
});

std::uint64_t id_of(const Context& context) {
  const auto text = context.arguments.value_or("ID", "0");
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

Exit status(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto all = deploy::read_deploys(platform->layout.deploys());
  if (!all) return context.fail(all.error());
  if (all->empty()) {
    context.terminal.out << (context.json() ? "null\n" : "nothing was ever deployed here\n");
    return Exit::Ok;
  }
  const auto records = deploy::records_of(*all, id_of(context));
  const auto machine = machine_of(records);
  if (!machine) return context.fail(machine.error());
  const auto holder = deploy::DeployLock::holder(platform->layout.deploy_lock());
  const bool running = machine->outcome() == deploy::Outcome::Running;
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("apiVersion", "stoa/v1");
    json.field("kind", "Deployment");
    json.field("outcome", to_string(machine->outcome()));
    json.field("step", std::string_view{machine->step()});
    json.field("going_back", machine->going_back());
    json.field("paused", machine->paused());
    json.field("driven", holder.has_value());
    json.field("question", std::string_view{machine->question()});
    json.field("failure", std::string_view{machine->failure()});
    json.raw_field("plan", to_json(machine->plan()));
    json.key("records");
    json.begin_array();
    for (const auto& record : records) json.raw(to_json(record));
    json.end_array();
    json.end_object();
    context.terminal.out << text << '\n';
    return exit_of(*machine);
  }
  for (const auto& record : records) context.terminal.out << record_text(record) << '\n';
  context.terminal.out << fmt::format("deployment {}  {}", machine->plan().id,
                                      to_string(machine->outcome()));
  if (running) context.terminal.out << "  at: " << machine->step();
  if (machine->paused()) context.terminal.out << "  paused";
  context.terminal.out << '\n';
  if (!machine->failure().empty())
    context.terminal.out << "because  " << machine->failure() << '\n';
  if (!machine->question().empty()) {
    context.terminal.out << "waits for a person  " << machine->question() << '\n';
  }
  if (running && !holder) {
    context.terminal.out << fmt::format("nobody drives it; stoa deploy resume{} goes on\n",
                                        platform->data_flag());
  } else if (running) {
    context.terminal.out << "driven by " << holder->text() << '\n';
  }
  return exit_of(*machine);
}

Exit history(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto all = deploy::read_deploys(platform->layout.deploys());
  if (!all) return context.fail(all.error());
  Table table{{"ID", kRight}, {"BEGAN"}, {"RELEASE"}, {"STRATEGY"}, {"BY"}, {"OUTCOME"}, {"WHY"}};
  std::string text;
  json::Writer json{text};
  json.begin_array();
  for (const auto& first : *all) {
    if (first.kind != deploy::RecordKind::Began) continue;
    const auto machine = machine_of(deploy::records_of(*all, first.deploy));
    if (!machine) return context.fail(machine.error());
    const auto& plan = machine->plan();
    const std::string& why = machine->failure().empty() ? plan.reason : machine->failure();
    table.row({std::to_string(plan.id), to_rfc3339(first.at).substr(0, 19),
               plan.release.empty() ? "current" : plan.release,
               std::string{to_string(plan.strategy)}, plan.actor,
               std::string{to_string(machine->outcome())}, why.substr(0, 60)});
    json.begin_object();
    json.digits_field("id", plan.id);
    json.digits_field("began_ns", first.at.ns());
    json.field("release", std::string_view{plan.release});
    json.field("strategy", to_string(plan.strategy));
    json.field("actor", std::string_view{plan.actor});
    json.field("reason", std::string_view{plan.reason});
    json.field("outcome", to_string(machine->outcome()));
    json.field("failure", std::string_view{machine->failure()});
    json.digits_field("rolls_back", plan.rolls_back);
    json.end_object();
  }
  json.end_array();
  context.terminal.out << (context.json() ? text + "\n" : table.text());
  return Exit::Ok;
}

}  // namespace

Command deploy_status() {
  return {.noun = "deploy",
          .verb = "status",
          .group = Command::Group::Look,
          .summary = "Show a deployment, step by step",
          .arguments = kDeployment,
          .flags = {config_flags(), output_flags()},
          .notes =
              "Exit 0 under way or committed, 6 unapproved, 8 rolled back, 9 rollback failed, 10 "
              "a person decides.",
          .run = status};
}

Command deploy_history() {
  return {.noun = "deploy",
          .verb = "history",
          .group = Command::Group::Look,
          .summary = "List every deployment of this platform",
          .flags = {config_flags(), output_flags()},
          .run = history};
}

}  // namespace stoa::cli

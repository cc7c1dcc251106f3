#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/progress.h"
#include "cli/role_process.h"
#include "cli/supervisor_start.h"
#include "cli/table.h"
#include "deploy/control.h"
#include "deploy/plan.h"
#include "deploy/supervise.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--foreground",
     .help = "stay, and stop everything on Ctrl-C",
     .kind = Flag::Kind::Switch},
    {.name = "--dry-run", .help = "show the plan; start nothing", .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa up",
    "stoa up --data /var/lib/stoa --env production",
    "stoa up --data /tmp/b --base-port 100 --only execution",
    "stoa up --dry-run -o json",
});

std::string names_of(const deploy::Plan& plan, const std::vector<std::size_t>& places) {
  std::string names;
  for (const auto place : places) names += (names.empty() ? "" : ", ") + plan.roles[place].name;
  return names.empty() ? "-" : names;
}

std::string command_line(const std::vector<std::string>& argv) {
  std::string line;
  for (const auto& word : argv) (line += line.empty() ? "" : " ") += word;
  return line;
}

Exit show_plan(Context& context, const deploy::Plan& plan, const std::vector<std::size_t>& places) {
  if (!context.json()) {
    Table table{{"ROLE"}, {"PORT", kRight}, {"AFTER"}, {"COMMAND"}};
    for (const auto place : places) {
      const deploy::Role& role = plan.roles[place];
      table.row({role.name, role.port == 0 ? "any" : std::to_string(role.port),
                 names_of(plan, role.after), command_line(role.argv)});
    }
    context.terminal.out << table.text();
    return Exit::Ok;
  }
  std::string text;
  json::Writer json{text};
  json.begin_array();
  for (const auto place : places) {
    const deploy::Role& role = plan.roles[place];
    json.begin_object();
    json.field("role", std::string_view{role.name});
    json.field("port", role.port);
    json.key("after");
    json.begin_array();
    for (const auto before : role.after) json.value(std::string_view{plan.roles[before].name});
    json.end_array();
    json.key("command");
    json.begin_array();
    for (const auto& word : role.argv) json.value(std::string_view{word});
    json.end_array();
    json.field("log", std::string_view{role.log_file.native()});
    json.end_object();
  }
  json.end_array();
  context.terminal.out << text << '\n';
  return Exit::Ok;
}

/// As the running platform says, which may have been started with another base.
std::uint16_t gateway_port(const Platform& platform) {
  const auto state = platform_state(platform.layout);
  if (!state) return 0;
  for (const JsonValue& role : state->value["roles"].items()) {
    if (role["role"].text() != "gateway" || !role["ready"].is_true()) continue;
    return static_cast<std::uint16_t>(role["port"].integer().value_or(0));
  }
  return 0;
}

/// Says how it went; the last word of a start.
Exit report(Context& context, const Platform& platform, const Progress& progress,
            const JsonValue& done) {
  const auto page = page_url(platform, gateway_port(platform));
  const bool ok = done["ok"].is_true();
  if (context.json()) context.terminal.out << operation_json(progress, done, page) << '\n';
  if (!ok) {
    context.terminal.err << fmt::format("stoa up: {}\n", done["message"].text());
    if (done["refused"].is_true()) return Exit::Conflict;
    context.terminal.err << fmt::format(
        "  what this start had brought up is stopped again; more: stoa logs{}\n",
        platform.data_flag());
    return Exit::Failed;
  }
  if (context.json()) return Exit::Ok;
  if (progress.steps().empty()) {
    context.terminal.out << fmt::format("the platform runs already: {}\n",
                                        platform.layout.data.string());
  } else {
    context.terminal.out << fmt::format("\n{} roles ready in {} ms; waited for {}\n",
                                        progress.steps().size(), tenths(done["took_ms"].text()),
                                        critical_path_text(done));
  }
  if (!page.empty()) context.terminal.out << fmt::format("\n  page     {}\n", page);
  const auto flag = platform.data_flag();
  context.terminal.out << fmt::format("  next     stoa status{}    stoa logs{} -f    stoa down{}\n",
                                      flag, flag, flag);
  return Exit::Ok;
}

Exit foreground(Context& context, const Platform& platform, const std::vector<std::string>& only) {
  const log::Session session{log_options(context, "supervisor", platform.config)};
  Progress progress{context};
  const auto done = deploy::supervise(
      platform.plan, {.layout = platform.layout,
                      .timing = platform.timing,
                      .logs = platform.logs,
                      .environment_name = platform.config.environment,
                      .environment = own_environment(),
                      .foreground = true,
                      .only = only,
                      .progress = [&](std::string_view line) {
                        const auto event = JsonValue::parse(line);
                        if (!event) return;
                        if ((*event)["event"].text() != "done") return progress.add(*event);
                        progress.end();
                        if ((*event)["operation"].text() != "up" || !(*event)["ok"].is_true())
                          return;
                        static_cast<void>(report(context, platform, progress, *event));
                        context.terminal.out << std::flush;
                      }});
  if (!done) return context.fail(done.error());
  return Exit::Ok;
}

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto only = context.arguments.all("--only");
  const auto places = platform->plan.with_those_before(only);
  if (!places) return context.usage(places.error().message);
  if (context.arguments.has("--dry-run")) return show_plan(context, platform->plan, *places);

  const bool supervised = deploy::SupervisorLock::holder(platform->layout).has_value();
  if (supervised && context.arguments.has("--foreground")) {
    return context.fail(Error{.code = ErrorCode::Unavailable,
                              .message = "a supervisor runs already; stop it with stoa down" +
                                         platform->data_flag(),
                              .source = platform->layout.data.string()},
                        Exit::Conflict);
  }
  if (!supervised) {
    const auto hindrances = hindrances_of(*platform, *places);
    for (const auto& hindrance : hindrances) {
      context.terminal.err << "stoa up: " << hindrance.text() << '\n';
    }
    if (!hindrances.empty()) {
      context.terminal.err << "nothing was started\n";
      return Exit::Failed;
    }
    if (context.arguments.has("--foreground")) return foreground(context, *platform, only);
  }
  auto client = supervised ? deploy::ControlClient::connect(platform->layout.control())
                           : start_supervisor(context, *platform, {.only = only});
  if (!client) return context.fail(client.error());
  Progress progress{context};
  const auto done = operate(context, *client, {.verb = deploy::Request::Verb::Up, .roles = only},
                            platform->longest_silence(), progress);
  if (!done) return done.error();
  return report(context, *platform, progress, *done);
}

}  // namespace

Command up() {
  return {.noun = "up",
          .group = Command::Group::Run,
          .summary =
              "Start the platform: every role in its order, each once those before it are "
              "ready",
          .flags = {kFlags, supervisor_flags(), platform_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Looks at configuration, ports, disk and locks first and names all that is "
              "amiss at once. A role that does not become ready takes the start back: exit 1, "
              "nothing is left running. On a running platform it starts what is missing.",
          .run = run};
}

}  // namespace stoa::cli

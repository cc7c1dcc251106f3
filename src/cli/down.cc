#include <fmt/core.h>
#include <sys/poll.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/progress.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/supervise.h"
#include "deploy/supervisor.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--force", .help = "SIGKILL at once", .kind = Flag::Kind::Switch},
    {.name = "--timeout",
     .value = "SECONDS",
     .help = "from SIGTERM to SIGKILL, of each role (roles.stop_timeout_s)",
     .kind = Flag::Kind::Integer},
    {.name = "--dry-run",
     .help = "show what would be stopped; stop nothing",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa down",
    "stoa down --data /var/lib/stoa --timeout 5",
    "stoa down --force",
});

std::optional<std::chrono::seconds> timeout_of(const Context& context) {
  const auto text = context.arguments.value("--timeout");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  std::from_chars(text->data(), text->data() + text->size(), seconds);  // digits: the table asks
  return std::chrono::seconds{seconds};
}

/// The next `up` must find the directory free.
void wait_until_gone(const deploy::Layout& layout) {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + std::chrono::seconds{5};
  while (deploy::SupervisorLock::holder(layout) && clock.monotonic() < deadline) {
    ::poll(nullptr, 0, 2);
  }
}

Exit report(Context& context, const Progress& progress, const JsonValue& done) {
  if (context.json()) context.terminal.out << operation_json(progress, done, {}) << '\n';
  if (!done["ok"].is_true()) {
    context.terminal.err << fmt::format("stoa down: {}\n", done["message"].text());
    return Exit::Failed;
  }
  if (!context.json()) {
    context.terminal.out << fmt::format("\n{} roles stopped in {} ms\n", progress.steps().size(),
                                        tenths(done["took_ms"].text()));
  }
  return Exit::Ok;
}

/// Roles whose supervisor died: this process takes them over, to stop them in their order.
Exit stop_orphans(Context& context, const Platform& platform,
                  const deploy::Supervisor::DownOptions& down) {
  context.terminal.err << "stoa down: the supervisor is gone; its roles are stopped without it\n";
  Progress progress{context};
  Exit exit = Exit::Failed;
  const auto done =
      deploy::supervise(platform.plan, {.layout = platform.layout,
                                        .timing = platform.timing,
                                        .environment_name = platform.config.environment,
                                        .first = deploy::SuperviseOptions::First::Down,
                                        .down = down,
                                        .progress = [&](std::string_view line) {
                                          const auto event = JsonValue::parse(line);
                                          if (!event) return;
                                          if ((*event)["event"].text() != "done")
                                            return progress.add(*event);
                                          progress.end();
                                          exit = report(context, progress, *event);
                                        }});
  return done ? exit : context.fail(done.error());
}

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const deploy::Layout& layout = platform->layout;
  const deploy::Supervisor::DownOptions down{.force = context.arguments.has("--force"),
                                             .timeout = timeout_of(context)};
  const bool supervised = deploy::SupervisorLock::holder(layout).has_value();
  const auto running = deploy::running_roles(layout);
  if (!supervised && running.empty()) {
    if (context.json()) {
      context.terminal.out << R"({"ok":true,"message":"nothing runs","order":[]})" << '\n';
    } else {
      context.terminal.out << fmt::format("nothing runs below {}\n", layout.data.string());
    }
    return Exit::Ok;
  }
  if (context.arguments.has("--dry-run")) {
    for (auto role = running.rbegin(); role != running.rend(); ++role) {
      context.terminal.out << fmt::format("would stop {} (process {})\n", role->name,
                                          role->process.pid);
    }
    return Exit::Ok;
  }
  if (!supervised) return stop_orphans(context, *platform, down);
  auto client = deploy::ControlClient::connect(layout.control());
  if (!client) return context.fail(client.error());
  Progress progress{context};
  constexpr std::chrono::seconds kGrace{10};
  const auto silence = down.timeout.value_or(platform->timing.stop_timeout) + kGrace;
  const auto done =
      operate(context, *client,
              {.verb = deploy::Request::Verb::Down, .force = down.force, .timeout = down.timeout},
              silence, progress);
  if (!done) return done.error();
  wait_until_gone(layout);
  return report(context, progress, *done);
}

}  // namespace

Command down() {
  return {.noun = "down",
          .group = Command::Group::Run,
          .summary = "Stop the platform: every role in reverse order",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "SIGTERM first; a role that has not ended after its time is killed. Exit 0 also "
              "when nothing runs. Exit 7: no answer in time.",
          .run = run};
}

}  // namespace stoa::cli

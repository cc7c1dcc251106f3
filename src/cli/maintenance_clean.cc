#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/maintenance.h"
#include "cli/platform.h"
#include "deploy/log_files.h"
#include "deploy/plan.h"
#include "deploy/supervise.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--keep-days",
     .value = "N",
     .help = "younger archives stay (log.keep_days)",
     .kind = Flag::Kind::Integer},
    {.name = "--keep-bytes",
     .value = "N",
     .help = "while all of them fit in here (log.keep_bytes)",
     .kind = Flag::Kind::Integer},
    {.name = "--dry-run", .help = "show what would be done", .kind = Flag::Kind::Switch},
});

void set(const Context& context, std::string_view flag, const auto& use) {
  const auto text = context.arguments.value(flag);
  if (!text) return;
  std::uint64_t value = 0;
  std::from_chars(text->data(), text->data() + text->size(), value);
  use(value);
}

/// Pid files and sockets of processes that are gone.
std::vector<deploy::LogAction> sweep(const Platform& platform, bool dry_run) {
  std::vector<deploy::LogAction> actions;
  const auto& layout = platform.layout;
  const auto running = deploy::running_roles(layout);
  const auto drop = [&](const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(std::filesystem::symlink_status(file, error))) return;
    if (!dry_run) std::filesystem::remove(file, error);
    actions.push_back({.what = "dropped", .file = file});
  };
  for (const deploy::RoleKind& kind : deploy::role_kinds()) {
    bool lives = false;
    for (const auto& role : running) lives |= role.name == kind.name;
    if (lives) continue;
    drop(layout.pid(kind.name));
    drop(layout.notify(kind.name));
  }
  if (!deploy::SupervisorLock::holder(layout)) drop(layout.control());
  return actions;
}

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const bool dry_run = context.arguments.has("--dry-run");
  auto rules = platform->logs;
  set(context, "--keep-days", [&](std::uint64_t days) {
    rules.keep = std::chrono::hours{24} * static_cast<std::int64_t>(days);
  });
  set(context, "--keep-bytes", [&](std::uint64_t bytes) { rules.archive_bytes = bytes; });
  auto actions = sweep(*platform, dry_run);
  const auto dropped = deploy::drop_old_logs(platform->layout, rules, SystemClock{}.now(), dry_run);
  if (!dropped) return context.fail(dropped.error());
  actions.insert(actions.end(), dropped->begin(), dropped->end());
  show_actions(context, actions, dry_run);
  return Exit::Ok;
}

}  // namespace

Command maintenance_clean() {
  return {.noun = "maintenance",
          .verb = "clean",
          .group = Command::Group::Setup,
          .summary = "Drop archived logs past their time and what dead processes left in run",
          .flags = {kFlags, config_flags(), output_flags()},
          .notes =
              "Never by number alone: an archive goes when it is older than log.keep_days, or "
              "the oldest go when all take more than log.keep_bytes.",
          .run = run};
}

}  // namespace stoa::cli

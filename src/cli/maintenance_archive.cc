#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX

#include <algorithm>
#include <array>
#include <chrono>
#include <expected>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/maintenance.h"
#include "cli/platform.h"
#include "deploy/children.h"
#include "deploy/log_files.h"
#include "deploy/supervise.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--dry-run", .help = "show what would be done", .kind = Flag::Kind::Switch},
});

/// Moves every log aside that has something in it and tells its writer.
Result<std::vector<std::filesystem::path>> turn_all(const Platform& platform, bool dry_run) {
  std::vector<std::filesystem::path> turned;
  auto writers = deploy::running_roles(platform.layout);
  if (const auto pid = deploy::SupervisorLock::holder(platform.layout)) {
    writers.push_back({.name = "supervisor", .process = {.pid = *pid}});
  }
  std::error_code error;
  for (std::filesystem::directory_iterator files{platform.layout.logs(), error}, end;
       !error && files != end; files.increment(error)) {
    const auto& file = files->path();
    std::error_code gone;
    if (file.extension() != ".log" || std::filesystem::file_size(file, gone) == 0 || gone) continue;
    turned.push_back(file);
    if (dry_run) continue;
    const auto writer =
        std::ranges::find(writers, file.stem().string(), &deploy::RunningRole::name);
    const bool written = writer != writers.end();
    const bool told = written && deploy::catches(writer->process.pid, SIGUSR1);
    const auto now = SystemClock{}.now();
    const auto aside = !written || told ? deploy::turn(file, now) : deploy::turn_by_copy(file, now);
    if (!aside) return std::unexpected(aside.error());
    if (told) ::kill(writer->process.pid, SIGUSR1);
  }
  return turned;
}

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const bool dry_run = context.arguments.has("--dry-run");
  const auto turned = turn_all(*platform, dry_run);
  if (!turned) return context.fail(turned.error());
  // All of it is whole by now: what is left in a moved file arrives within moments.
  constexpr std::chrono::seconds kLater{5};
  const auto now = SystemClock{}.now();
  if (!dry_run && !turned->empty()) wait_a_moment();
  auto archived = deploy::archive_logs(platform->layout, dry_run ? now : now + kLater, dry_run);
  if (!archived) return context.fail(archived.error());
  if (dry_run) {
    for (const auto& file : *turned) {
      std::error_code gone;
      archived->push_back({.what = "archived",
                           .file = file,
                           .into = platform->layout.archive(),
                           .bytes_before = std::filesystem::file_size(file, gone)});
    }
  }
  show_actions(context, *archived, dry_run);
  return Exit::Ok;
}

}  // namespace

Command maintenance_archive() {
  return {.noun = "maintenance",
          .verb = "archive",
          .group = Command::Group::Setup,
          .summary = "Move the logs aside and pack them into log/archive",
          .flags = {kFlags, config_flags(), output_flags()},
          .notes =
              "The supervisor does the same by itself, by size (log.rotate_bytes) and each "
              "day. Roles go on in a new file; an archive is read back before its original "
              "goes. To read one: zstd -dc FILE.",
          .run = run};
}

}  // namespace stoa::cli

#include "cli/supervisor_start.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <chrono>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/platform.h"
#include "cli/role_process.h"
#include "deploy/children.h"
#include "deploy/control.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervise.h"

namespace stoa::cli {
namespace {

constexpr std::chrono::seconds kListensWithin{10};

/// The command line of the supervisor that this start needs.
std::vector<std::string> supervisor_argv(const Context& context, const Platform& platform,
                                         const SupervisorStart& how) {
  const Arguments& given = context.arguments;
  std::vector<std::string> argv{own_program(), "run", "supervisor"};
  const auto add = [&](std::string_view flag, const std::string& value) {
    argv.emplace_back(flag);
    argv.push_back(value);
  };
  add("--data", platform.layout.data.string());
  add("--env", platform.config.environment);
  add("--base-port", deploy::to_string(platform.base_port));
  std::error_code error;
  if (const auto file = given.value("--config")) {
    add("--config", std::filesystem::absolute(*file, error).string());
  }
  if (const auto level = given.value("--log-level")) add("--log-level", *level);
  for (const auto& setting : given.all("--set")) add("--set", setting);
  for (const auto& role : how.only) add("--only", role);
  if (how.idle) argv.emplace_back("--idle");
  return argv;
}

}  // namespace

Result<deploy::ControlClient> start_supervisor(const Context& context, const Platform& platform,
                                               const SupervisorStart& how) {
  const auto log = platform.layout.log("supervisor");
  auto process = deploy::Process::start({.argv = supervisor_argv(context, platform, how),
                                         .environment = own_environment(),
                                         .log_file = log});
  if (!process) return std::unexpected(process.error());
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + kListensWithin;
  while (clock.monotonic() < deadline) {
    auto client = deploy::ControlClient::connect(platform.layout.control());
    if (client) return client;
    pollfd ended{.fd = process->fd(), .events = POLLIN, .revents = 0};
    constexpr int kLookMs = 5;
    if (::poll(&ended, 1, kLookMs) <= 0) continue;
    const auto status = process->reap();
    // Two starts at once: the other one's supervisor is as good.
    if (deploy::SupervisorLock::holder(platform.layout)) continue;
    return std::unexpected(Error{
        .code = ErrorCode::Io,
        .message = fmt::format("the supervisor ended with {}\n{}",
                               status ? status->text() : "no status", deploy::tail_of(log, 5)),
        .source = log.string()});
  }
  process->kill_all();
  return std::unexpected(Error{.code = ErrorCode::Unavailable,
                               .message = "the supervisor did not listen within 10 s",
                               .source = log.string()});
}

}  // namespace stoa::cli

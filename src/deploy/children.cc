#include "deploy/children.h"

#include <fmt/core.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): signal names are POSIX
#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "deploy/build.h"
#include "deploy/layout.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervise.h"
#include "ops/whole_file.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kLastLines = 5;
constexpr std::uint64_t kTailBytes = 65'536;
constexpr std::string_view kBetween = ".between";  // of a role whose processes change places
constexpr ::mode_t kPidFileMode = 0644;

/// "812 123456 ready": who runs, when the kernel started it, how far it came. With a build that is
/// not the platform's own there are four lines: that, colour, release and program.
struct PidFile {
  ProcessId id{};
  bool ready = false;
  Build build{};
};

std::optional<PidFile> read_pid(const std::filesystem::path& path) {
  std::ifstream in{path};
  PidFile file;
  std::string word;
  if (!(in >> file.id.pid >> file.id.start_ticks >> word)) return std::nullopt;
  file.ready = word == "ready";
  std::string colour;
  std::string program;
  std::getline(in, word);
  if (std::getline(in, colour) && std::getline(in, file.build.release) &&
      std::getline(in, program)) {
    file.build.colour = parse_colour(colour).value_or(Colour::Blue);
    file.build.program = program;
  }
  return file;
}

/// Of the process itself: what it runs, not what it was told by its own starter.
bool ours_to_set(std::string_view variable) {
  return variable.starts_with("NOTIFY_SOCKET=") || variable.starts_with("WATCHDOG_USEC=") ||
         variable.starts_with("WATCHDOG_PID=") || variable.starts_with("LISTEN_FDS=") ||
         variable.starts_with("LISTEN_PID=") || variable.starts_with("LISTEN_FDNAMES=");
}

}  // namespace

Children::Children(const Plan& plan, Options options)
    : plan_{plan}, options_{std::move(options)}, children_(plan.roles.size()) {
  std::erase_if(options_.environment, ours_to_set);
}

Result<void> Children::open_notices(std::size_t role) {
  auto socket = NoticeSocket::bind(options_.layout.notify(plan_.roles[role].name));
  if (!socket) return std::unexpected(socket.error());
  children_[role].notices.emplace(std::move(*socket));
  return {};
}

Result<ProcessId> Children::launch(std::size_t role, As as, const Build& build) {
  Child& child = children_[role];
  const Role& plan = plan_.roles[role];
  if (!child.notices) {
    if (const auto open = open_notices(role); !open) return std::unexpected(open.error());
  }
  Running running{.build = build,
                  .log_file = as == As::Beside ? beside_log(role, build.colour) : plan.log_file,
                  .stays = as == As::Beside};
  Launch launch{.argv = plan.argv,
                .environment = options_.environment,
                .log_file = running.log_file,
                .ends_with_parent = options_.end_with_us};
  if (!build.program.empty()) launch.argv.front() = build.program.string();
  if (as == As::Successor) launch.argv.emplace_back("--take-over");
  if (as == As::Beside) launch.argv.insert(launch.argv.end(), {"--beside", "--port", "0"});
  if (as == As::Beside || (plan.switches && build != Build{})) {
    launch.argv.insert(launch.argv.end(), {"--colour", std::string{to_string(build.colour)}});
    if (!build.release.empty()) {
      launch.argv.insert(launch.argv.end(), {"--release", build.release});
    }
  }
  launch.environment.push_back("NOTIFY_SOCKET=" + options_.layout.notify(plan.name).string());
  if (options_.watchdog.count() > 0) {
    launch.environment.push_back(
        fmt::format("WATCHDOG_USEC={}", std::chrono::microseconds{options_.watchdog}.count()));
  }
  std::error_code none;
  const auto written = std::filesystem::file_size(running.log_file, none);
  running.log_from = none ? 0 : written;
  auto process = Process::start(launch);
  if (!process) return std::unexpected(process.error());
  const ProcessId id = process->id();
  running.heard = id.pid;
  running.process = std::move(*process);
  const bool beside = as != As::Own;
  (beside ? child.beside : child.own) = std::move(running);
  write_pid(role, beside);
  return id;
}

Result<ProcessId> Children::start(std::size_t role, const Build& build) {
  return launch(role, As::Own, build);
}

Result<ProcessId> Children::start_successor(std::size_t role, const Build& build) {
  return launch(role, As::Successor, build);
}

Result<ProcessId> Children::start_beside(std::size_t role, const Build& build) {
  return launch(role, As::Beside, build);
}

/// Two names change places: under a third one meanwhile, so that at each moment a supervisor that
/// comes finds both processes.
void Children::promote(std::size_t role) {
  Child& child = children_[role];
  const bool stays = child.beside.stays;
  const auto second = pid_file(role, true);
  const auto between = options_.layout.pid(plan_.roles[role].name + std::string{kBetween});
  if (stays) write_pid(child.beside, between);
  std::swap(child.own, child.beside);
  std::swap(child.own.stays, child.beside.stays);
  std::error_code ignored;
  if (stays && child.beside.process) {
    write_pid(role, true);
  } else {
    std::filesystem::remove(second, ignored);
  }
  write_pid(role, false);
  std::filesystem::remove(between, ignored);
}

void Children::signal(std::size_t role, int number) {
  if (const auto& process = children_[role].own.process) process->signal(number);
}

void Children::kill(std::size_t role) {
  if (const auto& process = children_[role].own.process) process->kill_all();
}

void Children::signal_beside(std::size_t role, int number) {
  if (const auto& process = children_[role].beside.process) process->signal(number);
}

void Children::kill_beside(std::size_t role) {
  if (const auto& process = children_[role].beside.process) process->kill_all();
}

std::string Children::last_lines(std::size_t role) {
  return tail_of(log_file(role, false), kLastLines, children_[role].own.log_from);
}

std::string Children::last_lines_beside(std::size_t role) {
  const Running& beside = children_[role].beside;  // it may have ended
  return tail_of(beside.log_file, kLastLines, beside.log_from);
}

void Children::adopt(const std::function<void(const Found& found)>& found) {
  const auto take = [](const std::filesystem::path& path) {
    Running running;
    const auto file = read_pid(path);
    if (!file) return running;
    auto process = Process::adopt(file->id);
    if (!process) return running;
    running = {.heard = file->id.pid, .build = file->build, .ready = file->ready};
    running.process = std::move(*process);
    return running;
  };
  for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
    const Role& plan = plan_.roles[role];
    const auto next = options_.layout.pid(plan.name + ".next");
    const auto stands = options_.layout.pid(plan.name + ".beside");
    const auto between = options_.layout.pid(plan.name + std::string{kBetween});
    Running own = take(options_.layout.pid(plan.name));
    Running successor = take(next);
    Running beside = take(stands);
    std::error_code ignored;
    if (Running up = take(between); up.process) {
      if (!beside.process || beside.heard == up.heard) beside = std::move(own);
      own = std::move(up);
    }
    std::filesystem::remove(between, ignored);
    std::filesystem::remove(next, ignored);
    std::filesystem::remove(stands, ignored);
    if (own.process && successor.process) successor.process->kill_all();
    if (!own.process) own = std::move(successor);
    if ((!own.process && !beside.process) || !open_notices(role)) continue;
    own.log_file = plan.log_file;
    beside.stays = true;
    beside.log_file = beside_log(role, beside.build.colour);
    Child& child = children_[role];
    child.own = std::move(own);
    child.beside = std::move(beside);
    for (const bool second : {false, true}) {
      const Running& each = second ? child.beside : child.own;
      if (!each.process) continue;
      write_pid(role, second);
      found({.role = role,
             .beside = second,
             .process = each.process->id(),
             .build = each.build,
             .ready = each.ready});
    }
  }
}

void Children::note_ready(std::size_t role, bool beside) {
  (beside ? children_[role].beside : children_[role].own).ready = true;
  write_pid(role, beside);
}

const Children::Running& Children::running(std::size_t role, bool beside) const {
  return beside ? children_[role].beside : children_[role].own;
}

std::filesystem::path Children::log_file(std::size_t role, bool beside) const {
  const Running& process = running(role, beside);
  if (beside) return process.process ? process.log_file : std::filesystem::path{};
  return process.log_file.empty() ? plan_.roles[role].log_file : process.log_file;
}

std::filesystem::path Children::beside_log(std::size_t role, Colour colour) const {
  return options_.layout.log(plan_.roles[role].name + '.' + std::string{to_string(colour)});
}

std::filesystem::path Children::pid_file(std::size_t role, bool beside) const {
  const std::string& name = plan_.roles[role].name;
  if (!beside) return options_.layout.pid(name);
  return options_.layout.pid(name + (children_[role].beside.stays ? ".beside" : ".next"));
}

void Children::write_pid(std::size_t role, bool beside) const {
  write_pid(running(role, beside), pid_file(role, beside));
}

/// A new file under the name, so that a reader never sees half of one.
void Children::write_pid(const Running& own, const std::filesystem::path& path) {
  if (!own.process) return;
  auto text = fmt::format("{} {} {}\n", own.process->id().pid, own.process->id().start_ticks,
                          own.ready ? "ready" : "starting");
  if (own.build != Build{}) {
    text += fmt::format("{}\n{}\n{}\n", to_string(own.build.colour), own.build.release,
                        own.build.program.string());
  }
  // Without the file only an adoption is lost.
  if (const auto written = ops::replace_whole(path, text, kPidFileMode); !written) {
    log::warn("pid_file_not_written", {{"why", written.error().text()}});
  }
}

int Children::notice_fd(std::size_t role) const {
  const auto& notices = children_[role].notices;
  return notices ? notices->fd() : -1;
}

int Children::process_fd(std::size_t role) const {
  const auto& process = children_[role].own.process;
  return process ? process->fd() : -1;
}

int Children::beside_fd(std::size_t role) const {
  const auto& process = children_[role].beside.process;
  return process ? process->fd() : -1;
}

std::optional<Notice> Children::notice(std::size_t role) {
  Child& child = children_[role];
  if (!child.notices) return std::nullopt;
  auto notice = child.notices->receive(child.own.heard, child.beside.heard);
  if (notice) return notice;
  for (Running* each : {&child.own, &child.beside}) {
    if (!each->process) each->heard = 0;
  }
  return std::nullopt;
}

bool Children::is_beside(std::size_t role, pid_t pid) const {
  return children_[role].beside.heard == pid;
}

std::optional<ExitStatus> Children::ended(std::size_t role) { return reap(role, false); }

std::optional<ExitStatus> Children::ended_beside(std::size_t role) { return reap(role, true); }

std::optional<ExitStatus> Children::reap(std::size_t role, bool beside) {
  Child& child = children_[role];
  auto& process = beside ? child.beside.process : child.own.process;
  if (!process) return std::nullopt;
  auto status = process->reap();
  if (!status) return std::nullopt;
  process.reset();
  std::error_code ignored;
  std::filesystem::remove(pid_file(role, beside), ignored);
  return status;
}

bool Children::takes_reopen(std::size_t role, bool beside) const {
  const auto& process = running(role, beside).process;
  return process && catches(process->id().pid, SIGUSR1);
}

bool catches(pid_t pid, int number) {
  constexpr std::string_view kCaught = "SigCgt:\t";
  std::ifstream in{fmt::format("/proc/{}/status", pid)};
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kCaught)) continue;
    std::uint64_t mask = 0;
    const auto* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + kCaught.size(), end, mask, 16);
    return error == std::errc{} && ((mask >> (number - 1)) & 1U) != 0;
  }
  return false;
}

std::string tail_of(const std::filesystem::path& file, std::size_t lines, std::uint64_t from) {
  std::ifstream in{file, std::ios::binary | std::ios::ate};
  if (!in) return {};
  const auto size = static_cast<std::uint64_t>(in.tellg());
  if (from > size) from = 0;  // the log has been turned meanwhile
  if (size - from > kTailBytes) from = size - kTailBytes;
  std::string text(static_cast<std::size_t>(size - from), '\0');
  in.seekg(static_cast<std::streamoff>(from));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  while (text.ends_with('\n')) text.pop_back();
  std::size_t at = text.size();
  for (; lines > 0 && at != std::string::npos; --lines)
    at = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  return at == std::string::npos ? text : text.substr(at + 1);
}

std::vector<RunningRole> running_roles(const Layout& layout) {
  std::vector<RunningRole> running;
  for (const RoleKind& kind : role_kinds()) {
    const auto file = read_pid(layout.pid(kind.name));
    if (file && running_process(file->id.pid) == file->id) {
      running.push_back({.name = std::string{kind.name}, .process = file->id});
    }
    const auto second = read_pid(layout.pid(std::string{kind.name} + ".beside"));
    if (!second || running_process(second->id.pid) != second->id) continue;
    running.push_back({.name = fmt::format("{}.{}", kind.name, to_string(second->build.colour)),
                       .process = second->id});
  }
  return running;
}

void sweep_left_behind(const Layout& layout) {
  const auto live = running_roles(layout);
  std::error_code ignored;
  for (const RoleKind& kind : role_kinds()) {
    bool own = false;
    bool beside = false;
    for (const RunningRole& role : live) {
      own |= role.name == kind.name;
      beside |= role.name.starts_with(std::string{kind.name} + '.');
    }
    if (!own) std::filesystem::remove(layout.pid(kind.name), ignored);
    if (!beside) std::filesystem::remove(layout.pid(std::string{kind.name} + ".beside"), ignored);
    if (!own && !beside) std::filesystem::remove(layout.notify(kind.name), ignored);
  }
  std::filesystem::remove(layout.control(), ignored);
}

}  // namespace stoa::deploy

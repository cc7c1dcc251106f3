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
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/layout.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervise.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kLastLines = 5;
constexpr std::uint64_t kTailBytes = 65'536;

/// "812 123456 ready": who runs, when the kernel started it, how far it came.
struct PidFile {
  ProcessId id{};
  bool ready = false;
};

std::optional<PidFile> read_pid(const std::filesystem::path& path) {
  std::ifstream in{path};
  PidFile file;
  std::string word;
  if (!(in >> file.id.pid >> file.id.start_ticks >> word)) return std::nullopt;
  file.ready = word == "ready";
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

Result<Process> Children::launch(std::size_t role, bool take_over) {
  Child& child = children_[role];
  const Role& plan = plan_.roles[role];
  if (!child.notices) {
    if (const auto open = open_notices(role); !open) return std::unexpected(open.error());
  }
  Launch launch{.argv = plan.argv,
                .environment = options_.environment,
                .log_file = plan.log_file,
                .ends_with_parent = options_.end_with_us};
  if (take_over) launch.argv.emplace_back("--take-over");
  launch.environment.push_back("NOTIFY_SOCKET=" + options_.layout.notify(plan.name).string());
  if (options_.watchdog.count() > 0) {
    launch.environment.push_back(
        fmt::format("WATCHDOG_USEC={}", std::chrono::microseconds{options_.watchdog}.count()));
  }
  std::error_code none;
  const auto written = std::filesystem::file_size(plan.log_file, none);
  child.log_from = none ? 0 : written;
  return Process::start(launch);
}

Result<ProcessId> Children::start(std::size_t role) {
  auto process = launch(role, false);
  if (!process) return std::unexpected(process.error());
  const ProcessId id = process->id();
  children_[role].own = {.process = std::move(*process), .heard = id.pid};
  write_pid(role, false, false);
  return id;
}

Result<ProcessId> Children::start_successor(std::size_t role) {
  auto process = launch(role, true);
  if (!process) return std::unexpected(process.error());
  const ProcessId id = process->id();
  children_[role].beside = {.process = std::move(*process), .heard = id.pid};
  write_pid(role, true, false);
  return id;
}

void Children::promote(std::size_t role) {
  std::swap(children_[role].own, children_[role].beside);
  write_pid(role, false, false);
  std::error_code ignored;
  std::filesystem::remove(pid_file(role, true), ignored);
}

void Children::signal(std::size_t role, int number) {
  if (const auto& process = children_[role].own.process) process->signal(number);
}

void Children::kill(std::size_t role) {
  if (const auto& process = children_[role].own.process) process->kill_all();
}

void Children::kill_beside(std::size_t role) {
  if (const auto& process = children_[role].beside.process) process->kill_all();
}

std::string Children::last_lines(std::size_t role) {
  return tail_of(plan_.roles[role].log_file, kLastLines, children_[role].log_from);
}

void Children::adopt(
    const std::function<void(std::size_t role, const ProcessId& id, bool ready)>& found) {
  const auto running = [](const std::optional<PidFile>& file) -> std::optional<Process> {
    if (!file) return std::nullopt;
    auto process = Process::adopt(file->id);
    return process ? std::optional{std::move(*process)} : std::nullopt;
  };
  for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
    auto file = read_pid(pid_file(role, false));
    const auto next = read_pid(pid_file(role, true));
    auto process = running(file);
    auto successor = running(next);
    std::error_code ignored;
    std::filesystem::remove(pid_file(role, true), ignored);
    if (process && successor) successor->kill_all();
    if (!process && successor) {
      process = std::move(successor);
      file = next;
    }
    if (!process || !file || !open_notices(role)) continue;
    children_[role].own = {.process = std::move(process), .heard = file->id.pid};
    write_pid(role, false, file->ready);
    found(role, file->id, file->ready);
  }
}

void Children::note_ready(std::size_t role) { write_pid(role, false, true); }

std::filesystem::path Children::pid_file(std::size_t role, bool beside) const {
  return options_.layout.pid(plan_.roles[role].name + (beside ? ".next" : ""));
}

/// A new file under the name, so that a reader never sees half of one.
void Children::write_pid(std::size_t role, bool beside, bool ready) const {
  const Child& child = children_[role];
  const auto& process = beside ? child.beside.process : child.own.process;
  if (!process) return;
  const auto path = pid_file(role, beside);
  const auto passing = path.string() + ".new";
  {
    std::ofstream out{passing, std::ios::trunc};
    out << process->id().pid << ' ' << process->id().start_ticks << ' '
        << (ready ? "ready" : "starting") << '\n';
  }
  std::error_code ignored;  // without the file only an adoption is lost
  std::filesystem::rename(passing, path, ignored);
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

bool Children::takes_reopen(std::size_t role) const {
  const auto& process = children_[role].own.process;
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
    if (!file || running_process(file->id.pid) != file->id) continue;
    running.push_back({.name = std::string{kind.name}, .process = file->id});
  }
  return running;
}

void sweep_left_behind(const Layout& layout) {
  const auto live = running_roles(layout);
  std::error_code ignored;
  for (const RoleKind& kind : role_kinds()) {
    if (std::ranges::find(live, kind.name, &RunningRole::name) != live.end()) continue;
    std::filesystem::remove(layout.pid(kind.name), ignored);
    std::filesystem::remove(layout.notify(kind.name), ignored);
  }
  std::filesystem::remove(layout.control(), ignored);
}

}  // namespace stoa::deploy

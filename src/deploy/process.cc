#include "deploy/process.h"

#include <bits/types/idtype_t.h>
#include <bits/types/siginfo_t.h>
#include <bits/types/sigset_t.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <expected>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::deploy {
namespace {

constexpr int kLastSignal = 64;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The child's way from fork to exec: only calls that are safe there. Tells its errno and ends when
/// one fails.
[[noreturn]] void become(char* const* argv, char* const* environment, int log, int null, int tell,
                         bool ends_with_parent, pid_t parent) {
  const auto give_up = [tell] {
    const int error = errno;
    [[maybe_unused]] const auto told = ::write(tell, &error, sizeof error);
    ::_exit(127);
  };
  ::setsid();
  for (int number = 1; number <= kLastSignal; ++number) {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  if (ends_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) give_up();
    if (::getppid() != parent) ::_exit(127);  // it ended before we asked
  }
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(log, STDOUT_FILENO) < 0 ||
      ::dup2(log, STDERR_FILENO) < 0) {
    give_up();
  }
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve(argv[0], argv, environment);
  give_up();
  ::_exit(127);
}

int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// A number of /proc/PID/stat; fields count from 1, and the second may hold spaces and brackets.
std::optional<std::uint64_t> stat_field(std::string_view stat, int field) {
  const auto bracket = stat.rfind(')');
  if (bracket == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(std::min(bracket + 2, stat.size()));
  for (int at = 3; at < field; ++at) {
    const auto space = stat.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    stat.remove_prefix(space + 1);
  }
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(stat.begin(), stat.end(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::string ExitStatus::text() const {
  if (!known) return "ended";
  if (!by_signal) return fmt::format("exit {}", number);
  const char* name = ::sigabbrev_np(number);
  return fmt::format("signal {}{}{}", number, name == nullptr ? "" : fmt::format(" (SIG{})", name),
                     core ? ", core dumped" : "");
}

std::optional<ProcessId> running_process(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  std::ifstream in{fmt::format("/proc/{}/stat", pid)};
  std::string stat;
  if (!std::getline(in, stat)) return std::nullopt;
  const auto bracket = stat.rfind(')');
  if (bracket == std::string::npos || bracket + 2 >= stat.size()) return std::nullopt;
  const char state = stat[bracket + 2];
  const auto ticks = stat_field(stat, 22);
  if (state == 'Z' || state == 'X' || !ticks) return std::nullopt;
  return ProcessId{.pid = pid, .start_ticks = *ticks};
}

Result<Process> Process::start(const Launch& launch) {
  std::vector<std::string> arguments = launch.argv;
  std::vector<std::string> variables = launch.environment;
  const auto argv = pointers(arguments);
  const auto environment = pointers(variables);
  const Fd log{::open(launch.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  if (!log) return io_error("cannot open the log file", errno, launch.log_file.string());
  const Fd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  std::array<int, 2> ends{-1, -1};
  if (!null || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return io_error("cannot prepare a process", errno, launch.argv.front());
  }
  const Fd read_end{ends[0]};
  Fd write_end{ends[1]};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return io_error("cannot make a process", errno, launch.argv.front());
  if (pid == 0) {
    become(argv.data(), environment.data(), log.get(), null.get(), write_end.get(),
           launch.ends_with_parent, parent);
  }
  Fd pid_fd{pidfd_open(pid)};
  write_end.reset();
  int error = 0;
  auto got = ::read(read_end.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR) got = ::read(read_end.get(), &error, sizeof error);
  if (got == sizeof error || !pid_fd) {
    if (!pid_fd) error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return io_error("cannot start the program", error, launch.argv.front());
  }
  // Not reaped before this object asks, so its entry in /proc is there even if it has ended.
  const auto id = running_process(pid);
  return Process{id.value_or(ProcessId{.pid = pid}), std::move(pid_fd), true};
}

Result<Process> Process::adopt(const ProcessId& id) {
  Fd fd{pidfd_open(id.pid)};
  // The descriptor first, then who it is: from then on the number cannot change hands unseen.
  if (!fd || running_process(id.pid) != id) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = fmt::format("process {} does not run", id.pid),
                                 .source = {}});
  }
  return Process{id, std::move(fd), false};
}

void Process::signal(int number) const noexcept {
  ::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0);
}

void Process::kill_all() const noexcept {
  signal(SIGKILL);
  // It leads a group of its own, and the number of a child is taken until it is reaped.
  if (ours_ || running_process(id_.pid) == id_) ::kill(-id_.pid, SIGKILL);
}

std::optional<ExitStatus> Process::reap() {
  if (reaped_) return std::nullopt;
  siginfo_t info{};
  const int waited =
      ::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | WNOHANG | WNOWAIT);
  if (!ours_ || (waited < 0 && errno == ECHILD)) {
    if (running_process(id_.pid) == id_) return std::nullopt;
    reaped_ = true;
    return ExitStatus{.known = false};
  }
  if (waited != 0 || info.si_pid == 0) return std::nullopt;
  reaped_ = true;
  ::kill(-id_.pid, SIGKILL);
  ::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | WNOHANG);
  return ExitStatus{.by_signal = info.si_code != CLD_EXITED,
                    .number = info.si_status,
                    .core = info.si_code == CLD_DUMPED};
}

}  // namespace stoa::deploy

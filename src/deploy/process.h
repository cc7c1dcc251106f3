#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

// One child process: started, signalled and reaped through a pidfd, so that a number which the
// system gave to somebody else is never hit.
namespace stoa::deploy {

struct Launch {
  std::vector<std::string> argv{};         // argv[0] is the file
  std::vector<std::string> environment{};  // "NAME=VALUE"
  std::filesystem::path log_file{};        // stdout and stderr are added to it; made with 0640
  /// The child gets SIGTERM when the thread that started it ends.
  bool ends_with_parent = false;
};

/// How a process ended.
struct ExitStatus {
  bool known = true;  // false: it was not our child, so nobody was told
  bool by_signal = false;
  int number = 0;  // exit code, or signal
  bool core = false;

  [[nodiscard]] std::string text() const;  // "exit 1", "signal 9 (SIGKILL)", "ended"
};

/// Two processes never share it: the number, and when the kernel started it.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // /proc/PID/stat, field 22

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
/// Nothing when it does not run (a zombie does not).
[[nodiscard]] std::optional<ProcessId> running_process(pid_t pid);

class Process {
 public:
  /// Starts in a session of its own, with default signals and nothing open but 0, 1 and 2.
  ///
  /// errors  NotFound, Io: no such program, or no process to be had; nothing is left behind
  [[nodiscard]] static Result<Process> start(const Launch& launch);
  /// Takes over a process that another supervisor left behind; how it ends stays unknown.
  ///
  /// errors  NotFound: it does not run any more
  [[nodiscard]] static Result<Process> adopt(const ProcessId& id);

  [[nodiscard]] const ProcessId& id() const noexcept { return id_; }
  /// Readable once it has ended.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// To the process alone.
  void signal(int number) const noexcept;
  /// SIGKILL to it and to all that it started.
  void kill_all() const noexcept;
  /// How it ended, once; what it started ends with it. Nothing while it runs. Never blocks.
  [[nodiscard]] std::optional<ExitStatus> reap();

 private:
  Process(ProcessId id, Fd fd, bool ours) : id_{id}, fd_{std::move(fd)}, ours_{ours} {}

  ProcessId id_;
  Fd fd_;
  bool ours_ = true;
  bool reaped_ = false;
};

}  // namespace stoa::deploy

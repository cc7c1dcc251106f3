#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "deploy/layout.h"
#include "deploy/log_files.h"
#include "deploy/plan.h"
#include "deploy/supervisor.h"

// The supervisor as a process: real children, the control socket, files of run/ and log/.
namespace stoa::deploy {

struct SuperviseOptions {
  Layout layout{};
  SupervisorOptions timing{};
  LogRules logs{};
  std::string environment_name{};          // "development"
  std::vector<std::string> environment{};  // of the roles, "NAME=VALUE"
  bool foreground = false;                 // roles end with this process
  std::vector<std::string> only{};         // start these and what they wait for; empty: all
  /// Up: start the plan. Wait: start nothing until asked. Down: only stop what another left behind.
  enum class First : std::uint8_t { Up, Wait, Down };
  First first = First::Up;
  Supervisor::DownOptions down{};  // of that stop
  /// Lines of JSON as control clients get them; for `--foreground`.
  std::function<void(std::string_view line)> progress{};
};

/// Holds the directory's lock, starts the plan and keeps it running until SIGTERM, SIGINT or
/// `down`; adopts roles that a dead supervisor left. Owns the calling thread and its signals.
///
/// errors  Unavailable: another supervisor has the directory · a start that failed half-way, after
///         everything was stopped again · Io
[[nodiscard]] Result<void> supervise(const Plan& plan, const SuperviseOptions& options);

/// The supervisor's lock on a data directory.
class SupervisorLock {
 public:
  /// errors  Unavailable: held by another, named in the text · Io
  [[nodiscard]] static Result<SupervisorLock> take(const Layout& layout);
  /// Process that holds it; nothing when nobody does.
  [[nodiscard]] static std::optional<pid_t> holder(const Layout& layout);

 private:
  explicit SupervisorLock(Fd fd) : fd_{std::move(fd)} {}
  Fd fd_;
};

/// Roles that run below `layout` according to their pid files, with who they are.
struct RunningRole {
  std::string name{};
  ProcessId process{};
};
[[nodiscard]] std::vector<RunningRole> running_roles(const Layout& layout);
/// Takes away pid files and sockets whose owners are dead. Only whoever holds the supervisor's
/// lock: another start may be making its own at this moment.
void sweep_left_behind(const Layout& layout);

}  // namespace stoa::deploy

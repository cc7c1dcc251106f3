#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/layout.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervisor.h"

// The real processes behind a supervisor's port, with their pid files, notice sockets and logs.
namespace stoa::deploy {

class Children final : public ProcessPort {
 public:
  struct Options {
    Layout layout{};
    std::vector<std::string> environment{};  // "NAME=VALUE", for each role
    std::chrono::seconds watchdog{20};
    bool end_with_us = false;
  };
  /// `plan` outlives it.
  Children(const Plan& plan, Options options);

  Result<ProcessId> start(std::size_t role) override;
  void signal(std::size_t role, int number) override;
  void kill(std::size_t role) override;
  Result<ProcessId> start_successor(std::size_t role) override;
  void promote(std::size_t role) override;
  void kill_beside(std::size_t role) override;
  std::string last_lines(std::size_t role) override;

  /// Takes over what an earlier supervisor left; tells `found` of each. Of a hand-over that it did
  /// not see the end of, the successor goes when both still run.
  void adopt(const std::function<void(std::size_t role, const ProcessId& id, bool ready)>& found);
  /// Remembers that a role was ready, for the one who may have to adopt it.
  void note_ready(std::size_t role);

  /// -1: none.
  [[nodiscard]] int notice_fd(std::size_t role) const;
  [[nodiscard]] int process_fd(std::size_t role) const;
  [[nodiscard]] int beside_fd(std::size_t role) const;
  /// What the role's process said, or the one beside it, with its sender; also once that has ended.
  [[nodiscard]] std::optional<Notice> notice(std::size_t role);
  [[nodiscard]] bool is_beside(std::size_t role, pid_t pid) const;
  /// Once it has ended: how. Its pid file goes.
  [[nodiscard]] std::optional<ExitStatus> ended(std::size_t role);
  [[nodiscard]] std::optional<ExitStatus> ended_beside(std::size_t role);
  /// Whether it opens its log anew on SIGUSR1; a process that does not would be ended by it.
  [[nodiscard]] bool takes_reopen(std::size_t role) const;

 private:
  struct Running {
    std::optional<Process> process{};
    pid_t heard = 0;  // whose notices count, until the last of them is read
  };
  struct Child {
    Running own{};
    Running beside{};                       // of a hand-over
    std::optional<NoticeSocket> notices{};  // of both: the kernel says who speaks
    std::uint64_t log_from = 0;             // where the newest process began to write
  };

  Result<void> open_notices(std::size_t role);
  Result<Process> launch(std::size_t role, bool take_over);
  [[nodiscard]] std::filesystem::path pid_file(std::size_t role, bool beside) const;
  void write_pid(std::size_t role, bool beside, bool ready) const;
  std::optional<ExitStatus> reap(std::size_t role, bool beside);

  const Plan& plan_;
  Options options_;
  std::vector<Child> children_;
};

/// Whether a process has a handler for a signal, from /proc/PID/status.
[[nodiscard]] bool catches(pid_t pid, int number);

/// The last `lines` lines of a file behind the byte `from`, of at most its last 64 KiB.
[[nodiscard]] std::string tail_of(const std::filesystem::path& file, std::size_t lines,
                                  std::uint64_t from = 0);

}  // namespace stoa::deploy

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
#include "deploy/build.h"
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

  Result<ProcessId> start(std::size_t role, const Build& build) override;
  void signal(std::size_t role, int number) override;
  void kill(std::size_t role) override;
  Result<ProcessId> start_successor(std::size_t role, const Build& build) override;
  Result<ProcessId> start_beside(std::size_t role, const Build& build) override;
  void promote(std::size_t role) override;
  void signal_beside(std::size_t role, int number) override;
  void kill_beside(std::size_t role) override;
  std::string last_lines(std::size_t role) override;
  std::string last_lines_beside(std::size_t role) override;

  /// A process that an earlier supervisor left running.
  struct Found {
    std::size_t role = 0;
    bool beside = false;
    ProcessId process{};
    Build build{};
    bool ready = false;
  };
  /// Takes them over; tells `found` of each, of a role's own before the one that stands beside it.
  /// Of a hand-over that it did not see the end of, the successor goes when both still run.
  void adopt(const std::function<void(const Found& found)>& found);
  /// Remembers that a process was ready, for the one who may have to adopt it.
  void note_ready(std::size_t role, bool beside);

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
  [[nodiscard]] bool takes_reopen(std::size_t role, bool beside) const;
  /// That the process writes, or the next one of the role will; empty: none stands beside.
  [[nodiscard]] std::filesystem::path log_file(std::size_t role, bool beside) const;

 private:
  struct Running {
    std::optional<Process> process{};
    pid_t heard = 0;  // whose notices count, until the last of them is read
    Build build{};
    std::filesystem::path log_file{};
    std::uint64_t log_from = 0;  // where it began to write
    bool ready = false;
    bool stays = false;  // beside for as long as asked, not for a hand-over
  };
  struct Child {
    Running own{};
    Running beside{};
    std::optional<NoticeSocket> notices{};  // of both: the kernel says who speaks
  };
  enum class As : std::uint8_t { Own, Successor, Beside };

  Result<void> open_notices(std::size_t role);
  Result<ProcessId> launch(std::size_t role, As as, const Build& build);
  [[nodiscard]] const Running& running(std::size_t role, bool beside) const;
  [[nodiscard]] std::filesystem::path pid_file(std::size_t role, bool beside) const;
  [[nodiscard]] std::filesystem::path beside_log(std::size_t role, Colour colour) const;
  void write_pid(std::size_t role, bool beside) const;
  static void write_pid(const Running& own, const std::filesystem::path& path);
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

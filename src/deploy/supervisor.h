#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "deploy/build.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/process.h"

// Decides when each role of a plan is started, stopped, restarted or given up. No I/O and no clock
// of its own: processes are behind a port, time is asked of the Clock&, so tests own both.
namespace stoa::deploy {

enum class RoleState : std::uint8_t {
  Down,
  Waiting,   // for the roles that it starts after
  Starting,  // runs, has not said READY=1
  Ready,
  Backoff,  // ended by itself; starts again after a pause
  Stopping,
  Failed,  // given up, until a person asks again
};
[[nodiscard]] std::string_view to_string(RoleState state) noexcept;  // "ready"

struct SupervisorOptions {
  std::chrono::seconds start_timeout{60};
  std::chrono::seconds stop_timeout{30};  // SIGTERM, then SIGKILL
  std::chrono::seconds watchdog{20};      // 0: nobody has to say that it lives
  std::uint32_t restart_max = 5;          // within restart_window; one more is given up
  std::chrono::seconds restart_window{300};
  std::chrono::milliseconds backoff_first{200};
  std::chrono::seconds backoff_max{30};
  std::chrono::seconds healthy_after{60};  // so long ready, and the back-off begins anew
  std::chrono::seconds abort_grace{2};     // between SIGABRT and SIGKILL
  std::uint64_t seed = 1;                  // of the jitter
};

/// What the supervisor does to processes. `role` is a place in the plan.
class ProcessPort {
 public:
  virtual ~ProcessPort() = default;
  [[nodiscard]] virtual Result<ProcessId> start(std::size_t role, const Build& build) = 0;
  virtual void signal(std::size_t role, int number) = 0;
  /// SIGKILL, to all that the role started too.
  virtual void kill(std::size_t role) = 0;
  /// A second process of the role beside the one that runs, told to take over from it.
  [[nodiscard]] virtual Result<ProcessId> start_successor(std::size_t role, const Build& build) = 0;
  /// A second process of the role that stays beside the one that runs and follows it.
  [[nodiscard]] virtual Result<ProcessId> start_beside(std::size_t role, const Build& build) = 0;
  /// The one beside becomes the role's own, and the one before stands beside.
  virtual void promote(std::size_t role) = 0;
  virtual void signal_beside(std::size_t role, int number) = 0;
  virtual void kill_beside(std::size_t role) = 0;
  /// The end of its log, for the one who asks why.
  [[nodiscard]] virtual std::string last_lines(std::size_t role) = 0;
  [[nodiscard]] virtual std::string last_lines_beside(std::size_t role) = 0;
};

/// Something that happened, in the order in which it did.
struct Event {
  enum class Kind : std::uint8_t {
    Started,         // took nothing yet
    Ready,           // took: since its process began
    Exited,          // by itself; text: how, and what follows
    GivenUp,         // text: why
    WatchdogMissed,  // text: how long it was silent
    Stopping,
    Killed,   // did not end in time, or --force
    Stopped,  // took: since it was asked
    HandingOver,
    HandedOver,  // took: since the successor began; text: "(pid 17 -> 23)"
    BesideStarted,
    BesideReady,    // took: since it began
    BesideEnded,    // by itself; it is not started again
    BesideStopped,  // took: since it was asked
    Promoted,       // the one beside has the place; text: which
    Done,           // the operation is over
  };
  Kind kind = Kind::Started;
  std::optional<std::size_t> role{};
  nanoseconds at{0};  // since the operation began
  nanoseconds took{0};
  std::string text{};
};
[[nodiscard]] std::string_view to_string(Event::Kind kind) noexcept;  // "role_ready"

/// The process that stands beside a role's own for as long as somebody wants it there.
struct BesideView {
  RoleState state = RoleState::Starting;  // Starting, Ready, Stopping; Failed: it has ended
  Build build{};
  std::optional<ProcessId> process{};
  std::optional<Timestamp> since{};
  std::optional<Timestamp> ready_since{};
  std::string status{};     // what it says of itself
  std::string last_exit{};  // how and when, with its last lines
};

/// A role as it stands.
struct RoleView {
  RoleState state = RoleState::Down;
  Build build{};  // that it runs, or is started from next
  std::optional<ProcessId> process{};
  std::optional<Timestamp> since{};  // its process began
  std::optional<Timestamp> ready_since{};
  std::uint64_t restarts = 0;  // by itself, since the supervisor began
  std::string last_exit{};     // "signal 9 (SIGKILL) at 2026-…"
  std::string last_error{};
  std::string status{};          // what it says of itself
  std::string waited_for{};      // the role that became ready last before it started
  nanoseconds started_after{0};  // of the operation that started it
  nanoseconds ready_after{0};
  std::optional<BesideView> beside{};
};

/// What a person asked for; one at a time.
struct Operation {
  enum class Kind : std::uint8_t { None, Up, Down, Restart, HandOver };
  Kind kind = Kind::None;
  bool over = true;
  bool ok = true;
  std::string message{};             // why not
  std::vector<std::size_t> roles{};  // that it is about
  nanoseconds took{0};
};

/// One role of the chain that a start waited for, the first first.
struct CriticalStep {
  std::size_t role = 0;
  nanoseconds started_after{0};
  nanoseconds ready_after{0};
};

class Supervisor {
 public:
  /// `plan`, `port` and `clock` outlive it.
  Supervisor(const Plan& plan, const SupervisorOptions& options, ProcessPort& port,
             const Clock& clock);

  /// A role that runs already; before the first call of anything else.
  void adopt(std::size_t role, const ProcessId& process, const Build& build, bool ready);
  void adopt_beside(std::size_t role, const ProcessId& process, const Build& build, bool ready);
  /// What a role that does not run will be started from.
  void set_build(std::size_t role, const Build& build);

  /// Starts what is not there of `roles`. Joins an `up` that is under way.
  /// When a role does not become ready, all that this call started is stopped again.
  ///
  /// errors  Unavailable: a stop or a restart is under way
  [[nodiscard]] Result<void> up(std::span<const std::size_t> roles);
  /// Stops everything in reverse order; ends an `up` that is under way.
  struct DownOptions {
    bool force = false;
    std::optional<std::chrono::seconds> timeout{};
  };
  void down(const DownOptions& options);
  /// Stops and starts these, from `build` if one is given; others stay.
  ///
  /// errors  Unavailable: another operation is under way
  [[nodiscard]] Result<void> restart(std::span<const std::size_t> roles,
                                     const std::optional<Build>& build = {});
  /// Puts a successor in the place of a role that is ready, without a stop. A successor that dies
  /// or is not ready in time changes nothing; the operation then fails and says why.
  ///
  /// errors  BadInput: this role cannot · Unavailable: another operation is under way, or the role
  ///         is not ready
  [[nodiscard]] Result<void> hand_over(std::size_t role, const std::optional<Build>& build = {});

  // A second process beside a role's own (decision 0014). These are done when they return; what
  // follows is seen in `view`.

  /// Starts one. It is watched as the others are, and when it ends that is told: it is never
  /// started again by itself. One of the same build that runs already is fine.
  ///
  /// errors  BadInput: the role is not one that is switched, or the colour is its own ·
  /// Unavailable:
  ///         another one stands there, or the role is not ready · Io: no such program
  [[nodiscard]] Result<void> beside_start(std::size_t role, const Build& build);
  /// Asks it to end, and kills it when it does not. None there is fine.
  void beside_stop(std::size_t role);
  /// The process of `colour` has the place from now on: it is what a crash restarts, from its
  /// build. The other one stands beside. Already so is fine.
  ///
  /// errors  BadInput: as above · Unavailable: no process of that colour runs, or the role is being
  ///         stopped
  [[nodiscard]] Result<void> beside_promote(std::size_t role, Colour colour);

  void on_notice(std::size_t role, const Notice& notice);
  void on_exit(std::size_t role, const ExitStatus& status);
  /// Of the process beside the role's own: one that stands there, its successor, or the one before
  /// that still ends.
  void on_notice_beside(std::size_t role, const Notice& notice);
  void on_exit_beside(std::size_t role, const ExitStatus& status);
  /// Does what is due. Call it after what arrived has been handed over: a role that spoke in time
  /// is not silent because we were late.
  void poll();
  /// How long poll() has nothing to do, at most a second.
  [[nodiscard]] nanoseconds idle_time() const;

  [[nodiscard]] const RoleView& view(std::size_t role) const { return slots_[role].view; }
  [[nodiscard]] const Operation& operation() const noexcept { return operation_; }
  [[nodiscard]] std::vector<CriticalStep> critical_path() const;
  /// No role runs and none will.
  [[nodiscard]] bool at_rest() const;
  /// What happened since the last call.
  [[nodiscard]] std::vector<Event> take_events();
  /// Grows with each change of a view.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

 private:
  /// A second process of a role, for as long as a hand-over takes.
  struct Passing {
    bool successor = true;  // false: it has handed over and ends
    bool killed = false;
    ProcessId process{};
    Timestamp since{};
    nanoseconds began{0};
    nanoseconds deadline{0};
    std::string status{};
    Build build{};
  };
  /// Of the process that stands beside, what its view does not tell.
  struct Stand {
    bool killed = false;
    std::string why{};  // we ended it
    nanoseconds began{0};
    nanoseconds deadline{0};
    nanoseconds alive_until{0};
  };
  struct Slot {
    RoleView view{};
    bool wanted = false;
    bool start_again = false;  // a restart: once it is down
    bool killed = false;       // SIGKILL is out
    bool aborted = false;      // SIGABRT is out, for silence
    bool given_up = false;     // Failed once it has ended
    nanoseconds began{0};      // its process, or its stop
    nanoseconds ready_at{0};
    nanoseconds deadline{0};  // of what it is doing: start, stop, abort, back-off
    nanoseconds alive_until{0};
    std::uint32_t failures = 0;  // in a row, for the back-off
    std::deque<nanoseconds> restarts{};
    std::optional<Passing> beside{};
    Stand stand{};                       // with view.beside
    std::optional<pid_t> handed_from{};  // until the successor has said READY=1
  };

  [[nodiscard]] bool runs(const Slot& slot) const noexcept { return slot.view.process.has_value(); }
  [[nodiscard]] bool in_operation(std::size_t role) const;
  [[nodiscard]] bool may_start(std::size_t role) const;
  [[nodiscard]] bool may_stop(std::size_t role) const;
  [[nodiscard]] std::string waits_in_vain(std::size_t role) const;
  void begin(Operation::Kind kind, std::vector<std::size_t> roles);
  void finish(bool ok, std::string message);
  void set_state(std::size_t role, RoleState state);
  void event(Event::Kind kind, std::optional<std::size_t> role, std::string text = {},
             nanoseconds took = nanoseconds{0});
  void start(std::size_t role);
  void stop(std::size_t role);
  void kill(std::size_t role, std::string_view why);
  void abort(std::size_t role, std::string why);
  void ended_unasked(std::size_t role, const std::string& how);
  void fail_start(std::size_t role, const std::string& why);
  void give_up(std::size_t role, std::string why);
  void poll_role(std::size_t role);
  void judge_operation();
  void judge_hand_over();
  void promote(std::size_t role);
  void fail_hand_over(std::size_t role, const std::string& why);
  void kill_beside(std::size_t role);
  void poll_beside(std::size_t role);
  void stand_notice(std::size_t role, const Notice& notice);
  void stand_exit(std::size_t role, const ExitStatus& status);
  void stand_end(std::size_t role, std::string why);
  void stand_poll(std::size_t role);
  [[nodiscard]] std::optional<nanoseconds> stand_due(std::size_t role) const;
  void forgive_absence();
  [[nodiscard]] nanoseconds backoff(std::uint32_t failures);
  [[nodiscard]] nanoseconds now() const { return clock_.monotonic(); }

  const Plan& plan_;
  SupervisorOptions options_;
  ProcessPort& port_;
  const Clock& clock_;
  Random random_;
  std::vector<Slot> slots_;
  Operation operation_;
  nanoseconds operation_began_{0};
  std::string failure_;  // of the operation under way
  DownOptions down_;
  std::vector<Event> events_;
  std::uint64_t changes_ = 0;
  nanoseconds last_poll_{0};
};

}  // namespace stoa::deploy

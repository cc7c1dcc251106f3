#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/build.h"
#include "ops/role_status.h"

// What deploys and applies act upon: roles, their instances and the records by which they are
// switched. Nothing above this port knows what an instance is made of: a process under our
// supervisor (ProcessTarget), a pod some day, or nothing at all (FakeTarget).
namespace stoa::deploy {

/// What an instance does with the log. None: its role is not one that is switched, or it has not
/// been asked yet.
using ops::SwitchMode;
[[nodiscard]] std::optional<SwitchMode> parse_switch_mode(std::string_view text) noexcept;

/// What an instance says of the switch (`/status`, "switch").
struct SwitchStatus {
  SwitchMode mode = SwitchMode::None;
  std::uint64_t epoch = 0;                    // that it knows as open
  Lsn lsn{};                                  // last record that it has applied
  std::uint64_t lag_records = 0;              // behind the head of its log
  std::optional<nanoseconds> lag_time{};      // the same in time, if it knows
  std::uint64_t compared = 0;                 // outputs found equal to the leader's
  std::optional<std::uint64_t> differs_at{};  // the first output that was not, by its number
  std::string difference{};                   // both texts of that one
  std::string hash{};                         // of its state at its last digest, hexadecimal

  friend bool operator==(const SwitchStatus&, const SwitchStatus&) = default;
};

/// Counters of an instance since it began; what it does not tell is absent, never 0.
struct InstanceCounters {
  std::optional<std::uint64_t> requests{};  // that were to change something
  std::optional<std::uint64_t> errors{};
  std::optional<std::uint64_t> rejects{};
  std::optional<std::uint64_t> gaps{};
  // Requests that were answered within so many nanoseconds; empty: it does not tell.
  std::map<std::int64_t, std::uint64_t> within{};

  friend bool operator==(const InstanceCounters&, const InstanceCounters&) = default;
};

/// One of a role's instances, as it was when the target was last polled.
struct InstanceView {
  std::string name{};  // "risk": has the place; "risk.green": stands beside
  Colour colour = Colour::Blue;
  std::string release{};  // that it was started from; empty: the program that the platform runs
  std::string version{};  // that it says of itself; empty: it has not answered yet
  std::string commit{};
  bool beside = false;         // not what a crash restarts
  bool running = false;        // false: it was asked for and has ended; see `failure`
  bool ready = false;          // its start-up is over and it may serve
  std::string failure{};       // how it ended, with its last lines
  std::optional<pid_t> pid{};  // of a process
  std::string endpoint{};      // "127.0.0.1:5556": health and status; empty: none known
  std::uint64_t restarts = 0;  // by itself
  std::optional<SwitchStatus> switching{};  // nothing: it did not answer
  InstanceCounters counters{};
  std::string config_revision{};  // that it runs with; empty: it does not say
  std::string config_digest{};
  std::string config_approval{};

  friend bool operator==(const InstanceView&, const InstanceView&) = default;
};

/// A role, its leader first if it has one.
struct TargetRole {
  std::string name{};
  std::vector<std::string> after{};  // roles that must be ready before it
  bool switches = false;             // a follower may take it over through the log
  std::vector<InstanceView> instances{};

  /// The one that has the place, or null.
  [[nodiscard]] const InstanceView* placed() const noexcept;
  [[nodiscard]] const InstanceView* beside() const noexcept;
  [[nodiscard]] const InstanceView* of(Colour colour) const noexcept;
  /// The one that says that it leads; null when none does, or both.
  [[nodiscard]] const InstanceView* leading() const noexcept;
};

/// Who is to lead a role from here on: one record of the execution log.
struct SwitchCommand {
  std::uint64_t deploy = 0;  // the deployment that says so; 0: a person, by hand
  std::string role{};
  Colour leader = Colour::Green;
  std::string release{};    // of the one named
  std::uint64_t epoch = 0;  // that it opens
  std::chrono::milliseconds hold_max{2'000};
  bool at_once = false;  // the one who led is dead: open without a close
  // The one who leads is taken to be wrong: the one before opens although its digests differ, if
  // all that others hear was the same.
  bool regardless = false;
  std::string actor{};
  std::string reason{};  // what does not fit the record is cut
};

/// What an instance is started anew with.
struct RestartHow {
  std::optional<std::string> release{};  // nothing: the one that it has
  std::string config_revision{};         // handed to it; empty: as it is now
};

/// A record of the execution log that says who leads.
struct EpochRecord {
  enum class Kind : std::uint8_t { Order, Close, Open, Feature };
  Kind kind = Kind::Open;
  Lsn lsn{};
  Timestamp time{};
  std::string role{};  // empty: of the whole log (Feature)
  std::uint64_t epoch = 0;
  std::optional<Colour> leader{};  // Order: who is to lead; Open: who does
  std::string release{};
  std::uint64_t hash = 0;    // Close: of its state
  std::uint64_t deploy = 0;  // Order: of which deployment
  bool at_once = false;      // Order: no Close is waited for
  std::string text{};        // Close: why; Feature: which

  friend bool operator==(const EpochRecord&, const EpochRecord&) = default;
};

/// Where releases run. Every call is either non-blocking or bounded, as it says; an answer is about
/// the last `poll`. One thread.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  /// Looks again: at instances, their status, the log. Call it each 50 to 500 ms.
  ///
  /// cost    two seconds at the very most, when nobody answers; else milliseconds
  virtual void poll() = 0;
  /// What cannot be seen at the moment, and why: an unreachable supervisor or log. Empty: all can.
  [[nodiscard]] virtual std::string trouble() const = 0;

  /// Every role, each behind those that it starts after.
  [[nodiscard]] virtual std::span<const TargetRole> roles() const = 0;
  [[nodiscard]] const TargetRole* find(std::string_view role) const;
  /// Records that say who leads, in the order of the log, as far back as it reaches.
  [[nodiscard]] virtual std::span<const EpochRecord> epochs() const = 0;
  /// `epochs` holds everything up to the log's head of a moment ago.
  [[nodiscard]] virtual bool log_read() const = 0;

  /// Begins to start an instance of `colour` beside the one that has the place; `roles` tells how
  /// it goes. `release` names a folder that was added; empty: what the platform runs.
  ///
  /// errors  NotFound: no such role or release · BadInput: the role cannot · Unavailable: something
  ///         else is under way there · Io
  /// time    5 s
  [[nodiscard]] virtual Result<void> start_beside(std::string_view role, Colour colour,
                                                  std::string_view release) = 0;
  /// Begins to stop what stands beside; nothing there is fine.
  ///
  /// errors, time  as above
  [[nodiscard]] virtual Result<void> stop_beside(std::string_view role) = 0;
  /// The instance of `colour` has the place from now on: it is what a crash restarts, with its
  /// release, and the other one stands beside. Already so is fine.
  ///
  /// errors, time  as above
  [[nodiscard]] virtual Result<void> promote(std::string_view role, Colour colour) = 0;
  /// Begins to stop and start the one that has the place, and only that. For an apply or a deploy
  /// that accepts a pause.
  ///
  /// errors, time  as above
  [[nodiscard]] virtual Result<void> restart(std::string_view role, const RestartHow& how) = 0;
  /// Appends the order. Answers its lsn once it counts; until then nothing, and the same call again
  /// asks on. It is never appended twice by one target; after a crash look at `epochs` first. Roles
  /// obey an order only of the epoch behind the one that is open.
  ///
  /// errors  Unavailable: the log cannot be reached, or another deploys
  /// time    returns at once
  [[nodiscard]] virtual Result<std::optional<Lsn>> order(const SwitchCommand& command) = 0;
};

}  // namespace stoa::deploy

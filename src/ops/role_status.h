#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "base/seq_cell.h"
#include "base/text.h"

// What a role tells about itself. The role's thread writes, any thread reads; the writer never
// waits, allocates or enters the kernel, so it costs a role nothing to be watched.
namespace stoa::ops {

/// Who a process is; does not change while it lives.
struct Identity {
  std::string service{};       // "execution": what it does
  std::string instance{};      // "execution-1": which of them
  std::string colour{};        // "blue", "green" or empty
  std::string environment{};   // "development"
  std::string version{};       // "0.1.0"
  std::string commit{};        // "0f39e65"
  std::string mode = "PAPER";  // LIVE is shown loudly
  Timestamp started{};         // wall time
  /// The configuration that it began with: a revision of the hub ("prod-12", empty: none) and the
  /// digest of every value that this role reads.
  std::string config_revision{};
  std::string config_digest{};
};

enum class RoleState : std::uint8_t { Starting, Recovering, Ready, Draining, Stopped };
[[nodiscard]] std::string_view to_string(RoleState state) noexcept;  // "recovering"

/// Pass: as it should be. Warn: works on and wants a look (a shared dependency is missing). Fail:
/// serving would be wrong.
enum class CheckResult : std::uint8_t { Pass, Warn, Fail };
[[nodiscard]] std::string_view to_string(CheckResult result) noexcept;  // "warn"

/// Which questions a check answers, as a set. Liveness has none but the loop's own heartbeat, which
/// is built in: a process is never restarted for the sake of another.
enum class Probe : std::uint8_t { Startup = 1, Ready = 2, Both = 3 };

/// A check's place; given by `add_check`.
struct CheckId {
  std::size_t place = 0;
};

/// What the outside may ask a role to do; a set of bits.
enum class RoleRequest : std::uint8_t { Drain = 1, Reload = 2, Pause = 4, Resume = 8 };

/// Of a role that can be switched to another process (decision 0014): what this one does.
enum class SwitchMode : std::uint8_t { None, Leading, Following, Closed };
[[nodiscard]] std::string_view to_string(SwitchMode mode) noexcept;  // "following"

/// Where a process stands in the switch of its role, whole.
struct SwitchView {
  SwitchMode mode = SwitchMode::None;  // None: its role is not switched, and nothing is told
  std::uint32_t epoch = 0;             // the newest that the log knows of the role
  std::uint64_t lsn = 0;               // newest record applied
  std::uint64_t compared = 0;          // outputs of the leader found equal to those derived here
  std::uint64_t differs_at = 0;        // the first record that was not; 0: none
  std::uint64_t lag_records = 0;       // that the log is known to be ahead
  std::uint64_t hash = 0;              // of the state at `lsn`; 0: the role has none to compare
  Text<24> colour{};
  Text<24> release{};
  Text<480> difference{};  // what was recorded there and what is derived here
  friend bool operator==(const SwitchView&, const SwitchView&) = default;
};

/// How a check stands at one moment.
struct CheckView {
  std::string_view name{};  // "log:writable"; lives as long as its RoleStatus
  std::string_view unit{};  // of `observed`: "records", "s", or empty
  Probe probes = Probe::Ready;
  CheckResult result = CheckResult::Pass;
  std::int64_t observed = 0;
  Text<120> text{};   // why, when it does not pass
  Timestamp since{};  // when `result` last changed
};

/// Everything at one moment.
struct StatusView {
  RoleState state = RoleState::Starting;
  Text<120> reason{};       // why it is not ready
  bool started = false;     // has been ready once
  nanoseconds heartbeat{};  // monotonic time of the last round
  SwitchView place{};
  std::vector<CheckView> checks{};
};

/// What changes of the above, as it travels between threads.
struct RoleStateCell {
  RoleState state = RoleState::Starting;
  bool started = false;
  Text<120> reason{};
};
struct CheckCell {
  CheckResult result = CheckResult::Pass;
  std::int64_t observed = 0;
  std::int64_t since_ns = 0;
  Text<120> text{};
  friend bool operator==(const CheckCell&, const CheckCell&) = default;
};

/// Filled with checks before another thread sees it; then `set*` and `beat` belong to the role's
/// thread, `view` and `ask` to anyone.
class RoleStatus {
 public:
  static constexpr std::size_t kTextBytes = Text<120>::kCapacity;

  /// The heartbeat begins now: a role that never comes to its loop is found out.
  RoleStatus(Identity identity, const Clock& clock);
  RoleStatus(const RoleStatus&) = delete;
  RoleStatus& operator=(const RoleStatus&) = delete;

  /// A check that passes until told otherwise. `name` is "component:measurement" in [a-z0-9_:-], as
  /// `?exclude=` takes it; `unit` is of the observed value.
  [[nodiscard]] CheckId add_check(std::string_view name, Probe probes, std::string_view unit = {});

  /// Each round of the loop, also while it recovers, drains or has nothing to do.
  void beat(nanoseconds monotonic_now) noexcept { heartbeat_.set(monotonic_now.count()); }
  /// How a check stands; the same again costs a comparison. `text` is cut to 120 bytes.
  void set(CheckId check, CheckResult result, std::int64_t observed = 0,
           std::string_view text = {}) noexcept;
  /// Where the role stands, and why it is not ready. The first Ready also ends the start-up.
  void set_state(RoleState state, std::string_view reason = {}) noexcept;
  [[nodiscard]] RoleState state() const noexcept { return own_.state; }
  /// Where the process stands in the switch of its role; the same again costs a comparison.
  void set_place(const SwitchView& place) noexcept;
  /// What the outside has asked for since the last call, as bits of RoleRequest; a plain load while
  /// nothing has.
  [[nodiscard]] std::uint32_t take_requests() noexcept;

  /// Any thread.
  [[nodiscard]] StatusView view() const;
  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  void ask(RoleRequest request) noexcept;

 private:
  struct Check {
    std::string name{};
    std::string unit{};
    Probe probes = Probe::Ready;
    CheckCell own{};            // the writer's copy: an unchanged check is not written again
    SeqCell<CheckCell> cell{};  // what others see
  };

  Identity identity_;
  const Clock& clock_;
  Gauge heartbeat_;
  std::atomic<std::uint32_t> requests_{0};
  RoleStateCell own_{};
  SeqCell<RoleStateCell> state_{};
  SwitchView own_place_{};
  SeqCell<SwitchView> place_{};
  std::deque<Check> checks_{};
};

}  // namespace stoa::ops

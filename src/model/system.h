#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"
#include "model/types.h"

namespace stoa {

enum class StrategyAction : std::uint8_t { Start, Stop, SetParameter, Fault };
inline constexpr std::uint8_t kStrategyActions = 4;
[[nodiscard]] std::string_view to_string(StrategyAction value) noexcept;  // "start"

/// A person or the runner changed a strategy: an input, so that a restart finds it as it was left.
struct StrategyCommand {
  StrategyId strategy{};
  StrategyAction action = StrategyAction::Start;
  std::array<std::uint8_t, 5> reserved{};
  std::int64_t value_e8 = 0;  // SetParameter
  Text<24> name{};            // the strategy's name
  Text<24> parameter{};       // SetParameter
  Note actor{};
  Text<120> reason{};  // Fault: what went wrong
};

/// First record of every run of an engine on a log: an input. Nothing in it depends on the wall
/// clock.
struct RunStarted {
  std::uint64_t run = 0;  // 1, 2, 3 … over the life of the log
  std::uint64_t seed = 0;
  Text<24> version{};
  Text<16> environment{};
  Text<16> market_source{};
};

/// Digest of the core's state after the record at `lsn`: an output, each 4,096 inputs; evidence for
/// replays.
struct StateDigest {
  Lsn lsn{};
  std::uint64_t hash = 0;
};

// ---- what roles tell each other inside a log

/// "I am here, and this is how far I am", every `interval_ms`.
struct Heartbeat {
  std::uint8_t source = 0;  // as in the header
  std::uint8_t ready = 0;
  std::uint16_t reserved = 0;
  std::uint32_t interval_ms = 0;
  std::uint64_t sequence = 0;  // last one sent by the source
  Lsn lsn{};                   // last one read by it
  Timestamp ts_sent{};
};

/// Messages of a source that were never seen; a later RecoveryResponse may bring them.
struct Gap {
  std::uint8_t source = 0;
  std::array<std::uint8_t, 7> reserved{};
  std::uint64_t first_missing = 0;
  std::uint64_t last_missing = 0;
  Timestamp ts_seen{};
};

enum class SnapshotEdge : std::uint8_t { Begin, End };
inline constexpr std::uint8_t kSnapshotEdges = 2;
[[nodiscard]] std::string_view to_string(SnapshotEdge value) noexcept;  // "begin"

/// What lies between Begin and End of one `snapshot` is a whole state as of `lsn`.
struct SnapshotMark {
  std::uint64_t snapshot = 0;
  SnapshotEdge edge = SnapshotEdge::Begin;
  std::array<std::uint8_t, 7> reserved{};
  Lsn lsn{};
  std::uint64_t records = 0;  // End: how many lie between
  std::uint64_t hash = 0;     // End: of the state
};

enum class ErrorSeverity : std::uint8_t { Warning, Error, Fatal };
inline constexpr std::uint8_t kErrorSeverities = 3;
[[nodiscard]] std::string_view to_string(ErrorSeverity value) noexcept;  // "fatal"

/// Something that a person should see went wrong in a role.
struct ErrorReport {
  std::uint32_t code = 0;
  ErrorSeverity severity = ErrorSeverity::Warning;
  std::uint8_t source = 0;
  std::uint16_t reserved = 0;
  std::uint64_t offset_bytes = 0;  // where in what was read; 0: none
  Lsn lsn{};                       // of the record that caused it; 0: none
  Timestamp ts_event{};
  Text<120> reason{};
};

/// Which request of the outside world a message belongs to. Rides as a further value behind any
/// body.
///
/// source  W3C Trace Context, section 3.2
struct TraceContext {
  std::array<std::byte, 16> trace_id{};
  std::array<std::byte, 8> span_id{};
  std::uint8_t flags = 0;  // 1: sampled
  std::array<std::uint8_t, 7> reserved{};
};

/// A revision of the configuration took effect.
struct ConfigRevision {
  std::uint64_t revision = 0;
  std::uint64_t previous = 0;
  std::array<std::byte, 32> digest{};  // SHA-256 of the revision's text
  Text<16> environment{};
  Note actor{};
  Note reason{};
};

enum class HealthState : std::uint8_t { Starting, Ready, Degraded, Draining, Stopped };
inline constexpr std::uint8_t kHealthStates = 5;
[[nodiscard]] std::string_view to_string(HealthState value) noexcept;  // "ready"

/// How one role is, whole.
struct SystemHealth {
  Text<16> role{};
  HealthState state = HealthState::Starting;
  std::array<std::uint8_t, 7> reserved{};
  std::int64_t cpu_e8 = 0;  // share of one core, 0 to 1 per thread
  std::uint64_t memory_bytes = 0;
  std::uint64_t queue_used = 0;      // messages waiting in the fullest queue
  std::uint64_t queue_capacity = 0;  // of that queue
  std::uint64_t lag_ns = 0;          // behind the log that it reads
  std::uint64_t errors = 0;          // since it started
  Timestamp ts_event{};
};

/// "Send me these records again."
struct RecoveryRequest {
  std::uint64_t request = 0;  // the reader's own count
  std::uint8_t domain = 0;    // as in the header
  std::array<std::uint8_t, 7> reserved{};
  Lsn first{};
  Lsn last{};  // 0: to the end
  Text<24> reader{};
};

/// Records: they follow. Snapshot: a snapshot follows, then records. NothingThere: the log ends
/// before. Refused: see the reason.
enum class RecoveryStatus : std::uint8_t { Records, Snapshot, NothingThere, Refused };
inline constexpr std::uint8_t kRecoveryStatuses = 4;
[[nodiscard]] std::string_view to_string(RecoveryStatus value) noexcept;  // "records"

/// What a reader that asked for records will get.
struct RecoveryResponse {
  std::uint64_t request = 0;
  RecoveryStatus status = RecoveryStatus::Records;
  std::array<std::uint8_t, 7> reserved{};
  Lsn first{};
  Lsn last{};
  std::uint64_t snapshot = 0;  // Snapshot: as in its marks
  Note reason{};
};

/// The roles whose work can go from one process to another while it is under load.
enum class SwitchRole : std::uint8_t { Execution, Risk, Strategy, Gateway };
inline constexpr std::uint8_t kSwitchRoles = 4;
[[nodiscard]] std::string_view to_string(SwitchRole value) noexcept;  // "execution"

/// A leader took over; what leaders of lower epochs append after this record is void. Each role
/// counts its own epochs.
struct EpochOpen {
  std::uint32_t epoch = 0;
  std::uint8_t oldest_version = 0;  // of the wire format, that the leader reads
  std::uint8_t newest_version = 0;
  SwitchRole role = SwitchRole::Execution;
  std::uint8_t reserved = 0;
  Lsn after{};  // last record of the epoch before
  Text<24> holder{};
  Text<24> release{};
};

/// A leader let go: it appends nothing after this record.
struct EpochClose {
  std::uint32_t epoch = 0;
  SwitchRole role = SwitchRole::Execution;
  std::array<std::uint8_t, 3> reserved{};
  Lsn last{};              // of its own records
  std::uint64_t hash = 0;  // of its state there
  Text<24> holder{};
  Note reason{};
};

/// From here on writers may write `version` of the wire format, and a release that does not read it
/// can no longer take over.
struct FeatureOn {
  std::uint8_t version = 0;  // 0: the feature does not change the format
  std::array<std::uint8_t, 7> reserved{};
  Text<24> feature{};
  Note actor{};
  Note reason{};
};

/// Another process of a role is to lead from here on: an input, of source Deploy. Who leads closes
/// its epoch behind this record, who is named opens `epoch` (decision 0014).
struct SwitchOrder {
  std::uint64_t deploy = 0;       // which deployment; 0: by hand
  std::uint32_t epoch = 0;        // that it opens
  std::uint32_t hold_max_ms = 0;  // without an EpochOpen so long after the close, it is called off
  SwitchRole role = SwitchRole::Execution;
  std::uint8_t at_once = 0;  // 1: who leads is dead, no EpochClose comes; 2: digests may differ
  std::array<std::uint8_t, 6> reserved{};
  Text<24> to{};  // colour of who is to lead: "green"
  Note actor{};
  Note reason{};
};

}  // namespace stoa

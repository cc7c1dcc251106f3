#include "model/system.h"

#include <string_view>

namespace stoa {

std::string_view to_string(StrategyAction value) noexcept {
  switch (value) {
    case StrategyAction::Start:
      return "start";
    case StrategyAction::Stop:
      return "stop";
    case StrategyAction::SetParameter:
      return "set_parameter";
    case StrategyAction::Fault:
      return "fault";
  }
  return "unknown";
}

std::string_view to_string(SnapshotEdge value) noexcept {
  switch (value) {
    case SnapshotEdge::Begin:
      return "begin";
    case SnapshotEdge::End:
      return "end";
  }
  return "unknown";
}

std::string_view to_string(ErrorSeverity value) noexcept {
  switch (value) {
    case ErrorSeverity::Warning:
      return "warning";
    case ErrorSeverity::Error:
      return "error";
    case ErrorSeverity::Fatal:
      return "fatal";
  }
  return "unknown";
}

std::string_view to_string(HealthState value) noexcept {
  switch (value) {
    case HealthState::Starting:
      return "starting";
    case HealthState::Ready:
      return "ready";
    case HealthState::Degraded:
      return "degraded";
    case HealthState::Draining:
      return "draining";
    case HealthState::Stopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view to_string(RecoveryStatus value) noexcept {
  switch (value) {
    case RecoveryStatus::Records:
      return "records";
    case RecoveryStatus::Snapshot:
      return "snapshot";
    case RecoveryStatus::NothingThere:
      return "nothing_there";
    case RecoveryStatus::Refused:
      return "refused";
  }
  return "unknown";
}

std::string_view to_string(SwitchRole value) noexcept {
  switch (value) {
    case SwitchRole::Execution:
      return "execution";
    case SwitchRole::Risk:
      return "risk";
    case SwitchRole::Strategy:
      return "strategy";
    case SwitchRole::Gateway:
      return "gateway";
  }
  return "unknown";
}

}  // namespace stoa

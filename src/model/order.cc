#include "model/order.h"

#include <string_view>

namespace stoa {

std::string_view to_string(CancelReason value) noexcept {
  switch (value) {
    case CancelReason::Requested:
      return "requested";
    case CancelReason::KillSwitch:
      return "kill_switch";
    case CancelReason::StrategyStopped:
      return "strategy_stopped";
  }
  return "unknown";
}

}  // namespace stoa

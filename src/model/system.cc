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

}  // namespace stoa

#include "model/portfolio.h"

#include <string_view>

namespace stoa {

std::string_view to_string(AlertSeverity value) noexcept {
  switch (value) {
    case AlertSeverity::Info:
      return "info";
    case AlertSeverity::Warning:
      return "warning";
    case AlertSeverity::Critical:
      return "critical";
  }
  return "unknown";
}

std::string_view to_string(BreakerState value) noexcept {
  switch (value) {
    case BreakerState::Closed:
      return "closed";
    case BreakerState::Open:
      return "open";
    case BreakerState::HalfOpen:
      return "half_open";
  }
  return "unknown";
}

std::string_view to_string(BreakerScope value) noexcept {
  switch (value) {
    case BreakerScope::Account:
      return "account";
    case BreakerScope::Strategy:
      return "strategy";
    case BreakerScope::Instrument:
      return "instrument";
    case BreakerScope::Venue:
      return "venue";
  }
  return "unknown";
}

}  // namespace stoa

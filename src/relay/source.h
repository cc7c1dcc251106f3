#pragma once

#include <cstdint>
#include <string_view>

namespace stoa::relay {

/// Who produces records of the execution log; each numbers its own from 1 without gaps, for ever.
/// Logical names, never processes: a successor continues its predecessor's numbers. Wire values
/// (Header::source): never renumber.
enum class Source : std::uint8_t {
  System = 1,      // the engine: runs, reference data, limits at start
  Gateway = 2,     // people and programs
  Strategies = 3,  // the runner
  Venue = 4,       // execution reports
  Market = 5,      // marks
  Core = 6,        // outputs of the execution core
  Risk = 7,        // the supervisor beside the gate
  Deploy = 8,      // which process of a role is to lead
};
inline constexpr std::uint8_t kSources = 16;  // values are below; the rest is for later roles

/// "gateway"; empty for a number that no source has.
[[nodiscard]] constexpr std::string_view to_string(Source source) noexcept {
  switch (source) {
    case Source::System:
      return "system";
    case Source::Gateway:
      return "gateway";
    case Source::Strategies:
      return "strategies";
    case Source::Venue:
      return "venue";
    case Source::Market:
      return "market";
    case Source::Core:
      return "core";
    case Source::Risk:
      return "risk";
    case Source::Deploy:
      return "deploy";
  }
  return {};
}

}  // namespace stoa::relay

#pragma once

#include <cstdint>

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
};
inline constexpr std::uint8_t kSources = 7;  // values are below

}  // namespace stoa::relay

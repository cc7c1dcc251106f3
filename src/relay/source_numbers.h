#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::relay {

/// How far each source has come in a log: what a relay needs to tell a new record from one that it
/// has taken before. No time window: a number per source, for ever.
struct SourceNumbers {
  std::array<std::uint64_t, kSources> last{};  // by Source; 0: none yet
  Timestamp time{};                            // of the newest record

  /// A record of a known source stands in the log.
  void note(const native::Header& header) noexcept {
    std::uint64_t& mine = last[header.source];
    mine = std::max(mine, header.sequence);
    time = std::max(time, header.timestamp);
  }
};

}  // namespace stoa::relay

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "apps/log_facts.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "oms/venue_port.h"
#include "ops/config.h"

namespace stoa::apps {

/// What a feed counted, for the report at the end of a run.
struct FeedReport {
  std::uint64_t frames = 0;
  std::uint64_t gaps = 0;
  std::uint64_t crossed = 0;               // updates after which a book was crossed
  std::uint64_t top_of_book_compared = 0;  // book against the venue's own best prices
  std::uint64_t top_of_book_equal = 0;
  std::uint64_t bad_lines = 0;
};

/// The venue that the configuration names, behind its two ports.
struct Venue {
  oms::FeedPort* feed = nullptr;
  oms::OrderPort* orders = nullptr;
  std::function<FeedReport()> report;
  Timestamp start{};            // platform time begins here when time is simulated
  std::shared_ptr<void> owner;  // of what the ports point to
};

/// `start` is platform time now. Simulated time begins where the venue says (a recording's first
/// line, a fixed day for the simulated market), so that a run does not depend on when it is made,
/// but never before the newest record of the log. From `facts` come also the run, so that ids of a
/// venue never repeat over runs, and the prices at which a simulated market goes on.
///
/// errors  NotFound, BadInput, Damaged: a recording that cannot be played
[[nodiscard]] Result<Venue> make_venue(const ops::Config& config, Timestamp start,
                                       const LogFacts& facts);

}  // namespace stoa::apps

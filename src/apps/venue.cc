#include "apps/venue.h"

#include <algorithm>
#include <chrono>
#include <expected>
#include <memory>
#include <utility>

#include "apps/log_facts.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "model/risk.h"
#include "ops/config.h"
#include "venues/replay/session.h"
#include "venues/sim/session.h"
#include "venues/sim/symbols.h"

namespace stoa::apps {
namespace {

/// Where simulated time of the simulated market begins: a Monday, so that runs of one seed are the
/// same for ever.
constexpr Timestamp kSimulatedStart =
    Timestamp::from_ns(1'704'067'200'000'000'000);  // 2024-01-01T00:00:00Z
constexpr nanoseconds kBetweenRuns = std::chrono::seconds{1};

Venue make_sim(const ops::Config& config, Timestamp start, const LogFacts& facts) {
  using venues::sim::SimVenue;
  SimVenue::Options options;
  options.seed = config.market.seed;
  options.start = start;
  if (config.market.speed.max)
    options.start = std::max(kSimulatedStart, facts.last_time + kBetweenRuns);
  for (venues::sim::SimInstrument& each : options.instruments) {
    const auto mark = std::ranges::find(facts.marks, each.rules.instrument, &Mark::instrument);
    if (mark != facts.marks.end() && mark->last.e8() > 0) each.start_px = mark->last;
  }
  options.order_latency = std::chrono::microseconds{config.sim.order_latency_us};
  options.report_latency = std::chrono::microseconds{config.sim.report_latency_us};
  auto venue = std::make_shared<SimVenue>(options);
  return {.feed = venue.get(),
          .orders = venue.get(),
          .report = [] { return FeedReport{}; },
          .start = options.start,
          .owner = std::move(venue)};
}

Result<Venue> make_replay(const ops::Config& config, Timestamp start, const LogFacts& facts) {
  using venues::replay::ReplayVenue;
  if (config.market.recordings.empty()) {
    return bad_input(
        "market source replay needs a recording: --recording FILE (repeatable, in order)");
  }
  ReplayVenue::Options options;
  options.recordings = config.market.recordings;
  options.run = facts.runs + 1;
  options.order_latency = std::chrono::microseconds{config.sim.order_latency_us};
  options.report_latency = std::chrono::microseconds{config.sim.report_latency_us};
  // Played by the clock, a recording begins now; as fast as it goes, it keeps its own time unless
  // the log is ahead.
  if (!config.market.speed.max) options.start = start;
  auto opened = ReplayVenue::open(options);
  if (opened && config.market.speed.max && opened->recorded_start() <= facts.last_time) {
    options.start = facts.last_time + kBetweenRuns;
    opened = ReplayVenue::open(options);
  }
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto venue = std::make_shared<ReplayVenue>(std::move(*opened));
  const auto report = [&replay = *venue] {
    const auto stats = replay.stats();
    for (const Error& fault : replay.faults())
      log::warn("recording_fault", {{"fault", fault.text()}});
    return FeedReport{.frames = stats.frames,
                      .gaps = stats.feeds.gaps,
                      .crossed = stats.feeds.crossed,
                      .top_of_book_compared = stats.feeds.top_of_book_compared,
                      .top_of_book_equal = stats.feeds.top_of_book_equal,
                      .bad_lines = stats.bad_lines};
  };
  return Venue{.feed = venue.get(),
               .orders = venue.get(),
               .report = report,
               .start = options.start.value_or(venue->recorded_start()),
               .owner = std::move(venue)};
}

}  // namespace

Result<Venue> make_venue(const ops::Config& config, Timestamp start, const LogFacts& facts) {
  if (config.market.source == ops::MarketSource::Replay) return make_replay(config, start, facts);
  return make_sim(config, start, facts);
}

}  // namespace stoa::apps

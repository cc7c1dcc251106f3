#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"

// What a client was told of the orders that it sent.
namespace stoa::deploy {

/// What one second brought, counted when the answer came.
struct LoadSecond {
  std::uint64_t acknowledged = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
  std::uint64_t max_us = 0;
};

/// The sums. Latency runs from the moment at which an order was to be sent, whether a connection
/// was free then or not.
struct LoadReport {
  double seconds = 0;                            // in which orders were due
  std::uint64_t due = 0;                         // orders that there should have been
  std::uint64_t sent = 0;                        // orders that reached a socket
  std::uint64_t unsent = 0;                      // given up: no connection in time
  std::uint64_t acknowledged = 0;                // 201 to the first request
  std::map<std::string, std::uint64_t> refused;  // by code: 422, and 503 that say so
  std::uint64_t unknown = 0;             // answer lost, or 504, or a 5xx that leaves it open
  std::uint64_t resolved_present = 0;    // asked for again and there
  std::uint64_t resolved_absent = 0;     // asked for again and not there, three times
  std::uint64_t resolved_placed = 0;     // sent again under the same id and accepted then
  std::uint64_t unresolved = 0;          // still unknown when the time to settle was over
  std::uint64_t cancels = 0;             // answered with a terminal order
  std::uint64_t replaces = 0;            // 200
  std::uint64_t follow_ups_refused = 0;  // cancel or replace: 404, 409, 422
  std::uint64_t repeated = 0;            // cancel or replace sent again, its answer was lost
  std::uint64_t connects_refused = 0;
  std::uint64_t lines_lost = 0;      // while an answer was awaited
  std::uint64_t time_outs = 0;       // 504, or no answer in seven seconds
  std::uint64_t unavailable = 0;     // 503
  std::uint64_t slower_than_2s = 0;  // acknowledged, but held longer than a switch may hold
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
  std::uint64_t p999_us = 0;
  std::uint64_t max_us = 0;
  std::uint64_t longest_silence_ms = 0;  // between two acknowledgements, while orders were due
  double longest_silence_at_s = 0;
  std::vector<LoadSecond> by_second;

  /// Orders that are there by what the client was told.
  [[nodiscard]] std::uint64_t taken() const noexcept {
    return acknowledged + resolved_placed + resolved_present;
  }
  [[nodiscard]] std::uint64_t refused_count() const noexcept;
};

[[nodiscard]] std::string to_json(const LoadReport& report);

/// What the client knows of an order at last.
enum class Fate : std::uint8_t {
  Open,     // due, or sent and not answered, or its answer was lost
  Unsent,   // never left
  Taken,    // acknowledged, or found when asked for
  Refused,  // proven
  Absent,   // proven: asked for and not there
};

/// What an answer to an order says of it.
enum class Verdict : std::uint8_t { Taken, Refused, Absent, Unclear };
/// To its first POST. Proven refusals only: everything else leaves open whether there is an order.
[[nodiscard]] Verdict verdict_on_order(int status, std::string_view code) noexcept;
/// To the same POST again under the same id; a 409 says that the first one arrived.
[[nodiscard]] Verdict verdict_on_repeat(int status) noexcept;
/// To GET of its id. Absent is one "no": an order under way is not in the lists yet.
[[nodiscard]] Verdict verdict_on_question(int status) noexcept;

/// Keeps the account: each order ends in one fate, and every count moves here. One thread.
class LoadAccount {
 public:
  void begin(nanoseconds now);
  void end(nanoseconds now);

  /// The next order is due; answers its number.
  std::uint64_t due();
  void sent() { ++report_.sent; }
  void unsent(std::uint64_t order);
  /// The first answer, to a request that was due at `due`.
  void acknowledged(std::uint64_t order, nanoseconds due, nanoseconds now);
  void refused(std::uint64_t order, std::string_view code);
  void unknown(std::uint64_t order);
  // What asking again brought.
  void found(std::uint64_t order, bool placed_now, nanoseconds now);
  void absent(std::uint64_t order);

  [[nodiscard]] const std::vector<Fate>& fates() const noexcept { return fates_; }
  [[nodiscard]] std::uint64_t open_questions() const noexcept { return open_questions_; }
  /// Counts of what is about connections and follow-ups.
  [[nodiscard]] LoadReport& counts() noexcept { return report_; }
  /// The sums as they stand.
  [[nodiscard]] LoadReport report();

 private:
  void close_question(std::uint64_t order);
  void close_silence(nanoseconds now);
  void end_second();

  LoadReport report_;
  std::vector<Fate> fates_;
  std::vector<bool> asked_;  // its answer was lost
  std::uint64_t open_questions_ = 0;
  nanoseconds begin_{};
  nanoseconds last_ack_{};
  bool flowing_ = false;
  Histogram latency_;
  std::vector<std::uint32_t> second_us_;
};

}  // namespace stoa::deploy

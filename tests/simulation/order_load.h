#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace stoa::simulation {

/// What a client sends to a gateway, and how.
struct LoadOptions {
  std::uint16_t port = 0;
  std::string token;
  double rate = 200;       // new orders per second; cancels and replaces come on top
  double seconds = 10;     // 0: until told to stop
  double rest_ratio = .5;  // of the orders: those that wait in the book until they are cancelled
  std::size_t lines = 48;  // connections, one request each at a time
  std::uint64_t seed = 1;
  std::string prefix = "load";  // of every client_order_id
  double patience_s = 10;       // an order that found no connection for so long is given up unsent
  double wait_s = 60;           // for a gateway that names prices, at the start
  double settle_s = 60;         // for asking about unknown orders at the end
};

/// What one second brought, counted when the answer came.
struct LoadSecond {
  std::uint64_t acknowledged = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
  std::uint64_t max_us = 0;
};

/// What a client was told. Latency runs from the moment at which an order was to be sent, whether a
/// connection was free then or not.
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
};

/// Sends orders at a fixed rate, whatever the answers do, over instruments that the gateway names;
/// follows each with a replace or a cancel, and writes a line of JSON to `told` for everything that
/// the client was told of an order. An order whose answer was lost is unknown: it is asked for by
/// its id, or sent again under it, until it is known to be there or not.
///
///   {"t_ms":1723161253000,"order":"load-7","told":"acknowledged","cl_ord_id":"88"}
///   told: acknowledged · refused (code) · unknown · present · absent · unsent;
///         {"order":…,"told":"ended","status":"canceled","filled":"0"} of a cancel
///
/// `stop` ends the flow early. One thread; blocks until everything is settled or given up.
///
/// errors  an exception with words for people, when the gateway names no prices within `wait_s`
[[nodiscard]] LoadReport run_order_load(const LoadOptions& options, std::ostream& told,
                                        const std::atomic<bool>& stop);

[[nodiscard]] std::string to_json(const LoadReport& report);

}  // namespace stoa::simulation

#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <string_view>

#include "base/error.h"

namespace stoa::simulation {

/// What can be wrong with a log beside its clients and its venue.
enum class Fault : std::uint8_t {
  LostOrder,         // told acknowledged or present, and not accepted in the log
  LostEnd,           // told how an order ended, and the log says something else
  LostTrade,         // the venue traded; the log has a later report of it and not this one
  LostDecision,      // an intent that the core never decided on
  DoubledOrder,      // a client_order_id accepted twice
  DoubledSend,       // sent to the venue twice without being told that it never arrived
  DoubledAtVenue,    // accepted by the venue twice under one cl_ord_id
  DoubledFill,       // an exec_id counted twice
  DoubledReport,     // a trade of the venue reported twice
  InventedSend,      // sent under an id that is no intent's, or no accepted one's
  InventedAtVenue,   // the venue accepted what the log never sent
  InventedTrade,     // the log has a trade that the venue never made
  InventedFill,      // a fill of an order that nobody placed, or without a trade report
  InventedOrder,     // told that there is no such order, and it is accepted in the log
  SequenceGap,       // a source's numbers, or lsns, do not follow each other
  SequenceRepeated,  // a source's number comes again
  PositionWrong,     // a position is not the sum of its fills
  OutputDiffers,     // the core derives something else from the inputs
};
inline constexpr std::size_t kFaults = 18;
[[nodiscard]] std::string_view to_string(Fault fault) noexcept;  // "lost_order"

struct AuditReport {
  struct Found {
    std::uint64_t count = 0;
    std::string first{};  // example
  };
  std::array<Found, kFaults> found{};
  // What was looked at: an audit of nothing proves nothing.
  std::uint64_t records = 0;
  std::uint64_t told = 0;          // orders that a client was told something final of
  std::uint64_t acknowledged = 0;  // of them, as accepted
  std::uint64_t orders = 0;        // accepted
  std::uint64_t sends = 0;
  std::uint64_t fills = 0;
  std::uint64_t outputs_compared = 0;
  bool venue_has_log = false;
  std::uint64_t venue_accepted = 0;
  std::uint64_t venue_trades = 0;
  std::uint64_t venue_trades_behind = 0;  // made after the last report that the log holds
  std::uint64_t log_first_lsn = 0;

  [[nodiscard]] std::uint64_t faults() const noexcept;
};

/// Holds the execution log in `data`/wal, the journals of the simulated venue in `data`/venue
/// (orders, reports; where they are) and what a client was told (lines of stoa_load; may be empty)
/// against each other. Only for a platform that stands still. Reads only.
///
/// errors  a journal that cannot be read, or holds what is no message
/// cost    a second and a hundred bytes of memory per few hundred thousand records
[[nodiscard]] Result<AuditReport> audit(const std::filesystem::path& data, std::istream& told);

[[nodiscard]] std::string to_json(const AuditReport& report);
[[nodiscard]] std::string to_text(const AuditReport& report);

}  // namespace stoa::simulation

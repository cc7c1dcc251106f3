#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "deploy/load_account.h"

namespace stoa::deploy {

/// Where a rehearsal's orders are looked for.
struct OrderLogs {
  std::filesystem::path execution{};  // the log
  Lsn after{};                        // its head when the first order was sent
  std::filesystem::path venue{};      // the venue's journal of reports; empty: its words in the log
};

/// What the logs say of a client's orders, held against what the client was told.
struct LoggedOrders {
  std::uint64_t records = 0;   // looked at: an account of nothing proves nothing
  std::uint64_t in_log = 0;    // accepted by the gate
  std::uint64_t refused = 0;   // by the gate
  std::uint64_t at_venue = 0;  // answered by the venue
  /// Taken and not in the log; or in the log, and neither at the venue nor ended without it.
  std::uint64_t lost = 0;
  /// Twice in the log, sent twice without the venue having asked, or twice at the venue; or told
  /// absent or refused and there, which a client that sends again doubles.
  std::uint64_t doubled = 0;
  std::string first{};  // example of what is wrong
};

/// Looks for the orders PREFIX-0, PREFIX-1, … of `fates`. Reads only; a writer may be at work,
/// whose last records may be missing.
///
/// errors  of a log that cannot be read
[[nodiscard]] Result<LoggedOrders> find_orders(const OrderLogs& logs, std::string_view prefix,
                                               std::span<const Fate> fates);

}  // namespace stoa::deploy

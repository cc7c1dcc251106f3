#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/load_account.h"
#include "deploy/load_plan.h"
#include "ops/socket_address.h"

namespace stoa::deploy {

/// What a client sends to a gateway, and how.
struct LoadOptions {
  ops::SocketAddress address{};  // of the gateway
  std::string host{};            // "127.0.0.1:8080", as requests name it
  std::string token{};
  std::vector<LoadMarket> markets{};
  double rate = 200;             // new orders per second; cancels and replaces come on top
  double seconds = 10;           // 0: until told to stop
  double rest_ratio = .5;        // of the orders: those that wait in the book until cancelled
  std::size_t connections = 48;  // one request each at a time
  std::uint64_t seed = 1;
  std::string prefix = "load";  // of every client_order_id
  double patience_s = 10;       // an order without a connection for so long is given up unsent
  double wait_s = 60;           // for a gateway that names prices, at the start
  double settle_s = 60;         // for asking about unknown orders at the end
};

/// What the client knows when it has finished.
struct LoadOutcome {
  LoadReport report{};
  std::vector<Fate> fates{};  // by number
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
/// errors  Unavailable: the gateway names no prices within `wait_s`
[[nodiscard]] Result<LoadOutcome> run_order_load(const LoadOptions& options, std::ostream& told,
                                                 const std::atomic<bool>& stop);

}  // namespace stoa::deploy

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"
#include "gateway/account_board.h"
#include "gateway/desk.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/hub_port.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "gateway/render.h"
#include "journal/reader.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

namespace stoa::gateway {

/// Everything the handlers work with, without any socket. Gateway thread.
struct App {
  App(Options options_in, const Link& link_in);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Finds the route, checks host, token and query, and lets the handler answer.
  void handle(const Request& request, Reply reply);
  /// Takes what the engine has published, at most `limit` messages of each topic; answers those who
  /// wait for it; returns messages taken.
  std::size_t poll(std::size_t limit);
  /// Reads the sizes of the journal's files and what the system says of the process; once a second,
  /// so that answers need no disk.
  void refresh_figures();
  /// Brings `role` up to what the engine tells; before it is asked.
  void reflect_status();

  /// The engine's own time, going on between its loops.
  [[nodiscard]] Timestamp platform_now() const noexcept;
  [[nodiscard]] bool engine_alive() const noexcept;

  Options options;
  TokenHolder owner;
  Link link;
  ops::RoleStatus own_role;  // of a process that has none of its own
  ops::RoleStatus& role;
  ops::Metrics metrics;
  OrderBoard orders;
  AccountBoard account;
  MarketBoard market;
  Renderer render;
  Desk desk;

  HubPort* hub = nullptr;  // null: a single process, there is none

  std::uint64_t first_lsn = 0;  // of the records that the boards were made from; 0: none yet
  std::uint64_t last_lsn = 0;
  std::map<int, std::uint64_t> requests_by_status;
  // Of those that are to change something: questions, the platform's own among them, say little.
  std::map<int, std::uint64_t> commands_by_status;
  Histogram command_ns;  // from the whole request to its answer
  std::uint64_t requests = 0;
  std::size_t connections = 0;
  Gauge open_connections;         // HTTP and WebSocket, for the short form of the metrics
  std::size_t clients = 0;        // WebSocket
  std::uint64_t closed_slow = 0;  // WebSocket clients that did not read
  std::uint64_t undecodable = 0;
  std::uint64_t failures = 0;  // exceptions in the work of a connection
  std::uint64_t log_bytes = 0;
  std::uint64_t log_segments = 0;
  struct WaitingForCheckpoint {
    Reply reply;
    nanoseconds deadline{};
  };
  std::optional<WaitingForCheckpoint> checkpoint;  // one at a time
  std::unique_ptr<journal::Reader> story_reader;   // opened by the first question
  std::uint64_t next_id = 1;                       // of orders whose sender gave none
  std::uint64_t id_salt = 0;                       // keeps them apart from those of earlier runs

 private:
  ops::CheckId log_check_{};
  ops::CheckId checkpoint_check_{};
  ops::CheckId start_check_{};
};

/// The body of GET /status and of the health channel.
[[nodiscard]] std::string render_status(const App& app);
/// Why the last checkpoint was not written; empty when it was.
[[nodiscard]] std::string checkpoint_error(const App& app);

}  // namespace stoa::gateway

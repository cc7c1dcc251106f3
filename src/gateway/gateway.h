#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/instrument.h"
#include "model/types.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"

namespace stoa::bus {
class Publication;
class Subscription;
class Wake;
}  // namespace stoa::bus

namespace stoa::journal {
struct WriterMetrics;
}

namespace stoa::ops {
class Metrics;
class RoleStatus;
}  // namespace stoa::ops

// Our door for people and programs: HTTP, WebSocket and the trading page (docs/api.md).
namespace stoa::gateway {

/// How a parameter is written in JSON: 20, "0.5", true.
enum class ParamKind : std::uint8_t { Integer, Decimal, Boolean };

/// One parameter of a strategy, for forms and for refusing values out of range.
///
/// units   e8: value x 100'000'000, whatever the parameter's own unit is
struct StrategyParam {
  std::string name;
  ParamKind kind = ParamKind::Decimal;
  std::int64_t default_e8 = 0;  // Boolean: 1e8 is true
  std::int64_t min_e8 = 0;
  std::int64_t max_e8 = 0;
  std::int64_t step_e8 = 1;  // values are multiples of it: 1e8 for whole numbers
};

/// What is known of a strategy before the log is read. The log says whether it runs.
struct StrategyInfo {
  StrategyId id{};
  std::string name;
  std::string type;
  std::string symbol;
  std::string schema_json;  // JSON Schema of its parameters, shown as it is
  std::vector<StrategyParam> params;
  // Over the life of the log, before the first record that `Link::execution` shows.
  std::uint64_t orders = 0;
  std::uint64_t fills = 0;
  std::uint64_t rejects = 0;
  std::string last_decision{};
};

/// What a further token may do: look at deployments and revisions, or also act on deployments.
/// Neither trades.
enum class TokenRole : std::uint8_t { Viewer, Deployer };

/// Somebody with a token of their own, beside the owner's.
struct TokenHolder {
  std::string name{};
  TokenRole role = TokenRole::Viewer;
  std::string token{};
};

/// Facts that do not change while the gateway runs, and its bounds.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;       // 0: any free one, see Gateway::port
  std::vector<std::string> names;  // further names that a Host header may carry
  std::string token;               // what changing calls must show; empty refuses all of them
  std::string owner = "owner";     // as whom whoever shows it acts, towards the hub
  std::vector<TokenHolder> holders;
  std::filesystem::path hub;  // its socket; empty: a single process, there is none

  std::vector<Instrument> instruments;
  std::vector<StrategyInfo> strategies;
  std::array<std::uint64_t, kRejectCodes> rejects{};  // by the gate, as StrategyInfo's counts
  std::string service = "engine";  // of the process, as health and metrics call it
  std::string instance = "engine-1";
  std::string colour{};
  std::string environment = "development";
  std::string mode = "PAPER";
  std::string market_source = "sim";
  std::string version = "0.0.0";
  std::string commit = "unknown";
  std::string account = "main";
  std::string currency = "USDT";
  std::string sync = "always";  // the journal's sync policy, for display
  std::uint64_t seed = 0;
  Timestamp started{};                // wall time
  std::filesystem::path journal_dir;  // of the execution log; empty: orders have no story
  std::filesystem::path next;         // where two gateways meet; empty: there is only ever one
  bool follows = false;  // another leads: no public port is opened, only one of its own

  std::size_t orders_kept = 100'000;  // open ones are never dropped
  std::size_t fills_kept = 100'000;
  std::size_t connections_max = 1'000;         // HTTP; beyond it 503
  std::size_t clients_max = 1'000;             // WebSocket; beyond it 503
  std::size_t backlog_soft_bytes = 1U << 20U;  // a client owed more gets a new snapshot instead
  std::size_t backlog_hard_bytes = 8U << 20U;  // a client owed more is closed with 4008
  std::chrono::milliseconds client_silence_max{30'000};  // owed bytes and reading none
  std::chrono::milliseconds answer_timeout{5'000};       // then 504 outcome_unknown
  std::size_t held_max = 4'096;                  // commands held (ops::OrderDoor); beyond it 503
  std::chrono::milliseconds hub_timeout{5'000};  // of a question to the hub
  std::chrono::milliseconds checkpoint_timeout{30'000};  // of the same
  std::chrono::milliseconds drain_max{5'000};            // for giving connections away
  std::chrono::milliseconds header_timeout{10'000};      // for one request's header and body
  std::chrono::milliseconds idle_timeout{60'000};        // between requests
  std::chrono::milliseconds engine_silence_max{2'000};   // heartbeat older: unhealthy
};

/// How the gateway and the engine reach each other. Everything is borrowed and outlives the
/// gateway.
///
/// `execution` carries 8 bytes of lsn (little-endian) and one native message per bus message: at a
/// start the last records of the log with the state among them (messages of lsn 0), then each
/// new record as it counts. Answers to probes carry lsn 0 too. `views` carries what MarketPublisher
/// writes. The engine rings `gateway_wake` after publishing on either.
struct Link {
  bus::Publication* commands = nullptr;  // native execution messages of Source::Gateway
  bus::Subscription* execution = nullptr;
  bus::Subscription* views = nullptr;
  bus::Wake* engine_wake = nullptr;   // rung after each command
  bus::Wake* gateway_wake = nullptr;  // slept on here
  const ops::EngineStatus* status = nullptr;
  const Clock* clock = nullptr;
  std::uint64_t next_sequence = 1;  // of Source::Gateway, after recovery

  /// How the process stands, for the probes; null: as `status` says.
  ops::RoleStatus* role = nullptr;
  std::uint32_t role_requests = 0;    // bits of ops::RoleRequest that POST /-/… may ask of `role`
  std::function<void()> wake_role{};  // called after one, on the gateway's thread
  std::function<void(ops::Metrics&)> add_metrics{};  // further ones, before the first answer

  const journal::WriterMetrics* journal = nullptr;  // null: its figures show as zero
  ops::CheckpointDesk* checkpoints = nullptr;       // null: none can be asked for
};

/// Where a gateway stands towards the other one of a pair (decision 0014).
struct GatewayPlace {
  bool listener = false;   // it has the public listening socket
  bool neighbour = false;  // another gateway is connected, and has it too
  bool quiet = false;      // paused: nothing of a command is on its way through the sockets
  std::uint32_t kept = 0;  // public connections that this process still answers
  friend bool operator==(const GatewayPlace&, const GatewayPlace&) = default;
};

/// The running gateway: one thread, one port. `start`, `port` and `stop` are for the thread that
/// wires the engine.
///
/// Two of them may stand at one public port, of which one leads: both have the listening socket
/// (Options::next), and the one that leads accepts. A switch is `pause` here, `lead` there,
/// `follow` here; called off it is `pause`, `lead`. While nobody accepts, who connects waits in the
/// socket's queue, and what comes on open connections in theirs.
class Gateway {
 public:
  /// Listens, then serves from its own thread.
  ///
  /// errors  Unavailable: the port is taken (`--port 0` takes any free one); BadInput: the host is
  ///         no address
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> start(Options options, const Link& link);

  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The port of its own, for its health; 0: it has none beside the public one.
  [[nodiscard]] std::uint16_t own_port() const noexcept;

  /// Accepts, begins no request of a paused connection anew, numbers commands from here on.
  void lead(std::uint64_t next_sequence);
  /// Accepts nobody and begins no request; those under way are answered. Then `quiet`.
  void pause();
  /// Gives every connection that is between two answers to the other, the rest as they come to
  /// rest; WebSocket clients get 1012 with where to go on. After Options::drain_max what is left
  /// is answered here and closed.
  void follow();
  /// Any thread; the engine's wake is rung when it changes.
  [[nodiscard]] GatewayPlace place() const noexcept;
  /// Closes the port and every connection (WebSocket clients get 1001) and ends the thread; further
  /// calls do nothing.
  void stop();

 private:
  class Server;
  explicit Gateway(std::unique_ptr<Server> server) noexcept;

  std::unique_ptr<Server> server_;
};

}  // namespace stoa::gateway

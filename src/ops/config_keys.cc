#include "ops/config_keys.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "base/log.h"
#include "model/risk.h"
#include "ops/config.h"

namespace stoa::ops {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::int64_t kOne = 100'000'000;  // 1 as a Decimal
constexpr std::int64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAmountMax = 90'000'000'000 * kOne;

// Each list is in the order of its enum.
constexpr std::array<std::string_view, 2> kSources{"sim", "replay"};
constexpr std::array<std::string_view, 2> kIdles{"block", "spin"};
constexpr std::array<std::string_view, 3> kSyncs{"always", "interval", "none"};
constexpr std::array<std::string_view, 1> kModes{"sim_engine"};
constexpr std::array<std::string_view, 4> kCaptures{"none", "market", "signal", "all"};
constexpr std::array<std::string_view, kServices> kServiceNames{
    "relay-market", "relay-signal", "relay-execution", "venue",   "market-data",
    "risk",         "execution",    "strategy",        "gateway", "hub"};
constexpr std::array<std::string_view, 4> kLevels{"error", "warn", "info", "debug"};
// Documented elsewhere under these names; refused by name rather than as a misspelling.
constexpr std::array<std::string_view, 2> kAbsentSources{"binance_rest", "binance_ws"};
constexpr std::array<std::string_view, 2> kAbsentModes{"binance_testnet_spot", "binance_spot"};

template <LimitKind Kind>
void set_limit(Config& config, const Judged& value) {
  config.limits_e8[static_cast<std::size_t>(Kind)] = value.integer;
}

template <Service Which>
void set_enabled(Config& config, const Judged& value) {
  config.services[static_cast<std::size_t>(Which)].enabled = value.integer != 0;
}
template <Service Which>
void set_priority(Config& config, const Judged& value) {
  config.services[static_cast<std::size_t>(Which)].priority =
      static_cast<std::int32_t>(value.integer);
}
template <Service Which>
void set_port(Config& config, const Judged& value) {
  config.services[static_cast<std::size_t>(Which)].port = static_cast<std::uint16_t>(value.integer);
}

template <Service Which>
constexpr Key enabled_key(std::string_view name, std::string_view doc) {
  return {.name = name,
          .shape = Shape::Boolean,
          .default_value = "true",
          .doc = doc,
          .set = set_enabled<Which>};
}
template <Service Which>
constexpr Key priority_key(std::string_view name) {
  return {.name = name,
          .shape = Shape::Integer,
          .default_value = "10",
          .min = -1'000,
          .max = 1'000,
          .doc =
              "Its turn among those that could start together, and its rank among several "
              "instances: the smallest first.",
          .set = set_priority<Which>};
}
template <Service Which>
constexpr Key port_key(std::string_view name, std::string_view port) {
  return {.name = name,
          .shape = Shape::Integer,
          .default_value = port,
          .min = 0,
          .max = 65'535,
          .doc =
              "Port of its health and metrics, before roles.base_port; 0 lets the system pick a "
              "free one.",
          .set = set_port<Which>};
}

constexpr std::string_view kEnabled = "Whether `stoa up` starts it.";
constexpr std::string_view kBinance =
    "a session at Binance; this build trades at the simulated venue";

constexpr auto kKeys = std::to_array<Key>({
    {.name = "data.dir",
     .shape = Shape::Path,
     .default_value = "./data",
     .min = 1,
     .max = 4'000,
     .variable = "STOA_DATA_DIR",
     .doc = "Directory of everything that must survive: log, token, lock.",
     .set = [](Config& c, const Judged& v) { c.data.dir = v.text; }},
    {.name = "gateway.host",
     .shape = Shape::Text,
     .default_value = "127.0.0.1",
     .min = 1,
     .max = 255,
     .variable = "STOA_HOST",
     .doc = "Address that the HTTP and WebSocket gateway listens on.",
     .set = [](Config& c, const Judged& v) { c.gateway.host = v.text; }},
    {.name = "gateway.port",
     .shape = Shape::Integer,
     .default_value = "8080",
     .min = 0,
     .max = 65'535,
     .variable = "STOA_PORT",
     .doc = "Port of the gateway; 0 lets the system pick a free one.",
     .set = [](Config& c,
               const Judged& v) { c.gateway.port = static_cast<std::uint16_t>(v.integer); }},
    {.name = "gateway.hold_max_ms",
     .shape = Shape::Integer,
     .default_value = "2000",
     .min = 0,
     .max = 60'000,
     .doc = "Milliseconds for which orders are held, not refused, while execution or its relay is "
            "away; the switch of a role or relay takes less.",
     .set = [](Config& c,
               const Judged& v) { c.gateway.hold_max_ms = static_cast<std::uint32_t>(v.integer); }},
    {.name = "market.source",
     .shape = Shape::Choice,
     .default_value = "sim",
     .choices = kSources,
     .absent = kAbsentSources,
     .variable = "STOA_MARKET_SOURCE",
     .doc = "Where market data comes from: a seeded simulation or recordings.",
     .set = [](Config& c,
               const Judged& v) { c.market.source = static_cast<MarketSource>(v.integer); }},
    {.name = "market.recordings",
     .shape = Shape::Paths,
     .default_value = "",
     .doc = "Files that market.source = \"replay\" plays, merged by time.",
     .set = [](Config& c,
               const Judged& v) { c.market.recordings = {v.list.begin(), v.list.end()}; }},
    {.name = "market.speed",
     .shape = Shape::Speed,
     .default_value = "1",
     .doc = "Pace as a multiple of real time, or max for as fast as it can be consumed.",
     .set = [](Config& c, const Judged& v) { c.market.speed = v.speed; }},
    {.name = "market.seed",
     .shape = Shape::Integer,
     .default_value = "1",
     .min = 0,
     .max = kIntegerMax,
     .doc = "Seed of everything random: the same seed gives the same run.",
     .set = [](Config& c,
               const Judged& v) { c.market.seed = static_cast<std::uint64_t>(v.integer); }},
    {.name = "market.symbol",
     .shape = Shape::Text,
     .default_value = "BTCUSDT",
     .min = 1,
     .max = 24,
     .variable = "STOA_MARKET_SYMBOL",
     .doc = "Instrument that `stoa book show` is about unless told.",
     .set = [](Config& c, const Judged& v) { c.market.symbol = v.text; }},
    {.name = "engine.idle",
     .shape = Shape::Choice,
     .default_value = "block",
     .choices = kIdles,
     .doc = "What the engine thread does without work: sleep until woken, or spin on its core.",
     .set = [](Config& c, const Judged& v) { c.engine.idle = static_cast<Idle>(v.integer); }},
    {.name = "engine.duration_s",
     .shape = Shape::Integer,
     .default_value = "0",
     .min = 0,
     .max = 1'000'000'000,
     .doc = "Seconds after which the engine stops by itself; 0 is never.",
     .set = [](Config& c,
               const Judged& v) { c.engine.duration_s = static_cast<std::uint64_t>(v.integer); }},
    {.name = "engine.exit_when_done",
     .shape = Shape::Boolean,
     .default_value = "false",
     .doc = "Stop once the recordings have been played.",
     .set = [](Config& c, const Judged& v) { c.engine.exit_when_done = v.integer != 0; }},
    {.name = "log.level",
     .shape = Shape::Choice,
     .default_value = "info",
     .choices = kLevels,
     .variable = "STOA_LOG_LEVEL",
     .doc = "Least important level that is written to stderr.",
     .set = [](Config& c, const Judged& v) { c.log.level = static_cast<log::Level>(v.integer); }},
    {.name = "log.rotate_bytes",
     .shape = Shape::Integer,
     .default_value = "104857600",
     .min = 65'536,
     .max = 1'099'511'627'776,
     .doc = "Size at which the log file of a role is put aside and a new one begun.",
     .set = [](Config& c,
               const Judged& v) { c.log.rotate_bytes = static_cast<std::uint64_t>(v.integer); }},
    {.name = "log.keep_days",
     .shape = Shape::Integer,
     .default_value = "7",
     .min = 1,
     .max = 36'500,
     .doc = "Days after which a log file that was put aside is removed.",
     .set = [](Config& c,
               const Judged& v) { c.log.keep_days = static_cast<std::uint32_t>(v.integer); }},
    {.name = "log.keep_bytes",
     .shape = Shape::Integer,
     .default_value = "1073741824",
     .min = 0,
     .max = kIntegerMax,
     .doc = "Size of all log files above which the oldest that were put aside are removed; 0 is no "
            "bound.",
     .set = [](Config& c,
               const Judged& v) { c.log.keep_bytes = static_cast<std::uint64_t>(v.integer); }},
    {.name = "wal.dir",
     .shape = Shape::Path,
     .default_value = "",
     .min = 0,
     .max = 4'000,
     .variable = "STOA_WAL_DIR",
     .doc = "Directory of the write-ahead log; empty is `wal` below data.dir.",
     .set = [](Config& c, const Judged& v) { c.wal.dir = v.text; }},
    {.name = "wal.sync",
     .shape = Shape::Choice,
     .default_value = "always",
     .choices = kSyncs,
     .variable = "STOA_WAL_SYNC",
     .doc = "When records become durable: before anything is acknowledged, every wal.interval_ms "
            "(a power cut loses that much), or when the system likes. true and false are read as "
            "always and none.",
     .set = [](Config& c, const Judged& v) { c.wal.sync = static_cast<WalSync>(v.integer); }},
    {.name = "wal.interval_ms",
     .shape = Shape::Integer,
     .default_value = "10",
     .min = 1,
     .max = 60'000,
     .doc = "Milliseconds between syncs with wal.sync = \"interval\".",
     .set = [](Config& c,
               const Judged& v) { c.wal.interval_ms = static_cast<std::uint32_t>(v.integer); }},
    {.name = "wal.segment_bytes",
     .shape = Shape::Integer,
     .default_value = "67108864",
     .min = 1'048'576,
     .max = 4'294'967'296,
     .variable = "STOA_WAL_MAX_SIZE",
     .doc = "Size of one file of the log, in bytes.",
     .set = [](Config& c,
               const Judged& v) { c.wal.segment_bytes = static_cast<std::uint64_t>(v.integer); }},
    {.name = "wal.checkpoint_every",
     .shape = Shape::Integer,
     .default_value = "1000000",
     .min = 0,
     .max = kIntegerMax,
     .variable = "STOA_WAL_CHECKPOINT_INTERVAL",
     .doc = "Records between checkpoints, which a start begins with; one is written at a clean end "
            "too. 0: only on `stoa journal checkpoint`.",
     .set =
         [](Config& c, const Judged& v) {
           c.wal.checkpoint_every = static_cast<std::uint64_t>(v.integer);
         }},
    {.name = "wal.keep_bytes",
     .shape = Shape::Integer,
     .default_value = "0",
     .min = 0,
     .max = kIntegerMax,
     .doc = "Size of the log above which, after a checkpoint, its oldest files are removed; never "
            "one that the older of two checkpoints or a cursor still needs. 0: everything is kept.",
     .set = [](Config& c,
               const Judged& v) { c.wal.keep_bytes = static_cast<std::uint64_t>(v.integer); }},
    {.name = "wal.max_files",
     .shape = Shape::Integer,
     .default_value = "0",
     .min = 0,
     .max = 1'000'000,
     .variable = "STOA_WAL_MAX_FILES",
     .doc = "The same bound as a number of files of wal.segment_bytes; where both are given the "
            "smaller counts. 0: any number.",
     .set = [](Config& c,
               const Judged& v) { c.wal.max_files = static_cast<std::uint32_t>(v.integer); }},
    {.name = "wal.history",
     .shape = Shape::Integer,
     .default_value = "200000",
     .min = 0,
     .max = 10'000'000,
     .doc = "Last records of the log that a start shows again: how far lists of orders and fills "
            "reach back. About 200 bytes of memory each, while it starts.",
     .set = [](Config& c,
               const Judged& v) { c.wal.history = static_cast<std::uint64_t>(v.integer); }},
    {.name = "execution.mode",
     .shape = Shape::Choice,
     .default_value = "sim_engine",
     .choices = kModes,
     .absent = kAbsentModes,
     .variable = "STOA_EXECUTION_MODE",
     .doc = "Where orders go: the simulated venue.",
     .set = [](Config& c,
               const Judged& v) { c.execution.mode = static_cast<ExecutionMode>(v.integer); }},
    {.name = "paper.initial_cash",
     .shape = Shape::Decimal,
     .default_value = "1000000",
     .min = 0,
     .max = kAmountMax,
     .doc = "Cash of a new paper account, in quote currency.",
     .set = [](Config& c, const Judged& v) { c.paper.initial_cash_e8 = v.integer; }},
    {.name = "limits.max_order_qty",
     .shape = Shape::Decimal,
     .default_value = "0",
     .min = 0,
     .max = kAmountMax,
     .doc = "Largest quantity of one order, in units of the instrument; 0 is off.",
     .set = set_limit<LimitKind::MaxOrderQty>},
    {.name = "limits.max_order_notional",
     .shape = Shape::Decimal,
     .default_value = "100000",
     .min = 0,
     .max = kAmountMax,
     .doc = "Largest price times quantity of one order, in quote currency.",
     .set = set_limit<LimitKind::MaxOrderNotional>},
    {.name = "limits.price_band_ratio",
     .shape = Shape::Decimal,
     .default_value = "0.1",
     .min = 0,
     .max = kOne,
     .doc = "Farthest a limit price may lie from the market, as a ratio: 0.1 is 10 %.",
     .set = set_limit<LimitKind::PriceBandRatio>},
    {.name = "limits.max_position_notional",
     .shape = Shape::Decimal,
     .default_value = "250000",
     .min = 0,
     .max = kAmountMax,
     .variable = "STOA_MAX_POSITION_SIZE",
     .doc = "Largest position with open orders in one instrument, in quote currency.",
     .set = set_limit<LimitKind::MaxPositionNotional>},
    {.name = "limits.max_gross_exposure",
     .shape = Shape::Decimal,
     .default_value = "1000000",
     .min = 0,
     .max = kAmountMax,
     .doc = "Largest sum of the above over all instruments, in quote currency.",
     .set = set_limit<LimitKind::MaxGrossExposure>},
    {.name = "limits.max_open_orders",
     .shape = Shape::Decimal,
     .default_value = "1000",
     .min = 0,
     .max = 1'000'000 * kOne,
     .doc = "Most orders open at once.",
     .set = set_limit<LimitKind::MaxOpenOrders>},
    {.name = "limits.max_order_rate",
     .shape = Shape::Decimal,
     .default_value = "10",
     .min = 0,
     .max = 1'000'000 * kOne,
     .variable = "STOA_ORDER_RATE_LIMIT",
     .doc = "Most orders per second of each strategy, and of the API.",
     .set = set_limit<LimitKind::MaxOrderRate>},
    {.name = "limits.max_daily_loss",
     .shape = Shape::Decimal,
     .default_value = "1000",
     .min = 0,
     .max = kAmountMax,
     .variable = "STOA_MAX_DAILY_LOSS",
     .doc = "Loss of a UTC day past which orders are refused, in quote currency.",
     .set = set_limit<LimitKind::MaxDailyLoss>},
    {.name = "limits.max_leverage",
     .shape = Shape::Decimal,
     .default_value = "1",
     .min = 0,
     .max = 1'000 * kOne,
     .doc = "Largest gross exposure over equity.",
     .set = set_limit<LimitKind::MaxLeverage>},
    {.name = "sim.order_latency_us",
     .shape = Shape::Integer,
     .default_value = "500",
     .min = 0,
     .max = 60'000'000,
     .doc = "Microseconds an order takes to the simulated venue.",
     .set =
         [](Config& c, const Judged& v) {
           c.sim.order_latency_us = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "sim.report_latency_us",
     .shape = Shape::Integer,
     .default_value = "500",
     .min = 0,
     .max = 60'000'000,
     .doc = "Microseconds an execution report takes back.",
     .set =
         [](Config& c, const Judged& v) {
           c.sim.report_latency_us = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "roles.base_port",
     .shape = Shape::BasePort,
     .default_value = "0",
     .min = 0,
     .max = 65'535,
     .variable = "STOA_BASE_PORT",
     .doc =
         "Added to the port of every service and of the gateway, so that platforms can stand side "
         "by side; any lets the system pick every port.",
     .set =
         [](Config& c, const Judged& v) {
           c.roles.any_port = v.integer < 0;
           c.roles.base_port = static_cast<std::uint16_t>(v.integer < 0 ? 0 : v.integer);
         }},
    {.name = "roles.start_timeout_s",
     .shape = Shape::Integer,
     .default_value = "60",
     .min = 1,
     .max = 86'400,
     .doc = "Seconds that a role may take until it is ready.",
     .set =
         [](Config& c, const Judged& v) {
           c.roles.start_timeout_s = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "roles.stop_timeout_s",
     .shape = Shape::Integer,
     .default_value = "30",
     .min = 1,
     .max = 3'600,
     .doc = "Seconds from SIGTERM until SIGKILL.",
     .set =
         [](Config& c, const Judged& v) {
           c.roles.stop_timeout_s = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "roles.restart_pause_max_s",
     .shape = Shape::Integer,
     .default_value = "30",
     .min = 0,
     .max = 3'600,
     .doc = "Longest pause in seconds before a role that keeps failing is started again; the first "
            "is 0.2. 0: none.",
     .set =
         [](Config& c, const Judged& v) {
           c.roles.restart_pause_max_s = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "roles.restart_max",
     .shape = Shape::Integer,
     .default_value = "5",
     .min = 0,
     .max = 1'000,
     .doc = "Times in a row that a role which failed is started again.",
     .set = [](Config& c,
               const Judged& v) { c.roles.restart_max = static_cast<std::uint32_t>(v.integer); }},
    {.name = "roles.watchdog_s",
     .shape = Shape::Integer,
     .default_value = "20",
     .min = 0,
     .max = 3'600,
     .doc = "Seconds of silence after which a role is killed and started again; 0 is never.",
     .set = [](Config& c,
               const Judged& v) { c.roles.watchdog_s = static_cast<std::uint32_t>(v.integer); }},
    {.name = "relay.ring_bytes",
     .shape = Shape::Integer,
     .default_value = "0",
     .min = 0,
     .max = 17'179'869'184,
     .doc = "Memory in which a relay keeps its newest messages for subscribers, in bytes; 0 is 64 "
            "MiB with a log on disk, 4 MiB without.",
     .set = [](Config& c,
               const Judged& v) { c.relay.ring_bytes = static_cast<std::uint64_t>(v.integer); }},
    {.name = "relay.capture",
     .shape = Shape::Choice,
     .default_value = "none",
     .choices = kCaptures,
     .doc = "Which domains are written to disk beside the execution domain, which always is.",
     .set = [](Config& c, const Judged& v) { c.relay.capture = static_cast<Capture>(v.integer); }},
    {.name = "relay.subscribers_max",
     .shape = Shape::Integer,
     .default_value = "64",
     .min = 1,
     .max = 4'096,
     .doc = "Subscribers of one relay; a further one is refused.",
     .set =
         [](Config& c, const Judged& v) {
           c.relay.subscribers_max = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "relay.socket_mode",
     .shape = Shape::Mode,
     .default_value = "0660",
     .doc = "Permissions of the sockets below DATA/run.",
     .set = [](Config& c,
               const Judged& v) { c.relay.socket_mode = static_cast<std::uint32_t>(v.integer); }},
    {.name = "health.host",
     .shape = Shape::Text,
     .default_value = "127.0.0.1",
     .min = 1,
     .max = 255,
     .variable = "STOA_HEALTH_HOST",
     .doc = "Address on which every role answers for its health and metrics.",
     .set = [](Config& c, const Judged& v) { c.health.host = v.text; }},
    {.name = "risk.max_drawdown_percent",
     .shape = Shape::Decimal,
     .default_value = "10",
     .min = 0,
     .max = 100 * kOne,
     .doc =
         "Fall of the equity from its highest, in percent, past which the risk role stops trading; "
         "0 is off.",
     .set = [](Config& c, const Judged& v) { c.risk.max_drawdown_percent_e8 = v.integer; }},
    enabled_key<Service::RelayMarket>("service.relay-market.enabled", kEnabled),
    priority_key<Service::RelayMarket>("service.relay-market.priority"),
    port_key<Service::RelayMarket>("service.relay-market.port", "8001"),
    enabled_key<Service::RelaySignal>("service.relay-signal.enabled", kEnabled),
    priority_key<Service::RelaySignal>("service.relay-signal.priority"),
    port_key<Service::RelaySignal>("service.relay-signal.port", "8002"),
    enabled_key<Service::RelayExecution>("service.relay-execution.enabled", kEnabled),
    priority_key<Service::RelayExecution>("service.relay-execution.priority"),
    port_key<Service::RelayExecution>("service.relay-execution.port", "8003"),
    enabled_key<Service::Venue>("service.venue.enabled", kEnabled),
    priority_key<Service::Venue>("service.venue.priority"),
    port_key<Service::Venue>("service.venue.port", "9100"),
    enabled_key<Service::MarketData>("service.market-data.enabled", kEnabled),
    priority_key<Service::MarketData>("service.market-data.priority"),
    port_key<Service::MarketData>("service.market-data.port", "5555"),
    enabled_key<Service::Risk>("service.risk.enabled", kEnabled),
    priority_key<Service::Risk>("service.risk.priority"),
    port_key<Service::Risk>("service.risk.port", "5557"),
    enabled_key<Service::Execution>("service.execution.enabled", kEnabled),
    priority_key<Service::Execution>("service.execution.priority"),
    port_key<Service::Execution>("service.execution.port", "5556"),
    enabled_key<Service::Strategy>("service.strategy.enabled", kEnabled),
    priority_key<Service::Strategy>("service.strategy.priority"),
    port_key<Service::Strategy>("service.strategy.port", "5558"),
    enabled_key<Service::Gateway>("service.gateway.enabled",
                                  "Whether `stoa up` starts it. Its port is gateway.port."),
    priority_key<Service::Gateway>("service.gateway.priority"),
    enabled_key<Service::Hub>("service.hub.enabled", kEnabled),
    priority_key<Service::Hub>("service.hub.priority"),
    port_key<Service::Hub>("service.hub.port", "8090"),
    {.name = "engine.worker_threads",
     .shape = Shape::Integer,
     .default_value = "4",
     .min = 1,
     .max = 1'024,
     .variable = "STOA_WORKER_THREADS",
     .doc = "Threads of a pool of workers.",
     .awaits = "a pool of workers; every role of this build works on one thread",
     .set =
         [](Config& c, const Judged& v) {
           c.awaited.worker_threads = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "engine.memory_pool_bytes",
     .shape = Shape::Integer,
     .default_value = "1073741824",
     .min = 1'048'576,
     .max = 1'099'511'627'776,
     .variable = "STOA_MEMORY_POOL_SIZE",
     .doc = "Memory set aside at the start, in bytes.",
     .awaits = "a memory pool; this build allocates its tables once, by their own sizes",
     .set =
         [](Config& c, const Judged& v) {
           c.awaited.memory_pool_bytes = static_cast<std::uint64_t>(v.integer);
         }},
    {.name = "market.reconnect_delay_ms",
     .shape = Shape::Integer,
     .default_value = "5000",
     .min = 1,
     .max = 3'600'000,
     .variable = "STOA_WS_RECONNECT_DELAY",
     .doc = "Milliseconds before a lost connection to a venue's feed is made again.",
     .awaits = kBinance,
     .set =
         [](Config& c, const Judged& v) {
           c.awaited.reconnect_delay_ms = static_cast<std::uint32_t>(v.integer);
         }},
    {.name = "binance.base_url",
     .shape = Shape::Text,
     .default_value = "https://api.binance.com",
     .min = 8,
     .max = 255,
     .variable = "STOA_BINANCE_BASE_URL",
     .doc = "REST address of Binance's market data.",
     .awaits = kBinance,
     .set = [](Config& c, const Judged& v) { c.awaited.binance_base_url = v.text; }},
    {.name = "binance.ws_base_url",
     .shape = Shape::Text,
     .default_value = "wss://stream.binance.com:9443/ws",
     .min = 6,
     .max = 255,
     .variable = "STOA_BINANCE_WS_BASE_URL",
     .doc = "WebSocket address of Binance's market data.",
     .awaits = kBinance,
     .set = [](Config& c, const Judged& v) { c.awaited.binance_ws_base_url = v.text; }},
    {.name = "binance.trade_base_url",
     .shape = Shape::Text,
     .default_value = "https://api.binance.com",
     .min = 8,
     .max = 255,
     .variable = "STOA_BINANCE_TRADE_BASE_URL",
     .doc = "REST address of Binance's orders.",
     .awaits = kBinance,
     .set = [](Config& c, const Judged& v) { c.awaited.binance_trade_base_url = v.text; }},
    {.name = "binance.api_key",
     .shape = Shape::Secret,
     .default_value = "",
     .min = 0,
     .max = 255,
     .variable = "STOA_BINANCE_API_KEY",
     .doc = "Key of the account at Binance.",
     .awaits = kBinance,
     .set = [](Config& c, const Judged& v) { c.awaited.binance_api_key = v.text; }},
    {.name = "binance.api_secret",
     .shape = Shape::Secret,
     .default_value = "",
     .min = 0,
     .max = 255,
     .variable = "STOA_BINANCE_API_SECRET",
     .doc = "Secret of the account at Binance.",
     .awaits = kBinance,
     .set = [](Config& c, const Judged& v) { c.awaited.binance_api_secret = v.text; }},
});

constexpr auto kOtherVariables = std::to_array<OtherVariable>({
    {"STOA_ENV", "Environment, when --env does not say it."},
    {"STOA_USER", "Who changes the configuration, instead of the login name."},
    {"STOA_NO_INPUT", "1: never ask a question."},
    {"STOA_CONTEXT", "Reserved for a name of the engine that commands talk to."},
    {"STOA_FAILPOINT", "Tests: where a process that was built for it ends itself."},
    {"STOA_RECORDINGS", "Tests: folder of the recordings."},
    {"STOA_SUITES", "Tests: folder of the conformance suites."},
    {"STOA_BIN", "Tests: the program under test."},
    {"STOA_ROLE_PROGRAM", "Tests: the program that a supervisor runs for each role."},
    {"STOA_PROGRAM", "Tests of the page: the program under test."},
    {"STOA_JOBS", "./dev: how much it does at once."},
    {"STOA_FUZZ_SECONDS", "./dev: seconds per fuzz target."},
});

std::string decimal(std::int64_t e8) { return std::string{DecimalText(e8).view()}; }

std::expected<Judged, std::string> judge_integer(const Key& key, std::string_view text) {
  Judged value;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value.integer);
  if (error != std::errc{} || stop != end || value.integer < key.min || value.integer > key.max) {
    return std::unexpected(expectation(key));
  }
  return value;
}

std::expected<Judged, std::string> judge_decimal(const Key& key, std::string_view text) {
  const auto e8 = parse_e8(text);
  if (!e8 && e8.error() == DecimalError::TooPrecise) {
    return std::unexpected(expectation(key) + " with at most eight decimals");
  }
  if (!e8 || *e8 < key.min || *e8 > key.max) return std::unexpected(expectation(key));
  return Judged{.integer = *e8};
}

std::expected<Judged, std::string> judge_choice(const Key& key, std::string_view text) {
  if (key.name == "wal.sync") {
    if (text == "true") text = "always";
    if (text == "false") text = "none";
  }
  const auto found = std::ranges::find(key.choices, text);
  if (found != key.choices.end()) return Judged{.integer = found - key.choices.begin()};
  if (std::ranges::find(key.absent, text) != key.absent.end()) {
    return std::unexpected(fmt::format("{} is not in this build; {}", text, expectation(key)));
  }
  auto message = expectation(key);
  if (const auto near = nearest(text, key.choices)) {
    message += fmt::format("; did you mean {}?", *near);
  }
  return std::unexpected(std::move(message));
}

std::expected<Judged, std::string> judge_speed(const Key& key, std::string_view text) {
  if (text == "max") return Judged{.speed = {.factor = 1, .max = true}};
  Judged value;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value.speed.factor);
  const double factor = value.speed.factor;
  if (error != std::errc{} || stop != end || !std::isfinite(factor) || factor < 0.001 ||
      factor > 1e6) {
    return std::unexpected(expectation(key));
  }
  return value;
}

std::expected<Judged, std::string> judge_text(const Key& key, std::string_view text) {
  if (std::cmp_less(text.size(), key.min) || std::cmp_greater(text.size(), key.max) ||
      text.find('\0') != std::string_view::npos) {
    return std::unexpected(expectation(key));
  }
  return Judged{.text = text};
}

std::expected<Judged, std::string> judge_mode(const Key& key, std::string_view text) {
  Judged value;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value.integer, 8);
  const bool octal = error == std::errc{} && stop == end && text.starts_with('0');
  if (!octal || text.size() != 4) return std::unexpected(expectation(key));
  return value;
}

template <std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, std::size_t place) {
  return place < N ? names[place] : "unknown";
}

}  // namespace

std::string_view to_string(MarketSource value) noexcept {
  return name_in(kSources, static_cast<std::size_t>(value));
}
std::string_view to_string(Idle value) noexcept {
  return name_in(kIdles, static_cast<std::size_t>(value));
}
std::string_view to_string(WalSync value) noexcept {
  return name_in(kSyncs, static_cast<std::size_t>(value));
}
std::string_view to_string(ExecutionMode value) noexcept {
  return name_in(kModes, static_cast<std::size_t>(value));
}

std::string_view to_string(Capture value) noexcept {
  return name_in(kCaptures, static_cast<std::size_t>(value));
}
std::string_view to_string(Service service) noexcept {
  return name_in(kServiceNames, static_cast<std::size_t>(service));
}

std::string shown(const Key& key, std::string_view value) {
  if (key.shape != Shape::Secret) return std::string{value};
  return value.empty() ? "" : "(set, not shown)";
}

std::string Key::type_text() const {
  constexpr std::array<std::string_view, 11> kTypes{
      "integer",       "decimal", "choice", "boolean",     "text",  "path",
      "list of paths", "speed",   "port",   "permissions", "secret"};
  return std::string{kTypes.at(static_cast<std::size_t>(shape))};
}

std::string Key::range_text() const {
  switch (shape) {
    case Shape::Integer:
      return max == kIntegerMax ? fmt::format("{} or more", min)
                                : fmt::format("{} to {}", min, max);
    case Shape::Decimal:
      return fmt::format("{} to {}", decimal(min), decimal(max));
    case Shape::Choice:
      return fmt::format("{}", fmt::join(choices, ", "));
    case Shape::Boolean:
      return "true, false";
    case Shape::Speed:
      return "0.001 to 1000000, max";
    case Shape::BasePort:
      return fmt::format("{} to {}, any", min, max);
    case Shape::Mode:
      return "0000 to 0777";
    case Shape::Secret:
    case Shape::Text:
    case Shape::Path:
      return fmt::format("{} to {} bytes", min, max);
    case Shape::Paths:
      return "";
  }
  return "";
}

std::string expectation(const Key& key) {
  switch (key.shape) {
    case Shape::Integer:
      return fmt::format("expected an integer, {}", key.range_text());
    case Shape::Decimal:
      return fmt::format("expected a decimal, {}", key.range_text());
    case Shape::Choice:
      return key.choices.size() == 1
                 ? fmt::format("expected {}", key.choices.front())
                 : fmt::format("expected one of {}", fmt::join(key.choices, ", "));
    case Shape::Boolean:
      return "expected true or false";
    case Shape::Speed:
      return "expected a number, 0.001 to 1000000, or max";
    case Shape::BasePort:
      return fmt::format("expected an integer, {} to {}, or any", key.min, key.max);
    case Shape::Mode:
      return "expected permissions as a text of four octal digits, \"0000\" to \"0777\"";
    case Shape::Secret:
    case Shape::Text:
      return fmt::format("expected a text of {}", key.range_text());
    case Shape::Path:
      return fmt::format("expected a path of {}", key.range_text());
    case Shape::Paths:
      return "expected a list of paths";
  }
  return "";
}

std::expected<Judged, std::string> judge(const Key& key, const std::vector<std::string>& values) {
  if (key.shape == Shape::Paths) {
    if (std::ranges::any_of(values, [](const auto& path) { return path.empty(); })) {
      return std::unexpected("expected a path, not an empty text");
    }
    return Judged{.list = values};
  }
  if (values.size() != 1) return std::unexpected(expectation(key));
  const std::string_view text = values.front();
  switch (key.shape) {
    case Shape::Integer:
      return judge_integer(key, text);
    case Shape::Decimal:
      return judge_decimal(key, text);
    case Shape::Choice:
      return judge_choice(key, text);
    case Shape::Boolean:
      if (text != "true" && text != "false") return std::unexpected(expectation(key));
      return Judged{.integer = text == "true" ? 1 : 0};
    case Shape::Speed:
      return judge_speed(key, text);
    case Shape::BasePort:
      if (text == "any") return Judged{.integer = -1};
      return judge_integer(key, text);
    case Shape::Mode:
      return judge_mode(key, text);
    case Shape::Secret:
    case Shape::Text:
    case Shape::Path:
    case Shape::Paths:
      return judge_text(key, text);
  }
  return std::unexpected(expectation(key));
}

std::span<const Key> keys() noexcept { return kKeys; }

const Key* find_key(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kKeys, name, &Key::name);
  return found == kKeys.end() ? nullptr : found;
}

std::span<const OtherVariable> other_variables() noexcept { return kOtherVariables; }

}  // namespace stoa::ops

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "model/risk.h"

// What this process was told to be. One table of keys (config_keys.cc) is the source of parsing,
// validation, `stoa config` and docs/configuration.md.
namespace stoa::ops {

enum class MarketSource : std::uint8_t { Sim, Replay };
enum class Idle : std::uint8_t { Block, Spin };
enum class WalSync : std::uint8_t { Always, Interval, None };
enum class ExecutionMode : std::uint8_t { SimEngine };
enum class Capture : std::uint8_t { None, Market, Signal, All };
[[nodiscard]] std::string_view to_string(MarketSource value) noexcept;   // "replay"
[[nodiscard]] std::string_view to_string(Idle value) noexcept;           // "block"
[[nodiscard]] std::string_view to_string(WalSync value) noexcept;        // "always"
[[nodiscard]] std::string_view to_string(ExecutionMode value) noexcept;  // "sim_engine"
[[nodiscard]] std::string_view to_string(Capture value) noexcept;        // "market"

/// The processes of a platform that is run as several.
enum class Service : std::uint8_t {
  RelayMarket,
  RelaySignal,
  RelayExecution,
  Venue,
  MarketData,
  Risk,
  Execution,
  Strategy,
  Gateway,
  Hub
};
inline constexpr std::size_t kServices = 10;
[[nodiscard]] std::string_view to_string(Service service) noexcept;  // "relay-market"

/// One [service.NAME].
struct ServiceConfig {
  bool enabled = true;
  std::int32_t priority = 0;  // smaller first: at a start, and of several instances
  std::uint16_t port = 0;     // of health and metrics, before roles.base_port; 0: any free one
};

/// How fast a recording or the simulated market plays, as a multiple of its own time.
struct Speed {
  double factor = 1;  // > 0
  bool max = false;   // as fast as it can be consumed; `factor` means nothing then
};

/// What a file wrote for a value.
enum class Written : std::uint8_t { Text, Integer, Real, Boolean, Other };

/// One parameter of a strategy as text ("0.05", "true"); its strategy reads and judges it.
struct StrategyParam {
  std::string name{};
  std::string value{};
  std::string source{};  // file:line:column
  Written written = Written::Text;
};

/// One [[strategy]] of a file.
struct StrategyConfig {
  std::string name{};
  std::string type{};  // market_maker, ma_cross
  std::string symbol{};
  bool enabled = true;  // starts with the engine
  std::vector<StrategyParam> params{};
  std::string source{};  // file:line:column
};

/// Plain values; every member is one key of the table, with its default there.
struct Config {
  std::string environment{};
  struct {
    std::filesystem::path dir{};
  } data;
  struct {
    std::string host{};
    std::uint16_t port = 0;  // 0: the system picks one
    std::uint32_t hold_max_ms = 0;
  } gateway;
  struct {
    MarketSource source = MarketSource::Sim;
    std::vector<std::filesystem::path> recordings{};
    Speed speed{};
    std::uint64_t seed = 0;
    std::string symbol{};
  } market;
  struct {
    Idle idle = Idle::Block;
    std::uint64_t duration_s = 0;  // 0: until told to stop
    bool exit_when_done = false;   // a replay ends the process when its recordings end
  } engine;
  struct {
    log::Level level = log::Level::Info;
    std::uint64_t rotate_bytes = 0;
    std::uint32_t keep_days = 0;
    std::uint64_t keep_bytes = 0;  // 0: no bound
  } log;
  struct {
    std::filesystem::path dir{};  // never empty once loaded: DATA/wal unless told
    WalSync sync = WalSync::Always;
    std::uint32_t interval_ms = 0;
    std::uint64_t segment_bytes = 0;
    std::uint64_t checkpoint_every = 0;  // records; 0: only when asked for
    std::uint64_t keep_bytes = 0;        // 0: everything
    std::uint32_t max_files = 0;         // 0: any number
    std::uint64_t history = 0;           // records shown again at a start
  } wal;
  struct {
    ExecutionMode mode = ExecutionMode::SimEngine;
  } execution;
  struct {
    std::int64_t initial_cash_e8 = 0;
  } paper;
  std::array<std::int64_t, kLimitKinds> limits_e8{};  // by LimitKind, as LimitSet takes them
  struct {
    std::uint32_t order_latency_us = 0;
    std::uint32_t report_latency_us = 0;
  } sim;
  struct {
    std::uint16_t base_port = 0;  // added to the port of every service and of the gateway
    bool any_port = false;        // the system picks them all
    std::uint32_t start_timeout_s = 0;
    std::uint32_t stop_timeout_s = 0;
    std::uint32_t restart_max = 0;
    std::uint32_t restart_pause_max_s = 0;
    std::uint32_t watchdog_s = 0;  // 0: none
  } roles;
  struct {
    std::uint64_t ring_bytes = 0;
    Capture capture = Capture::None;
    std::uint32_t subscribers_max = 0;
    std::uint32_t socket_mode = 0;  // permission bits
  } relay;
  struct {
    std::string host{};
  } health;
  struct {
    std::int64_t max_drawdown_percent_e8 = 0;
  } risk;
  /// Kept for what this build lacks: judged and shown, read by nothing yet (Key::awaits).
  struct {
    std::uint32_t worker_threads = 0;
    std::uint64_t memory_pool_bytes = 0;
    std::uint32_t reconnect_delay_ms = 0;
    std::string binance_base_url{};
    std::string binance_ws_base_url{};
    std::string binance_trade_base_url{};
    std::string binance_api_key{};
    std::string binance_api_secret{};
  } awaited;
  std::array<ServiceConfig, kServices> services{};
  std::vector<StrategyConfig> strategies{};

  [[nodiscard]] const ServiceConfig& service(Service which) const noexcept {
    return services[static_cast<std::size_t>(which)];
  }
  [[nodiscard]] std::int64_t limit_e8(LimitKind kind) const noexcept {
    return limits_e8[static_cast<std::size_t>(kind)];
  }
};

/// What a key takes.
enum class Shape : std::uint8_t {
  Integer,
  Decimal,
  Choice,
  Boolean,
  Text,
  Path,
  Paths,
  Speed,
  BasePort,  // an integer, or any
  Mode,      // permission bits in octal, as a text: "0660"
  Secret     // a text that is never shown and never comes from a file
};
struct Judged;  // a value that passed (config_keys.h)

/// The one row of a key: everything that is known of it.
struct Key {
  std::string_view name{};  // "gateway.port"
  Shape shape = Shape::Text;
  std::string_view default_value{};  // as a variable or a flag writes it
  std::int64_t min = 0;              // Integer; Decimal: x 1e8; Text, Path: length
  std::int64_t max = 0;
  std::span<const std::string_view> choices{};  // Choice
  std::span<const std::string_view> absent{};   // Choice: known names that this build lacks
  std::string_view variable{};                  // "STOA_PORT", or empty
  std::string_view doc{};                       // one line
  std::string_view awaits{};  // the feature that will read it, when this build has not got it
  void (*set)(Config&, const Judged&) = nullptr;

  [[nodiscard]] std::string type_text() const;   // "integer"
  [[nodiscard]] std::string range_text() const;  // "0 to 65535", "sim or replay"
};
/// Every key, in the order of the documentation.
[[nodiscard]] std::span<const Key> keys() noexcept;
[[nodiscard]] const Key* find_key(std::string_view name) noexcept;
/// STOA_* variables that are not settings (recordings for tests, switches of the CLI, …).
struct OtherVariable {
  std::string_view name{};
  std::string_view doc{};
};
[[nodiscard]] std::span<const OtherVariable> other_variables() noexcept;

/// What a value looks like where people read it: a secret is only said to be there.
[[nodiscard]] std::string shown(const Key& key, std::string_view value);

/// The nearest of `names` to a misspelt `word`, or nothing when none is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> names);

/// What a process sees around it, gathered once, so that tests own it.
struct Surroundings {
  std::map<std::string, std::string, std::less<>> variables{};
  bool container = false;   // /.dockerenv
  bool run_folder = false;  // /var/run/stoa
  [[nodiscard]] static Surroundings of_process();
};

/// A value given on the command line; `flag` is how the person wrote it ("--port").
struct Override {
  std::string key{};
  std::vector<std::string> values{};  // one, but for list keys
  std::string flag{};
};

/// The text of a file that is not on disk yet, and the name under which messages call it.
struct FileText {
  std::string name{};
  std::string text{};
};

struct LoadOptions {
  std::optional<std::string> environment{};     // --env
  std::optional<std::filesystem::path> file{};  // --config: laid over the environment's file
  std::optional<FileText> text{};               // laid over both
  /// False: a secret that is named by reference is taken as it stands, for who judges a
  /// configuration that other processes will run with.
  bool resolve_secrets = true;
  std::vector<Override> overrides{};  // flags
  Surroundings surroundings{};
  /// Asked once per strategy; its error stops the load. Nothing: every strategy passes.
  std::function<Result<void>(const StrategyConfig&)> check_strategy{};
};

/// One source's say on a key; sources are asked from the weakest to the strongest.
struct Say {
  enum class Source : std::uint8_t { Default, File, Variable, Flag };
  Source source = Source::Default;
  std::string value{};
  std::string where{};  // "default", "development.toml:12:8", "STOA_PORT", "--port"
};

/// A value and how it came to be: the last of `says` won.
struct Setting {
  const Key* key = nullptr;
  std::string value{};
  std::vector<Say> says{};
  [[nodiscard]] const Say& winner() const noexcept { return says.back(); }
};

struct Loaded {
  Config config{};
  std::vector<Setting> settings{};   // in the order of keys()
  std::string environment_reason{};  // "STOA_ENV", "CI=true", …
  std::vector<std::string> files{};  // read, in order
};

/// Reads every source and judges every value. Start-up and `stoa config`; cold.
///
/// errors  every problem found, each with file:line:column (or the variable or flag), what was
///         expected and the nearest known name; never empty
[[nodiscard]] std::expected<Loaded, std::vector<Error>> load(const LoadOptions& options);

/// Judges the keys, types and values of one file as `load` would, without what lies below or above
/// it; answers every problem with its line.
[[nodiscard]] std::vector<Error> check_text(const FileText& file, const LoadOptions& options);

/// "env:NAME" or "file:PATH": how a file names a secret that it does not hold.
[[nodiscard]] bool is_secret_reference(std::string_view text) noexcept;

/// Names of the environments, as --env takes them.
[[nodiscard]] std::span<const std::string_view> environments() noexcept;

/// The generated part of docs/configuration.md.
[[nodiscard]] std::string keys_as_markdown();

}  // namespace stoa::ops

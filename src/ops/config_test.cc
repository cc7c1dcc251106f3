#include "ops/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "model/risk.h"
#include "ops/config_file.h"
#include "ops/config_keys.h"

namespace stoa::ops {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// The tree that this program was built from: tests read its documents and sources.
fs::path source_root() {
  auto folder = fs::read_symlink("/proc/self/exe").parent_path();
  while (!fs::exists(folder / "environments/development.toml") && folder != folder.root_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A file of the test's own, gone with it.
class TempFile {
 public:
  explicit TempFile(std::string_view text) {
    static int count = 0;
    path_ = fs::temp_directory_path() /
            ("stoa-config-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".toml");
    std::ofstream{path_} << text;
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { fs::remove(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

LoadOptions production() { return {.environment = "production"}; }

const Setting& setting(const Loaded& loaded, std::string_view key) {
  return *std::ranges::find_if(loaded.settings,
                               [&](const Setting& s) { return s.key->name == key; });
}

std::vector<std::string> texts(const std::vector<Error>& errors) {
  std::vector<std::string> all;
  for (const Error& error : errors) all.push_back(error.text());
  return all;
}

/// Loads `toml` over the production file; answers the problems.
std::vector<std::string> problems_of(std::string_view toml) {
  const TempFile file{toml};
  auto options = production();
  options.file = file.path();
  const auto loaded = load(options);
  if (loaded) return {};
  auto all = texts(loaded.error());
  for (auto& text : all) {
    const auto at = text.find(file.path().string());
    if (at != std::string::npos) text.replace(at, file.path().string().size(), "FILE");
  }
  return all;
}

TEST(Config, a_stronger_source_wins_and_the_others_are_remembered) {
  const TempFile file{"[gateway]\nport = 2000\n"};
  auto options = production();
  EXPECT_EQ(load(options)->config.gateway.port, 8080);
  options.file = file.path();
  EXPECT_EQ(load(options)->config.gateway.port, 2000);
  options.surroundings.variables["STOA_PORT"] = "3000";
  EXPECT_EQ(load(options)->config.gateway.port, 3000);
  options.overrides.push_back({.key = "gateway.port", .values = {"4000"}, .flag = "--port"});
  const auto loaded = load(options);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->config.gateway.port, 4000);
  const auto& port = setting(*loaded, "gateway.port");
  ASSERT_EQ(port.says.size(), 4U);
  EXPECT_EQ(port.says[0].where, "default");
  EXPECT_EQ(port.says[1].where, file.path().string() + ":2:8");
  EXPECT_EQ(port.says[2].where, "STOA_PORT");
  EXPECT_EQ(port.winner().where, "--port");
  EXPECT_EQ(port.winner().value, "4000");
}

TEST(Config, an_empty_variable_counts_as_not_set) {
  auto options = production();
  options.surroundings.variables["STOA_PORT"] = "";
  EXPECT_EQ(load(options)->config.gateway.port, 8080);
}

TEST(Config, the_environment_is_chosen_in_the_documented_order) {
  LoadOptions options;
  const auto chosen = [&] { return load(options)->config.environment; };
  EXPECT_EQ(chosen(), "development");
  options.surroundings.variables["CI"] = "true";
  EXPECT_EQ(chosen(), "testing");
  options.surroundings.run_folder = true;
  EXPECT_EQ(chosen(), "production");
  options.surroundings.variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  EXPECT_EQ(chosen(), "docker");
  options.surroundings.variables.erase("KUBERNETES_SERVICE_HOST");
  options.surroundings.container = true;
  EXPECT_EQ(chosen(), "docker");
  options.surroundings.variables["STOA_ENV"] = "staging";
  EXPECT_EQ(chosen(), "staging");
  options.environment = "testing";
  EXPECT_EQ(chosen(), "testing");
}

TEST(Config, every_environment_file_is_valid_and_says_what_is_promised) {
  const auto limit = [](std::string_view environment, LimitKind kind) {
    return load({.environment = std::string{environment}})->config.limit_e8(kind) / 100'000'000;
  };
  for (const auto environment : environments()) {
    const auto loaded = load({.environment = std::string{environment}});
    ASSERT_TRUE(loaded.has_value()) << environment << ": " << texts(loaded.error()).front();
  }
  EXPECT_EQ(limit("development", LimitKind::MaxOrderRate), 1'000);
  EXPECT_EQ(limit("testing", LimitKind::MaxOrderRate), 1'000);
  EXPECT_EQ(limit("production", LimitKind::MaxOrderRate), 10);
  EXPECT_EQ(limit("development", LimitKind::MaxDailyLoss), 50'000);
  EXPECT_EQ(limit("production", LimitKind::MaxDailyLoss), 1'000);
  std::vector<std::string> names;
  const auto development = load({.environment = "development"});
  for (const auto& strategy : development->config.strategies) {
    EXPECT_TRUE(strategy.enabled);
    names.push_back(strategy.name + " " + strategy.type + " " + strategy.symbol);
  }
  EXPECT_THAT(names,
              ::testing::ElementsAre("mm_btc market_maker BTCUSDT", "mm_eth market_maker ETHUSDT",
                                     "cross_btc ma_cross BTCUSDT"));
}

struct ProblemCase {
  std::string_view toml;
  std::string_view expected;
};
constexpr ProblemCase kProblemCases[] = {
    {"[gateway]\nprot = 1\n", "FILE:2:1: gateway.prot: unknown key; did you mean gateway.port?"},
    {"[gatway]\nport = 1\n", "FILE:2:1: gatway.port: unknown key; did you mean gateway.port?"},
    {"gateway = 5\n", "FILE:1:1: gateway: expected a table"},
    {"[gateway]\nport = \"8080\"\n", "FILE:2:8: gateway.port: expected an integer, 0 to 65535"},
    {"[gateway]\nport = 65536\n",
     "FILE:2:8: gateway.port = \"65536\": expected an integer, 0 to 65535"},
    {"[gateway]\nport = 80.5\n", "FILE:2:8: gateway.port: expected an integer, 0 to 65535"},
    {"[data]\ndir = \"\"\n", "FILE:2:7: data.dir = \"\": expected a path of 1 to 4000 bytes"},
    {"[engine]\nidle = \"spinn\"\n",
     "FILE:2:8: engine.idle = \"spinn\": expected one of block, spin; did you mean spin?"},
    {"[engine]\nexit_when_done = \"true\"\n",
     "FILE:2:18: engine.exit_when_done: expected true or false"},
    {"[execution]\nmode = \"binance_spot\"\n",
     "FILE:2:8: execution.mode = \"binance_spot\": binance_spot is not in this build; expected "
     "sim_engine"},
    {"[limits]\nmax_order_notional = -1\n",
     "FILE:2:22: limits.max_order_notional = \"-1\": expected a decimal, 0 to 90000000000"},
    {"[limits]\nprice_band_ratio = \"0.123456789\"\n",
     "FILE:2:20: limits.price_band_ratio = \"0.123456789\": expected a decimal, 0 to 1 with at "
     "most "
     "eight decimals"},
    {"[market]\nspeed = 0\n",
     "FILE:2:9: market.speed = \"0\": expected a number, 0.001 to 1000000, or max"},
    {"[market]\nrecordings = \"a.jsonl\"\n",
     "FILE:2:14: market.recordings: expected a list of paths"},
    {"[market]\nrecordings = [\"a\", 1]\n",
     "FILE:2:14: market.recordings: expected a list of paths"},
    {"[market]\nsource = \"replay\"\n",
     "FILE:2:10: market.recordings: market.source = \"replay\" needs at least one recording"},
    {"[wal]\nsegment_bytes = 1048577\n",
     "FILE:2:17: wal.segment_bytes: expected a multiple of 4096"},
    {"[log]\nlevel = 2021-01-01\n",
     "FILE:2:9: log.level: expected one of error, warn, info, debug"},
    {"strategy = 1\n", "FILE:1:1: strategy: expected an array of tables, [[strategy]]"},
    {"[[strategy]]\nname = \"a\"\ntype = \"b\"\n",
     "FILE:1:1: strategy.symbol: missing; every [[strategy]] needs name, type and symbol"},
    {"[[strategy]]\nname = \"a\"\ntype = \"b\"\nsymbol = \"C\"\nenable = true\n",
     "FILE:5:1: strategy.enable: unknown key; did you mean enabled?"},
    {"[[strategy]]\nname = \"a b\"\ntype = \"b\"\nsymbol = \"C\"\n",
     "FILE:2:8: strategy.name: expected a text of 1 to 24 bytes of [A-Za-z0-9._-]"},
    {"[service.vneue]\nport = 1\n",
     "FILE:2:1: service.vneue.port: unknown key; did you mean service.venue.port?"},
    {"[service.venue]\nprot = 1\n",
     "FILE:2:1: service.venue.prot: unknown key; did you mean service.venue.port?"},
    {"[service.gateway]\nport = 1\n",
     "FILE:2:1: service.gateway.port: unknown key; did you mean gateway.port?"},
    {"[roles]\nwatchdog = 1\n",
     "FILE:2:1: roles.watchdog: unknown key; did you mean roles.watchdog_s?"},
    {"[relay]\nsocket_mode = 0o660\n",
     "FILE:2:15: relay.socket_mode: expected permissions as a text of four octal digits, \"0000\" "
     "to \"0777\""},
    {"[relay]\ncapture = \"both\"\n",
     "FILE:2:11: relay.capture = \"both\": expected one of none, market, signal, all"},
    {"[service.risk]\nport = 5556\n",
     "FILE:2:8: service.risk.port = 5556: service.execution.port has this port"},
    {"[risk]\nmax_drawdown_percent = 100.5\n",
     "FILE:2:24: risk.max_drawdown_percent = \"100.5\": expected a decimal, 0 to 100"},
    {"[[strategy]]\nname = \"a\"\ntype = \"b\"\nsymbol = \"C\"\n[strategy.params]\nx = [1]\n",
     "FILE:6:5: strategy.params.x: expected a number, a text, true or false"},
};

TEST(Config, a_problem_names_its_place_what_was_expected_and_the_nearest_name) {
  for (const auto& [toml, expected] : kProblemCases) {
    SCOPED_TRACE(toml);
    EXPECT_THAT(problems_of(toml), ::testing::ElementsAre(std::string{expected}));
  }
}

TEST(Config, every_problem_is_told_not_only_the_first) {
  EXPECT_EQ(problems_of("[gateway]\nport = -1\nhots = \"x\"\n[wal]\nsync = \"no\"\n").size(), 3U);
}

TEST(Config, a_file_that_is_no_toml_is_refused_with_its_place) {
  const auto problems = problems_of("[gateway]\nport = = 1\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr("FILE:2:8: "));
}

TEST(Config, an_unknown_variable_of_ours_is_refused) {
  auto options = production();
  options.surroundings.variables = {{"STOA_PROT", "1"}, {"PATH", "/bin"}, {"STOA_JOBS", "2"}};
  const auto loaded = load(options);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(texts(loaded.error()),
              ::testing::ElementsAre("STOA_PROT: unknown variable; did you mean STOA_PORT?"));
}

/// One documented variable: its default, a value, and what of the configuration it changes.
struct VariableCase {
  std::string_view variable;
  std::string_view default_text;
  std::string_view value;
  std::string_view changed;
  std::string (*read)(const Config&);
};
std::string limit_text(const Config& config, LimitKind kind) {
  return std::to_string(config.limit_e8(kind) / 1'000'000) + "e-2";
}
const VariableCase kVariableCases[] = {
    {"STOA_ENV", "production", "staging", "staging", [](const Config& c) { return c.environment; }},
    {"STOA_PORT", "8080", "9000", "9000",
     [](const Config& c) { return std::to_string(c.gateway.port); }},
    {"STOA_HOST", "127.0.0.1", "::1", "::1", [](const Config& c) { return c.gateway.host; }},
    {"STOA_DATA_DIR", "/var/lib/stoa", "/tmp/d", "/tmp/d",
     [](const Config& c) { return c.data.dir.string(); }},
    {"STOA_LOG_LEVEL", "info", "debug", "debug",
     [](const Config& c) { return std::string{log::to_string(c.log.level)}; }},
    {"STOA_MARKET_SOURCE", "sim", "sim", "sim",  // replay needs recordings as well
     [](const Config& c) { return std::string{to_string(c.market.source)}; }},
    {"STOA_MARKET_SYMBOL", "BTCUSDT", "ETHUSDT", "ETHUSDT",
     [](const Config& c) { return c.market.symbol; }},
    {"STOA_BINANCE_BASE_URL", "https://api.binance.com", "http://127.0.0.1:9100",
     "http://127.0.0.1:9100", [](const Config& c) { return c.awaited.binance_base_url; }},
    {"STOA_BINANCE_WS_BASE_URL", "wss://stream.binance.com:9443/ws", "ws://127.0.0.1:9100/ws",
     "ws://127.0.0.1:9100/ws", [](const Config& c) { return c.awaited.binance_ws_base_url; }},
    {"STOA_WS_RECONNECT_DELAY", "5000", "250", "250",
     [](const Config& c) { return std::to_string(c.awaited.reconnect_delay_ms); }},
    {"STOA_EXECUTION_MODE", "sim_engine", "sim_engine", "sim_engine",  // the only one there is
     [](const Config& c) { return std::string{to_string(c.execution.mode)}; }},
    {"STOA_BINANCE_TRADE_BASE_URL", "https://api.binance.com", "http://127.0.0.1:9100",
     "http://127.0.0.1:9100", [](const Config& c) { return c.awaited.binance_trade_base_url; }},
    {"STOA_BINANCE_API_KEY", "", "abc", "abc",
     [](const Config& c) { return c.awaited.binance_api_key; }},
    {"STOA_BINANCE_API_SECRET", "", "def", "def",
     [](const Config& c) { return c.awaited.binance_api_secret; }},
    {"STOA_WORKER_THREADS", "4", "2", "2",
     [](const Config& c) { return std::to_string(c.awaited.worker_threads); }},
    {"STOA_MEMORY_POOL_SIZE", "1073741824", "2097152", "2097152",
     [](const Config& c) { return std::to_string(c.awaited.memory_pool_bytes); }},
    {"STOA_ORDER_RATE_LIMIT", "1000e-2", "7", "700e-2",
     [](const Config& c) { return limit_text(c, LimitKind::MaxOrderRate); }},
    {"STOA_WAL_DIR", "/var/lib/stoa/wal", "/tmp/w", "/tmp/w",
     [](const Config& c) { return c.wal.dir.string(); }},
    {"STOA_WAL_MAX_SIZE", "67108864", "1048576", "1048576",
     [](const Config& c) { return std::to_string(c.wal.segment_bytes); }},
    {"STOA_WAL_MAX_FILES", "0", "10", "10",
     [](const Config& c) { return std::to_string(c.wal.max_files); }},
    {"STOA_WAL_SYNC", "always", "false", "none",
     [](const Config& c) { return std::string{to_string(c.wal.sync)}; }},
    {"STOA_WAL_CHECKPOINT_INTERVAL", "1000000", "1000", "1000",
     [](const Config& c) { return std::to_string(c.wal.checkpoint_every); }},
    {"STOA_MAX_POSITION_SIZE", "25000000e-2", "10000", "1000000e-2",
     [](const Config& c) { return limit_text(c, LimitKind::MaxPositionNotional); }},
    {"STOA_MAX_DAILY_LOSS", "100000e-2", "123.45", "12345e-2",
     [](const Config& c) { return limit_text(c, LimitKind::MaxDailyLoss); }},
    {"STOA_BASE_PORT", "0", "1000", "1000",
     [](const Config& c) { return std::to_string(c.roles.base_port); }},
    {"STOA_HEALTH_HOST", "127.0.0.1", "0.0.0.0", "0.0.0.0",
     [](const Config& c) { return c.health.host; }},
};

TEST(Config, every_documented_variable_changes_the_value_it_documents) {
  for (const auto& [variable, default_text, value, changed, read] : kVariableCases) {
    SCOPED_TRACE(variable);
    LoadOptions options;
    options.surroundings.run_folder = true;  // production, as /var/run/stoa says
    auto loaded = load(options);
    ASSERT_TRUE(loaded.has_value()) << texts(loaded.error()).front();
    EXPECT_EQ(read(loaded->config), default_text);
    options.surroundings.variables.emplace(variable, value);
    loaded = load(options);
    ASSERT_TRUE(loaded.has_value()) << texts(loaded.error()).front();
    EXPECT_EQ(read(loaded->config), changed);
    if (variable == "STOA_ENV") continue;  // no key: it chooses the file
    const auto found = std::ranges::find_if(
        loaded->settings, [&](const Setting& s) { return s.key->variable == variable; });
    ASSERT_NE(found, loaded->settings.end());
    EXPECT_EQ(found->winner().where, variable);
  }
}

TEST(Config, no_variable_of_a_key_lacks_a_case_of_the_test_above) {
  std::set<std::string_view> cases;
  for (const auto& known : kVariableCases) cases.insert(known.variable);
  for (const Key& key : keys()) {
    if (!key.variable.empty()) {
      EXPECT_TRUE(cases.contains(key.variable)) << key.variable;
    }
  }
}

TEST(Config, a_secret_is_taken_from_the_environment_alone_and_never_shown) {
  auto options = production();
  options.surroundings.variables["STOA_BINANCE_API_SECRET"] = "hunter2";
  const auto loaded = load(options);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->config.awaited.binance_api_secret, "hunter2");
  const Setting& secret = setting(*loaded, "binance.api_secret");
  EXPECT_EQ(secret.value, "(set, not shown)");
  EXPECT_EQ(secret.winner().value, "(set, not shown)");
  EXPECT_THAT(problems_of("[binance]\napi_key = \"abc\"\n"),
              ::testing::ElementsAre("FILE:2:1: binance.api_key: a secret does not belong into a "
                                     "configuration file; write env:NAME or file:PATH, or set "
                                     "STOA_BINANCE_API_KEY"));
  options.overrides.push_back(
      {.key = "binance.api_key", .values = {"abc"}, .flag = "--set binance.api_key"});
  const auto refused = load(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(texts(refused.error()), ::testing::ElementsAre(HasSubstr("a command line")));
  options = production();
  options.surroundings.variables["STOA_BINANCE_API_SECRET"] = std::string(256, 'x');
  const auto too_long = load(options);
  ASSERT_FALSE(too_long.has_value());
  EXPECT_THAT(texts(too_long.error())[0], ::testing::Not(HasSubstr("xx")));
}

TEST(Config, a_file_says_where_a_secret_lies) {
  const TempFile secret{"hunter2\n"};
  const TempFile file{"[binance]\napi_key = \"env:MY_KEY\"\napi_secret = \"file:" +
                      secret.path().string() + "\"\n"};
  auto options = production();
  options.file = file.path();
  const auto missing = load(options);
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(texts(missing.error())[0], HasSubstr("the variable MY_KEY is not set"));
  options.surroundings.variables["MY_KEY"] = "key";
  const auto loaded = load(options);
  ASSERT_TRUE(loaded.has_value()) << texts(loaded.error())[0];
  EXPECT_EQ(loaded->config.awaited.binance_api_key, "key");
  EXPECT_EQ(loaded->config.awaited.binance_api_secret, "hunter2");
  options.surroundings.variables.clear();
  options.resolve_secrets = false;
  EXPECT_TRUE(load(options).has_value()) << "who only judges it need not have them";
}

TEST(Config, every_service_has_the_port_that_is_documented) {
  const auto loaded = load(production());
  const std::map<std::string_view, std::uint16_t> documented{
      {"relay-market", 8001}, {"relay-signal", 8002}, {"relay-execution", 8003}, {"venue", 9100},
      {"market-data", 5555},  {"risk", 5557},         {"execution", 5556},       {"strategy", 5558},
      {"gateway", 0},         {"hub", 8090}};
  EXPECT_EQ(documented.size(), kServices);
  for (std::size_t i = 0; i < kServices; ++i) {
    const auto which = static_cast<Service>(i);
    ASSERT_TRUE(documented.contains(to_string(which))) << to_string(which);
    EXPECT_EQ(loaded->config.service(which).port, documented.at(to_string(which)));
    EXPECT_TRUE(loaded->config.service(which).enabled);
    EXPECT_EQ(loaded->config.service(which).priority, 10);
  }
}

TEST(Config, a_service_is_told_by_its_table) {
  const TempFile file{
      "[service.venue]\nenabled = false\n[service.relay-market]\npriority = -3\nport = 7001\n"};
  auto options = production();
  options.file = file.path();
  const auto loaded = load(options);
  ASSERT_TRUE(loaded.has_value()) << texts(loaded.error()).front();
  EXPECT_FALSE(loaded->config.service(Service::Venue).enabled);
  EXPECT_EQ(loaded->config.service(Service::RelayMarket).priority, -3);
  EXPECT_EQ(loaded->config.service(Service::RelayMarket).port, 7'001);
  EXPECT_TRUE(loaded->config.service(Service::RelaySignal).enabled);
}

TEST(Config, the_base_port_is_a_number_or_any) {
  auto options = production();
  options.overrides.push_back({.key = "roles.base_port", .values = {"any"}, .flag = "--base-port"});
  EXPECT_TRUE(load(options)->config.roles.any_port);
  EXPECT_EQ(load(options)->config.roles.base_port, 0);
  options.overrides[0].values = {"56435"};
  EXPECT_FALSE(load(options)->config.roles.any_port);
  EXPECT_EQ(load(options)->config.roles.base_port, 56'435);
  options.overrides[0].values = {"56436"};
  const auto refused = load(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(texts(refused.error()),
              ::testing::ElementsAre("--base-port: roles.base_port = 56436: service.venue.port "
                                     "would be 65536, and ports end at 65535"));
}

TEST(Config, permissions_are_read_in_octal) {
  EXPECT_EQ(load(production())->config.relay.socket_mode, 0660U);
  const Key& mode = *find_key("relay.socket_mode");
  EXPECT_EQ(judge(mode, {"0600"})->integer, 0600);
  EXPECT_EQ(judge(mode, {"0777"})->integer, 0777);
  for (const auto* bad : {"", "660", "1777", "0888", "00660", "0x1b0", "rw-r"}) {
    EXPECT_FALSE(judge(mode, {bad})) << bad;
  }
}

TEST(Config, the_environment_of_tests_shares_no_port) {
  const auto loaded = load({.environment = "testing"});
  EXPECT_TRUE(loaded->config.roles.any_port);
  EXPECT_EQ(loaded->config.gateway.port, 0);
}

TEST(Config, the_log_lies_below_the_data_directory_unless_told) {
  EXPECT_EQ(load(production())->config.wal.dir, "/var/lib/stoa/wal");
}

TEST(Config, strategies_of_an_own_file_replace_those_of_the_environment) {
  const TempFile file{
      "[[strategy]]\nname = \"one\"\ntype = \"ma_cross\"\nsymbol = \"BTCUSDT\"\nenabled = false\n"
      "params = { fast = 5, band = 0.25, note = \"x\", live = true }\n"};
  const auto loaded = load({.environment = "development", .file = file.path()});
  ASSERT_TRUE(loaded.has_value());
  ASSERT_EQ(loaded->config.strategies.size(), 1U);
  const auto& one = loaded->config.strategies[0];
  EXPECT_FALSE(one.enabled);
  std::map<std::string, std::string> params;
  for (const auto& param : one.params) params[param.name] = param.value;
  EXPECT_EQ(params, (std::map<std::string, std::string>{
                        {"fast", "5"}, {"band", "0.25"}, {"note", "x"}, {"live", "true"}}));
  EXPECT_THAT(one.source, HasSubstr(".toml:1:1"));
}

TEST(Config, strategies_of_one_name_are_refused) {
  constexpr std::string_view kOne = "[[strategy]]\nname = \"a\"\ntype = \"b\"\nsymbol = \"C\"\n";
  EXPECT_THAT(problems_of(std::string{kOne} + std::string{kOne}),
              ::testing::ElementsAre(HasSubstr("is the name of an earlier [[strategy]]")));
}

TEST(Config, the_strategy_code_has_the_last_word) {
  LoadOptions options{.environment = "development"};
  options.check_strategy = [](const StrategyConfig& strategy) -> Result<void> {
    if (strategy.type == "ma_cross") return bad_input("no such type");
    return {};
  };
  const auto loaded = load(options);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(texts(loaded.error()), ::testing::ElementsAre(::testing::MatchesRegex(
                                         "environments/development.toml:[0-9]+:1: no such type")));
}

TEST(Config, numbers_pass_up_to_their_edges_and_no_farther) {
  for (const Key& key : keys()) {
    SCOPED_TRACE(key.name);
    if (key.shape == Shape::Integer) {
      EXPECT_TRUE(judge(key, {std::to_string(key.min)}));
      EXPECT_TRUE(judge(key, {std::to_string(key.max)}));
      EXPECT_FALSE(judge(key, {std::to_string(key.min - 1)}));
      EXPECT_FALSE(judge(key, {std::to_string(static_cast<std::uint64_t>(key.max) + 1)}));
    }
    if (key.shape == Shape::Integer || key.shape == Shape::Decimal || key.shape == Shape::Speed) {
      for (const auto* bad : {"", " 1", "1 ", "+1", "0x10", "1e3x", "nan", "inf", "1_000"}) {
        EXPECT_FALSE(judge(key, {bad})) << bad;
      }
    }
  }
}

TEST(Config, defaults_pass_their_own_judgement_and_names_are_unique) {
  std::set<std::string_view> names;
  std::set<std::string_view> variables;
  for (const Key& key : keys()) {
    SCOPED_TRACE(key.name);
    EXPECT_TRUE(names.insert(key.name).second);
    if (!key.variable.empty()) {
      EXPECT_TRUE(variables.insert(key.variable).second);
    }
    EXPECT_FALSE(key.doc.empty());
    ASSERT_NE(key.set, nullptr);
    if (key.shape != Shape::Paths) {
      EXPECT_TRUE(judge(key, {std::string{key.default_value}}));
    }
  }
}

TEST(Config, there_is_a_key_for_every_limit) {
  Config config;
  for (std::uint8_t kind = 0; kind < kLimitKinds; ++kind) {
    const auto* key = find_key("limits." + std::string{to_string(static_cast<LimitKind>(kind))});
    ASSERT_NE(key, nullptr);
    key->set(config, Judged{.integer = 7});
    EXPECT_EQ(config.limits_e8.at(kind), 7) << key->name;
  }
}

TEST(Config, the_nearest_name_is_one_that_could_be_meant) {
  constexpr std::array<std::string_view, 3> kNames{"order", "position", "fill"};
  EXPECT_EQ(nearest("odrer", kNames), "order");
  EXPECT_EQ(nearest("positions", kNames), "position");
  EXPECT_EQ(nearest("fil", kNames), "fill");
  EXPECT_FALSE(nearest("journal", kNames).has_value());
  EXPECT_FALSE(nearest("xy", kNames).has_value());
}

// ---- the documentation and the code it speaks of

/// GOLDEN_UPDATE=1 writes the page anew instead of comparing it.
TEST(ConfigDoc, the_table_of_keys_is_the_one_in_the_code) {
  const auto file = source_root() / "docs/configuration.md";
  auto page = content_of(file);
  constexpr std::string_view kBegin = "<!-- generated: keys -->\n";
  constexpr std::string_view kEnd = "<!-- end of generated -->";
  const auto begin = page.find(kBegin) + kBegin.size();
  const auto end = page.find(kEnd);
  ASSERT_NE(end, std::string::npos);
  const auto wanted = "\n" + keys_as_markdown() + "\n";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment.
  if (std::getenv("GOLDEN_UPDATE") != nullptr) {
    std::ofstream{file, std::ios::binary} << page.replace(begin, end - begin, wanted);
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), wanted)
      << "docs/configuration.md is stale: GOLDEN_UPDATE=1 ops_test writes it anew";
}

/// "gateway.port" is read as `config.gateway.port`, `config_.gateway.port` or `config->…`.
std::string member_of(const Key& key) {
  if (key.name.starts_with("limits.")) return "limit_e8(";
  if (key.name.starts_with("service.")) return "service(";
  return std::string{key.name} + (key.shape == Shape::Decimal ? "_e8" : "");
}

TEST(ConfigDoc, every_key_is_read_by_something_but_its_own_code) {
  std::string sources;
  for (const auto& entry : fs::recursive_directory_iterator{source_root() / "src"}) {
    const auto name = entry.path().string();
    const bool source =
        (name.ends_with(".cc") || name.ends_with(".h")) && !name.ends_with("_test.cc");
    if (source && name.find("/ops/config") == std::string::npos) {
      sources += content_of(entry.path());
    }
  }
  for (const Key& key : keys()) {
    if (!key.awaits.empty()) continue;
    const auto member = member_of(key);
    const bool read = sources.find("config." + member) != std::string::npos ||
                      sources.find("config_." + member) != std::string::npos ||
                      sources.find("config->" + member) != std::string::npos;
    EXPECT_TRUE(read) << key.name << " is documented, but nothing reads " << member;
  }
}

// ---- the bytes of a file

TEST(ConfigFile, passes_over_a_byte_order_mark) {
  const auto content = read_toml("\xEF\xBB\xBF[gateway]\nport = 1\n", "f.toml");
  ASSERT_TRUE(content.has_value());
  ASSERT_EQ(content->entries.size(), 1U);
  EXPECT_EQ(content->entries[0].name, "gateway.port");
  EXPECT_EQ(content->entries[0].value_at, "f.toml:2:8");
}

struct BytesCase {
  std::string_view text;
  std::string_view error;
};
constexpr BytesCase kBytesCases[] = {
    {{"\xFF\xFEx\0", 4}, "f.toml:1:1: this is UTF-16; write the file as UTF-8"},
    {"\xFE\xFF", "f.toml:1:1: this is UTF-16; write the file as UTF-8"},
    {"a = 1\nb = \"\xC3\x28\"\n", "f.toml:2:6: byte 0xC3 at offset 11 is no UTF-8"},
    {"# \xC0\x80", "f.toml:1:3: byte 0xC0 at offset 2 is no UTF-8"},          // overlong
    {"# \xED\xA0\x80", "f.toml:1:3: byte 0xED at offset 2 is no UTF-8"},      // a surrogate
    {"# \xF4\x90\x80\x80", "f.toml:1:3: byte 0xF4 at offset 2 is no UTF-8"},  // past U+10FFFF
    {"# \xE2\x82", "f.toml:1:3: byte 0xE2 at offset 2 is no UTF-8"},          // cut
    {"# \x80", "f.toml:1:3: byte 0x80 at offset 2 is no UTF-8"},
};

TEST(ConfigFile, refuses_what_is_no_utf8_with_its_offset) {
  for (const auto& [text, error] : kBytesCases) {
    const auto content = read_toml(text, "f.toml");
    ASSERT_FALSE(content.has_value()) << error;
    EXPECT_EQ(content.error().text(), error);
  }
  EXPECT_TRUE(read_toml("# \xC2\x80 \xED\x9F\xBF \xEE\x80\x80 \xF4\x8F\xBF\xBF\n", "f.toml"));
}

TEST(ConfigFile, is_at_most_a_mebibyte) {
  const std::string line = "# 34567890123456\n";
  std::string text;
  while (text.size() + line.size() <= 1'048'576) text += line;
  text.resize(1'048'576, '#');
  EXPECT_TRUE(read_toml(text, "f.toml"));
  text += '#';
  const auto content = read_toml(text, "f.toml");
  ASSERT_FALSE(content.has_value());
  EXPECT_THAT(content.error().text(), HasSubstr("1 MiB"));
}

TEST(ConfigFile, nests_its_keys_only_so_deeply) {
  // Half a million tables in one another end the library's stack, wherever they are written.
  std::string key = "a";
  for (int i = 0; i < 500'000; ++i) key += ".a";
  for (const std::string& text :
       {"[" + key + "]\n", key + " = 1\n", "x = {" + key + " = 1}\n",
        "x = { t = \"\"\"q\"x\"\"\", " + key + " = 1 }\n",
        "x = { t = \"\"\"q\"\"\"\", " + key + " = 1 }\n", "x = { t = '\\', " + key + " = 1 }\n",
        "x = { t = \"\\\"\", " + key + " = 1 }\n"}) {
    const auto content = read_toml(text, "f.toml");
    ASSERT_FALSE(content.has_value()) << text.substr(0, 30);
    EXPECT_THAT(content.error().text(), HasSubstr("nested"));
  }
  std::string edge = "a";
  for (int i = 0; i < 64; ++i) edge += ".a";
  EXPECT_TRUE(read_toml(edge + " = 1\n", "f.toml"));
  EXPECT_FALSE(read_toml(edge + ".a = 1\n", "f.toml"));
  const std::string dots(500, '.');
  EXPECT_TRUE(read_toml("a = \"" + dots + "\"\nb = '" + dots + "' # " + dots + "\nc = 1.5\n" +
                            "d = \"\"\"" + dots + "\n" + dots + "\"\"\"\n",
                        "f.toml"));
}

// ---- conformance of the file reader

fs::path suite_dir() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment.
  const char* suites = std::getenv("STOA_SUITES");
  return (suites == nullptr ? source_root() / "../shared/suites" : fs::path{suites}) / "toml";
}

std::vector<std::string> suite_files(std::string_view folder) {
  std::ifstream list{suite_dir() / "files-toml-1.0.0"};
  std::vector<std::string> files;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with(folder) && line.ends_with(".toml")) files.push_back(line);
  }
  return files;
}

/// What toml++ 3.3.0 does otherwise than TOML 1.0.0 says: nothing that this suite sees. A deviation
/// of a later version is listed here by file, or is a failure.
const std::set<std::string_view> kWronglyAccepted{};
const std::set<std::string_view> kWronglyRefused{};
const std::set<std::string_view> kReadOtherwise{};

TEST(TomlSuite, every_invalid_file_is_refused_with_its_place) {
  const auto files = suite_files("invalid/");
  if (files.empty()) GTEST_SKIP() << "no suite at " << suite_dir();
  EXPECT_GT(files.size(), 300U);
  std::vector<std::string> accepted;
  for (const auto& file : files) {
    const auto content = read_toml(content_of(suite_dir() / file), file);
    if (content) {
      accepted.push_back(file);
    } else {
      EXPECT_THAT(content.error().source,
                  ::testing::MatchesRegex(".*\\.toml:[1-9][0-9]*:[1-9][0-9]*"));
    }
  }
  EXPECT_THAT(accepted, ::testing::UnorderedElementsAreArray(kWronglyAccepted));
}

/// What the reader would make of a scalar of the suite; nothing for what the configuration has no
/// use for (dates, tables in lists).
std::string plain(Written written, const std::string& value) {
  if (written != Written::Real) return value;
  return fmt::to_string(std::strtod(value.c_str(), nullptr));
}

using Values = std::map<std::string, std::vector<std::string>>;

std::string expected_scalar(const simdjson::dom::element& node, Written& written) {
  std::string_view type;
  std::string_view value;
  written = Written::Other;
  if (node["type"].get(type) != simdjson::SUCCESS ||
      node["value"].get(value) != simdjson::SUCCESS) {
    return "";
  }
  if (type == "string") written = Written::Text;
  if (type == "integer") written = Written::Integer;
  if (type == "float") written = Written::Real;
  if (type == "bool") written = Written::Boolean;
  return written == Written::Other ? "" : plain(written, std::string{value});
}

bool is_scalar(const simdjson::dom::element& node) {
  simdjson::dom::object object;
  std::string_view type;
  return node.get(object) == simdjson::SUCCESS && object.size() == 2 &&
         object["type"].get(type) == simdjson::SUCCESS &&
         object["value"].get(type) == simdjson::SUCCESS;
}

void flatten(const std::string& name, bool root, const simdjson::dom::element& node, Values& out) {
  simdjson::dom::object object;
  simdjson::dom::array array;
  Written written = Written::Other;
  if (is_scalar(node)) {
    const std::string value = expected_scalar(node, written);
    out[name + "/" + std::to_string(static_cast<int>(written))] = {value};
  } else if (node.get(object) == simdjson::SUCCESS) {
    if (object.size() == 0) {
      if (!root) out[name + "/4"] = {""};
      return;
    }
    for (const auto field : object) {
      flatten(root ? std::string{field.key} : name + "." + std::string{field.key}, false,
              field.value, out);
    }
  } else if (node.get(array) == simdjson::SUCCESS) {
    Written all = Written::Text;
    std::vector<std::string> values;
    for (const auto item : array) {
      const bool scalar = is_scalar(item);
      const std::string value = scalar ? expected_scalar(item, written) : "";
      if (!scalar || written != Written::Text) all = Written::Other;
      values.push_back(value);
    }
    out[name + "/" + std::to_string(static_cast<int>(all)) + "[]"] = values;
  }
}

TEST(TomlSuite, every_valid_file_is_read_to_the_values_that_it_means) {
  const auto files = suite_files("valid/");
  if (files.empty()) GTEST_SKIP() << "no suite at " << suite_dir();
  EXPECT_GT(files.size(), 150U);
  std::vector<std::string> refused;
  std::vector<std::string> otherwise;
  for (const auto& file : files) {
    const auto content = read_toml(content_of(suite_dir() / file), file);
    if (!content) {
      refused.push_back(file);
      continue;
    }
    Values got;
    for (const FileEntry& entry : content->entries) {
      got[entry.name + "/" + std::to_string(static_cast<int>(entry.written)) +
          (entry.list ? "[]" : "")] = entry.values;
    }
    Values wanted;
    simdjson::dom::parser parser;
    const fs::path json = (suite_dir() / file).replace_extension(".json");
    flatten("", true, parser.load(json.string()), wanted);
    if (got != wanted) otherwise.push_back(file);
  }
  EXPECT_THAT(refused, ::testing::UnorderedElementsAreArray(kWronglyRefused));
  EXPECT_THAT(otherwise, ::testing::UnorderedElementsAreArray(kReadOtherwise));
}

}  // namespace
}  // namespace stoa::ops

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--market-source", .value = "SOURCE", .help = "sim or replay (market.source)"},
    {.name = "--recording",
     .value = "FILE",
     .help = "recording to play; implies --market-source replay",
     .kind = Flag::Kind::Path,
     .repeats = true},
    {.name = "--speed", .value = "N", .help = "multiple of real time, or max (market.speed)"},
    {.name = "--seed",
     .value = "N",
     .help = "seed of everything random (market.seed)",
     .kind = Flag::Kind::Integer},
    {.name = "--symbol",
     .value = "SYMBOL",
     .help = "default instrument of commands (market.symbol)"},
    {.name = "--host", .value = "ADDRESS", .help = "address to listen on (gateway.host)"},
    {.name = "--port",
     .value = "N",
     .help = "port to listen on, 0 for any free one (gateway.port)",
     .kind = Flag::Kind::Integer},
    {.name = "--sync", .value = "WHEN", .help = "always, interval or none (wal.sync)"},
    {.name = "--idle", .value = "HOW", .help = "block or spin (engine.idle)"},
    {.name = "--duration",
     .value = "SECONDS",
     .help = "stop by itself after that long (engine.duration_s)",
     .kind = Flag::Kind::Integer},
    {.name = "--exit-when-done",
     .help = "stop once the recordings have been played (engine.exit_when_done)",
     .kind = Flag::Kind::Switch},
    {.name = "--log-level", .value = "LEVEL", .help = "error, warn, info or debug (log.level)"},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa run engine",
    "stoa run engine --port 9000 --data /tmp/stoa --seed 42",
    "stoa run engine --recording btc.jsonl --speed max --exit-when-done -o json",
});

struct Meaning {
  std::string_view flag{};
  std::string_view key{};
};
constexpr auto kMeanings = std::to_array<Meaning>({
    {"--market-source", "market.source"},
    {"--speed", "market.speed"},
    {"--seed", "market.seed"},
    {"--symbol", "market.symbol"},
    {"--host", "gateway.host"},
    {"--port", "gateway.port"},
    {"--sync", "wal.sync"},
    {"--idle", "engine.idle"},
    {"--duration", "engine.duration_s"},
    {"--exit-when-done", "engine.exit_when_done"},
    {"--log-level", "log.level"},
});

ops::LoadOptions options_of(const Context& context) {
  auto options = load_options(context);
  const auto set = [&](std::string_view key, std::vector<std::string> values,
                       std::string_view flag) {
    options.overrides.push_back(
        {.key = std::string{key}, .values = std::move(values), .flag = std::string{flag}});
  };
  if (auto recordings = context.arguments.all("--recording"); !recordings.empty()) {
    set("market.recordings", std::move(recordings), "--recording");
    set("market.source", {"replay"}, "--recording");
  }
  for (const auto& [flag, key] : kMeanings) {
    if (auto value = context.arguments.value(flag)) set(key, {std::move(*value)}, flag);
  }
  return options;
}

Exit run(Context& context) {
  const auto loaded = load_config(context, options_of(context));
  if (!loaded) return Exit::Usage;
  if (!context.hooks.run_engine) {
    return context.fail(
        Error{.code = ErrorCode::Unavailable, .message = "this build has no engine", .source = {}});
  }
  const ops::Config& config = loaded->config;
  const log::Session session{{.level = config.log.level}};
  log::info("engine_starting", {{"version", context.hooks.version},
                                {"environment", config.environment},
                                {"environment_from", loaded->environment_reason},
                                {"execution_mode", to_string(config.execution.mode)},
                                {"market_source", to_string(config.market.source)},
                                {"strategies", config.strategies.size()}});
  return static_cast<Exit>(context.hooks.run_engine(config, context.output));
}

}  // namespace

Command run_engine() {
  return {.noun = "run",
          .verb = "engine",
          .group = Command::Group::Run,
          .summary = "Start the engine: market, strategies, risk, orders, API and page",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "Stops on SIGTERM and SIGINT after what is on its way has been written.",
          .run = run};
}

}  // namespace stoa::cli

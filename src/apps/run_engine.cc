#include "apps/run_engine.h"

#include <fmt/core.h>

#include <atomic>
#include <cstdio>

#include "apps/build.h"
#include "apps/engine.h"
#include "apps/stop_signals.h"
#include "base/log.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::apps {
namespace {

std::atomic<Engine*> g_engine{nullptr};

/// Only what a signal handler may do: an atomic store and, when the engine sleeps, a write to an
/// eventfd.
void stop_engine(int /*signal*/) {
  if (Engine* engine = g_engine.load(std::memory_order_acquire)) engine->stop();
}

void say_where(const ops::Config& config, const Engine& engine, std::FILE* out) {
  fmt::print(out,
             "stoa engine  PAPER  {}  {}  data {}\n"
             "\n"
             "  page     http://{}:{}/#token={}\n"
             "  health   http://{}:{}/health\n"
             "  next     stoa order list --data {}    stoa doctor    Ctrl-C stops\n\n",
             config.environment, to_string(config.market.source), config.data.dir.string(),
             config.gateway.host, engine.port(), engine.token(), config.gateway.host, engine.port(),
             config.data.dir.string());
  std::fflush(out);
}

void print_json(const RunReport& report) {
  const double rate =
      report.seconds > 0 ? static_cast<double>(report.feed.frames) / report.seconds : 0;
  fmt::print(
      "{{\"frames\":{},\"frames_per_second\":{:.0f},\"gaps\":{},\"crossed\":{},\"bad_lines\":{},"
      "\"top_of_book_compared\":{},\"top_of_book_equal\":{},\"market_messages\":{},\"orders\":{},"
      "\"fills\":{},"
      "\"records\":{},\"seconds\":{:.6f},\"state_hash\":\"{:016x}\"}}\n",
      report.feed.frames, rate, report.feed.gaps, report.feed.crossed, report.feed.bad_lines,
      report.feed.top_of_book_compared, report.feed.top_of_book_equal, report.market_messages,
      report.orders, report.fills, report.records, report.seconds, report.state_hash);
}

void print_table(const RunReport& report) {
  const double rate =
      report.seconds > 0 ? static_cast<double>(report.feed.frames) / report.seconds : 0;
  fmt::print(
      "frames      {:>12}   {:.0f}/s\nmarket      {:>12}   messages\ngaps        {:>12}\ncrossed   "
      "  {:>12}\n",
      report.feed.frames, rate, report.market_messages, report.feed.gaps, report.feed.crossed);
  fmt::print("top equal   {:>12}   of {} compared\norders      {:>12}\nfills       {:>12}\n",
             report.feed.top_of_book_equal, report.feed.top_of_book_compared, report.orders,
             report.fills);
  fmt::print("log         {:>12}   records\nstate hash  {:016x}\n", report.records,
             report.state_hash);
}

}  // namespace

int run_engine(const ops::Config& config, cli::Output output, const Build& build) {
  auto engine = Engine::start(config, build);
  if (!engine) {
    fmt::print(stderr, "error: the engine cannot start: {}\n", engine.error().text());
    return 1;
  }
  g_engine.store(engine->get(), std::memory_order_release);
  on_stop_signals(stop_engine);
  say_where(config, **engine, output == cli::Output::Json ? stderr : stdout);
  log::info("engine_started", {{"environment", config.environment}, {"port", (*engine)->port()}});
  const auto report = (*engine)->run();
  g_engine.store(nullptr, std::memory_order_release);
  if (!report) {
    fmt::print(stderr, "error: the engine stopped: {}\n", report.error().text());
    return 1;
  }
  log::info("engine_stopped",
            {{"records", report->records}, {"orders", report->orders}, {"fills", report->fills}});
  if (output == cli::Output::Json) {
    print_json(*report);
  } else if (config.engine.exit_when_done) {
    print_table(*report);
  }
  return 0;
}

}  // namespace stoa::apps

// stoa_load: a client's day against a gateway; what it was told goes to --told, the sums to stdout.
// SIGTERM or SIGINT ends the flow, then what is unknown is asked for.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/simulation/order_load.h"

namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may store it");

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Orders at a fixed rate over HTTP, and an account of every answer", "stoa_load"};
  stoa::simulation::LoadOptions options;
  std::filesystem::path token;
  std::filesystem::path told = "/dev/null";
  app.add_option("--port", options.port, "Of the gateway, on 127.0.0.1")->required();
  app.add_option("--token-file", token, "DATA/token of the platform")->required();
  app.add_option("--told", told, "NDJSON: what was told of each order");
  app.add_option("--rate", options.rate, "New orders per second")->capture_default_str();
  app.add_option("--seconds", options.seconds, "0: until told to stop")->capture_default_str();
  app.add_option("--rest", options.rest_ratio, "Share of orders that rest")->capture_default_str();
  app.add_option("--connections", options.lines)->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--prefix", options.prefix, "Of client_order_id")->capture_default_str();
  app.add_option("--patience", options.patience_s, "Seconds an order waits for a connection")
      ->capture_default_str();
  app.add_option("--wait", options.wait_s, "Seconds for a gateway to name prices")
      ->capture_default_str();
  app.add_option("--settle", options.settle_s, "Seconds at the end to learn what became of orders")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    std::ifstream{token} >> options.token;
    std::ofstream out{told};
    if (options.token.empty() || !out) {
      fmt::print(stderr, "stoa_load: cannot read {} or write {}\n", token.string(), told.string());
      return 1;
    }
    std::signal(SIGTERM, [](int) { stop.store(true); });
    std::signal(SIGINT, [](int) { stop.store(true); });
    const auto report = stoa::simulation::run_order_load(options, out, stop);
    fmt::print("{}\n", stoa::simulation::to_json(report));
    return report.unresolved == 0 ? 0 : 3;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stoa_load: {}\n", error.what());
    return 1;
  }
}

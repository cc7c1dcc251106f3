// stoa_load: a client's day against a gateway; what it was told goes to --told, the sums to stdout.
// SIGTERM or SIGINT ends the flow, then what is unknown is asked for.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "deploy/load_account.h"
#include "deploy/order_load.h"
#include "ops/socket_address.h"

namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may store it");

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Orders at a fixed rate over HTTP, and an account of every answer", "stoa_load"};
  stoa::deploy::LoadOptions options;
  constexpr std::int64_t kCentE8 = 1'000'000;
  options.markets = {{.symbol = "BTCUSDT", .qty = "0.0005", .tick_e8 = kCentE8},
                     {.symbol = "ETHUSDT", .qty = "0.01", .tick_e8 = kCentE8},
                     {.symbol = "SOLUSDT", .qty = "0.2", .tick_e8 = kCentE8}};
  std::uint16_t port = 0;
  std::filesystem::path token;
  std::filesystem::path told = "/dev/null";
  app.add_option("--port", port, "Of the gateway, on 127.0.0.1")->required();
  app.add_option("--token-file", token, "DATA/token of the platform")->required();
  app.add_option("--told", told, "NDJSON: what was told of each order");
  app.add_option("--rate", options.rate, "New orders per second")->capture_default_str();
  app.add_option("--seconds", options.seconds, "0: until told to stop")->capture_default_str();
  app.add_option("--rest", options.rest_ratio, "Share of orders that rest")->capture_default_str();
  app.add_option("--connections", options.connections)->capture_default_str();
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
    const auto address = stoa::ops::look_up({.port = port});
    if (!address) throw std::runtime_error{address.error().text()};
    options.address = *address;
    options.host = fmt::format("127.0.0.1:{}", port);
    const auto outcome = stoa::deploy::run_order_load(options, out, stop);
    if (!outcome) throw std::runtime_error{outcome.error().text()};
    fmt::print("{}\n", to_json(outcome->report));
    return outcome->report.unresolved == 0 ? 0 : 3;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stoa_load: {}\n", error.what());
    return 1;
  }
}

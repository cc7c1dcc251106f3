#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <ios>
#include <limits>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/engine_client.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/load_text.h"
#include "cli/platform.h"
#include "deploy/layout.h"
#include "deploy/load_account.h"
#include "deploy/load_plan.h"
#include "deploy/logged_orders.h"
#include "deploy/order_load.h"
#include "ops/config.h"
#include "ops/http_client.h"
#include "ops/socket_address.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--rate",
     .value = "N",
     .help = "new orders per second, 100 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--duration", .value = "TIME", .help = "30s unless told; 5m, 2h; 0: until Ctrl-C"},
    {.name = "--symbol",
     .value = "SYMBOL",
     .help = "what to trade (market.symbol)",
     .repeats = true},
    {.name = "--connections",
     .value = "N",
     .help = "each with one request at a time, 32 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--prefix",
     .value = "TEXT",
     .help = "of every client_order_id; load-TIME unless told"},
    {.name = "--seed",
     .value = "N",
     .help = "which orders: the same seed sends the same, 1 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--allow-remote",
     .help = "also a gateway on another machine",
     .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa load --rate 200 --duration 30s",
    "stoa load --data /var/lib/stoa --rate 500 --symbol BTCUSDT --symbol ETHUSDT",
    "stoa load --url http://127.0.0.1:8080 --duration 5m -o json",
});

constexpr std::size_t kConnectionsMax = 512;
constexpr std::int64_t kRateMax = 50'000;
constexpr std::size_t kPrefixBytesMax = 24;
/// How long the log may take to show what was acknowledged last.
constexpr std::chrono::seconds kLogWait{5};
constexpr std::chrono::seconds kMarketWait{10};
constexpr int kLookAgainMs = 100;

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may store it");

/// Ctrl-C ends the flow; the account is given all the same. A second one ends the program.
class StopOnSignal {
 public:
  StopOnSignal() {
    g_stop.store(false);
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, on_signal);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  ~StopOnSignal() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  }

 private:
  static void on_signal(int number) {
    g_stop.store(true);
    std::signal(number, SIG_DFL);
  }
};

template <class Integer>
std::optional<Integer> number_of(std::string_view text, Integer least, Integer most) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end() || value < least || value > most) {
    return std::nullopt;
  }
  return value;
}

std::expected<deploy::LoadOptions, Exit> options_of(const Context& context) {
  const Arguments& given = context.arguments;
  deploy::LoadOptions options;
  const auto rate = number_of<std::int64_t>(given.value_or("--rate", "100"), 1, kRateMax);
  if (!rate) return std::unexpected(context.usage("--rate: expected 1 to 50000 per second"));
  const auto duration = seconds_of(given.value_or("--duration", "30s"));
  if (!duration) {
    return std::unexpected(context.usage("--duration: expected a time like 30s, 5m or 2h"));
  }
  const auto connections =
      number_of<std::size_t>(given.value_or("--connections", "32"), 1, kConnectionsMax);
  if (!connections) return std::unexpected(context.usage("--connections: expected 1 to 512"));
  const auto seed = number_of<std::uint64_t>(given.value_or("--seed", "1"), 0,
                                             std::numeric_limits<std::uint64_t>::max());
  if (!seed) return std::unexpected(context.usage("--seed: expected a whole number"));
  const auto usual = fmt::format("load-{}", SystemClock{}.now().ns() / 1'000'000);
  options.prefix = given.value_or("--prefix", usual);
  if (options.prefix.empty() || options.prefix.size() > kPrefixBytesMax) {
    return std::unexpected(context.usage("--prefix: expected 1 to 24 characters"));
  }
  options.rate = static_cast<double>(*rate);
  options.seconds = *duration;
  options.connections = *connections;
  options.seed = *seed;
  return options;
}

/// Where the running platform registered its gateway stands for --url.
void find_gateway(Context& context, const ops::Config& config) {
  const auto port = registered_port({.data = config.data.dir}, "gateway");
  if (port != 0) context.arguments.add("--url", fmt::format("http://127.0.0.1:{}", port));
}

std::int64_t e8_of(const JsonValue& value) { return parse_e8(value.text()).value_or(0); }

/// A platform that has just started has a market within moments.
std::expected<std::int64_t, Exit> best_bid(const Context& context, const EngineClient& engine,
                                           const std::string& symbol) {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + kMarketWait;
  while (true) {
    const auto book = engine.get("/api/v1/book/" + ops::percent_encode(symbol) + "?depth=1");
    if (!book) return std::unexpected(book.error());
    const auto& bids = book->value["bids"].items();
    const auto px_e8 =
        bids.empty() || bids.front().items().empty() ? 0 : e8_of(bids.front().items().front());
    if (px_e8 > 0) return px_e8;
    if (clock.monotonic() >= deadline) {
      return std::unexpected(context.fail(Error{.code = ErrorCode::Unavailable,
                                                .message = "has no bids; is its feed live?",
                                                .source = symbol}));
    }
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

/// An order of twice what the venue takes at least, so that a lower price still will do.
std::expected<deploy::LoadMarket, Exit> market_of(const Context& context,
                                                  const EngineClient& engine,
                                                  const JsonValue& instruments,
                                                  const std::string& symbol) {
  const auto& items = instruments.items();
  const auto at = std::ranges::find_if(
      items, [&](const JsonValue& each) { return each["symbol"].text() == symbol; });
  if (at == items.end()) {
    return std::unexpected(context.usage(fmt::format("--symbol {}: not traded there", symbol)));
  }
  const auto bid_e8 = best_bid(context, engine, symbol);
  if (!bid_e8) return std::unexpected(bid_e8.error());
  const std::int64_t lot_e8 = std::max<std::int64_t>(e8_of((*at)["lot_size"]), 1);
  const int128 wanted_e8 = int128{2} * e8_of((*at)["min_notional"]) * 100'000'000 / *bid_e8;
  const auto lots = static_cast<std::int64_t>((wanted_e8 + lot_e8 - 1) / lot_e8);
  const DecimalText qty{int128{std::max<std::int64_t>(lots, 1)} * lot_e8};
  return deploy::LoadMarket{.symbol = symbol,
                            .qty = std::string{qty.view()},
                            .tick_e8 = std::max<std::int64_t>(e8_of((*at)["tick_size"]), 1)};
}

/// The logs to hold the account against; nothing where there are none.
std::optional<deploy::OrderLogs> logs_of(const ops::Config& config, const JsonValue& status) {
  if (!std::filesystem::is_directory(config.wal.dir)) return std::nullopt;
  const deploy::Layout layout{.data = config.data.dir};
  deploy::OrderLogs logs{.execution = config.wal.dir};
  const auto head = status["log"]["head_lsn"].integer().value_or(0);
  logs.after = Lsn{static_cast<std::uint64_t>(std::max<std::int64_t>(head, 0))};
  if (const auto venue = layout.venue_journal("reports"); std::filesystem::is_directory(venue)) {
    logs.venue = venue;
  }
  return logs;
}

/// What is acknowledged is durable; what the venue says of the last orders may be under way.
Result<deploy::LoggedOrders> look_in(const deploy::OrderLogs& logs,
                                     const deploy::LoadOptions& options,
                                     const std::vector<deploy::Fate>& fates) {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + kLogWait;
  while (true) {
    auto found = deploy::find_orders(logs, options.prefix, fates);
    if (!found || found->lost == 0 || clock.monotonic() >= deadline) return found;
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

/// A stream that keeps nothing: each order's story is told to tests only.
class Nowhere final : public std::streambuf {
 protected:
  int_type overflow(int_type c) override { return traits_type::not_eof(c); }
  std::streamsize xsputn(const char* /*s*/, std::streamsize n) override { return n; }
};

Exit run(Context& context) {
  auto options = options_of(context);
  if (!options) return options.error();
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return Exit::Usage;
  const bool named = context.arguments.has("--url") || context.arguments.has("--port");
  if (!named) find_gateway(context, loaded->config);
  const auto engine = EngineClient::of(context);
  if (!engine) return engine.error();
  const auto address = ops::look_up(engine->endpoint());
  if (!address) return context.fail(address.error());
  if (!address->is_loopback() && !context.arguments.has("--allow-remote")) {
    return context.usage(fmt::format("{} is another machine; say --allow-remote to load it",
                                     engine->endpoint().text()));
  }
  const auto status = engine->get("/status");
  if (!status) return status.error();
  if (status->value["mode"].text() != "PAPER") {
    return context.fail(
        Error{.code = ErrorCode::Unavailable,
              .message = fmt::format("trades {}; a load is for paper money only",
                                     status->value["mode"].text_or("in an unknown mode")),
              .source = engine->endpoint().text()},
        Exit::Refused);
  }
  const auto instruments = engine->get("/api/v1/instruments");
  if (!instruments) return instruments.error();
  auto symbols = context.arguments.all("--symbol");
  if (symbols.empty()) symbols.push_back(engine->default_symbol());
  for (const std::string& symbol : symbols) {
    auto market = market_of(context, *engine, instruments->value["instruments"], symbol);
    if (!market) return market.error();
    options->markets.push_back(std::move(*market));
  }
  const auto used =
      engine->call({.target = "/api/v1/orders/" +
                              ops::percent_encode(deploy::load_order_id(options->prefix, 0))});
  if (used && used->status == 200) {
    return context.fail(Error{.code = ErrorCode::BadInput,
                              .message = "orders of this prefix are there; choose another",
                              .source = "--prefix " + options->prefix},
                        Exit::Conflict);
  }
  auto request = engine->signed_request("POST", "/api/v1/orders", "");
  if (!request) return request.error();
  options->token = std::move(request->token);
  options->address = *address;
  options->host = engine->endpoint().text();
  const bool look = !named || context.arguments.has("--data");
  const auto logs = look ? logs_of(loaded->config, status->value) : std::nullopt;

  Nowhere nowhere;
  std::ostream told{&nowhere};
  LoadAccountText account{
      .host = options->host, .symbols = symbols, .prefix = options->prefix, .rate = options->rate};
  {
    const StopOnSignal stop;
    auto outcome = deploy::run_order_load(*options, told, g_stop);
    if (!outcome) return context.fail(outcome.error());
    account.report = std::move(outcome->report);
    if (logs) {
      auto logged = look_in(*logs, *options, outcome->fates);
      if (!logged) return context.fail(logged.error());
      account.logged = std::move(*logged);
    }
  }
  context.terminal.out << (context.json() ? load_json(account) + '\n' : load_table(account));
  return account.accounted_for() ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command load() {
  return {.noun = "load",
          .group = Command::Group::Run,
          .summary = "Drive a platform with paper orders and account for every one",
          .flags = {kFlags, engine_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Orders leave at their moments, whatever the answers do, and latency counts "
              "from the moment. An order whose answer was lost is asked for by its id. With "
              "the data directory at hand the account is held against the execution log and "
              "the venue's. Ctrl-C ends it with the account. Exit 3: an order was lost or "
              "doubled. Exit 6: the gateway trades real money.",
          .run = run};
}

}  // namespace stoa::cli

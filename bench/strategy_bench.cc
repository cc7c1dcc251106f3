// Question: what does a market message cost in the strategy runner when no quote has to move, and
// when the market does? Budget: docs/performance.md#strategies: dispatch and the market maker's
// decision under 200 ns at the median above what the book itself costs, and nothing allocated.
// `--smoke` runs a short stream, checks the results and judges no speed.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "strategy/registry.h"
#include "strategy/runner.h"

namespace {

// Counted, so that "no allocation per message" is a result and not a claim.
std::uint64_t g_allocations_count = 0;

}  // namespace

void* operator new(std::size_t bytes) {
  ++g_allocations_count;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc{};
}
// The analyzer takes a call of this operator for a release of its own.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete)
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace stoa::bench {
namespace {

using Bytes = std::vector<std::byte>;

constexpr InstrumentId kInstrument{1};
constexpr std::int64_t kTickE8 = 1'000'000;
constexpr std::size_t kLevels = 500;  // a side, as Binance's depth stream has them near the touch
constexpr std::size_t kBlock = 64;    // messages between two looks at the clock
constexpr nanoseconds kStep = std::chrono::milliseconds{5};  // between two messages
constexpr Timestamp kBegin = Timestamp::from_ns(1'700'000'000'000'000'000);

Price px_of(std::int64_t ticks) { return Price::from_e8(ticks * kTickE8); }

/// Market messages as they lie on the topic, made ahead of the clock.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : random_{seed} { add_snapshot(); }

  /// Changes of levels behind the touch, and trades at it: no quote has a reason to move.
  void add_quiet(std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) {
      if (random_.one_in(4)) {
        add_trade();
      } else {
        const std::int64_t away = random_.between(1, 40);
        const bool bid = random_.one_in(2);
        const Level level{.px = px_of(bid ? bid_ - away : bid_ + 1 + away), .qty = any_qty()};
        add_delta(bid ? std::span{&level, 1} : std::span<const Level>{},
                  bid ? std::span<const Level>{} : std::span{&level, 1});
      }
    }
  }
  /// A market that walks: every delta moves the touch by up to 100 ticks.
  void add_walk(std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) {
      if (random_.one_in(4)) {
        add_trade();
        continue;
      }
      const std::int64_t step = random_.between(-100, 100);
      std::vector<Level> bids;
      std::vector<Level> asks;
      bids.reserve(101);
      asks.reserve(101);
      // The side that the touch moves into loses its levels.
      for (std::int64_t gone = 0; gone < step; ++gone)
        asks.push_back({px_of(bid_ + 1 + gone), Qty{}});
      for (std::int64_t gone = 0; gone < -step; ++gone) bids.push_back({px_of(bid_ - gone), Qty{}});
      bid_ += step;
      bids.push_back({px_of(bid_), any_qty()});
      asks.push_back({px_of(bid_ + 1), any_qty()});
      add_delta(bids, asks);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] native::MessageView at(std::size_t place) const noexcept {
    const std::size_t begin = place == 0 ? 0 : ends_[place - 1];
    return native::MessageView::trusted(std::span{bytes_}.subspan(begin, ends_[place] - begin));
  }

 private:
  Qty any_qty() { return Qty::from_e8(random_.between(1, 200'000) * 1'000); }
  native::Stamp stamp() {
    now_ = now_ + kStep;
    return {.domain = native::Domain::Market, .sequence = ends_.size() + 1, .timestamp = now_};
  }
  void add_snapshot() {
    std::vector<Level> bids;
    std::vector<Level> asks;
    for (std::size_t i = 0; i < kLevels; ++i) {
      bids.push_back({px_of(bid_ - static_cast<std::int64_t>(i)), any_qty()});
      asks.push_back({px_of(bid_ + 1 + static_cast<std::int64_t>(i)), any_qty()});
    }
    add_book(bids, asks, true);
  }
  void add_delta(std::span<const Level> bids, std::span<const Level> asks) {
    add_book(bids, asks, false);
  }
  void add_book(std::span<const Level> bids, std::span<const Level> asks, bool snapshot) {
    const std::size_t size = bytes_.size();
    bytes_.resize(size + native::kMaxMessageBytes);
    const std::size_t used =
        native::encode_book(std::span{bytes_}.subspan(size), stamp(),
                            {.head = {.instrument = kInstrument, .ts_event = now_},
                             .snapshot = snapshot,
                             .bids = bids,
                             .asks = asks});
    bytes_.resize(size + used);
    ends_.push_back(bytes_.size());
  }
  void add_trade() {
    const bool buy = random_.one_in(2);
    const Trade trade{.instrument = kInstrument,
                      .taker_side = buy ? Side::Buy : Side::Sell,
                      .px = px_of(buy ? bid_ + 1 : bid_),
                      .qty = any_qty()};
    const std::size_t size = bytes_.size();
    bytes_.resize(size + native::kSmallMessageBytes);
    const std::size_t used = native::encode(std::span{bytes_}.subspan(size), stamp(), trade);
    bytes_.resize(size + used);
    ends_.push_back(bytes_.size());
  }

  Random random_;
  Bytes bytes_;
  std::vector<std::size_t> ends_;
  std::int64_t bid_ = 6'000'000;
  Timestamp now_ = kBegin;
};

/// Takes what strategies hand in; a venue that does at once what it is asked for, between two timed
/// blocks.
class Venue final : public oms::IntentSink {
 public:
  Venue() {
    orders_.reserve(1'024);
    replaces_.reserve(1'024);
    commands_.reserve(16);
  }
  bool submit(const OrderIntent& intent) override { return keep(orders_, intent); }
  bool submit(const ReplaceIntent& intent) override { return keep(replaces_, intent); }
  bool submit(const CancelIntent& /*intent*/) override { return ++intents_ > 0; }
  bool submit(const CancelAllIntent& /*intent*/) override { return ++intents_ > 0; }
  bool submit(const StrategyCommand& command) override { return keep(commands_, command); }

  void answer(strategy::Runner& runner, Timestamp now) {
    for (const StrategyCommand& command : std::exchange(commands_, {})) tell(runner, command, now);
    for (const OrderIntent& intent : orders_) {
      OrderUpdate update{.client_order_id = intent.client_order_id,
                         .instrument = intent.instrument,
                         .strategy = intent.strategy,
                         .side = intent.side,
                         .type = intent.type,
                         .time_in_force = intent.time_in_force,
                         .status = OrdStatus::New,
                         .intent = ClOrdId{++lsn_},
                         .px = intent.px,
                         .order_qty = intent.qty};
      // What is not to rest (the MA cross) is filled as a whole.
      if (intent.time_in_force == TimeInForce::Ioc) update.status = OrdStatus::Filled;
      tell(runner, update, now);
      resting_.push_back(update);
    }
    orders_.clear();
    for (const ReplaceIntent& intent : replaces_) {
      const auto at =
          std::ranges::find(resting_, intent.client_order_id, &OrderUpdate::client_order_id);
      at->px = intent.px;
      at->order_qty = intent.qty;
      tell(runner, *at, now);
    }
    replaces_.clear();
  }
  template <class M>
  void tell(strategy::Runner& runner, const M& message, Timestamp now) {
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    const std::size_t used = native::encode(
        bytes, {.domain = native::Domain::Execution, .sequence = 1, .timestamp = now}, message);
    runner.on_execution(Lsn{++lsn_}, native::MessageView::trusted(std::span{bytes}.first(used)));
  }
  [[nodiscard]] std::uint64_t intents() const noexcept { return intents_; }

 private:
  template <class M>
  bool keep(std::vector<M>& into, const M& message) {
    ++intents_;
    into.push_back(message);
    return true;
  }

  std::vector<OrderIntent> orders_;
  std::vector<ReplaceIntent> replaces_;
  std::vector<StrategyCommand> commands_;
  std::vector<OrderUpdate> resting_;
  std::uint64_t lsn_ = 0;
  std::uint64_t intents_ = 0;
};

struct Result {
  double p50_ns = 0;
  double p99_ns = 0;
  double max_ns = 0;
  std::uint64_t allocations = 0;
  std::uint64_t intents = 0;
  std::uint64_t checksum = 0;  // of the books: equal for every set of strategies
};

double percentile(std::vector<double>& sorted, double quantile) {
  return sorted[static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1))];
}

std::uint64_t checksum_of(const book::OrderBook& book) {
  std::uint64_t sum = 0;
  for (const Side side : {Side::Buy, Side::Sell}) {
    for (const Level& level : book.levels(side)) {
      sum = sum * 31 + static_cast<std::uint64_t>(level.px.e8() ^ level.qty.e8());
    }
  }
  return sum;
}

std::vector<strategy::StrategyConfig> configs_of(std::span<const std::string_view> types) {
  std::vector<strategy::StrategyConfig> configs;
  for (const std::string_view type : types) {
    const auto id = static_cast<std::uint16_t>(configs.size() + 1);
    configs.push_back({.id = StrategyId{id},
                       .name = "s" + std::to_string(id),
                       .type = std::string{type},
                       .instrument = kInstrument});
  }
  return configs;
}

Result run(const Stream& stream, std::span<const std::string_view> types) {
  const Instrument instrument{.instrument = kInstrument,
                              .symbol = Symbol::cut("BTCUSDT"),
                              .tick = Price::from_e8(kTickE8),
                              .lot = Qty::from_e8(1'000),
                              .min_notional = Price::from_e8(500'000'000)};
  Venue venue;
  auto created = strategy::Runner::create(strategy::built_in_strategies(), configs_of(types),
                                          std::span{&instrument, 1}, venue);
  check(created.has_value(), "the configurations of a bench are right");
  strategy::Runner& runner = **created;
  venue.tell(runner, RunStarted{.run = 1}, kBegin);
  runner.set_live(true, kBegin);
  venue.answer(runner, kBegin);

  const SystemClock clock;
  std::vector<double> blocks;
  blocks.reserve(stream.size() / kBlock + 1);
  Result result;
  for (std::size_t first = 0; first < stream.size(); first += kBlock) {
    const std::size_t last = std::min(first + kBlock, stream.size());
    const std::uint64_t allocations = g_allocations_count;
    const nanoseconds begin = clock.monotonic();
    for (std::size_t i = first; i < last; ++i) runner.on_market(stream.at(i), i + 1);
    const nanoseconds end = clock.monotonic();
    // The first blocks hold the snapshot and the first quotes.
    if (first >= 8 * kBlock) {
      result.allocations += g_allocations_count - allocations;
      blocks.push_back(static_cast<double>((end - begin).count()) /
                       static_cast<double>(last - first));
    }
    const Timestamp now = stream.at(last - 1).header().timestamp;
    runner.poll(now);
    venue.answer(runner, now);
  }
  std::ranges::sort(blocks);
  result.p50_ns = percentile(blocks, 0.5);
  result.p99_ns = percentile(blocks, 0.99);
  result.max_ns = blocks.back();
  result.intents = venue.intents() - types.size();  // without the commands that start them
  result.checksum = checksum_of(*runner.books().find(kInstrument));
  return result;
}

void print(std::string_view what, const Result& result) {
  fmt::print("{:<36} {:8.1f} {:8.1f} {:8.1f} {:9} {:12} {:016x}\n", what, result.p50_ns,
             result.p99_ns, result.max_ns, result.intents, result.allocations, result.checksum);
}

bool same_work(const Result& a, const Result& b) { return a.checksum == b.checksum; }

int compare(bool smoke) {
  const std::size_t messages = smoke ? 50'000 : 500'000;
  Stream quiet{42};
  quiet.add_quiet(messages);
  Stream walk{43};
  walk.add_walk(messages / 10);
  constexpr std::array<std::string_view, 2> kBoth{"market_maker", "ma_cross"};
  const auto none = std::span{kBoth}.first(0);
  const auto maker = std::span{kBoth}.first(1);

  fmt::print("seeds 42, 43; ns per message, means of blocks of {}\n", kBlock);
  fmt::print("{:<36} {:>8} {:>8} {:>8} {:>9} {:>12} {:>16}\n", "", "p50", "p99", "max", "intents",
             "allocations", "book checksum");
  [[maybe_unused]] const Result warm_up = run(quiet, kBoth);
  const Result quiet_book = run(quiet, none);
  const Result quiet_maker = run(quiet, maker);
  const Result quiet_both = run(quiet, kBoth);
  print("quiet, book only", quiet_book);
  print("quiet, market maker", quiet_maker);
  print("quiet, market maker and MA cross", quiet_both);
  const Result walk_book = run(walk, none);
  const Result walk_both = run(walk, kBoth);
  print("walk, book only", walk_book);
  print("walk, market maker and MA cross", walk_both);

  const double decision_ns = quiet_maker.p50_ns - quiet_book.p50_ns;
  fmt::print("market maker's decision: {:.1f} ns at p50 (budget 200)\n", decision_ns);
  const bool honest = same_work(quiet_book, quiet_maker) && same_work(quiet_book, quiet_both) &&
                      same_work(walk_book, walk_both) && quiet_maker.intents == 2 &&
                      walk_both.intents > 20;
  if (!honest) fmt::print("the runs did not do the same work\n");
  const std::uint64_t allocations =
      quiet_book.allocations + quiet_maker.allocations + quiet_both.allocations;
  if (allocations != 0) fmt::print("a message allocated\n");
  const bool fast = smoke || decision_ns < 200;
  return honest && fast && allocations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::string_view{argv[1]} == "--smoke";
  return stoa::bench::compare(smoke);
}

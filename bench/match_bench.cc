// Question: how many requests a second does the matching engine take, and what does one cost, with
// every feature on (owners, levels told, replace and all times in force compiled in) and nothing
// allocated? Budget: docs/performance.md#matching: at least 3 times the plain std::map of std::list
// on mixes A and B, 2.5 times on C, in the same run. `--smoke` runs tiny flows once, checks the
// results and judges no speed.
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "bench/order_flow.h"
#include "book/matching/engine.h"
#include "book/matching/types.h"

namespace {

// Counted, so that "no allocation per operation" is a result and not a claim.
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

namespace matching = book::matching;

/// Sums what the reference sums, and a checksum over everything else that it is told.
struct Sums {
  FlowResult result;
  std::uint64_t checksum = 0;

  void on_fill(const matching::Fill& fill) {
    ++result.trades;
    result.volume += static_cast<std::uint64_t>(fill.qty);
    result.notional += static_cast<std::uint64_t>(fill.qty * fill.px);
    checksum += fill.maker_id ^ fill.taker_id;
  }
  void on_cancel(const matching::Cancel& cancel) { checksum += cancel.id; }
  void on_level(const matching::LevelChange& level) {
    checksum += static_cast<std::uint64_t>(level.px) ^ static_cast<std::uint64_t>(level.qty);
  }
};

struct Run {
  double ops_per_second = 0;
  FlowResult result;
  std::uint64_t checksum = 0;
  std::uint64_t allocations_count = 0;
};

void apply(matching::Engine& engine, const FlowOp& op, Sums& sums) {
  if (op.cancel) {
    if (engine.cancel(op.id, sums) == matching::Refusal::None) return;
    // Flows cancel only what rests; anything else shows in the checksum.
    ++sums.checksum;
    return;
  }
  // Owners as a busy venue has them: many, and few orders that meet their own.
  const matching::Result result = engine.submit(
      {.id = op.id, .owner = op.id, .side = op.side, .px = op.px, .qty = op.qty}, sums);
  sums.checksum += static_cast<std::uint64_t>(result.resting);
}

std::unique_ptr<matching::Engine> fresh_engine() {
  return std::make_unique<matching::Engine>(matching::Engine::Options{.orders_max = 1U << 18});
}

double seconds_since(const Clock& clock, nanoseconds from) {
  return static_cast<double>((clock.monotonic() - from).count()) * 1e-9;
}

Run run_plain(const Clock& clock, const Flow& flow) {
  PlainBook book;
  const nanoseconds from = clock.monotonic();
  for (const FlowOp& op : flow.ops) {
    if (op.cancel) {
      book.cancel(op.id);
    } else {
      book.add(op);
    }
  }
  const double seconds = seconds_since(clock, from);
  return {.ops_per_second = static_cast<double>(flow.ops.size()) / seconds,
          .result = book.result()};
}

Run run_ours(const Clock& clock, const Flow& flow) {
  const auto engine = fresh_engine();
  Sums sums;
  const std::uint64_t allocations_before = g_allocations_count;
  const nanoseconds from = clock.monotonic();
  for (const FlowOp& op : flow.ops) apply(*engine, op, sums);
  const double seconds = seconds_since(clock, from);
  sums.result.resting = engine->orders_count();
  return {.ops_per_second = static_cast<double>(flow.ops.size()) / seconds,
          .result = sums.result,
          .checksum = sums.checksum,
          .allocations_count = g_allocations_count - allocations_before};
}

struct Latency {
  Histogram add;
  Histogram cancel;
};

void run_single(const Clock& clock, const Flow& flow, Latency& latency) {
  const auto engine = fresh_engine();
  Sums sums;
  for (const FlowOp& op : flow.ops) {
    const nanoseconds from = clock.monotonic();
    apply(*engine, op, sums);
    const auto ns = static_cast<std::uint64_t>((clock.monotonic() - from).count());
    (op.cancel ? latency.cancel : latency.add).record(ns);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print_latency(std::string_view name, const Histogram& histogram) {
  fmt::print("   {:<7} p50 {:>4} ns  p99 {:>5} ns  p99.9 {:>6} ns  max {} ns\n", name,
             histogram.percentile(0.5), histogram.percentile(0.99), histogram.percentile(0.999),
             histogram.max());
}

/// Answers whether the flow came out as the reference says, without an allocation.
bool bench_flow(const Clock& clock, const Flow& flow, int runs_count) {
  std::vector<double> plain;
  std::vector<double> ours;
  Run last;
  for (int i = 0; i < runs_count; ++i) {
    const Run reference = run_plain(clock, flow);
    last = run_ours(clock, flow);
    if (reference.result != flow.want || last.result != flow.want || last.allocations_count != 0) {
      fmt::print("{}: WRONG, {} trades instead of {}, {} allocations\n", flow.name,
                 last.result.trades, flow.want.trades, last.allocations_count);
      return false;
    }
    plain.push_back(reference.ops_per_second);
    ours.push_back(last.ops_per_second);
  }
  fmt::print("{}\n   plain {:.1f}M ops/s, ours {:.1f}M ops/s, ratio {:.2f}\n", flow.name,
             median(plain) * 1e-6, median(ours) * 1e-6, median(ours) / median(plain));
  const auto latency = std::make_unique<Latency>();
  run_single(clock, flow, *latency);
  print_latency("add", latency->add);
  print_latency("cancel", latency->cancel);
  fmt::print("   trades {} volume {} notional {} resting {} checksum {:x}\n", last.result.trades,
             last.result.volume, last.result.notional, last.result.resting, last.checksum);
  return true;
}

/// What timing one operation adds: two readings of the clock.
std::uint64_t clock_cost_ns(const Clock& clock) {
  const auto histogram = std::make_unique<Histogram>();
  for (int i = 0; i < 10'000; ++i) {
    const nanoseconds from = clock.monotonic();
    histogram->record(static_cast<std::uint64_t>((clock.monotonic() - from).count()));
  }
  return histogram->percentile(0.5);
}

int run(bool smoke) {
  const SystemClock clock;
  fmt::print("match_bench: single operations include {} ns of the clock\n", clock_cost_ns(clock));
  bool right = true;
  for (const Flow& flow : order_flows(smoke ? 2'000 : 1'000'000)) {
    right = bench_flow(clock, flow, smoke ? 1 : 5) && right;
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  return stoa::bench::run(argc > 1 && std::string_view{argv[1]} == "--smoke");
}

// Question: what does a durable append of a 200-byte record cost, alone, in batches, and from many
// waiting threads, next to a bare pwrite + fdatasync loop into a pre-zeroed file and next to
// RocksDB (WAL, sync), SQLite (WAL, synchronous=FULL), LMDB and PostgreSQL on the same disk in the
// same run? And how long does a record wait for its acknowledgement when records come at a fixed
// rate, whether or not the disk keeps up?
// Budget: one writer >= 0.9 of the bare loop, batches >= 0.8 of it; many waiting threads >= 0.8 of
// a bare loop that writes batches of the size that came about, and ahead of every peer. Every
// contestant is read back; the checksums must be equal. The order of contestants changes from round
// to round, as a shared disk drifts. `--dir D` chooses the disk, `--smoke` takes a tiny
// run, `--only batches|threads|two|open` a part.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <latch>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bench/append_stores.h"
#include "bench/must.h"
#include "journal/commit_group.h"
#include "journal/writer.h"

namespace stoa::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kStoredBytes = kRecordBytes + 16;

struct Load {
  std::size_t threads = 1;
  std::uint64_t commits = 0;  // of each thread
  std::uint64_t batch = 1;
  bool sync = true;

  [[nodiscard]] std::uint64_t records() const noexcept { return threads * commits * batch; }
};

struct Outcome {
  double rate = 0;  // records/s
  std::vector<std::uint64_t> commit_ns;
  std::uint64_t checksum = 0;
};

Outcome run(const StoreKind& kind, const Load& load, const std::filesystem::path& dir) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const auto store = kind.open({.dir = dir,
                                .threads = load.threads,
                                .bytes = load.records() * kStoredBytes,
                                .sync = load.sync});
  std::vector<std::vector<std::uint64_t>> commit_ns(load.threads);
  std::latch ready{static_cast<std::ptrdiff_t>(load.threads)};
  const auto work = [&](std::size_t thread) {
    auto& mine = commit_ns[thread];
    mine.reserve(load.commits);
    ready.arrive_and_wait();
    auto last = Clock::now();
    for (std::uint64_t i = 0; i < load.commits; ++i) {
      store->append(thread, (thread * load.commits + i) * load.batch, load.batch);
      const auto now = Clock::now();
      mine.push_back(static_cast<std::uint64_t>((now - last).count()));
      last = now;
    }
  };
  const auto begin = Clock::now();
  if (load.threads == 1) {
    work(0);
  } else {
    std::vector<std::jthread> running;
    for (std::size_t thread = 0; thread < load.threads; ++thread)
      running.emplace_back(work, thread);
  }
  Outcome outcome;
  outcome.rate = static_cast<double>(load.records()) /
                 std::chrono::duration<double>(Clock::now() - begin).count();
  for (const auto& each : commit_ns) {
    outcome.commit_ns.insert(outcome.commit_ns.end(), each.begin(), each.end());
  }
  outcome.checksum = store->read_back();
  return outcome;
}

double at_quantile_us(const std::vector<std::uint64_t>& sorted, double quantile) {
  const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(rank, sorted.size() - 1)]) / 1000;
}

void print_row(std::string_view what, const Load& load, const Outcome& outcome, double base) {
  fmt::print(
      "{:>5} {:>7} {:>6} {:<18} {:>12.0f} {:>7.2f} {:>10.1f} {:>10.1f} {:>10.1f} {:>10.1f}\n",
      load.sync ? "sync" : "none", load.threads, load.batch, what, outcome.rate,
      outcome.rate / base, at_quantile_us(outcome.commit_ns, 0.5),
      at_quantile_us(outcome.commit_ns, 0.99), at_quantile_us(outcome.commit_ns, 0.999),
      at_quantile_us(outcome.commit_ns, 1));
}

/// The best of the rounds by records/s, commits of all rounds pooled.
std::vector<Outcome> run_rounds(const std::vector<StoreKind>& kinds, const Load& load, int rounds,
                                const std::filesystem::path& dir) {
  std::vector<Outcome> outcomes(kinds.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < kinds.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % kinds.size();
      Outcome outcome = run(kinds[i], load, dir);
      outcomes[i].rate = std::max(outcomes[i].rate, outcome.rate);
      outcomes[i].checksum = outcome.checksum;
      auto& pool = outcomes[i].commit_ns;
      pool.insert(pool.end(), outcome.commit_ns.begin(), outcome.commit_ns.end());
    }
  }
  for (Outcome& outcome : outcomes) std::ranges::sort(outcome.commit_ns);
  return outcomes;
}

bool same_checksums(const std::vector<Outcome>& outcomes) {
  return std::ranges::all_of(outcomes, [&](const Outcome& outcome) {
    return outcome.checksum == outcomes.front().checksum;
  });
}

// One thread with batches of its own.
bool compare_batches(const Load& load, int rounds, const std::filesystem::path& dir) {
  std::vector<StoreKind> kinds = store_kinds();
  std::erase_if(kinds, [](const StoreKind& kind) { return kind.use == Use::Threads; });
  if (!load.sync) std::erase_if(kinds, [](const StoreKind& kind) { return !kind.unsynced; });
  const auto outcomes = run_rounds(kinds, load, rounds, dir);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    print_row(kinds[i].name, load, outcomes[i], outcomes[1].rate);
  }
  return same_checksums(outcomes);
}

// Many threads, each waiting for its record; then the bare loop with batches of the size that the
// journal's came to.
bool compare_threads(const Load& load, int rounds, const std::filesystem::path& dir) {
  std::vector<StoreKind> kinds = store_kinds();
  const StoreKind bare = kinds[1];
  std::erase_if(kinds, [](const StoreKind& kind) { return kind.use == Use::Alone; });
  const auto outcomes = run_rounds(kinds, load, rounds, dir);
  // Half of the threads wait while the others' records are being synced.
  Load same{.threads = 1, .commits = 0, .batch = std::max<std::uint64_t>(load.threads / 2, 1)};
  same.commits = load.records() / same.batch;
  const auto floor = run_rounds({bare}, same, rounds, dir);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    print_row(kinds[i].name, load, outcomes[i], floor.front().rate);
  }
  print_row("bare, same batches", same, floor.front(), floor.front().rate);
  return same_checksums(outcomes);
}

// Records come at `rate`, evenly; whatever is due is one batch. A record's latency begins when it
// was due, so a late start counts.
void open_loop(double rate, double share, double seconds, const std::filesystem::path& dir) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const auto total = static_cast<std::uint64_t>(rate * seconds);
  auto writer = journal::Writer::open(dir / "log", {});
  if (!writer) give_up(writer.error().text());
  std::vector<std::uint64_t> waited_ns;
  waited_ns.reserve(total);
  const double ns_apart = 1e9 / rate;
  const auto begin = Clock::now();
  const auto ns_since = [&] { return static_cast<double>((Clock::now() - begin).count()); };
  for (std::uint64_t done = 0; done < total;) {
    const auto due = std::min(total, static_cast<std::uint64_t>(ns_since() / ns_apart));
    if (due <= done) continue;
    for (std::uint64_t i = done; i < due; ++i) {
      if (const auto lsn = writer->append(record(i)); !lsn) give_up(lsn.error().text());
    }
    if (const auto durable = writer->commit(); !durable) give_up(durable.error().text());
    const double now = ns_since();
    for (; done < due; ++done) {
      waited_ns.push_back(static_cast<std::uint64_t>(now - static_cast<double>(done) * ns_apart));
    }
  }
  std::ranges::sort(waited_ns);
  fmt::print(
      "open loop, {:.0f} % of capacity: {:.0f} records/s  p50 {:.1f} us  p99 {:.1f} us  p99.9 "
      "{:.1f}"
      " us  max {:.1f} us\n",
      share * 100, rate, at_quantile_us(waited_ns, 0.5), at_quantile_us(waited_ns, 0.99),
      at_quantile_us(waited_ns, 0.999), at_quantile_us(waited_ns, 1));
}

// A record into each of two logs, then both committed: one after the other, and at the same time.
void two_logs(std::uint64_t commits, const std::filesystem::path& dir) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  std::array<std::optional<journal::Writer>, 2> writers;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    auto writer = journal::Writer::open(dir / std::to_string(i), {});
    if (!writer) give_up(writer.error().text());
    writers.at(i) = std::move(*writer);
  }
  journal::CommitGroup group{{&*writers[0], &*writers[1]}};
  const auto time = [&](std::string_view what, const auto& commit) {
    std::vector<std::uint64_t> ns;
    for (std::uint64_t i = 0; i < commits; ++i) {
      for (auto& writer : writers) {
        if (const auto lsn = writer->append(record(i)); !lsn) give_up(lsn.error().text());
      }
      const auto begin = Clock::now();
      commit();
      ns.push_back(static_cast<std::uint64_t>((Clock::now() - begin).count()));
    }
    std::ranges::sort(ns);
    fmt::print("two logs, {:<20} p50 {:.1f} us  p99 {:.1f} us\n", what, at_quantile_us(ns, 0.5),
               at_quantile_us(ns, 0.99));
  };
  time("one after the other", [&] {
    for (auto& writer : writers) {
      if (const auto lsn = writer->commit(); !lsn) give_up(lsn.error().text());
    }
  });
  time("together", [&] {
    for (const auto& answer : group.commit()) {
      if (!answer) give_up(answer.error().text());
    }
  });
}

/// What the same loop reaches when everything is always due: batches of 512 and more.
double capacity(std::uint64_t commits, const std::filesystem::path& dir) {
  const StoreKind rotating = store_kinds()[2];
  return run(rotating, {.threads = 1, .commits = commits, .batch = 512}, dir).rate;
}

bool run_all(const std::filesystem::path& dir, std::string_view only, bool smoke) {
  const auto wanted = [&](std::string_view part) { return only.empty() || only == part; };
  const int rounds = smoke ? 1 : 3;
  bool equal = true;
  fmt::print("{:>5} {:>7} {:>6} {:<18} {:>12} {:>7} {:>10} {:>10} {:>10} {:>10}\n", "sync",
             "threads", "batch", "", "records/s", "/bare", "p50 us", "p99 us", "p99.9 us",
             "max us");
  for (const bool sync : {true, false}) {
    if (!wanted("batches")) break;
    for (const std::uint64_t batch : {1U, 8U, 64U, 512U}) {
      const std::uint64_t commits = smoke ? 20 : (batch == 512 ? 600 : 1500);
      const Load load{.threads = 1, .commits = commits, .batch = batch, .sync = sync};
      equal = compare_batches(load, rounds, dir) && equal;
    }
  }
  for (const std::size_t threads : {1U, 8U, 64U}) {
    if (!wanted("threads")) break;
    const Load load{.threads = threads, .commits = smoke ? 5U : 500U};
    equal = compare_threads(load, rounds, dir) && equal;
  }
  if (wanted("two")) two_logs(smoke ? 20 : 2'000, dir);
  if (!wanted("open")) return equal;
  const double most = capacity(smoke ? 20 : 4'000, dir);
  fmt::print("capacity, batches of 512: {:.0f} records/s\n", most);
  for (const double share : {0.5, 0.8}) open_loop(most * share, share, smoke ? 0.05 : 3, dir);
  return equal;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  bool smoke = false;
  std::string_view only;
  std::filesystem::path dir = std::filesystem::current_path();
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument{arguments[i]};
    if (argument == "--smoke") smoke = true;
    if (argument == "--only" && i + 1 < arguments.size()) only = arguments[++i];
    if (argument == "--dir" && i + 1 < arguments.size()) dir = arguments[++i];
  }
  dir /= "append_bench." + std::to_string(::getpid());
  const bool equal = stoa::bench::run_all(dir, only, smoke);
  std::filesystem::remove_all(dir);
  if (!equal) stoa::bench::give_up("the checksums differ: somebody lost a record");
  return 0;
}

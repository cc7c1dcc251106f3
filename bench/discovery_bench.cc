// Question: what does it cost to find a healthy instance among 16 services of 4, by each policy,
// next to reading the registry's files each time, and how soon is one that ends gone from the view?
// The documents ask for less than 100 us per resolve; the budget here is 1 us at p99 of batches.
// Every answer is compared with an obvious search first. `--smoke` (or `--quick`) is a tiny run.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/temp_dir.h"
#include "bench/must.h"
#include "ops/discovery.h"
#include "ops/registry.h"
#include "ops/role_status.h"

namespace {

using namespace stoa;
using std::chrono::steady_clock;

constexpr std::size_t kServices = 16;
constexpr std::size_t kEach = 4;
constexpr std::size_t kBatch = 1'000;

std::string service_name(std::size_t i) { return fmt::format("service-{:02}", i); }

/// Three of four are healthy; the third of them is the preferred one.
ops::Instance instance(std::size_t service, std::size_t place) {
  return {.service = service_name(service),
          .instance = fmt::format("{}-{}", service_name(service), place),
          .endpoints = {{.name = "health", .address = "127.0.0.1:5557"},
                        {.name = "socket", .address = "/var/lib/stoa/run/execution.sock"}},
          .priority = place == 3 ? 1 : 10,
          .health = place == 0 ? ops::CheckResult::Fail : ops::CheckResult::Pass};
}

/// Every entry of the registry, held until the end.
std::vector<ops::Registration> fill(const std::filesystem::path& dir) {
  std::vector<ops::Registration> all;
  for (std::size_t service = 0; service < kServices; ++service) {
    for (std::size_t place = 0; place < kEach; ++place) {
      all.push_back(bench::must(ops::Registration::open(dir, instance(service, place))));
    }
  }
  return all;
}

/// The slow, obvious answer.
std::string expected(std::size_t service, ops::Policy policy, std::size_t turn) {
  switch (policy) {
    case ops::Policy::FirstHealthy:
      return fmt::format("{}-1", service_name(service));
    case ops::Policy::Priority:
      return fmt::format("{}-3", service_name(service));
    case ops::Policy::RoundRobin:
      return fmt::format("{}-{}", service_name(service), 1 + turn % 3);
  }
  return {};
}

bool agrees(ops::Resolver& resolver, ops::Policy policy) {
  for (std::size_t turn = 0; turn < 7; ++turn) {
    for (std::size_t service = 0; service < kServices; ++service) {
      const ops::Instance* const found = resolver.resolve(service_name(service), policy);
      if (found == nullptr || found->instance != expected(service, policy, turn)) return false;
    }
  }
  return resolver.resolve("nobody", policy) == nullptr;
}

struct Times {
  std::vector<double> ns;  // per call, of each batch
  std::uint64_t checksum = 0;
  void sort() { std::ranges::sort(ns); }
  [[nodiscard]] double at(double quantile) const {
    return ns[std::min(ns.size() - 1,
                       static_cast<std::size_t>(quantile * static_cast<double>(ns.size())))];
  }
};

Times resolves(ops::Resolver& resolver, ops::Policy policy, std::size_t batches) {
  std::array<std::string, kServices> names;
  for (std::size_t i = 0; i < kServices; ++i) names.at(i) = service_name(i);
  Times times;
  times.ns.reserve(batches);
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const auto begin = steady_clock::now();
    for (std::size_t i = 0; i < kBatch; ++i) {
      const ops::Instance* const found = resolver.resolve(names[i % kServices], policy);
      times.checksum += static_cast<std::uint64_t>(found->instance.back());
    }
    const std::chrono::duration<double, std::nano> took = steady_clock::now() - begin;
    times.ns.push_back(took.count() / static_cast<double>(kBatch));
  }
  times.sort();
  return times;
}

Times reading_the_files(const std::filesystem::path& dir, std::size_t rounds) {
  Times times;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto begin = steady_clock::now();
    const auto listing = bench::must(ops::list_instances(dir, false));
    const auto found =
        std::ranges::find(listing.instances, service_name(i % kServices), &ops::Instance::service);
    times.checksum += static_cast<std::uint64_t>(found->instance.back());
    times.ns.push_back(
        std::chrono::duration<double, std::nano>(steady_clock::now() - begin).count());
  }
  times.sort();
  return times;
}

/// From the end of an entry to a view without it, by way of inotify.
Times departures(const std::filesystem::path& dir, ops::Discovery& discovery, std::size_t rounds) {
  Times times;
  for (std::size_t i = 0; i < rounds; ++i) {
    std::optional<ops::Registration> leaving{
        bench::must(ops::Registration::open(dir, {.service = "leaving", .instance = "leaving-1"}))};
    while (discovery.directory()->find("leaving") == nullptr) discovery.poll();
    const auto begin = steady_clock::now();
    leaving.reset();
    while (discovery.directory()->find("leaving") != nullptr) discovery.poll();
    times.ns.push_back(
        std::chrono::duration<double, std::nano>(steady_clock::now() - begin).count());
  }
  times.sort();
  return times;
}

void print(std::string_view name, const Times& times) {
  fmt::print("{:<34} {:>10.1f} {:>10.1f} {:>10.1f} {:>10.1f}  {:016x}\n", name, times.at(0.5),
             times.at(0.99), times.at(0.999), times.ns.back(), times.checksum);
}

int run(bool smoke) {
  const std::size_t batches = smoke ? 20 : 20'000;
  const TempDir dir;
  const SystemClock clock;
  const auto entries = fill(dir.path());
  const auto discovery = bench::must(ops::Discovery::open(dir.path(), clock));
  fmt::print("{:<34} {:>10} {:>10} {:>10} {:>10}  checksum\n", "ns, 16 services of 4", "p50", "p99",
             "p99.9", "max");
  bool good = true;
  for (const ops::Policy policy :
       {ops::Policy::FirstHealthy, ops::Policy::RoundRobin, ops::Policy::Priority}) {
    ops::Resolver resolver{*discovery};
    if (!agrees(resolver, policy)) {
      bench::give_up(fmt::format("resolve {} differs from the obvious answer", to_string(policy)));
    }
    const Times times = resolves(resolver, policy, batches);
    print(fmt::format("resolve, {}", to_string(policy)), times);
    good = good && (smoke || times.at(0.99) < 1'000);
  }
  print("reading the files instead", reading_the_files(dir.path(), smoke ? 3 : 500));
  print("an entry ends, the view knows", departures(dir.path(), *discovery, smoke ? 3 : 500));
  fmt::print("asked for: 100000 ns; budget: 1000 ns at p99 of batches of {}\n", kBatch);
  if (!good) fmt::print(stderr, "discovery_bench: over the budget\n");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  return run(word == "--smoke" || word == "--quick");
}

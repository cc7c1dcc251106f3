// Question: how many 64-byte messages a second does a topic carry from one thread to another,
// single and in batches, and how long does a round trip take, next to boost::lockfree::spsc_queue
// and to a ring with cached indices (the algorithm of rigtorp's SPSCQueue, which Debian does not
// package)? Budget: single messages >= the cached-index ring; batches of 64 above boost's batches
// of 64. Both threads checksum every message; the sums must be equal. Compare rows of one run only:
// how far the two cores are apart changes by the minute. `--smoke` is a tiny run.

#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/lockfree/policies.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "bus/topic.h"

namespace {

using stoa::bus::Message;
using stoa::bus::Policy;
using stoa::bus::PublishResult;
using stoa::bus::Topic;

constexpr std::size_t kRingBytes = 1U << 18U;  // 4096 slots of 64 bytes for the others
constexpr std::size_t kSlots = kRingBytes / 64;
constexpr std::size_t kBatch = 64;

struct alignas(64) Item {
  std::array<std::uint64_t, 8> words;
};
Item item_of(std::uint64_t i) { return {{i, i ^ 1, i ^ 2, i ^ 3, i ^ 4, i ^ 5, i ^ 6, ~i}}; }
std::uint64_t sum_of(const Item& item) { return item.words[0] * 3 + item.words[7]; }
std::uint64_t sum_of(const Message& message) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, message.payload.data(), 8);
  std::memcpy(&last, message.payload.data() + 56, 8);
  return first * 3 + last;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // Best effort: with one core there is nothing to pin to.
  [[maybe_unused]] const int pinned = ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

// The reference: slots in a ring, each side keeps a copy of the other's index.
class CachedIndexRing {
 public:
  bool push(const Item& item) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == kSlots) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == kSlots) return false;
    }
    slots_[tail % kSlots] = item;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool pop(Item& item) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return false;
    }
    item = slots_[head % kSlots];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  std::vector<Item> slots_ = std::vector<Item>(kSlots);
  alignas(stoa::kCacheLineBytes) std::atomic<std::size_t> tail_{0};
  alignas(stoa::kCacheLineBytes) std::size_t head_seen_ = 0;
  alignas(stoa::kCacheLineBytes) std::atomic<std::size_t> head_{0};
  alignas(stoa::kCacheLineBytes) std::size_t tail_seen_ = 0;
};

struct Throughput {
  double per_second = 0;
  std::uint64_t checksum = 0;
};

// `consume(count)` runs on the second core and answers with its checksum; `produce(count)` here.
template <class Produce, class Consume>
Throughput measure(std::uint64_t count, Produce produce, Consume consume) {
  Throughput result;
  std::atomic<bool> ready{false};
  std::jthread consumer{[&] {
    pin(1);
    ready.store(true, std::memory_order_release);
    result.checksum = consume(count);
  }};
  pin(0);
  while (!ready.load(std::memory_order_acquire)) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  produce(count);
  consumer.join();
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin);
  result.per_second = static_cast<double>(count) / took.count();
  return result;
}

Throughput topic_singles(std::uint64_t count, std::size_t batch, bool allow_lossy) {
  Topic topic{{.capacity_bytes = kRingBytes, .allow_lossy = allow_lossy}};
  auto publication = topic.publication();
  auto subscription = std::move(*topic.subscribe(Policy::MustHave));
  return measure(
      count,
      [&](std::uint64_t total) {
        for (std::uint64_t i = 0; i < total;) {
          const std::uint64_t end = std::min<std::uint64_t>(i + batch, total);
          for (; i < end; ++i) {
            const Item item = item_of(i);
            while (publication.try_stage(std::as_bytes(std::span{&item, 1})) != PublishResult::Ok) {
              publication.flush();
            }
          }
          publication.flush();
        }
      },
      [&](std::uint64_t total) {
        std::uint64_t sum = 0;
        for (std::uint64_t seen = 0; seen < total;) {
          seen += subscription.poll([&](const Message& message) { sum += sum_of(message); },
                                    batch == 1 ? 256 : SIZE_MAX);
        }
        return sum;
      });
}

Throughput cached_index_ring(std::uint64_t count) {
  CachedIndexRing ring;
  return measure(
      count,
      [&](std::uint64_t total) {
        for (std::uint64_t i = 0; i < total; ++i) {
          while (!ring.push(item_of(i))) {
          }
        }
      },
      [&](std::uint64_t total) {
        std::uint64_t sum = 0;
        Item item{};
        for (std::uint64_t seen = 0; seen < total; ++seen) {
          while (!ring.pop(item)) {
          }
          sum += sum_of(item);
        }
        return sum;
      });
}

using BoostQueue = boost::lockfree::spsc_queue<Item, boost::lockfree::capacity<kSlots>>;

Throughput boost_queue(std::uint64_t count, std::size_t batch) {
  const auto queue = std::make_unique<BoostQueue>();
  return measure(
      count,
      [&](std::uint64_t total) {
        std::array<Item, kBatch> items{};
        for (std::uint64_t i = 0; i < total;) {
          const std::size_t size = std::min<std::uint64_t>(batch, total - i);
          for (std::size_t j = 0; j < size; ++j) items[j] = item_of(i + j);
          for (std::size_t done = 0; done < size;) {
            done += queue->push(items.data() + done, size - done);
          }
          i += size;
        }
      },
      [&](std::uint64_t total) {
        std::uint64_t sum = 0;
        std::array<Item, kBatch> items{};
        for (std::uint64_t seen = 0; seen < total;) {
          const std::size_t got = queue->pop(items.data(), batch);
          for (std::size_t j = 0; j < got; ++j) sum += sum_of(items[j]);
          seen += got;
        }
        return sum;
      });
}

// One message there and one back, both sides spinning: p50 in nanoseconds.
double topic_round_trip(std::uint64_t rounds) {
  Topic there{{.capacity_bytes = 4096}};
  Topic back{{.capacity_bytes = 4096}};
  auto at_echo = std::move(*there.subscribe(Policy::MustHave));
  auto at_home = std::move(*back.subscribe(Policy::MustHave));
  std::jthread echo{[&] {
    pin(1);
    auto publication = back.publication();
    for (std::uint64_t seen = 0; seen < rounds;) {
      seen += at_echo.poll(
          [&](const Message& message) { (void)publication.try_publish(message.payload); });
    }
  }};
  pin(0);
  auto publication = there.publication();
  std::vector<std::int64_t> took;
  took.reserve(rounds);
  const Item item = item_of(1);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    (void)publication.try_publish(std::as_bytes(std::span{&item, 1}));
    while (at_home.poll([](const Message&) {}) == 0) {
    }
    took.push_back((std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(took);
  return static_cast<double>(took[took.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::string_view{argv[1]} == "--smoke";
  const std::uint64_t count = smoke ? 100'000 : 20'000'000;
  const int rounds = smoke ? 1 : 5;
  struct Row {
    const char* name;
    Throughput (*run)(std::uint64_t);
    std::vector<double> per_second;
    std::uint64_t checksum = 0;
  };
  std::array rows{
      Row{"topic, single", [](auto n) { return topic_singles(n, 1, false); }, {}},
      Row{"cached-index ring, single", cached_index_ring, {}},
      Row{"boost spsc, single", [](auto n) { return boost_queue(n, 1); }, {}},
      Row{"topic, batches of 64", [](auto n) { return topic_singles(n, kBatch, false); }, {}},
      Row{"boost spsc, batches of 64", [](auto n) { return boost_queue(n, kBatch); }, {}},
      Row{"topic with lossy, batches of 64",
          [](auto n) { return topic_singles(n, kBatch, true); },
          {}},
  };
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows) {
      const Throughput result = row.run(count);
      row.per_second.push_back(result.per_second);
      row.checksum = result.checksum;
    }
  }
  bool equal = true;
  fmt::print("{:<34} {:>10} {:>10} {:>10}  checksum\n", "64 B, two threads", "median M/s", "min",
             "max");
  for (Row& row : rows) {
    std::ranges::sort(row.per_second);
    fmt::print("{:<34} {:>10.1f} {:>10.1f} {:>10.1f}  {:016x}\n", row.name,
               row.per_second[row.per_second.size() / 2] / 1e6, row.per_second.front() / 1e6,
               row.per_second.back() / 1e6, row.checksum);
    equal = equal && row.checksum == rows[0].checksum;
  }
  fmt::print("topic round trip p50 {:.0f} ns\n", topic_round_trip(smoke ? 1000 : 200'000));
  if (!equal) fmt::print(stderr, "ring_bench: the checksums differ\n");
  return equal ? 0 : 1;
}

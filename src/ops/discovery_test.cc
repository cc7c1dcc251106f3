#include "ops/discovery.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/temp_dir.h"
#include "ops/registry.h"
#include "ops/registry_test_support.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

using std::chrono::milliseconds;

class DiscoveryTest : public ::testing::Test {
 protected:
  Registration enter(std::string name, CheckResult health = CheckResult::Pass,
                     std::int32_t priority = 10) {
    auto entered =
        Registration::open(registry.path(), instance_of("risk", std::move(name), priority, health));
    EXPECT_TRUE(entered.has_value()) << entered.error().text();
    return std::move(*entered);
  }
  void open(Discovery::Options options = {}) {
    auto opened = Discovery::open(registry.path(), clock, options);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    discovery = std::move(*opened);
    resolver = std::make_unique<Resolver>(*discovery);
  }
  /// One look, as far after the last as looks that count are apart.
  bool look() {
    clock.advance_to(clock.now() + milliseconds{200});
    return discovery->poll();
  }
  std::string first(std::string_view service = "risk", Policy policy = Policy::FirstHealthy) {
    const Instance* const instance = resolver->resolve(service, policy);
    return instance == nullptr ? "none" : instance->instance;
  }

  TempDir registry;
  ManualClock clock{Timestamp::from_ns(1'000'000'000)};
  std::unique_ptr<Discovery> discovery;
  std::unique_ptr<Resolver> resolver;
};

TEST_F(DiscoveryTest, takes_what_is_there_at_its_word) {
  const auto good = enter("risk-1");
  const auto bad = enter("risk-0", CheckResult::Fail);
  const auto warned = enter("risk-2", CheckResult::Warn);
  open();
  EXPECT_EQ(first(), "risk-1");
  EXPECT_EQ(discovery->directory()->find("risk")->healthy.size(), 2U);  // a warning serves on
  EXPECT_EQ(first("gateway"), "none");
}

TEST_F(DiscoveryTest, trusts_a_newcomer_after_three_good_looks) {
  open();
  const auto entered = enter("risk-1");
  EXPECT_TRUE(discovery->poll());  // told by inotify, without waiting
  EXPECT_EQ(discovery->directory()->find("risk")->instances.size(), 1U);
  EXPECT_EQ(first(), "none");
  EXPECT_FALSE(look());
  EXPECT_EQ(first(), "none");
  EXPECT_TRUE(look());
  EXPECT_EQ(first(), "risk-1");
}

TEST_F(DiscoveryTest, drops_the_sick_after_two_bad_looks_and_trusts_it_again_after_three_good) {
  auto entered = enter("risk-1");
  open();
  ASSERT_TRUE(entered.set_health(CheckResult::Fail, clock.now()));
  discovery->poll();
  EXPECT_EQ(first(), "risk-1");
  look();
  EXPECT_EQ(first(), "none");
  ASSERT_TRUE(entered.set_health(CheckResult::Pass, clock.now()));
  discovery->poll();
  look();
  EXPECT_EQ(first(), "none");
  look();
  EXPECT_EQ(first(), "risk-1");
}

TEST_F(DiscoveryTest, is_not_moved_by_one_that_flaps) {
  auto entered = enter("risk-1");
  open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(entered.set_health(CheckResult::Fail, clock.now()));
    look();
    EXPECT_EQ(first(), "risk-1") << i;
    ASSERT_TRUE(entered.set_health(CheckResult::Pass, clock.now()));
    look();
    EXPECT_EQ(first(), "risk-1") << i;
  }
}

TEST_F(DiscoveryTest, counts_only_looks_that_are_apart_in_time) {
  open();
  const auto entered = enter("risk-1");
  for (int i = 0; i < 20; ++i) {  // events of others come thick and fast
    const auto other = enter("other-" + std::to_string(i));
    EXPECT_TRUE(discovery->poll());
    EXPECT_EQ(first(), "none") << i;
  }
}

TEST_F(DiscoveryTest, drops_at_once_whose_process_was_killed) {
  Owner owner{registry.path(), instance_of("risk", "risk-1")};
  ASSERT_TRUE(owner.registered());
  open();
  EXPECT_EQ(first(), "risk-1");
  owner.kill();
  EXPECT_TRUE(discovery->poll());  // the clock stands: the kernel has told
  EXPECT_EQ(first(), "none");
  EXPECT_EQ(discovery->directory()->find("risk"), nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(registry.path()));
}

TEST_F(DiscoveryTest, does_not_trust_a_successor_for_its_name) {
  auto owner = std::make_unique<Owner>(registry.path(), instance_of("risk", "risk-1"));
  open();
  owner->kill();
  const auto successor = enter("risk-1");
  discovery->poll();
  EXPECT_EQ(first(), "none");
  look();
  look();
  EXPECT_EQ(first(), "risk-1");
}

TEST_F(DiscoveryTest, looks_by_itself_when_nothing_is_told) {
  open({.idle_every = milliseconds{500}});
  auto entered = enter("risk-1");
  discovery->poll();
  look();
  look();
  EXPECT_EQ(first(), "risk-1");
  EXPECT_EQ(discovery->next_look() - clock.monotonic(), milliseconds{500});
  EXPECT_FALSE(discovery->poll());
  clock.advance_to(clock.now() + milliseconds{500});
  EXPECT_FALSE(discovery->poll());
  EXPECT_EQ(discovery->next_look() - clock.monotonic(), milliseconds{500});
}

TEST_F(DiscoveryTest, chooses_as_it_is_told) {
  const auto a = enter("risk-a", CheckResult::Pass, 10);
  const auto b = enter("risk-b", CheckResult::Pass, 5);
  const auto c = enter("risk-c", CheckResult::Pass, 5);
  open();
  EXPECT_EQ(first("risk", Policy::FirstHealthy), "risk-a");
  EXPECT_EQ(first("risk", Policy::Priority), "risk-b");
  std::string turns;
  for (int i = 0; i < 7; ++i) turns += first("risk", Policy::RoundRobin).back();
  EXPECT_EQ(turns, "abcabca");
}

TEST_F(DiscoveryTest, takes_turns_in_each_service_by_itself) {
  const auto a = enter("risk-a");
  const auto b = enter("risk-b");
  const auto x = Registration::open(registry.path(), instance_of("gateway", "gateway-x"));
  const auto y = Registration::open(registry.path(), instance_of("gateway", "gateway-y"));
  open();
  std::string turns;
  for (int i = 0; i < 2; ++i) {
    turns += first("risk", Policy::RoundRobin).back();
    turns += first("gateway", Policy::RoundRobin).back();
  }
  EXPECT_EQ(turns, "axby");
}

TEST_F(DiscoveryTest, never_changes_a_directory_that_it_gave_out) {
  const auto a = enter("risk-a");
  open();
  const auto before = discovery->directory();
  const Instance* const instance = resolver->resolve("risk", Policy::FirstHealthy);
  {
    const auto gone = Registration::open(registry.path(), instance_of("venue", "venue-1"));
  }
  discovery->poll();
  const auto b = enter("risk-b");
  ASSERT_TRUE(discovery->poll());
  EXPECT_EQ(before->find("risk")->instances.size(), 1U);
  EXPECT_EQ(discovery->directory()->find("risk")->instances.size(), 2U);
  EXPECT_GT(discovery->directory()->version, before->version);
  EXPECT_EQ(instance->instance, "risk-a");  // until its resolver is asked again
}

TEST_F(DiscoveryTest, answers_other_threads_while_it_changes) {
  open();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> asked{0};
  std::uint64_t wrong = 0;
  std::thread reader{[&] {
    Resolver own{*discovery};
    while (!stop.load(std::memory_order_relaxed)) {
      const Instance* const instance = own.resolve("risk", Policy::RoundRobin);
      if (instance != nullptr && instance->service != "risk") ++wrong;
      asked.fetch_add(1, std::memory_order_relaxed);
    }
  }};
  for (int i = 0; i < 200; ++i) {
    auto entered = enter("risk-" + std::to_string(i % 5));
    discovery->poll();
    look();
    look();
  }
  stop.store(true, std::memory_order_relaxed);
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(asked.load(), 0U);
}

}  // namespace
}  // namespace stoa::ops

#include "bus/wake.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>

#include "bus/topic.h"

namespace stoa::bus {
namespace {

using std::chrono::milliseconds;

bool readable(const Wake& wake) {
  pollfd wanted{.fd = wake.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, 0) == 1;
}

TEST(Wake, notifying_one_who_is_awake_makes_no_system_call) {
  auto wake = Wake::create();
  ASSERT_TRUE(wake);
  for (int i = 0; i < 10; ++i) wake->notify();
  EXPECT_FALSE(readable(*wake));
  wake->prepare();
  EXPECT_FALSE(wake->wait(milliseconds{0})) << "old notifications do not count";
}

TEST(Wake, a_sleeper_is_woken_once) {
  auto wake = Wake::create();
  wake->prepare();
  wake->notify();
  wake->notify();
  EXPECT_TRUE(readable(*wake));
  EXPECT_TRUE(wake->wait(milliseconds{-1}));
  EXPECT_FALSE(readable(*wake));
  wake->prepare();
  EXPECT_FALSE(wake->wait(milliseconds{0}));
}

TEST(Wake, one_who_changes_its_mind_is_awake_and_the_descriptor_empty) {
  auto wake = Wake::create();
  wake->prepare();
  wake->cancel();
  wake->notify();
  EXPECT_FALSE(readable(*wake));
  wake->prepare();
  wake->notify();
  EXPECT_TRUE(readable(*wake));
  wake->cancel();
  EXPECT_FALSE(readable(*wake));
}

TEST(Wake, no_message_is_slept_through) {
  // The consumer sleeps without limit as soon as it sees nothing: one lost wake-up hangs the test.
  constexpr std::uint64_t kMessages = 20'000;
  auto wake = Wake::create();
  Topic topic{{.capacity_bytes = 1024}};
  auto subscription = topic.subscribe(Policy::MustHave);
  std::uint64_t seen = 0;
  std::jthread consumer{[&] {
    const auto poll = [&] {
      return subscription->poll(
          [&](const Message& message) { seen += message.seq > seen ? 1U : 0U; });
    };
    while (seen < kMessages) {
      if (poll() != 0) continue;
      wake->prepare();
      if (poll() != 0 || seen == kMessages) {
        wake->cancel();
      } else {
        wake->wait(milliseconds{-1});
      }
    }
  }};
  auto publication = topic.publication();
  const std::uint64_t word = 1;
  for (std::uint64_t i = 1; i <= kMessages; ++i) {
    while (publication.try_publish(std::as_bytes(std::span{&word, 1})) != PublishResult::Ok) {
      std::this_thread::yield();
    }
    wake->notify();
    if (i % 3 == 0) std::this_thread::yield();  // lets it fall asleep now and then
  }
  consumer.join();
  EXPECT_EQ(seen, kMessages);
}

}  // namespace
}  // namespace stoa::bus

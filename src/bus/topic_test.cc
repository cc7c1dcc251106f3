#include "bus/topic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"

namespace stoa::bus {

// Would this be handed out next if `before_copy` ran at the worst moment?
struct SubscriptionPeer {
  template <class Moment>
  static bool copies(Subscription& subscription, Moment before_copy, std::uint64_t seq,
                     const std::vector<std::byte>& payload) {
    if (!subscription.copy_next(before_copy)) return false;
    const auto bytes = std::as_bytes(std::span{subscription.copy_});
    return subscription.copied_seq_ == seq &&
           std::ranges::equal(bytes.first(subscription.copied_bytes_), payload);
  }
};

namespace {

using Bytes = std::vector<std::byte>;

// The message `seq` of `size` bytes: every byte follows from both.
Bytes message_of(std::uint64_t seq, std::size_t size) {
  Bytes bytes(size);
  std::uint64_t word = seq * 0x9E37'79B9'7F4A'7C15ULL + size;
  for (auto& b : bytes) {
    b = static_cast<std::byte>(word >> 56U);
    word = word * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
  }
  return bytes;
}
std::size_t size_of(std::uint64_t seq, std::size_t most) { return Random{seq}.below(most + 1); }
bool is_right(const Message& message, std::size_t most) {
  return std::ranges::equal(message.payload, message_of(message.seq, size_of(message.seq, most)));
}

struct Case {
  Policy policy;
  bool allow_lossy;
};
class TopicTest : public ::testing::TestWithParam<Case> {
 protected:
  TopicTest() : topic_{{.capacity_bytes = 1024, .allow_lossy = GetParam().allow_lossy}} {}
  [[nodiscard]] Subscription subscribe() { return std::move(*topic_.subscribe(GetParam().policy)); }
  Topic topic_;
};

INSTANTIATE_TEST_SUITE_P(Policies, TopicTest,
                         ::testing::Values(Case{Policy::MustHave, false},
                                           Case{Policy::MustHave, true}, Case{Policy::Lossy, true}),
                         [](const auto& test) {
                           return std::string{test.param.policy == Policy::Lossy ? "Lossy"
                                                                                 : "MustHave"} +
                                  (test.param.allow_lossy ? "OnLossyTopic" : "OnPlainTopic");
                         });

TEST_P(TopicTest, every_size_up_to_the_largest_comes_back_whole) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  for (std::size_t size = 0; size <= topic_.max_message_bytes(); ++size) {
    const Bytes sent = message_of(size + 1, size);
    ASSERT_EQ(publication.try_publish(sent), PublishResult::Ok) << size;
    std::size_t seen = 0;
    ASSERT_EQ(subscription.poll([&](const Message& message) {
      EXPECT_TRUE(std::ranges::equal(message.payload, sent));
      EXPECT_EQ(message.seq, size + 1);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(message.payload.data()) % 8, 0U);
      ++seen;
    }),
              1U);
    EXPECT_EQ(seen, 1U);
  }
  EXPECT_EQ(subscription.missed(), 0U);
}

TEST_P(TopicTest, a_message_over_the_largest_is_refused_and_takes_no_number) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  EXPECT_EQ(topic_.max_message_bytes(), 1024U / 4 - 8);
  const Bytes large(topic_.max_message_bytes() + 1);
  EXPECT_EQ(publication.try_publish(large), PublishResult::TooLarge);
  EXPECT_EQ(publication.try_publish(std::span{large}.first(10), large), PublishResult::TooLarge);
  EXPECT_TRUE(publication.claim(large.size()).empty());
  EXPECT_EQ(publication.seq(), 0U);
  EXPECT_EQ(subscription.poll([](const Message&) {}), 0U);
  EXPECT_EQ(publication.try_publish({}), PublishResult::Ok);
  EXPECT_EQ(publication.seq(), 1U);
}

// Two sizes in turn visit every offset of the ring that a record can begin at, and every padding.
TEST_P(TopicTest, wraps_at_every_offset) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  std::uint64_t expected = 1;
  for (std::size_t lead = 0; lead <= 128; ++lead) {
    for (std::size_t size = 0; size <= topic_.max_message_bytes(); size += 8) {
      for (const std::size_t each : {lead, size}) {
        ASSERT_EQ(publication.try_publish(message_of(publication.seq() + 1, each)),
                  PublishResult::Ok);
        ASSERT_EQ(subscription.poll([&](const Message& message) {
          ASSERT_EQ(message.seq, expected++);
          ASSERT_TRUE(std::ranges::equal(message.payload, message_of(message.seq, each)));
        }),
                  1U);
      }
    }
  }
}

TEST_P(TopicTest, parts_of_any_split_make_the_same_message) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t split = 0; split <= size; ++split) {
      const Bytes sent = message_of(size, size);
      ASSERT_EQ(
          publication.try_publish(std::span{sent}.first(split), std::span{sent}.subspan(split)),
          PublishResult::Ok);
      ASSERT_EQ(subscription.poll([&](const Message& message) {
        ASSERT_TRUE(std::ranges::equal(message.payload, sent)) << size << " at " << split;
      }),
                1U);
    }
  }
}

TEST_P(TopicTest, a_claim_is_encoded_in_place_and_may_end_shorter_or_be_dropped) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  for (std::size_t used = 0; used <= 64; ++used) {
    auto dropped = publication.claim(100);
    ASSERT_EQ(dropped.size(), 100U);
    std::ranges::fill(dropped, std::byte{0xDD});
    auto room = publication.claim(64);
    ASSERT_EQ(room.size(), 64U);
    const Bytes sent = message_of(used, used);
    std::ranges::copy(sent, room.begin());
    publication.commit(used);
    ASSERT_EQ(subscription.poll([&](const Message& message) {
      EXPECT_EQ(message.seq, used + 1);
      EXPECT_TRUE(std::ranges::equal(message.payload, sent));
    }),
              1U);
  }
}

TEST_P(TopicTest, staged_messages_show_at_the_flush) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    ASSERT_EQ(publication.try_stage(message_of(seq, 16)), PublishResult::Ok);
  }
  EXPECT_EQ(subscription.poll([](const Message&) {}), 0U);
  EXPECT_EQ(topic_.published(), 0U);
  publication.flush();
  EXPECT_EQ(topic_.published(), 5U);
  EXPECT_EQ(subscription.lag(), 5U);
  std::uint64_t next = 1;
  EXPECT_EQ(subscription.poll([&](const Message& message) { EXPECT_EQ(message.seq, next++); }, 2),
            2U);
  EXPECT_EQ(subscription.lag(), 3U);
  EXPECT_EQ(subscription.poll([&](const Message& message) { EXPECT_EQ(message.seq, next++); }), 3U);
  EXPECT_EQ(subscription.lag(), 0U);
}

TEST_P(TopicTest, a_handler_may_leave_a_message_for_the_next_poll) {
  auto publication = topic_.publication();
  auto subscription = subscribe();
  for (std::uint64_t seq = 1; seq <= 4; ++seq) (void)publication.try_publish(message_of(seq, 8));
  const auto until_three = [](const Message& message) { return message.seq < 3; };
  EXPECT_EQ(subscription.poll(until_three), 2U);
  EXPECT_EQ(subscription.poll(until_three), 0U);
  EXPECT_EQ(subscription.lag(), 2U);
  std::vector<std::uint64_t> rest;
  EXPECT_EQ(subscription.poll([&](const Message& message) {
    rest.push_back(message.seq);
    return true;
  }),
            2U);
  EXPECT_EQ(rest, (std::vector<std::uint64_t>{3, 4}));
}

TEST_P(TopicTest, joins_at_the_present_end) {
  auto publication = topic_.publication();
  for (std::uint64_t seq = 1; seq <= 1000; ++seq) {
    ASSERT_EQ(publication.try_publish(message_of(seq, 24)), PublishResult::Ok)
        << "nobody holds the publisher back";
  }
  auto subscription = subscribe();
  EXPECT_EQ(subscription.next_seq(), 1001U);
  EXPECT_EQ(subscription.poll([](const Message&) {}), 0U);
  (void)publication.try_publish({});
  EXPECT_EQ(subscription.poll([](const Message& message) { EXPECT_EQ(message.seq, 1001U); }), 1U);
  EXPECT_EQ(subscription.missed(), 0U);
}

TEST(Topic, back_pressure_comes_when_a_must_have_is_a_ring_behind_and_goes_when_it_reads) {
  for (const bool allow_lossy : {false, true}) {
    Topic topic{{.capacity_bytes = 1024, .allow_lossy = allow_lossy}};
    auto publication = topic.publication();
    auto subscription = topic.subscribe(Policy::MustHave);
    const Bytes payload = message_of(1, 24);  // 32 bytes in the ring
    for (int i = 0; i < 32; ++i) ASSERT_EQ(publication.try_publish(payload), PublishResult::Ok);
    EXPECT_EQ(publication.try_publish(payload), PublishResult::BackPressure);
    EXPECT_EQ(publication.try_publish({}), PublishResult::BackPressure);
    EXPECT_TRUE(publication.claim(1).empty());
    EXPECT_EQ(publication.seq(), 32U);
    EXPECT_EQ(subscription->poll([](const Message&) {}, 1), 1U);
    EXPECT_EQ(publication.try_publish(payload), PublishResult::Ok);
    EXPECT_EQ(publication.try_publish(payload), PublishResult::BackPressure);
    EXPECT_EQ(subscription->poll([](const Message&) {}), 31U);
    EXPECT_EQ(subscription->poll([](const Message&) {}), 1U);
    EXPECT_EQ(subscription->missed(), 0U);
  }
}

TEST(Topic, the_slowest_must_have_decides_until_it_leaves) {
  Topic topic{{.capacity_bytes = 1024}};
  auto publication = topic.publication();
  auto quick = topic.subscribe(Policy::MustHave);
  auto slow = topic.subscribe(Policy::MustHave);
  const Bytes payload = message_of(1, 24);
  for (int i = 0; i < 32; ++i) (void)publication.try_publish(payload);
  EXPECT_EQ(quick->poll([](const Message&) {}), 32U);
  EXPECT_EQ(publication.try_publish(payload), PublishResult::BackPressure);
  slow.reset();
  for (int i = 0; i < 32; ++i) ASSERT_EQ(publication.try_publish(payload), PublishResult::Ok);
  EXPECT_EQ(publication.try_publish(payload), PublishResult::BackPressure);
}

TEST(Topic, a_batch_longer_than_the_ring_meets_back_pressure_until_it_is_flushed) {
  Topic topic{{.capacity_bytes = 1024}};
  auto publication = topic.publication();
  const Bytes payload = message_of(1, 24);
  for (int i = 0; i < 32; ++i) ASSERT_EQ(publication.try_stage(payload), PublishResult::Ok);
  EXPECT_EQ(publication.try_stage(payload), PublishResult::BackPressure);
  publication.flush();
  EXPECT_EQ(publication.try_stage(payload), PublishResult::Ok);
}

TEST(Topic, the_largest_message_always_fits_into_an_empty_ring) {
  for (std::size_t lead = 0; lead < 1024; lead += 8) {
    Topic topic{{.capacity_bytes = 1024}};
    auto publication = topic.publication();
    auto subscription = topic.subscribe(Policy::MustHave);
    for (std::size_t at = 0; at < lead; at += 8) {
      ASSERT_EQ(publication.try_publish({}), PublishResult::Ok);
      ASSERT_EQ(subscription->poll([](const Message&) {}), 1U);
    }
    EXPECT_EQ(publication.try_publish(Bytes(topic.max_message_bytes())), PublishResult::Ok) << lead;
  }
}

TEST(Topic, lossy_readers_skip_what_was_overwritten_and_count_it) {
  Topic topic{{.capacity_bytes = 1024, .allow_lossy = true}};
  auto publication = topic.publication();
  auto subscription = topic.subscribe(Policy::Lossy);
  for (std::uint64_t seq = 1; seq <= 32; ++seq) (void)publication.try_publish(message_of(seq, 24));
  std::uint64_t next = 1;
  EXPECT_EQ(subscription->poll([&](const Message& message) { EXPECT_EQ(message.seq, next++); }),
            32U)
      << "a whole ring behind loses nothing";

  for (std::uint64_t seq = 33; seq <= 65; ++seq) {
    ASSERT_EQ(publication.try_publish(message_of(seq, 24)), PublishResult::Ok);
  }
  std::vector<std::uint64_t> seen;
  EXPECT_EQ(subscription->poll([&](const Message& message) {
    EXPECT_TRUE(std::ranges::equal(message.payload, message_of(message.seq, 24)));
    seen.push_back(message.seq);
  }),
            1U)
      << "one more laps it: it goes on at the newest";
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{65}));
  EXPECT_EQ(subscription->missed(), 32U);
  EXPECT_EQ(subscription->lag(), 0U);
}

TEST(Topic, a_lossy_reader_lapped_by_a_staged_batch_waits_for_the_flush) {
  Topic topic{{.capacity_bytes = 1024, .allow_lossy = true}};
  auto publication = topic.publication();
  auto subscription = topic.subscribe(Policy::Lossy);
  (void)publication.try_publish(message_of(1, 24));
  for (std::uint64_t seq = 2; seq <= 33; ++seq) {
    ASSERT_EQ(publication.try_stage(message_of(seq, 24)), PublishResult::Ok);
  }
  EXPECT_EQ(subscription->poll([](const Message&) {}), 0U) << "message 1 is being overwritten";
  publication.flush();
  std::uint64_t handed_out = 0;
  handed_out += subscription->poll([](const Message&) {});
  EXPECT_GE(handed_out, 1U);
  EXPECT_EQ(handed_out + subscription->missed(), 33U);
  EXPECT_EQ(subscription->next_seq(), 34U);
}

TEST(Topic, a_message_overwritten_while_it_is_copied_is_not_handed_out) {
  // 32 messages fill the ring: the 31st behind it leaves message 2 alone, the 32nd does not.
  for (const std::uint64_t behind : {31U, 32U}) {
    Topic topic{{.capacity_bytes = 1024, .allow_lossy = true}};
    auto publication = topic.publication();
    auto subscription = topic.subscribe(Policy::Lossy);
    (void)publication.try_publish(message_of(1, 24));
    (void)subscription->poll([](const Message&) {});
    (void)publication.try_publish(message_of(2, 24));
    std::uint64_t published = 2;
    const auto lap = [&] {
      while (published < 2 + behind) (void)publication.try_publish(message_of(++published, 24));
    };
    const std::uint64_t expected = behind == 31 ? 2 : 34;
    EXPECT_TRUE(SubscriptionPeer::copies(*subscription, lap, expected, message_of(expected, 24)));
  }
}

TEST(Topic, policies_are_given_only_where_there_is_room_for_them) {
  Topic plain{{.capacity_bytes = 1024}};
  EXPECT_FALSE(plain.subscribe(Policy::Lossy));
  std::deque<std::optional<Subscription>> all;
  for (std::size_t i = 0; i < Topic::kMaxMustHave; ++i) {
    all.push_back(plain.subscribe(Policy::MustHave));
    ASSERT_TRUE(all.back());
    EXPECT_EQ(all.back()->policy(), Policy::MustHave);
  }
  EXPECT_FALSE(plain.subscribe(Policy::MustHave));
  all.pop_front();
  EXPECT_TRUE(plain.subscribe(Policy::MustHave));
}

TEST(Topic, capacity_is_rounded_up_to_a_power_of_two) {
  EXPECT_EQ(Topic({.capacity_bytes = 0}).capacity_bytes(), 1024U);
  EXPECT_EQ(Topic({.capacity_bytes = 1025}).capacity_bytes(), 2048U);
  EXPECT_EQ(Topic({.capacity_bytes = 65'536}).capacity_bytes(), 65'536U);
}

TEST(TopicDeathTest, two_publishers_and_a_topic_that_goes_first_are_bugs) {
  Topic topic{{.capacity_bytes = 1024}};
  {
    const auto publication = topic.publication();
    EXPECT_DEATH((void)topic.publication(), "one publisher");
  }
  EXPECT_EQ(topic.publication().seq(), 0U) << "free again";
  EXPECT_DEATH(
      {
        auto gone = std::make_unique<Topic>(TopicOptions{.capacity_bytes = 1024});
        const auto subscription = gone->subscribe(Policy::MustHave);
        gone.reset();
      },
      "outlives");
}

// Against an obvious model: one thread, random calls, a deque of what must still come.
TEST(Topic, behaves_like_a_queue_under_random_calls) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    Topic topic{{.capacity_bytes = 1024, .allow_lossy = random.one_in(2)}};
    auto publication = topic.publication();
    auto subscription = topic.subscribe(Policy::MustHave);
    std::deque<Bytes> staged;
    std::deque<Bytes> visible;
    std::uint64_t next = 1;
    for (int step = 0; step < 2000; ++step) {
      if (random.one_in(3)) {
        const std::size_t limit = random.below(6);
        const std::size_t expected = std::min(limit, visible.size());
        std::size_t seen = 0;
        // A poll may stop where the last look at the tail was; the rest comes with the next.
        while (const auto got = subscription->poll(
                   [&](const Message& message) {
                     ASSERT_EQ(message.seq, next++);
                     ASSERT_FALSE(visible.empty());
                     ASSERT_TRUE(std::ranges::equal(message.payload, visible.front()));
                     visible.pop_front();
                   },
                   limit - seen)) {
          seen += got;
        }
        ASSERT_EQ(seen, expected);
      } else if (random.one_in(4)) {
        publication.flush();
        std::ranges::move(staged, std::back_inserter(visible));
        staged.clear();
      } else {
        const Bytes bytes = message_of(random.next(), random.below(topic.max_message_bytes() + 1));
        if (publication.try_stage(bytes) == PublishResult::Ok) staged.push_back(bytes);
      }
    }
  }
}

// --- two and more threads

constexpr std::size_t kMostBytes = 120;

std::uint64_t message_count() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return 20'000;
#else
  return 50'000;
#endif
}

// Publishes every message, in batches of changing size, by all the ways there are.
void publish_all(Topic& topic, std::uint64_t count) {
  auto publication = topic.publication();
  Random random{42};
  std::uint64_t until_flush = 1;
  while (publication.seq() < count) {
    const std::uint64_t seq = publication.seq() + 1;
    const Bytes bytes = message_of(seq, size_of(seq, kMostBytes));
    bool staged = false;
    if (random.one_in(4) && !bytes.empty()) {
      const auto room = publication.claim(bytes.size());
      if (!room.empty()) {
        std::ranges::copy(bytes, room.begin());
        publication.stage_claim(bytes.size());
        staged = true;
      }
    } else {
      const std::size_t split = random.below(bytes.size() + 1);
      staged = publication.try_stage(std::span{bytes}.first(split),
                                     std::span{bytes}.subspan(split)) == PublishResult::Ok;
    }
    if (!staged) {
      publication.flush();
      std::this_thread::yield();
    } else if (--until_flush == 0) {
      publication.flush();
      until_flush = 1 + random.below(20);
    }
  }
}

TEST(TopicThreads, must_have_readers_see_every_message_and_lossy_ones_account_for_every_one) {
  for (const bool allow_lossy : {false, true}) {
    SCOPED_TRACE(allow_lossy);
    const std::uint64_t count = message_count();
    Topic topic{{.capacity_bytes = 1U << 15U, .allow_lossy = allow_lossy}};
    std::atomic<std::uint64_t> wrong{0};
    const auto read = [&](Subscription& subscription) {
      Random random{subscription.next_seq()};
      std::uint64_t handed_out = 0;
      while (subscription.next_seq() <= count) {
        const auto got = subscription.poll(
            [&](const Message& message) {
              if (!is_right(message, kMostBytes)) ++wrong;
            },
            1 + random.below(50));
        handed_out += got;
        if (got == 0) std::this_thread::yield();
      }
      if (handed_out + subscription.missed() != count) ++wrong;
      if (subscription.policy() == Policy::MustHave && subscription.missed() != 0) ++wrong;
    };
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    for (int i = 0; i < 2; ++i) {
      subscriptions.push_back(
          std::make_unique<Subscription>(std::move(*topic.subscribe(Policy::MustHave))));
    }
    if (allow_lossy) {
      subscriptions.push_back(
          std::make_unique<Subscription>(std::move(*topic.subscribe(Policy::Lossy))));
    }
    {
      std::vector<std::jthread> threads;
      threads.reserve(subscriptions.size());
      for (auto& subscription : subscriptions) {
        threads.emplace_back([&read, &subscription] { read(*subscription); });
      }
      publish_all(topic, count);
    }
    EXPECT_EQ(wrong.load(), 0U);
  }
}

// No MustHave: the publisher runs as fast as it can and laps the reader.
TEST(TopicThreads, a_lapped_reader_never_sees_a_torn_message) {
  const std::uint64_t count = message_count() / 4;
  Topic topic{{.capacity_bytes = 1U << 16U, .allow_lossy = true}};
  std::vector<std::uint64_t> words(topic.max_message_bytes() / 8);
  auto subscription = topic.subscribe(Policy::Lossy);
  std::uint64_t wrong = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t last = 0;
  std::atomic<bool> reading{false};
  std::jthread reader{[&] {
    std::vector<std::uint64_t> seen(words.size());
    Random random{7};
    while (last < count) {
      reading.store(true);
      const auto got = subscription->poll([&](const Message& message) {
        std::memcpy(seen.data(), message.payload.data(), message.payload.size());
        const bool whole = std::ranges::all_of(seen, [&](auto w) { return w == message.seq; });
        if (!whole || message.seq <= last) ++wrong;
        last = message.seq;
        for (std::uint64_t pause = random.below(2000); pause > 0; --pause) {
          reading.store(true, std::memory_order_relaxed);
        }
      });
      handed_out += got;
      if (got == 0) std::this_thread::yield();
    }
  }};
  while (!reading.load()) std::this_thread::yield();
  auto publication = topic.publication();
  while (publication.seq() < count) {
    std::ranges::fill(words, publication.seq() + 1);
    (void)publication.try_publish(std::as_bytes(std::span{words}));
  }
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(handed_out + subscription->missed(), count);
  EXPECT_GT(subscription->missed(), 0U) << "it was never lapped: the test has shown nothing";
}

TEST(TopicThreads, subscriptions_come_and_go_while_messages_flow) {
  const std::uint64_t count = message_count() / 2;
  Topic topic{{.capacity_bytes = 2048, .allow_lossy = true}};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<bool> done{false};
  const auto come_and_go = [&](Policy policy) {
    while (!done.load()) {
      auto subscription = topic.subscribe(policy);
      std::uint64_t next = subscription->next_seq();
      for (int i = 0; i < 100; ++i) {
        const auto got = subscription->poll([&](const Message& message) {
          if (!is_right(message, kMostBytes)) ++wrong;
          if (message.seq < next || (policy == Policy::MustHave && message.seq != next)) ++wrong;
          next = message.seq + 1;
        });
        if (got == 0) std::this_thread::yield();
      }
    }
  };
  {
    std::jthread first{come_and_go, Policy::MustHave};
    std::jthread second{come_and_go, Policy::MustHave};
    std::jthread third{come_and_go, Policy::Lossy};
    publish_all(topic, count);
    done = true;
  }
  EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace stoa::bus

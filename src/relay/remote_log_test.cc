#include "relay/remote_log.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/text.h"
#include "model/order.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/test_support.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

/// Decides: one output per input, which says at which record it was. Another than that, if told so.
class Decider {
 public:
  Decider(const std::filesystem::path& socket, const char* name, bool beside)
      : log{RemoteLog::open({.socket = socket,
                             .name = name,
                             .sources = {Source::System, Source::Core},
                             .beside = beside})
                .value()} {
    auto subscriber =
        Subscriber::open({.socket = socket, .name = name, .start = StartAt::Lsn, .from = Lsn{1}});
    log.follow(std::move(*subscriber), {}, {});
    log.on_lead([this](const native::MessageView&) { ++heard; });
  }

  std::size_t poll(nanoseconds now) {
    std::size_t work = log.poll(now);
    if (!log.commit()) return 0;
    log.batch().for_each([&](Lsn lsn, const native::MessageView& message) {
      if (lsn == Lsn{}) return;
      ++work;
      if (message.is_output()) {
        failed = failed || !log.recorded(lsn, message);
        return;
      }
      applied.push_back(lsn);
      std::array<std::byte, native::kSmallMessageBytes> bytes;
      const std::size_t size = native::encode(bytes,
                                              {.domain = native::Domain::Execution,
                                               .source = static_cast<std::uint8_t>(Source::Core),
                                               .flags = native::kFlagOutput,
                                               .sequence = applied.size(),
                                               .timestamp = message.header().timestamp},
                                              StateDigest{.lsn = lsn, .hash = wrong ? 1U : 0U});
      failed = failed || !log.append_output(std::span{bytes}.first(size));
    });
    log.clear_batch();
    return work;
  }

  RemoteLog log;
  std::vector<Lsn> applied;
  int heard = 0;
  bool wrong = false;
  bool failed = false;
};

class RemoteLogTest : public test::RelayTest {
 protected:
  void SetUp() override {
    start(execution());
    gateway.emplace(publisher(Source::Gateway, native::Domain::Execution));
    blue.emplace(dir_ / "relay.sock", "blue", false);
    green.emplace(dir_ / "relay.sock", "green", true);
    turn();
    ASSERT_TRUE(blue->log.taken());
    ASSERT_TRUE(blue->log.lead());
  }
  /// Rounds until nothing happens any more.
  void turn() {
    for (int quiet = 0; quiet < 8; ++quiet) {
      pass();
      std::size_t work = server_->poll(clock_.now()) + gateway->poll(now());
      for (Decider* each : {&*blue, &*green}) work += each->poll(now());
      if (work > 0) quiet = 0;
    }
  }
  template <class M>
  void say(const M& message) {
    ASSERT_EQ(gateway->publish(message, clock_.now()), Publish::Ok);
  }
  void ask(int count) {
    for (int i = 0; i < count; ++i) say(CancelAllIntent{});
  }

  std::optional<Publisher> gateway;
  std::optional<Decider> blue;
  std::optional<Decider> green;
};

TEST_F(RemoteLogTest, who_follows_says_nothing_and_compares_everything) {
  ask(5);
  turn();
  EXPECT_EQ(server_->head(), Lsn{10});
  EXPECT_EQ(blue->applied, green->applied);
  EXPECT_EQ(green->log.compared(), 5U);
  EXPECT_EQ(green->log.difference(), nullptr);
  EXPECT_FALSE(green->log.owns());
  EXPECT_FALSE(blue->failed || green->failed);
}

TEST_F(RemoteLogTest, the_first_difference_is_kept_in_words_and_nothing_else_stops) {
  ask(1);
  turn();
  green->wrong = true;
  ask(1);
  turn();
  green->wrong = false;
  ask(3);
  turn();
  const auto* differs = green->log.difference();
  ASSERT_NE(differs, nullptr);
  EXPECT_EQ(
      differs->text,
      "record " + std::to_string(differs->lsn.value()) +
          R"(, output 2: recorded StateDigest {"hash":"0"}, derived StateDigest {"hash":"1"})");
  EXPECT_EQ(green->log.compared(), 4U);
  EXPECT_FALSE(green->failed);
}

TEST_F(RemoteLogTest, what_the_leader_did_not_derive_ends_it) {
  ask(1);
  turn();
  EXPECT_FALSE(blue->failed);
  // Another process hands in as the core, and this one is not told: it decided nothing so.
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const std::size_t size =
      native::encode(bytes, {.flags = native::kFlagOutput, .sequence = 9}, StateDigest{});
  EXPECT_FALSE(
      blue->log.recorded(Lsn{9}, native::MessageView::trusted(std::span{bytes}.first(size))));
  EXPECT_FALSE(blue->log.commit());
}

TEST_F(RemoteLogTest, nothing_behind_an_order_is_applied_until_it_may) {
  ask(2);
  say(SwitchOrder{.epoch = 1, .to = Text<24>::cut("green")});
  ask(3);
  turn();
  for (Decider* each : {&*blue, &*green}) {
    EXPECT_TRUE(each->log.held());
    EXPECT_EQ(each->applied, (std::vector{Lsn{1}, Lsn{2}, Lsn{3}}));
    EXPECT_EQ(each->heard, 1);
  }
  EXPECT_TRUE(blue->log.quiet()) << "what follows from the inputs before the order is recorded";
  EXPECT_GE(blue->log.newest(), Lsn{9});
  blue->log.resume();
  green->log.resume();
  turn();
  EXPECT_EQ(blue->applied.size(), 6U);
  EXPECT_EQ(blue->applied, green->applied);
  EXPECT_EQ(green->log.compared(), 6U);
  EXPECT_EQ(green->log.difference(), nullptr);
}

TEST_F(RemoteLogTest, an_order_for_another_role_holds_up_nobody) {
  say(SwitchOrder{.epoch = 1, .role = SwitchRole::Risk});
  ask(1);
  turn();
  EXPECT_FALSE(blue->log.held());
  EXPECT_EQ(blue->applied.size(), 2U);
}

TEST_F(RemoteLogTest, who_takes_over_hands_in_what_nobody_has_recorded_and_the_other_compares) {
  ask(2);
  turn();
  blue->log.drop();
  ask(3);
  turn();
  EXPECT_EQ(server_->head(), Lsn{7}) << "nobody leads: inputs only";
  green->log.take();
  EXPECT_FALSE(green->log.taken());
  turn();
  EXPECT_TRUE(green->log.taken());
  ASSERT_TRUE(green->log.lead());
  turn();
  EXPECT_EQ(server_->head(), Lsn{10});
  EXPECT_EQ(blue->log.compared(), 5U);
  EXPECT_EQ(blue->log.difference(), nullptr);
  // And back, from one that knows nothing of it.
  blue->log.take();
  turn();
  EXPECT_TRUE(green->log.superseded());
  EXPECT_FALSE(green->log.disturbed());
  green->log.drop();
  ASSERT_TRUE(blue->log.taken());
  ASSERT_TRUE(blue->log.lead());
  ask(1);
  turn();
  EXPECT_EQ(green->log.compared(), 6U);
  EXPECT_FALSE(blue->failed || green->failed);
}

}  // namespace
}  // namespace stoa::relay

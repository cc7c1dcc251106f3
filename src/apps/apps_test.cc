#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "apps/log_facts.h"
#include "apps/market_relay.h"
#include "apps/scaled_clock.h"
#include "apps/token.h"
#include "base/clock.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/temp_dir.h"
#include "base/text.h"
#include "book/order_book.h"
#include "bus/topic.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/sequencer.h"
#include "relay/source.h"

namespace stoa::apps {
namespace {

namespace fs = std::filesystem;

TEST(Token, is_made_once_and_kept_from_others) {
  const TempDir folder;
  const auto made = load_or_make_token(folder / "token");
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(made->size(), 64U);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(load_or_make_token(folder / "token").value(), *made);
  const TempDir other;
  EXPECT_NE(load_or_make_token(other / "token").value(), *made);
}

TEST(Token, is_refused_when_others_can_read_it) {
  const TempDir folder;
  ASSERT_TRUE(load_or_make_token(folder / "token").has_value());
  ASSERT_EQ(::chmod((folder / "token").c_str(), 0644), 0);
  const auto refused = load_or_make_token(folder / "token");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos);
}

TEST(Token, is_refused_when_too_short_to_be_a_secret) {
  const TempDir folder;
  std::ofstream{folder / "token"} << "abc\n";
  ASSERT_EQ(::chmod((folder / "token").c_str(), 0600), 0);
  EXPECT_FALSE(load_or_make_token(folder / "token").has_value());
}

TEST(ScaledClock, runs_as_many_times_as_fast_as_the_wall) {
  ManualClock wall{Timestamp::from_ns(1'000'000'000)};
  const ScaledClock clock{wall, 10.0};
  wall.advance_to(Timestamp::from_ns(1'000'000'500));
  EXPECT_EQ(clock.now().ns(), 1'000'005'000);
  EXPECT_EQ(clock.real_time_until(Timestamp::from_ns(1'000'015'000)).count(), 1'000);
  EXPECT_EQ(clock.real_time_until(Timestamp::from_ns(1'000'000'000)).count(), 0);
}

TEST(ScaledClock, is_the_wall_clock_at_speed_one) {
  ManualClock wall{Timestamp::from_ns(77)};
  const ScaledClock clock{wall, 1.0};
  wall.advance_to(Timestamp::from_ns(99));
  EXPECT_EQ(clock.now(), wall.now());
}

TEST(MarketRelay, splits_a_large_snapshot_into_parts_that_make_one_book) {
  MarketRelay relay;
  bus::Subscription reader = relay.topic().subscribe(bus::Policy::MustHave).value();
  std::vector<Level> bids;
  std::vector<Level> asks;
  for (std::int64_t i = 0; i < 5'000; ++i) {
    bids.push_back({Price::from_e8(1'000'000 - i), Qty::from_e8(1 + i)});
    asks.push_back({Price::from_e8(1'000'001 + i), Qty::from_e8(1 + i)});
  }
  relay.on_book({.head = {.instrument = InstrumentId{1}, .first_update_id = 1, .last_update_id = 9},
                 .snapshot = true,
                 .bids = bids,
                 .asks = asks},
                Timestamp::from_ns(5));
  book::OrderBook book;
  std::vector<Level> space(native::kLevelsPerMessage);
  std::size_t parts = 0;
  reader.poll([&](const bus::Message& message) {
    const auto decoded = native::decode(message.payload);
    ASSERT_TRUE(decoded.has_value());
    book.apply(native::read_book(*decoded, space));
    ++parts;
    EXPECT_EQ(book.valid(), parts == 3) << "a book is whole with its last part";
  });
  EXPECT_EQ(parts, 3U);
  EXPECT_EQ(book.bids().size(), 5'000U);
  EXPECT_EQ(book.asks().size(), 5'000U);
}

}  // namespace
}  // namespace stoa::apps

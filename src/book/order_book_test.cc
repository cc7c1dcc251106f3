#include "book/order_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "book/books.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::book {
namespace {

constexpr std::int64_t kUnit = 100'000'000;

Level level(std::int64_t px, std::int64_t qty) {
  return {Price::from_e8(px * kUnit), Qty::from_e8(qty * kUnit)};
}

Level or_none(std::optional<Level> found) { return found.value_or(Level{}); }

struct Message {
  std::vector<Level> bids{};
  std::vector<Level> asks{};
  bool snapshot = false;
  std::uint64_t last = 1;
  std::uint16_t part = 0;
  std::uint16_t parts = 1;

  [[nodiscard]] BookView view() const {
    BookView result;
    result.head.instrument = InstrumentId{1};
    result.head.part = part;
    result.head.parts = parts;
    result.head.bid_count = static_cast<std::uint16_t>(bids.size());
    result.head.ask_count = static_cast<std::uint16_t>(asks.size());
    result.head.last_update_id = last;
    result.snapshot = snapshot;
    result.bids = bids;
    result.asks = asks;
    return result;
  }
};

Message snapshot(std::vector<Level> bids, std::vector<Level> asks) {
  return {.bids = std::move(bids), .asks = std::move(asks), .snapshot = true};
}

/// The slow, obvious book that the fast one must equal.
struct Model {
  std::map<std::int64_t, std::int64_t, std::greater<>> bids;
  std::map<std::int64_t, std::int64_t> asks;

  template <class Map>
  static void set(Map& side, std::span<const Level> changes) {
    for (const Level& change : changes) {
      if (change.qty > Qty{}) {
        side[change.px.e8()] = change.qty.e8();
      } else {
        side.erase(change.px.e8());
      }
    }
  }
  void apply(const BookView& view) {
    if (view.snapshot && view.head.part == 0) {
      bids.clear();
      asks.clear();
    }
    set(bids, view.bids);
    set(asks, view.asks);
  }
};

template <class Map>
void expect_side(const BestFirst& side, const Map& model) {
  ASSERT_EQ(side.size(), model.size());
  auto expected = model.begin();
  for (const Level& found : side) {
    ASSERT_EQ(found.px.e8(), expected->first);
    ASSERT_EQ(found.qty.e8(), expected->second);
    ++expected;
  }
}

TEST(OrderBook, is_void_until_a_snapshot_and_after_clear) {
  OrderBook book;
  EXPECT_EQ(book.apply(Message{.bids = {level(10, 1)}}.view()), Applied::NoSnapshot);
  EXPECT_FALSE(book.valid());
  EXPECT_FALSE(book.best_bid());

  EXPECT_EQ(book.apply(snapshot({level(10, 1)}, {level(11, 2)}).view()), Applied::Ok);
  EXPECT_TRUE(book.valid());
  EXPECT_EQ(book.last_update_id(), 1U);
  EXPECT_EQ(or_none(book.best_bid()).px, level(10, 1).px);
  EXPECT_EQ(or_none(book.best_ask()).qty, level(11, 2).qty);

  book.clear();
  EXPECT_FALSE(book.valid());
  EXPECT_FALSE(book.best_ask());
  EXPECT_TRUE(book.bids().empty());
  EXPECT_EQ(book.last_update_id(), 0U);
}

TEST(OrderBook, deltas_set_remove_and_insert_levels) {
  OrderBook book;
  book.apply(
      snapshot({level(10, 1), level(9, 2), level(7, 3)}, {level(11, 4), level(13, 5)}).view());
  // Set, insert between, remove, a new best, and a removal of what is not there.
  book.apply(Message{.bids = {level(9, 20), level(8, 6), level(10, 0), level(5, 0)},
                     .asks = {level(12, 7), level(11, 0)},
                     .last = 9}
                 .view());
  std::array<Level, 4> top{};
  ASSERT_EQ(book.top(Side::Buy, top), 3U);
  EXPECT_EQ(top[0].px, level(9, 0).px);
  EXPECT_EQ(top[0].qty, level(9, 20).qty);
  EXPECT_EQ(top[1].px, level(8, 0).px);
  EXPECT_EQ(or_none(book.best_ask()).px, level(12, 0).px);
  EXPECT_EQ(book.level_qty(Side::Sell, level(13, 0).px), level(13, 5).qty);
  EXPECT_EQ(book.level_qty(Side::Sell, level(11, 0).px), Qty{});
  EXPECT_EQ(book.last_update_id(), 9U);
}

TEST(OrderBook, tells_locked_from_crossed) {
  OrderBook book;
  book.apply(snapshot({level(10, 1)}, {level(11, 1)}).view());
  EXPECT_FALSE(book.crossed() || book.locked());
  book.apply(Message{.bids = {level(11, 1)}}.view());
  EXPECT_TRUE(book.locked());
  EXPECT_FALSE(book.crossed());
  book.apply(Message{.bids = {level(12, 1)}}.view());
  EXPECT_TRUE(book.crossed());
}

TEST(OrderBook, a_snapshot_in_parts_is_whole_only_after_the_last) {
  OrderBook book;
  auto first = snapshot({level(10, 1)}, {level(11, 1)});
  auto second = snapshot({level(9, 1)}, {level(12, 1)});
  first.parts = second.parts = 2;
  second.part = 1;
  EXPECT_EQ(book.apply(first.view()), Applied::Partial);
  EXPECT_FALSE(book.valid());
  EXPECT_FALSE(book.best_bid());
  EXPECT_EQ(book.apply(second.view()), Applied::Ok);
  EXPECT_EQ(book.bids().size(), 2U);
  EXPECT_EQ(book.asks()[1].px, level(12, 1).px);
}

TEST(OrderBook, a_missing_part_voids_the_book) {
  OrderBook book;
  book.apply(snapshot({level(10, 1)}, {}).view());
  auto part = snapshot({level(9, 1)}, {});
  part.parts = 3;
  EXPECT_EQ(book.apply(part.view()), Applied::Partial);
  part.part = 2;
  EXPECT_EQ(book.apply(part.view()), Applied::BadPart);
  EXPECT_FALSE(book.valid());
  EXPECT_EQ(book.apply(Message{.bids = {level(9, 1)}}.view()), Applied::NoSnapshot);
  EXPECT_EQ(book.apply(snapshot({level(8, 1)}, {}).view()), Applied::Ok);
  EXPECT_EQ(or_none(book.best_bid()).px, level(8, 1).px);
}

TEST(OrderBook, a_delta_inside_a_snapshot_in_parts_voids_the_book) {
  OrderBook book;
  auto part = snapshot({level(9, 1)}, {});
  part.parts = 2;
  book.apply(part.view());
  EXPECT_EQ(book.apply(Message{.bids = {level(9, 1)}}.view()), Applied::BadPart);
  EXPECT_FALSE(book.valid());
}

TEST(OrderBook, an_unsorted_snapshot_is_sorted_and_zero_quantities_are_dropped) {
  OrderBook book;
  book.apply(snapshot({level(9, 1), level(10, 1), level(8, 0), level(9, 3)}, {}).view());
  ASSERT_EQ(book.bids().size(), 2U);
  EXPECT_EQ(book.bids()[0].px, level(10, 1).px);
  EXPECT_EQ(book.bids()[1].qty, level(9, 3).qty);
}

std::vector<Level> random_levels(Random& random, std::size_t count, std::int64_t low,
                                 std::int64_t high) {
  std::vector<Level> result(count);
  for (Level& one : result) {
    one = level(random.between(low, high), random.one_in(3) ? 0 : random.between(1, 1000));
  }
  return result;
}

Message random_message(Random& random) {
  Message message;
  message.snapshot = random.one_in(50);
  message.bids = random_levels(random, random.below(message.snapshot ? 300 : 12), 700, 999);
  message.asks = random_levels(random, random.below(message.snapshot ? 300 : 12), 1000, 1300);
  if (message.snapshot && !random.one_in(4)) {
    std::ranges::sort(message.bids, [](const Level& a, const Level& b) { return a.px > b.px; });
    std::ranges::sort(message.asks, [](const Level& a, const Level& b) { return a.px < b.px; });
  }
  return message;
}

TEST(OrderBook, equals_a_map_after_every_message_of_any_seed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    OrderBook book;
    Model model;
    book.apply(snapshot({}, {}).view());
    for (int i = 0; i < 400; ++i) {
      const Message message = random_message(random);
      ASSERT_EQ(book.apply(message.view()), Applied::Ok);
      model.apply(message.view());
      expect_side(book.bids(), model.bids);
      expect_side(book.asks(), model.asks);
      const std::int64_t px = random.between(700, 1300) * kUnit;
      const auto found = model.bids.find(px);
      ASSERT_EQ(book.level_qty(Side::Buy, Price::from_e8(px)).e8(),
                found == model.bids.end() ? 0 : found->second);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(OrderBook, holds_five_thousand_levels_a_side_in_parts) {
  std::vector<Level> bids;
  std::vector<Level> asks;
  for (std::int64_t i = 0; i < 5000; ++i) {
    bids.push_back(level(100'000 - i, 1 + i));
    asks.push_back(level(100'001 + i, 1 + i));
  }
  OrderBook book;
  constexpr std::uint16_t kParts = 5;
  for (std::uint16_t part = 0; part < kParts; ++part) {
    const std::ptrdiff_t from = std::ptrdiff_t{part} * 1000;
    Message message = snapshot({bids.begin() + from, bids.begin() + from + 1000},
                               {asks.begin() + from, asks.begin() + from + 1000});
    message.part = part;
    message.parts = kParts;
    book.apply(message.view());
  }
  ASSERT_TRUE(book.valid());
  ASSERT_EQ(book.bids().size(), 5000U);
  EXPECT_EQ(book.bids()[4999].qty, level(0, 5000).qty);
  EXPECT_EQ(book.asks()[4999].px, level(105'000, 0).px);
  EXPECT_EQ(book.level_qty(Side::Buy, level(97'000, 0).px), level(0, 3001).qty);
}

TEST(Books, keep_one_book_per_instrument_and_void_it_when_its_feed_is_not_live) {
  Books books;
  const Message kept = snapshot({level(10, 1)}, {});
  const BookView one = kept.view();
  BookView two = kept.view();
  two.head.instrument = InstrumentId{2};
  books.apply(one);
  books.apply(two);
  EXPECT_EQ(books.find(InstrumentId{3}), nullptr);
  books.apply(FeedState{.instrument = InstrumentId{1}, .status = FeedStatus::Live});
  EXPECT_TRUE(books.find(InstrumentId{1})->valid());
  books.apply(FeedState{.instrument = InstrumentId{1}, .status = FeedStatus::Recovering});
  EXPECT_FALSE(books.find(InstrumentId{1})->valid());
  EXPECT_TRUE(books.find(InstrumentId{2})->valid());
  books.apply(FeedState{.instrument = InstrumentId{}, .status = FeedStatus::Ended});
  EXPECT_FALSE(books.find(InstrumentId{2})->valid());
}

}  // namespace
}  // namespace stoa::book

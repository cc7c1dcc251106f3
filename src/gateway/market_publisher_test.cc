#include "gateway/market_publisher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "book/order_book.h"
#include "bus/topic.h"
#include "gateway/candle_builder.h"
#include "gateway/market_board.h"
#include "gateway/test_support.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::gateway::test {
namespace {

using std::chrono::milliseconds;

Trade trade_at(std::int64_t ns, std::string_view price, std::uint64_t id = 1) {
  return Trade{.instrument = InstrumentId{1},
               .trade_id = TradeId{id},
               .px = px(price),
               .qty = qty("1"),
               .ts_event = Timestamp::from_ns(ns)};
}

/// What a person with all trades on paper would draw.
std::map<std::int64_t, Candle> slow_candles(const std::vector<Trade>& trades,
                                            std::uint32_t interval_s) {
  std::map<std::int64_t, Candle> candles;
  for (const Trade& trade : trades) {
    const std::int64_t length = std::int64_t{interval_s} * 1'000'000'000;
    const std::int64_t open_s = trade.ts_event.ns() / length * interval_s;
    auto [at, fresh] = candles.try_emplace(open_s);
    Candle& candle = at->second;
    if (fresh) {
      candle = Candle{.instrument = trade.instrument,
                      .interval_s = interval_s,
                      .open_s = open_s,
                      .open = trade.px,
                      .high = trade.px,
                      .low = trade.px};
    }
    candle.high = std::max(candle.high, trade.px);
    candle.low = std::min(candle.low, trade.px);
    candle.close = trade.px;
    candle.volume += trade.qty;
    ++candle.trades;
  }
  return candles;
}

void expect_same(const CandleSeries& series, const std::map<std::int64_t, Candle>& expected) {
  ASSERT_EQ(series.size(), std::min(expected.size(), kClosedCandles + 1));
  auto at = std::prev(expected.end(), static_cast<std::ptrdiff_t>(series.size()));
  for (std::size_t i = 0; i < series.size(); ++i, ++at) {
    EXPECT_EQ(series[i].open_s, at->second.open_s);
    EXPECT_EQ(series[i].open, at->second.open);
    EXPECT_EQ(series[i].high, at->second.high);
    EXPECT_EQ(series[i].low, at->second.low);
    EXPECT_EQ(series[i].close, at->second.close);
    EXPECT_EQ(series[i].volume, at->second.volume);
    EXPECT_EQ(series[i].trades, at->second.trades);
  }
}

TEST(CandleBuilder, equals_the_slow_model_also_for_late_trades) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    CandleBuilder builder;
    std::vector<Trade> trades;
    std::int64_t now = kStartNs;
    for (int i = 0; i < 4'000; ++i) {
      now += random.between(0, 900'000'000);
      // One in ten comes up to a minute late; far later ones may have left the 1 s series.
      const std::int64_t ns = random.one_in(10) ? now - random.between(0, 60'000'000'000) : now;
      trades.push_back(Trade{.instrument = InstrumentId{1},
                             .px = Price::from_e8(random.between(59'000, 61'000) * kOne),
                             .qty = Qty::from_e8(random.between(1, kOne)),
                             .ts_event = Timestamp::from_ns(ns)});
      builder.on_trade(trades.back());
    }
    for (std::size_t i = 1; i < kCandleIntervalsS.size(); ++i) {
      SCOPED_TRACE(kCandleIntervalNames[i]);
      expect_same(builder.series(i), slow_candles(trades, kCandleIntervalsS[i]));
    }
  }
}

TEST(CandleBuilder, forgets_the_oldest_and_drops_what_is_older) {
  CandleBuilder builder;
  std::vector<Trade> trades;
  for (int i = 0; i < 1'500; ++i) {
    trades.push_back(trade_at(kStartNs + i * 1'000'000'000LL, std::to_string(100 + i % 7)));
    builder.on_trade(trades.back());
  }
  expect_same(builder.series(0), slow_candles(trades, 1));
  builder.on_trade(trade_at(kStartNs, "1"));
  expect_same(builder.series(0), slow_candles(trades, 1));
}

struct Rig {
  explicit Rig(std::size_t bytes = 1U << 20U) : topic{bus::TopicOptions{.capacity_bytes = bytes}} {}

  void drain() {
    subscription.poll([this](const bus::Message& message) {
      const auto view = native::decode(message.payload);
      ASSERT_TRUE(view.has_value());
      EXPECT_EQ(view->header().sequence, ++sequence);
      if (view->is_book()) ++books;
      board.apply(*view);
    });
  }

  bus::Topic topic;
  bus::Publication publication = topic.publication();
  bus::Subscription subscription = topic.subscribe(bus::Policy::MustHave).value();
  std::vector<Instrument> instruments{btc()};
  MarketPublisher publisher{publication, instruments};
  MarketBoard board{instruments};
  std::uint64_t sequence = 0;
  std::size_t books = 0;
  nanoseconds now{milliseconds{1'000}};
};

book::OrderBook book_of(int levels, int shift) {
  std::vector<Level> bids;
  std::vector<Level> asks;
  for (int i = 0; i < levels; ++i) {
    bids.push_back({Price::from_e8((60'000 - i - shift) * kOne), Qty::from_e8(kOne)});
    asks.push_back({Price::from_e8((60'001 + i + shift) * kOne), Qty::from_e8(kOne)});
  }
  book::OrderBook book;
  BookView view{
      .head = {.instrument = InstrumentId{1}}, .snapshot = true, .bids = bids, .asks = asks};
  view.head.bid_count = static_cast<std::uint16_t>(levels);
  view.head.ask_count = static_cast<std::uint16_t>(levels);
  EXPECT_EQ(book.apply(view), book::Applied::Ok);
  return book;
}

TEST(MarketPublisher, tells_the_newest_book_once_per_period) {
  Rig rig;
  book::OrderBook book = book_of(80, 0);
  rig.publisher.on_feed_state({.instrument = InstrumentId{}, .status = FeedStatus::Live}, {});
  for (int i = 0; i < 1'000; ++i) rig.publisher.on_book(InstrumentId{1}, book, {});
  EXPECT_GT(rig.publisher.poll(rig.now), 0U);
  EXPECT_EQ(rig.publisher.poll(rig.now + milliseconds{49}), 0U);
  rig.drain();
  EXPECT_EQ(rig.books, 1U);
  const MarketLane& lane = rig.board.lanes().front();
  EXPECT_EQ(lane.bids.size(), 50U);
  EXPECT_EQ(lane.bids.front().px, px("60000"));
  EXPECT_EQ(lane.asks.back().px, px("60050"));
  EXPECT_EQ(lane.status, FeedStatus::Live);
  EXPECT_EQ(lane.mark(), px("60000.5"));
  EXPECT_EQ(rig.publisher.poll(rig.now + milliseconds{50}), 0U) << "nothing changed";
  rig.publisher.on_book(InstrumentId{9}, book, {});  // an instrument that nobody lists
  EXPECT_EQ(rig.publisher.poll(rig.now + milliseconds{100}), 0U);
}

TEST(MarketPublisher, a_feed_without_depth_shows_its_quote) {
  Rig rig;
  rig.publisher.on_feed_state({.instrument = InstrumentId{1}, .status = FeedStatus::Live}, {});
  rig.publisher.on_quote({.instrument = InstrumentId{1},
                          .bid_px = px("1"),
                          .bid_qty = qty("2"),
                          .ask_px = px("3"),
                          .ask_qty = qty("4")},
                         {});
  rig.publisher.poll(rig.now);
  rig.drain();
  EXPECT_EQ(rig.board.lanes().front().mark(), px("2"));
  rig.publisher.on_feed_state({.instrument = InstrumentId{1}, .status = FeedStatus::Stale}, {});
  rig.publisher.poll(rig.now + milliseconds{50});
  rig.drain();
  EXPECT_TRUE(rig.board.lanes().front().bids.empty()) << "a stale book is no book";
  EXPECT_EQ(rig.board.lanes().front().status, FeedStatus::Stale);
}

TEST(MarketPublisher, trades_beyond_the_tape_are_counted) {
  Rig rig;
  for (std::uint64_t i = 1; i <= MarketPublisher::kTapeTrades + 10; ++i) {
    rig.publisher.on_trade(trade_at(kStartNs, "100", i), {});
  }
  rig.publisher.poll(rig.now);
  rig.drain();
  const MarketLane& lane = rig.board.lanes().front();
  EXPECT_EQ(lane.trades_seen, MarketPublisher::kTapeTrades);
  EXPECT_EQ(lane.missed, 10U);
  EXPECT_EQ(lane.trades.back().trade_id, TradeId{MarketPublisher::kTapeTrades + 10});
  EXPECT_EQ(lane.candles[0][0].trades, MarketPublisher::kTapeTrades + 10) << "candles miss nothing";
}

TEST(MarketPublisher, through_a_ring_that_is_always_full_candles_and_books_arrive_whole) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig{8'192};  // a book message of 50 levels a side is 1.6 KB
    Random random{seed};
    std::vector<Trade> trades;
    book::OrderBook book = book_of(50, 0);
    std::int64_t ns = kStartNs;
    for (int i = 0; i < 20'000; ++i) {
      ns += random.between(0, 20'000'000);
      trades.push_back(
          trade_at(ns, std::to_string(random.between(1, 1'000)), static_cast<std::uint64_t>(i)));
      rig.publisher.on_trade(trades.back(), {});
      rig.publisher.on_book(InstrumentId{1}, book, {});
      if (i % 50 == 0) {
        rig.now += milliseconds{50};
        rig.publisher.poll(rig.now);
      }
      if (random.one_in(200)) rig.drain();
    }
    std::size_t written = 0;
    do {
      rig.drain();
      rig.now += milliseconds{50};
      written = rig.publisher.poll(rig.now);
    } while (written > 0);
    const MarketLane& lane = rig.board.lanes().front();
    EXPECT_EQ(lane.trades_seen + lane.missed, trades.size());
    EXPECT_GT(rig.books, 0U);
    for (std::size_t i = 0; i < kCandleIntervalsS.size(); ++i) {
      expect_same(lane.candles[i], slow_candles(trades, kCandleIntervalsS[i]));
    }
  }
}

}  // namespace
}  // namespace stoa::gateway::test

#include "venues/replay/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "venues/replay/testing.h"

namespace stoa::venues::replay {
namespace {

using testing::KeepingSink;
using testing::Scratch;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'723'161'253 * kSecond;
constexpr Timestamp kForever = Timestamp::from_ns(std::numeric_limits<std::int64_t>::max());

/// Small captures of one spot instrument; every line comes a second after the one before.
class Capture {
 public:
  Capture& frame(std::string_view json) {
    text_ += std::to_string(kStart + seconds_++ * kSecond) + " " + std::string{json} + "\n";
    return *this;
  }
  Capture& line(std::string_view raw) {
    text_ += std::string{raw} + "\n";
    ++seconds_;
    return *this;
  }
  Capture& trade(int id, std::string_view px, std::string_view qty, bool taker_sells) {
    return frame(
        R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":)" +
        std::to_string(id) + R"(,"p":")" + std::string{px} + R"(","q":")" + std::string{qty} +
        R"(","T":1723161255342,"m":)" + (taker_sells ? "true" : "false") + R"(,"M":true}})");
  }
  Capture& quote(int id, std::string_view bid, std::string_view ask) {
    return frame(R"({"stream":"btcusdt@bookTicker","data":{"u":)" + std::to_string(id) +
                 R"(,"s":"BTCUSDT","b":")" + std::string{bid} + R"(","B":"1","a":")" +
                 std::string{ask} + R"(","A":"1"}})");
  }
  Capture& depth(int first, int last, std::string_view bids, std::string_view asks) {
    return frame(diff(first, last, bids, asks));
  }
  Capture& snapshot(int last) {
    return frame(
        R"({"lastUpdateId":)" + std::to_string(last) +
        R"(,"bids":[["100.00","1"],["99.00","2"]],"asks":[["101.00","1"],["102.00","2"]]})");
  }
  static std::string diff(int first, int last, std::string_view bids, std::string_view asks) {
    return R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":)" +
           std::to_string(first) + R"(,"u":)" + std::to_string(last) + R"(,"b":[)" +
           std::string{bids} + R"(],"a":[)" + std::string{asks} + "]}}";
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  std::int64_t seconds_ = 0;
};

constexpr Timestamp at_second(std::int64_t second) {
  return Timestamp::from_ns(kStart + second * kSecond);
}

/// A venue over one capture, played to wherever the test wants.
struct Played {
  explicit Played(const Capture& capture, ReplayVenue::Options options = {})
      : venue{make(scratch, capture, std::move(options))} {}

  static ReplayVenue make(const Scratch& scratch, const Capture& capture,
                          ReplayVenue::Options options) {
    options.recordings = {scratch.write("capture.txt", capture.text())};
    auto venue = ReplayVenue::open(options);
    if (!venue) throw std::runtime_error{venue.error().text()};
    return *std::move(venue);
  }
  Played& to(std::int64_t second) {
    venue.poll(at_second(second), sink, 1'000'000);
    return *this;
  }
  Played& to_end() {
    while (!venue.ended()) venue.poll(kForever, sink, 3);
    return *this;
  }
  std::vector<ExecutionReport> reports(Timestamp now = kForever) {
    std::array<ExecutionReport, 32> out{};
    const std::size_t count = venue.poll_reports(now, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  void send(std::uint64_t id, Side side, std::string_view px, std::string_view qty, Timestamp now,
            TimeInForce tif = TimeInForce::Gtc) {
    OrderSend order{};
    order.cl_ord_id = ClOrdId{id};
    order.instrument = InstrumentId{1};
    order.side = side;
    order.time_in_force = tif;
    order.px = Price::parse(px).value_or(Price{});
    order.qty = Qty::parse(qty).value_or(Qty{});
    venue.send(order, now);
  }
  [[nodiscard]] std::vector<FeedStatus> statuses() const {
    std::vector<FeedStatus> result;
    result.reserve(sink.states.size());
    for (const FeedState& state : sink.states) result.push_back(state.status);
    return result;
  }

  Scratch scratch;
  ReplayVenue venue;
  KeepingSink sink;
};

using enum FeedStatus;

TEST(ReplayFeed, diffs_wait_for_the_snapshot_and_bridge_it) {
  Capture capture;
  capture
      .depth(1, 5, R"(["90","1"])", "")       // wholly before the snapshot: dropped
      .depth(6, 12, R"(["100.00","7"])", "")  // bridges 10
      .trade(1, "100.00", "1", true)
      .snapshot(10)
      .depth(13, 13, "", R"(["101.00","0"])");
  Played played{capture};
  played.to_end();
  EXPECT_EQ(played.statuses(), (std::vector{Recovering, Live, Ended}));
  ASSERT_EQ(played.sink.books.size(), 2U);
  const auto& whole = played.sink.books[0];
  EXPECT_TRUE(whole.snapshot);
  EXPECT_EQ(whole.head.last_update_id, 12U);
  EXPECT_EQ(whole.bids[0].qty.e8(), 700'000'000);
  EXPECT_EQ(whole.bids.size(), 2U);
  EXPECT_FALSE(played.sink.books[1].snapshot);
  EXPECT_EQ(played.sink.trades.size(), 1U);
  EXPECT_EQ(played.venue.stats().feeds.depths_stale, 1U);
  EXPECT_EQ(played.venue.stats().feeds.gaps, 0U);
}

TEST(ReplayFeed, a_diff_that_follows_the_snapshot_exactly_bridges_it) {
  Played played{Capture{}.snapshot(10).quote(1, "100", "101").depth(11, 12, "", "")};
  EXPECT_EQ(played.to_end().statuses(), (std::vector{Recovering, Live, Ended}));
}

TEST(ReplayFeed, a_snapshot_older_than_the_waiting_diffs_is_of_no_use) {
  Played played{Capture{}.depth(12, 13, "", "").snapshot(10).depth(14, 15, "", "").snapshot(14)};
  EXPECT_EQ(played.to_end().statuses(), (std::vector{Recovering, Live, Ended}));
  EXPECT_EQ(played.venue.stats().feeds.snapshots_unused, 1U);
}

TEST(ReplayFeed, a_gap_voids_the_book_until_the_next_snapshot) {
  Capture capture;
  capture.snapshot(10).depth(11, 12, "", "").depth(16, 17, "", "").trade(1, "100", "1", true);
  capture.depth(18, 19, "", "").snapshot(18).depth(20, 20, "", "");
  Played played{capture};
  played.to_end();
  EXPECT_EQ(played.statuses(), (std::vector{Recovering, Live, Recovering, Live, Ended}));
  EXPECT_EQ(played.sink.states[2].missed, 3U);
  EXPECT_EQ(played.venue.stats().feeds.gaps, 1U);
  EXPECT_EQ(played.sink.books.back().head.last_update_id, 20U);
}

TEST(ReplayFeed, futures_continue_by_pu) {
  const auto diff = [](int first, int last, int prev) {
    return R"({"e":"depthUpdate","E":1723161255208,"T":1723161255207,"s":"BTCUSDT","U":)" +
           std::to_string(first) + R"(,"u":)" + std::to_string(last) + R"(,"pu":)" +
           std::to_string(prev) + R"(,"b":[],"a":[]})";
  };
  constexpr std::string_view kSnapshot =
      R"({"lastUpdateId":10,"E":1723161256501,"T":1723161256493,"bids":[["100.0","1"]],"asks":[]})";
  Capture good;
  good.frame(diff(3, 12, 1)).frame(kSnapshot).frame(diff(20, 25, 12));
  EXPECT_EQ(Played{good}.to_end().statuses(), (std::vector{Recovering, Live, Ended}));
  Capture gap;
  gap.frame(diff(3, 12, 1)).frame(kSnapshot).frame(diff(13, 25, 11));
  EXPECT_EQ(Played{gap}.to_end().statuses(), (std::vector{Recovering, Live, Recovering, Ended}));
}

TEST(ReplayFeed, without_a_snapshot_trades_and_quotes_flow) {
  Played played{Capture{}.depth(1, 2, "", "").trade(1, "100", "1", true).quote(3, "100", "101")};
  EXPECT_EQ(played.to_end().statuses(), (std::vector{Recovering, Ended}));
  EXPECT_EQ(played.sink.trades.size(), 1U);
  EXPECT_EQ(played.sink.quotes.size(), 1U);
  EXPECT_TRUE(played.sink.books.empty());
}

TEST(ReplayFeed, a_trade_id_counts_once) {
  Played played{
      Capture{}.trade(7, "100", "1", true).trade(7, "100", "1", true).trade(8, "100", "1", true)};
  played.to_end();
  EXPECT_EQ(played.sink.trades.size(), 2U);
  EXPECT_EQ(played.venue.stats().feeds.trades_repeated, 1U);
}

TEST(ReplayFeed, large_books_travel_in_parts) {
  std::string bids;
  for (int i = 0; i < 2'500; ++i) {
    bids += (i == 0 ? "" : ",") + std::string{"[\""} + std::to_string(9'000 - i) + "\",\"1\"]";
  }
  Capture capture;
  capture.trade(1, "9001", "1", true)
      .frame(R"({"lastUpdateId":1,"bids":[)" + bids + R"(],"asks":[]})");
  Played played{capture};
  played.to_end();
  ASSERT_EQ(played.sink.books.size(), 3U);
  EXPECT_EQ(played.sink.books[2].head.parts, 3U);
  EXPECT_EQ(played.sink.books[2].bids.size(), 500U);
}

TEST(ReplayFeed, symbols_outside_the_table_get_steps_from_what_was_seen) {
  constexpr std::string_view kTrade =
      R"({"e":"trade","E":1723161255343,"s":"FOOUSDT","t":1,"p":"1.250","q":"30","T":1723161255342,"m":true,"M":true})";
  constexpr std::string_view kQuote =
      R"({"u":3,"s":"FOOUSDT","b":"1.245","B":"20","a":"1.255","A":"50"})";
  const Played played{Capture{}.frame(kTrade).frame(kQuote)};
  ASSERT_EQ(played.venue.instruments().size(), 1U);
  const Instrument& found = played.venue.instruments()[0];
  EXPECT_EQ(found.instrument.value(), 1'001U);
  EXPECT_EQ(found.tick.e8(), 500'000);
  EXPECT_EQ(found.lot.e8(), 1'000'000'000);
  EXPECT_EQ(found.price_decimals, 3);
  EXPECT_EQ(found.qty_decimals, 0);
  EXPECT_EQ(found.base.view(), "FOO");
  EXPECT_EQ(found.quote.view(), "USDT");
  EXPECT_EQ(found.venue.view(), "replay");
}

TEST(ReplayTime, is_the_recordings_own_or_mapped_and_never_goes_back) {
  Capture capture;
  capture.trade(1, "100", "1", true).trade(2, "100", "1", true);
  capture.line("1723161250000000 " + Capture::diff(1, 2, "", "")).trade(4, "100", "1", true);
  Played own{capture};
  EXPECT_EQ(own.venue.next_due(), at_second(0));
  EXPECT_EQ(own.to(0).sink.trades.size(), 1U);
  EXPECT_EQ(own.to_end().sink.trades.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(own.sink.times));

  const Timestamp start = Timestamp::from_ns(5'000 * kSecond);
  Played mapped{capture, {.start = start, .speed_e6 = 4'000'000}};
  EXPECT_EQ(mapped.venue.next_due(), start);
  mapped.to_end();
  EXPECT_EQ(mapped.sink.times.back(), start + std::chrono::milliseconds{750});
  // The trade says 2.342 s after the first line; a quarter of it at this speed.
  EXPECT_EQ(mapped.sink.trades[0].ts_event, start + std::chrono::microseconds{585'500});
}

TEST(ReplayTime, poll_gives_no_more_than_its_limit) {
  Capture capture;
  for (int i = 1; i <= 9; ++i) capture.trade(i, "100", "1", true);
  Played played{capture};
  EXPECT_EQ(played.venue.poll(kForever, played.sink, 4), 4U);
  EXPECT_EQ(played.sink.trades.size(), 4U);
  EXPECT_FALSE(played.venue.ended());
  EXPECT_EQ(played.venue.poll(kForever, played.sink, 100), 5U);
  EXPECT_TRUE(played.venue.ended());
  EXPECT_FALSE(played.venue.next_due());
  EXPECT_EQ(played.venue.poll(kForever, played.sink, 100), 0U);
}

TEST(ReplayOrders, latency_counts_both_ways_and_only_later_frames_fill) {
  Capture capture;
  capture.snapshot(10)
      .trade(1, "98.00", "1", true)
      .trade(2, "98.00", "1", true)
      .trade(3, "98.00", "1", true);
  Played played{
      capture,
      {.order_latency = std::chrono::seconds{1}, .report_latency = std::chrono::milliseconds{500}}};
  played.to(0).send(1, Side::Buy, "99.00", "1", at_second(0));
  // It arrives together with the first trade, which counts as earlier.
  EXPECT_EQ(played.venue.next_report_due(), at_second(1) + std::chrono::milliseconds{500});
  EXPECT_TRUE(played.to(1).reports(at_second(1)).empty());
  const auto accepted = played.reports(at_second(1) + std::chrono::milliseconds{500});
  ASSERT_EQ(accepted.size(), 1U);
  EXPECT_EQ(accepted[0].exec_type, ExecType::New);
  EXPECT_EQ(accepted[0].ts_event, at_second(1));
  const auto filled = played.to(2).reports(at_second(3));
  ASSERT_EQ(filled.size(), 1U);
  EXPECT_EQ(filled[0].exec_type, ExecType::Trade);
  EXPECT_EQ(filled[0].ts_event, at_second(2));
}

TEST(ReplayOrders, a_second_send_is_dropped_and_queries_are_answered) {
  Played played{Capture{}.snapshot(10).trade(1, "100.00", "1", true)};
  played.to(0).send(5, Side::Buy, "99.00", "1", at_second(0));
  played.send(5, Side::Buy, "99.00", "1", at_second(0));
  played.venue.query({.cl_ord_id = ClOrdId{5}}, at_second(0));
  played.venue.query({.cl_ord_id = ClOrdId{6}}, at_second(0));
  played.to_end();
  const auto reports = played.reports();
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].exec_type, ExecType::New);
  EXPECT_EQ(reports[1].exec_type, ExecType::OrderStatus);
  EXPECT_EQ(reports[1].leaves_qty.e8(), 100'000'000);
  EXPECT_EQ(reports[2].exec_type, ExecType::NotFound);
}

TEST(ReplayOrders, restored_orders_stand_behind_the_others_and_keep_their_names) {
  Played played{Capture{}.snapshot(10).trade(1, "99.00", "2", true).trade(2, "99.00", "0.5", true)};
  OrderUpdate update{};
  update.instrument = InstrumentId{1};
  update.cl_ord_id = ClOrdId{40};
  update.order_id = OrderId{77};
  update.status = OrdStatus::PartiallyFilled;
  update.px = Price::from_e8(9'900'000'000);
  update.order_qty = Qty::from_e8(300'000'000);
  update.cum_qty = Qty::from_e8(100'000'000);
  played.venue.restore(update);
  played.venue.restore(update);
  played.to_end();
  const auto reports = played.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].order_id, OrderId{77});
  EXPECT_EQ(reports[0].cl_ord_id, ClOrdId{40});
  EXPECT_EQ(reports[0].last_qty.e8(), 50'000'000);
  EXPECT_EQ(reports[0].cum_qty.e8(), 150'000'000);
}

TEST(ReplayOrders, ids_of_two_runs_never_meet) {
  const auto first_fill = [](std::uint64_t run) {
    Played played{Capture{}.snapshot(10).trade(1, "98.00", "1", true), {.run = run}};
    played.to(0).send(1, Side::Buy, "99.00", "1", at_second(0));
    return played.to_end().reports().at(1);
  };
  EXPECT_NE(first_fill(1).exec_id, first_fill(2).exec_id);
  EXPECT_NE(first_fill(1).order_id, first_fill(2).order_id);
  EXPECT_EQ(first_fill(1).exec_id, first_fill(1).exec_id);
}

TEST(ReplayOrders, after_the_end_resting_orders_stay_and_new_ones_are_refused) {
  Played played{Capture{}.snapshot(10).trade(1, "100.00", "1", true)};
  played.to(0).send(1, Side::Buy, "99.00", "1", at_second(0));
  played.to_end();
  played.send(2, Side::Buy, "99.00", "1", at_second(9));
  played.venue.cancel({.cl_ord_id = ClOrdId{3}, .orig_cl_ord_id = ClOrdId{1}}, at_second(9));
  const auto reports = played.reports();
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[1].code, RejectCode::NotTradable);
  EXPECT_EQ(reports[2].exec_type, ExecType::Canceled);
}

TEST(ReplayOrders, a_book_in_doubt_fills_nothing) {
  Capture capture;
  capture.snapshot(10).depth(11, 11, "", "").line("garbage").trade(1, "100.00", "1", true);
  Played played{capture};
  played.to(2).send(1, Side::Buy, "101.00", "1", at_second(2), TimeInForce::Ioc);
  const auto reports = played.to_end().reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].code, RejectCode::NoLiquidity);
}

TEST(ReplayDamage, a_damaged_trade_is_skipped_and_told_by_line_and_byte) {
  Capture capture;
  capture.snapshot(10).depth(11, 11, "", "").trade(1, "1e5", "1", true).depth(12, 12, "", "");
  Played played{capture};
  played.to_end();
  EXPECT_EQ(played.venue.stats().bad_lines, 1U);
  EXPECT_EQ(played.statuses(), (std::vector{Recovering, Live, Ended}));
  ASSERT_EQ(played.venue.faults().size(), 1U);
  const std::string text = played.venue.faults()[0].text();
  EXPECT_NE(text.find("capture.txt:3:108: the frame is refused: not a decimal number"),
            std::string::npos)
      << text;
}

TEST(ReplayDamage, a_damaged_line_that_was_no_diff_leaves_a_book_proven_whole) {
  Capture capture;
  capture.snapshot(10).depth(11, 11, R"(["100.00","5"])", "").line("garbage").depth(12, 12, "", "");
  Played played{capture};
  played.to_end();
  EXPECT_EQ(played.statuses(), (std::vector{Recovering, Live, Recovering, Live, Ended}));
  ASSERT_EQ(played.sink.books.size(), 3U);
  EXPECT_TRUE(played.sink.books[2].snapshot);
  EXPECT_EQ(played.sink.books[2].bids[0].qty.e8(), 500'000'000);
  EXPECT_EQ(played.venue.stats().feeds.gaps, 0U);
}

TEST(ReplayDamage, a_damaged_diff_is_a_gap_at_the_next_one) {
  Capture capture;
  capture.snapshot(10).depth(11, 11, "", "").frame(Capture::diff(12, 12, "", "").substr(0, 100));
  capture.depth(13, 13, "", "").trade(1, "100", "1", true);
  Played played{capture};
  played.to_end();
  EXPECT_EQ(played.statuses(), (std::vector{Recovering, Live, Recovering, Recovering, Ended}));
  EXPECT_EQ(played.sink.states[3].missed, 1U);
  EXPECT_EQ(played.venue.stats().feeds.gaps, 1U);
  EXPECT_EQ(played.sink.trades.size(), 1U);
}

TEST(ReplayDamage, files_that_cannot_be_read_are_refused_at_open) {
  const Scratch scratch;
  const auto refused = [](std::vector<std::filesystem::path> files) {
    const auto venue = ReplayVenue::open({.recordings = std::move(files)});
    return venue ? Error{} : venue.error();
  };
  const auto good = scratch.write("good.txt", Capture{}.trade(1, "100", "1", true).text());
  EXPECT_EQ(refused({}).code, ErrorCode::BadInput);
  EXPECT_EQ(refused({good, scratch.path() / "none.gz"}).code, ErrorCode::NotFound);
  EXPECT_NE(refused({scratch.path() / "none.gz"}).text().find("none.gz"), std::string::npos);
  EXPECT_NE(refused({scratch.path()}).text().find("must be a file"), std::string::npos);
  EXPECT_NE(refused({scratch.write("empty.gz", "")}).text().find("no market data"),
            std::string::npos);
  EXPECT_NE(refused({scratch.write("text.txt", "no time here\n")}).text().find("text.txt:1"),
            std::string::npos);
  const auto speed = ReplayVenue::open({.recordings = {good}, .speed_e6 = 0});
  EXPECT_FALSE(speed);
}

TEST(ReplayDamage, a_cut_gzip_plays_what_it_has_and_names_the_place) {
  const Scratch scratch;
  Capture capture;
  Random random{3};
  for (int i = 1; i <= 3'000; ++i) {
    capture.trade(i, std::to_string(random.between(10'000, 99'999)), "1", true);
  }
  const auto whole = scratch.write_gzip("whole.gz", capture.text());
  const std::string bytes = testing::bytes_of(whole);
  const auto cut = scratch.write("cut.gz", std::string_view{bytes}.substr(0, bytes.size() / 2));
  auto venue = ReplayVenue::open({.recordings = {cut, whole}});
  ASSERT_TRUE(venue) << venue.error().text();
  KeepingSink sink;
  while (!venue->ended()) venue->poll(kForever, sink, 100);
  // The second file tells the rest: ids that were played already count once.
  EXPECT_EQ(sink.trades.size(), 3'000U);
  EXPECT_GT(venue->stats().feeds.trades_repeated, 500U);
  EXPECT_EQ(venue->stats().bad_lines, 1U);
  ASSERT_EQ(venue->faults().size(), 1U);
  EXPECT_EQ(venue->faults()[0].code, ErrorCode::Damaged);
  EXPECT_NE(venue->faults()[0].text().find("cut.gz:"), std::string::npos);
}

TEST(ReplayDamage, flipped_and_cut_bytes_never_break_the_venue) {
  const Scratch scratch;
  Capture capture;
  capture.depth(6, 12, R"(["100.00","7"])", "").snapshot(10).quote(13, "100.00", "101.00");
  for (int i = 13; i < 30; ++i) {
    capture.depth(i, i, R"(["100.00","3"])", R"(["101.00","4"])").trade(i, "100.00", "1", true);
  }
  const auto gzip = testing::bytes_of(scratch.write_gzip("good.gz", capture.text()));
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    std::string bytes = random.one_in(2) ? gzip : capture.text();
    for (std::uint64_t flips = random.below(4); flips > 0; --flips) {
      char& byte = bytes[random.below(bytes.size())];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.below(8)));
    }
    if (random.one_in(3)) bytes.resize(random.below(bytes.size()));
    auto venue = ReplayVenue::open({.recordings = {scratch.write("damaged", bytes)}});
    if (!venue) {
      EXPECT_NE(venue.error().text().find("damaged"), std::string::npos);
      continue;
    }
    KeepingSink sink;
    while (!venue->ended()) venue->poll(kForever, sink, 7);
    EXPECT_EQ(venue->stats().bad_lines, venue->faults().size());
    for (const Error& fault : venue->faults()) {
      EXPECT_NE(fault.source.find("damaged:"), std::string::npos) << fault.text();
    }
  }
}

}  // namespace
}  // namespace stoa::venues::replay

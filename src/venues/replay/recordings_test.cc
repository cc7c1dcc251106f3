#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/venue_port.h"
#include "venues/binance/frame_digest.h"
#include "venues/binance/parse.h"
#include "venues/replay/capture.h"
#include "venues/replay/session.h"
#include "venues/replay/testing.h"

// Whole recordings, held to figures that other programs found too.
namespace stoa::venues::replay {
namespace {

constexpr Timestamp kForever = Timestamp::from_ns(std::numeric_limits<std::int64_t>::max());

/// The paths of `names`, or nothing: then the test is skipped, saying which is missing.
std::optional<std::vector<std::filesystem::path>> found(const std::vector<std::string_view>& names,
                                                        std::string& missing) {
  std::vector<std::filesystem::path> result;
  for (const std::string_view name : names) {
    result.push_back(testing::recordings() / "binance" / name);
    if (!std::filesystem::exists(result.back())) {
      missing = "no recording at " + result.back().string() + " (STOA_RECORDINGS)";
      return std::nullopt;
    }
  }
  return result;
}

/// A consumer's book, built from nothing but what the feed says.
class FollowingSink final : public oms::MarketSink {
 public:
  void on_trade(const Trade& trade, Timestamp /*ts_recv*/) override {
    if (last_trade_id_ != 0 && trade.trade_id.value() != last_trade_id_ + 1) ++trade_gaps;
    last_trade_id_ = trade.trade_id.value();
  }
  void on_quote(const Quote& /*quote*/, Timestamp /*ts_recv*/) override {}
  void on_book(const BookView& view, Timestamp /*ts_recv*/) override {
    const auto applied = book.apply(view);
    if (applied != book::Applied::Ok && applied != book::Applied::Partial) ++refused;
    if (book.crossed()) ++crossed;
    if (book.valid()) last_update_id = book.last_update_id();
  }
  void on_feed_state(const FeedState& state, Timestamp /*ts_recv*/) override {
    if (state.status != FeedStatus::Live) book.clear();
    last = state.status;
  }

  book::OrderBook book;
  std::uint64_t refused = 0;
  std::uint64_t crossed = 0;
  std::uint64_t trade_gaps = 0;
  std::uint64_t last_update_id = 0;
  FeedStatus last = FeedStatus::Recovering;

 private:
  std::uint64_t last_trade_id_ = 0;
};

struct Expected {
  std::vector<std::string_view> files;
  std::uint64_t frames;
  std::uint64_t trades;
  std::uint64_t snapshots;
  std::uint64_t compared;
  std::uint64_t equal;
};

const Expected kRecordings[] = {
    {{"spot/btcusdt_20240808.gz"}, 41'249, 9'757, 1, 2'894, 2'894},
    {{"spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"}, 99'574, 19'904, 1, 5'736, 5'734},
    {{"spot/btcusdt_20230405.dat.gz"}, 15'088, 3'144, 0, 0, 0},
    {{"usdm/btcusdt_20230404.dat.gz"}, 13'384, 2'197, 1, 2'002, 2'002},
    {{"usdm/btcusdt_20240718.gz", "usdm/btcusdt_20240719.gz"}, 71'984, 10'701, 1, 6'099, 6'099},
    {{"usdm/btcusdt_20240808.gz"}, 93'954, 21'313, 1, 5'701, 5'701},
    {{"cm/btcusd_perp_20240808.gz", "cm/btcusd_perp_20240809.gz"},
     98'386,
     5'235,
     1,
     13'807,
     13'807},
};

class Recordings : public ::testing::TestWithParam<Expected> {};

TEST_P(Recordings, play_without_a_gap_and_never_cross) {
  const Expected& expected = GetParam();
  std::string missing;
  const auto files = found(expected.files, missing);
  if (!files) GTEST_SKIP() << missing;
  auto venue = ReplayVenue::open({.recordings = *files});
  ASSERT_TRUE(venue) << venue.error().text();
  FollowingSink sink;
  while (!venue->ended()) venue->poll(kForever, sink, 1'000);

  const ReplayStats stats = venue->stats();
  EXPECT_EQ(stats.frames, expected.frames);
  EXPECT_EQ(stats.bad_lines, 0U);
  EXPECT_EQ(stats.unknown_symbols + stats.unowned_snapshots, 0U);
  EXPECT_EQ(stats.feeds.trades, expected.trades);
  EXPECT_EQ(stats.feeds.trades_repeated, 0U);
  EXPECT_EQ(stats.feeds.snapshots, expected.snapshots);
  EXPECT_EQ(stats.feeds.snapshots_unused, 0U);
  EXPECT_EQ(stats.feeds.gaps, 0U);
  EXPECT_EQ(stats.feeds.crossed, 0U);
  EXPECT_EQ(stats.feeds.top_of_book_compared, expected.compared);
  EXPECT_EQ(stats.feeds.top_of_book_equal, expected.equal);
  EXPECT_EQ(sink.refused, 0U);
  EXPECT_EQ(sink.crossed, 0U);
  EXPECT_EQ(sink.trade_gaps, 0U);
  EXPECT_EQ(sink.last, FeedStatus::Ended);
}

TEST_P(Recordings, are_decoded_alike_by_both_decoders) {
  std::string missing;
  const auto files = found(GetParam().files, missing);
  if (!files) GTEST_SKIP() << missing;
  auto reader = CaptureReader::open(*files);
  ASSERT_TRUE(reader) << reader.error().text();
  binance::LevelBuffers quick_levels;
  binance::LevelBuffers general_levels;
  binance::GeneralParser general;
  std::uint64_t frames = 0;
  std::uint64_t quick_frames = 0;
  for (auto line = reader->next(); line && line->has_value(); line = reader->next()) {
    const std::string_view json = line->value_or(CaptureLine{}).frame;
    const auto checked = general.parse(json, general_levels);
    ASSERT_TRUE(checked) << to_string(checked.error().fault) << " in " << json;
    ++frames;
    const auto quick = binance::parse_fast(json, quick_levels);
    if (!quick) continue;
    ++quick_frames;
    ASSERT_EQ(binance::digest(*quick), binance::digest(*checked)) << json;
  }
  EXPECT_EQ(frames, GetParam().frames);
  // What is left over is mark prices and one snapshot with spaces, both of 2023.
  EXPECT_LE(frames - quick_frames, 100U);
}

INSTANTIATE_TEST_SUITE_P(Binance, Recordings, ::testing::ValuesIn(kRecordings),
                         [](const auto& one) { return "set_" + std::to_string(one.index); });

TEST(RecordedFills, an_order_at_the_touch_fills_and_the_recording_stays_as_it_was) {
  std::string missing;
  const auto files = found({"spot/btcusdt_20240808.gz"}, missing);
  if (!files) GTEST_SKIP() << missing;
  const auto final_book = [&](bool trading) {
    auto venue = ReplayVenue::open({.recordings = *files});
    EXPECT_TRUE(venue);
    FollowingSink sink;
    std::uint64_t id = 0;
    std::array<ExecutionReport, 64> reports{};
    Qty filled{};
    for (std::size_t events = 0; !venue->ended(); ++events) {
      const Timestamp now = venue->next_due().value_or(kForever);
      venue->poll(now, sink, 1);
      if (trading && events % 50 == 0) {
        const auto bid = sink.book.best_bid();
        OrderSend send{};
        send.cl_ord_id = ClOrdId{++id};
        send.instrument = InstrumentId{1};
        send.px = bid.value_or(Level{}).px;
        send.qty = Qty::from_e8(1'000'000);
        if (bid) venue->send(send, now);
      }
      const std::size_t count = venue->poll_reports(now, reports);
      for (std::size_t i = 0; i < count; ++i) filled += reports[i].last_qty;
    }
    EXPECT_EQ(venue->stats().fills > 100, trading);
    EXPECT_EQ(filled > Qty{}, trading);
    return sink.last_update_id;
  };
  EXPECT_EQ(final_book(true), final_book(false));
}

}  // namespace
}  // namespace stoa::venues::replay

#include "venues/binance/parse.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/decimal.h"
#include "base/random.h"
#include "model/instrument.h"
#include "model/types.h"
#include "venues/binance/frame_digest.h"
#include "venues/binance/symbols.h"

namespace stoa::venues::binance {
namespace {

// One frame of each shape that Binance sends, shortened recordings.
constexpr std::string_view kSpotTrade =
    R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})";
constexpr std::string_view kSpotTrade2023 =
    R"({"e":"trade","E":1680652800000,"s":"BTCUSDT","t":3071245454,"p":"28165.47000000","q":"0.00056000","b":20720542158,"a":20720542592,"T":1680652799999,"m":false,"M":true})";
constexpr std::string_view kUsdmTrade =
    R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}})";
constexpr std::string_view kSpotQuote =
    R"({"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}})";
constexpr std::string_view kUsdmQuote =
    R"({"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314})";
constexpr std::string_view kCoinQuote =
    R"({"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}})";
constexpr std::string_view kSpotDepth =
    R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":50093239203,"u":50093239207,"b":[["55653.87000000","0.00000000"]],"a":[["61838.04000000","0.32332000"],["61844.30000000","0.40163000"]]}})";
constexpr std::string_view kUsdmDepth =
    R"({"e":"depthUpdate","E":1721347201585,"T":1721347201533,"s":"BTCUSDT","U":4984034747463,"u":4984034747464,"pu":4984033952967,"b":[],"a":[["64020.40","0.000"]]})";
constexpr std::string_view kCoinDepth =
    R"({"stream":"btcusd_perp@depth@0ms","data":{"e":"depthUpdate","E":1723161257440,"T":1723161257432,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1007198631260,"u":1007198631565,"pu":1007198631198,"b":[["61773.6","1001"],["61776.4","412"]],"a":[]}})";
constexpr std::string_view kSpotSnapshot =
    R"({"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"],["61837.62000000","0.61700000"]],"asks":[["61837.64000000","1.54698000"]]})";
constexpr std::string_view kUsdmSnapshot =
    R"({"lastUpdateId":5123107852948,"E":1723161256501,"T":1723161256493,"bids":[["61800.20","2.909"]],"asks":[]})";
constexpr std::string_view kCoinSnapshot =
    R"({"lastUpdateId":1007198635033,"E":1723161257835,"T":1723161257823,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[["61804.7","35"]],"asks":[["61804.8","8"]]})";

constexpr std::array kUsualFrames = {kSpotTrade, kSpotTrade2023, kUsdmTrade,    kSpotQuote,
                                     kUsdmQuote, kCoinQuote,     kSpotDepth,    kUsdmDepth,
                                     kCoinDepth, kSpotSnapshot,  kUsdmSnapshot, kCoinSnapshot};

template <class T>
T decoded(std::string_view json) {
  static FrameParser parser;  // The frames' levels and texts must outlive this call.
  const auto frame = parser.parse(json);
  if (frame && std::holds_alternative<T>(*frame)) return std::get<T>(*frame);
  ADD_FAILURE() << "not the expected kind: " << json;
  return {};
}

FrameError refused(std::string_view json) {
  LevelBuffers levels;
  EXPECT_FALSE(parse_fast(json, levels)) << json;
  GeneralParser parser;
  const auto frame = parser.parse(json, levels);
  EXPECT_FALSE(frame) << json;
  return frame ? FrameError{} : frame.error();
}

/// Both decoders on one text; false when the quick one took what the other did not, or differently.
testing::AssertionResult agree(std::string_view json) {
  static GeneralParser general;
  static LevelBuffers quick_levels;
  static LevelBuffers general_levels;
  const auto quick = parse_fast(json, quick_levels);
  const auto checked = general.parse(json, general_levels);
  if (!quick) return testing::AssertionSuccess();
  if (!checked) return testing::AssertionFailure() << "only the quick one accepts " << json;
  if (digest(*quick) == digest(*checked)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "different messages from " << json;
}

std::string changed(std::string_view json, std::string_view from, std::string_view to) {
  std::string result{json};
  const std::size_t at = result.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return result.replace(at, from.size(), to);
}

constexpr std::int64_t kMs = 1'000'000;

TEST(BinanceParse, a_trade_gives_id_price_quantity_time_and_the_takers_side) {
  const auto spot = decoded<TradeFrame>(kSpotTrade);
  EXPECT_EQ(spot.symbol, "BTCUSDT");
  EXPECT_EQ(spot.trade.trade_id.value(), 3'735'683'259U);
  EXPECT_EQ(spot.trade.px.e8(), 6'183'763'000'000);
  EXPECT_EQ(spot.trade.qty.e8(), 2'000'000);
  EXPECT_EQ(spot.trade.ts_event.ns(), 1'723'161'255'342 * kMs);
  EXPECT_EQ(spot.trade.taker_side, Side::Sell);
  EXPECT_FALSE(spot.futures);

  EXPECT_EQ(decoded<TradeFrame>(kSpotTrade2023).trade.taker_side, Side::Buy);
  EXPECT_EQ(decoded<TradeFrame>(kSpotTrade2023).trade.ts_event.ns(), 1'680'652'799'999 * kMs);
  EXPECT_TRUE(decoded<TradeFrame>(kUsdmTrade).futures);
  EXPECT_EQ(decoded<TradeFrame>(kUsdmTrade).trade.px.e8(), 6'180'030'000'000);
}

TEST(BinanceParse, a_quote_gives_both_sides_and_its_update_id) {
  const auto spot = decoded<QuoteFrame>(kSpotQuote);
  EXPECT_EQ(spot.quote.update_id, 50'093'239'212U);
  EXPECT_EQ(spot.quote.bid_px.e8(), 6'183'763'000'000);
  EXPECT_EQ(spot.quote.bid_qty.e8(), 378'826'000);
  EXPECT_EQ(spot.quote.ask_px.e8(), 6'183'764'000'000);
  EXPECT_EQ(spot.quote.ask_qty.e8(), 154'698'000);
  EXPECT_EQ(spot.quote.ts_event.ns(), 0);
  EXPECT_EQ(decoded<QuoteFrame>(kUsdmQuote).quote.ts_event.ns(), 1'723'161'256'313 * kMs);
  EXPECT_EQ(decoded<QuoteFrame>(kCoinQuote).symbol, "BTCUSD_PERP");
  EXPECT_EQ(decoded<QuoteFrame>(kCoinQuote).quote.ask_qty.e8(), 164'500'000'000);
}

TEST(BinanceParse, a_diff_gives_its_ids_and_absolute_levels) {
  const auto spot = decoded<DepthFrame>(kSpotDepth);
  EXPECT_EQ(spot.first_update_id, 50'093'239'203U);
  EXPECT_EQ(spot.last_update_id, 50'093'239'207U);
  EXPECT_FALSE(spot.prev_update_id);
  EXPECT_EQ(spot.ts_event.ns(), 1'723'161'255'308 * kMs);
  ASSERT_EQ(spot.bids.size(), 1U);
  ASSERT_EQ(spot.asks.size(), 2U);
  EXPECT_TRUE(spot.bids[0].qty.is_zero());
  EXPECT_EQ(spot.asks[1].px.e8(), 6'184'430'000'000);

  const auto usdm = decoded<DepthFrame>(kUsdmDepth);
  EXPECT_EQ(usdm.prev_update_id, 4'984'033'952'967U);
  EXPECT_EQ(usdm.ts_event.ns(), 1'721'347'201'533 * kMs);
  EXPECT_TRUE(usdm.bids.empty());
  EXPECT_EQ(decoded<DepthFrame>(kCoinDepth).bids[1].qty.e8(), 41'200'000'000);
}

TEST(BinanceParse, a_snapshot_gives_its_last_id_and_names_its_symbol_only_on_coin_m) {
  const auto spot = decoded<SnapshotFrame>(kSpotSnapshot);
  EXPECT_EQ(spot.last_update_id, 50'093'239'218U);
  EXPECT_TRUE(spot.symbol.empty());
  EXPECT_FALSE(spot.partial || spot.futures);
  ASSERT_EQ(spot.bids.size(), 2U);
  EXPECT_EQ(decoded<SnapshotFrame>(kUsdmSnapshot).ts_event.ns(), 1'723'161'256'493 * kMs);
  EXPECT_EQ(decoded<SnapshotFrame>(kCoinSnapshot).symbol, "BTCUSD_PERP");
}

TEST(BinanceParse, partial_books_are_told_from_diffs_and_from_snapshots) {
  const std::string top =
      R"({"stream":"btcusdt@depth5@100ms","data":)" + std::string{kSpotSnapshot} + "}";
  EXPECT_TRUE(decoded<SnapshotFrame>(top).partial);
  const std::string futures =
      R"({"stream":"btcusdt@depth20","data":)" + std::string{kUsdmDepth} + "}";
  EXPECT_TRUE(decoded<SnapshotFrame>(futures).partial);
  EXPECT_TRUE(is_partial_depth("btcusdt@depth5"));
  EXPECT_FALSE(is_partial_depth("btcusdt@depth@100ms"));
  EXPECT_FALSE(is_partial_depth("btcusdt@depth"));
}

TEST(BinanceParse, the_quick_decoder_takes_every_usual_frame_and_both_agree) {
  LevelBuffers levels;
  for (const std::string_view json : kUsualFrames) {
    EXPECT_TRUE(parse_fast(json, levels)) << json;
    EXPECT_TRUE(agree(json));
  }
}

TEST(BinanceParse, order_of_fields_spaces_and_escapes_do_not_change_the_message) {
  struct Twin {
    std::string_view usual;
    std::string_view other;
  };
  constexpr Twin kTwins[] = {
      {kSpotTrade,
       R"({"data":{"M":true,"m":true,"T":1723161255342,"q":"0.02","p":"61837.63","t":3735683259,"s":"BTCUSDT","E":1,"e":"trade"},"stream":"btcusdt@trade"})"},
      {kUsdmQuote,
       R"( { "A":"2.51", "a":"61800.3","B":"2.507","b":"61800.2","s":"BTC\u0055SDT","T":1723161256313,"u":5123107839020,"e":"bookTicker" } )"},
      {kUsdmDepth,
       R"({"a":[["64020.4","0",[]]],"b":[],"pu":4984033952967,"u":4984034747464,"U":4984034747463,"s":"BTCUSDT","T":1721347201533,"e":"depthUpdate","new":{"x":[1,2.5,null]}})"},
      {kSpotSnapshot,
       R"({"asks":[["61837.64","1.54698"]],"bids":[ ["61837.63","3.78826"], ["61837.62","0.617"]],"lastUpdateId":50093239218})"},
  };
  FrameParser usual;
  FrameParser other;
  for (const Twin& twin : kTwins) {
    SCOPED_TRACE(twin.other);
    const auto first = usual.parse(twin.usual);
    const auto second = other.parse(twin.other);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(digest(*first), digest(*second));
  }
}

TEST(BinanceParse, times_are_told_by_magnitude) {
  const auto micro = changed(kSpotTrade, "\"T\":1723161255342", "\"T\":1723161255342123");
  EXPECT_EQ(decoded<TradeFrame>(micro).trade.ts_event.ns(), 1'723'161'255'342'123'000);
  EXPECT_EQ(time_by_magnitude(9'199'999'999'999), Timestamp::from_ns(9'199'999'999'999 * kMs));
  EXPECT_FALSE(time_by_magnitude(9'200'000'000'000));
  EXPECT_FALSE(time_by_magnitude(99'999'999'999'999));
  EXPECT_EQ(time_by_magnitude(100'000'000'000'000), Timestamp::from_ns(100'000'000'000'000'000));
  EXPECT_FALSE(time_by_magnitude(9'200'000'000'000'000));
  EXPECT_EQ(time_by_magnitude(1'723'161'253'937'085'768),
            Timestamp::from_ns(1'723'161'253'937'085'768));
  EXPECT_FALSE(time_by_magnitude(~std::uint64_t{0}));
}

TEST(BinanceParse, other_frames_pass_by_their_name) {
  EXPECT_EQ(decoded<OtherFrame>(R"({"result":null,"id":1})").event, "");
  EXPECT_EQ(decoded<OtherFrame>(R"({"e":"kline","s":"X","b":[1,2],"a":{"x":-1.5e3}})").event,
            "kline");
  EXPECT_EQ(decoded<OtherFrame>(R"({"stream":"!miniTicker@arr","data":[{"e":"x"}]})").event, "");
  // The insurance fund's settlements are no trades of the market.
  EXPECT_EQ(decoded<OtherFrame>(changed(kUsdmTrade, "MARKET", "INSURANCE_FUND")).event, "trade");
}

struct Refusal {
  std::string_view frame;
  std::string_view from;
  std::string_view to;
  FrameFault fault;
  std::string_view
      offset_at;  // the error points at this text of the changed frame; empty: no matter
};

constexpr Refusal kRefusals[] = {
    {kSpotTrade, "61837.63000000", "61837.630000001", FrameFault::TooPrecise, "\"61837"},
    {kSpotTrade, "61837.63000000", "6.183763e4", FrameFault::NotDecimal, "\"6.18"},
    {kSpotTrade, "61837.63000000", "NaN", FrameFault::NotDecimal, "\"NaN"},
    {kSpotTrade, "61837.63000000", "", FrameFault::NotDecimal, "\"\",\"q\""},
    {kSpotTrade, "61837.63000000", "+1", FrameFault::NotDecimal, "\"+1"},
    {kSpotTrade, "61837.63000000", "-1", FrameFault::Negative, "\"-1"},
    {kSpotTrade, "61837.63000000", "1.", FrameFault::NotDecimal, "\"1."},
    {kSpotTrade, "61837.63000000", ".5", FrameFault::NotDecimal, "\".5"},
    {kSpotTrade, "61837.63000000", "1 ", FrameFault::NotDecimal, "\"1 "},
    {kSpotTrade, "61837.63000000", "92233720368.54775808", FrameFault::OutOfRange, "\"92"},
    {kSpotTrade, "\"61837.63000000\"", "61837.63", FrameFault::WrongType, "61837"},
    {kSpotTrade, ",\"t\":3735683259", "", FrameFault::MissingField, ""},
    {kSpotTrade, "3735683259", "-1", FrameFault::WrongType, "-1"},
    {kSpotTrade, "3735683259", "07", FrameFault::NotJson, "07"},
    {kSpotTrade, "\"m\":true", "\"m\":1", FrameFault::WrongType, "1,\"M\""},
    {kSpotTrade, "\"M\":true", "\"M\":tru", FrameFault::NotJson, ""},
    {kSpotTrade, "\"m\":true", "\"q\":\"1\",\"m\":true", FrameFault::DuplicateField, "\"1\""},
    {kSpotTrade, "}}", "}}}", FrameFault::NotJson, ""},
    {kSpotTrade, "}}", "}} x", FrameFault::NotJson, ""},
    {kSpotTrade, "}}", "}", FrameFault::NotJson, ""},
    {kSpotTrade, "BTCUSDT", "BTC\xFFUSDT", FrameFault::NotJson, "\xFF"},
    {kSpotTrade, "BTCUSDT", "BTC\nUSDT", FrameFault::NotJson, ""},
    {kSpotDepth, "\"u\":50093239207", "\"u\":50093239202", FrameFault::BadUpdateIds, "50093239203"},
    {kSpotDepth, "[\"61844.30000000\",\"0.40163000\"]", "[\"1\"]", FrameFault::WrongType,
     "[\"1\"]"},
    {kSpotDepth, "[\"61844.30000000\",\"0.40163000\"]", "7", FrameFault::WrongType, "7]"},
    {kSpotDepth, "0.40163000", "x", FrameFault::NotDecimal, "\"x\""},
    {kSpotDepth, "],[\"61844", "][\"61844", FrameFault::NotJson, ""},
    {kSpotDepth, ",\"a\":[[", ",\"c\":[[", FrameFault::MissingField, ""},
    {kSpotQuote, "\"A\":\"1.54698000\"", "\"A\":null", FrameFault::WrongType, "null"},
    {kSpotSnapshot, "\"asks\":", "\"asks\":1,\"x\":", FrameFault::WrongType, "1,\"x\""},
};

TEST(BinanceParse, damage_is_refused_with_its_reason_and_place) {
  for (const Refusal& refusal : kRefusals) {
    const std::string json = changed(refusal.frame, refusal.from, refusal.to);
    SCOPED_TRACE(json);
    const FrameError error = refused(json);
    EXPECT_EQ(to_string(error.fault), to_string(refusal.fault));
    EXPECT_LE(error.offset, json.size());
    if (!refusal.offset_at.empty()) {
      EXPECT_EQ(error.offset, json.find(refusal.offset_at));
    }
  }
  EXPECT_EQ(refused("").fault, FrameFault::NotJson);
  EXPECT_EQ(refused("[]").fault, FrameFault::NotJson);
  EXPECT_EQ(refused(std::string(5'000, '[')).fault, FrameFault::NotJson);
}

TEST(BinanceParse, deep_nesting_is_refused_before_the_stack_ends) {
  const std::string json = R"({"x":)" + std::string(5'000, '[') + std::string(5'000, ']') + "}";
  EXPECT_EQ(refused(json).fault, FrameFault::OutOfRange);
}

TEST(BinanceParse, a_frame_cut_anywhere_is_refused) {
  LevelBuffers levels;
  GeneralParser general;
  for (const std::string_view json : kUsualFrames) {
    for (std::size_t size = 0; size < json.size(); ++size) {
      // A fresh string, so that a read past the end is one past an allocation.
      const std::string cut{json.substr(0, size)};
      ASSERT_FALSE(parse_fast(cut, levels)) << cut;
      ASSERT_FALSE(general.parse(cut, levels)) << cut;
    }
  }
}

TEST(BinanceParse, both_decoders_agree_on_any_damage) {
  Random random{20240808};
  constexpr std::string_view kBytes = "0123456789.\"{}[],:-+eE \\tfnabu";
  for (int i = 0; i < 60'000; ++i) {
    std::string json{kUsualFrames[random.below(kUsualFrames.size())]};
    for (std::uint64_t change = random.below(3) + 1; change > 0; --change) {
      const std::size_t at = random.below(json.size());
      switch (random.below(3)) {
        case 0:
          json[at] = kBytes[random.below(kBytes.size())];
          break;
        case 1:
          json.erase(at, 1 + random.below(4));
          if (json.empty()) json = "{}";
          break;
        default:
          json.insert(at, 1, kBytes[random.below(kBytes.size())]);
      }
    }
    ASSERT_TRUE(agree(json));
  }
}

TEST(BinanceParse, the_quick_decoder_reads_decimals_like_the_exact_one) {
  Random random{7};
  LevelBuffers levels;
  for (int i = 0; i < 20'000; ++i) {
    const auto digits = [&](std::uint64_t count) {
      std::string result;
      for (; count > 0; --count) result += static_cast<char>('0' + random.below(10));
      return result;
    };
    std::string text = digits(1 + random.below(12));
    if (random.below(4) != 0) text += "." + digits(random.below(11));
    const std::string json = changed(kSpotTrade, "61837.63000000", text);
    const auto exact = parse_e8(text);
    if (const auto frame = parse_fast(json, levels)) {
      ASSERT_TRUE(exact) << text;
      ASSERT_EQ(std::get<TradeFrame>(*frame).trade.px.e8(), *exact) << text;
    }
    ASSERT_TRUE(agree(json));
  }
}

TEST(BinanceSymbols, know_the_markets_apart) {
  EXPECT_EQ(market_of("BTCUSDT", false), Market::Spot);
  EXPECT_EQ(market_of("BTCUSDT", true), Market::UsdM);
  EXPECT_EQ(market_of("BTCUSDT_240927", true), Market::UsdM);
  EXPECT_EQ(market_of("BTCUSD_PERP", true), Market::CoinM);
  const auto spot = known_instrument(Market::Spot, "BTCUSDT").value_or(Instrument{});
  EXPECT_EQ(spot.instrument.value(), 1U);
  EXPECT_EQ(spot.tick.e8(), 1'000'000);
  EXPECT_EQ(spot.lot.e8(), 1'000);
  EXPECT_EQ(spot.min_notional.e8(), 500'000'000);
  EXPECT_EQ(spot.maker_fee_e6, 1'000);
  EXPECT_EQ(spot.price_decimals, 2);
  EXPECT_EQ(known_instrument(Market::CoinM, "BTCUSD_PERP").value_or(Instrument{}).tradable, 0);
  EXPECT_FALSE(known_instrument(Market::Spot, "NOSUCH"));
}

}  // namespace
}  // namespace stoa::venues::binance

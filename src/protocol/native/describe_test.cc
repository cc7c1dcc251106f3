#include "protocol/native/describe.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "base/uint256.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/onchain.h"
#include "model/portfolio.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/token_amount.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "protocol/native/sample_messages.h"

namespace stoa::native {
namespace {

constexpr Timestamp kTime = Timestamp::from_ns(1'723'161'253'937'085'768);

std::string described(std::span<const std::byte> bytes) {
  std::string out;
  append_json(out, MessageView::trusted(bytes));
  return out;
}

template <class M>
std::string body_of(const M& message, Domain domain = Domain::Execution) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode(bytes, {.domain = domain, .timestamp = kTime}, message));
  std::string out;
  append_body_json(out, MessageView::trusted(bytes));
  return out;
}

TEST(Describe, shows_header_and_fields_in_words) {
  Bytes bytes(kSmallMessageBytes);
  const Trade trade{.instrument = InstrumentId{1},
                    .taker_side = Side::Sell,
                    .trade_id = TradeId{18'446'744'073'709'551'615U},
                    .px = Price::from_e8(6'183'763'000'000),
                    .qty = Qty::from_e8(1),
                    .ts_event = kTime};
  bytes.resize(encode(
      bytes, {.domain = Domain::Market, .source = 4, .sequence = 7, .timestamp = kTime}, trade));
  EXPECT_EQ(described(bytes),
            R"({"type":"Trade","domain":"market","source":4,"sequence":"7",)"
            R"("timestamp_ns":"1723161253937085768","body":{"instrument":1,"taker_side":"sell",)"
            R"("trade_id":"18446744073709551615","px":"61837.63","qty":"0.00000001",)"
            R"("ts_event":"1723161253937085768"}})");
}

template <class M>
Bytes encoded(const M& message, std::uint64_t sequence = 7) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode(
      bytes, {.domain = Domain::Execution, .sequence = sequence, .timestamp = kTime}, message));
  return bytes;
}

TEST(Describe, shows_only_what_two_messages_say_differently) {
  const auto difference = [](const Bytes& one, const Bytes& other) {
    std::string out;
    append_difference(out, MessageView::trusted(one), MessageView::trusted(other));
    return out;
  };
  const Mark mark{.instrument = InstrumentId{1}, .last = Price::from_e8(500'000'000)};
  Mark other = mark;
  other.last = Price::from_e8(600'000'000);
  EXPECT_EQ(difference(encoded(mark), encoded(other)),
            R"(recorded Mark {"last":"5"}, derived Mark {"last":"6"})");
  const std::string whole = difference(encoded(mark), encoded(StateDigest{.lsn = Lsn{9}}, 8));
  EXPECT_TRUE(whole.starts_with(R"(recorded Mark {"instrument":1,)")) << whole;
  EXPECT_TRUE(whole.ends_with(
      R"(, derived StateDigest {"lsn":"9","hash":"0"} number 8 at 1723161253937085768)"))
      << whole;
  EXPECT_TRUE(difference(encoded(mark), encoded(mark, 8))
                  .ends_with("number 8 at " + std::to_string(kTime.ns())));
}

TEST(Describe, shows_only_the_entry_of_a_tail_that_differs) {
  const auto decision = [](std::int64_t value) {
    const std::array<CheckResult, 2> checks{
        CheckResult{.check = RiskCheck::Tradable, .ok = 1, .limit_e8 = 1, .value_e8 = 1},
        CheckResult{.check = RiskCheck::OpenOrders, .ok = 1, .limit_e8 = 5, .value_e8 = value}};
    Bytes bytes(kSmallMessageBytes);
    bytes.resize(encode_with_tail<RiskDecision, CheckResult>(
        bytes, {.domain = Domain::Execution, .sequence = 7, .timestamp = kTime},
        RiskDecision{.accepted = 1, .check_count = 2}, checks));
    return bytes;
  };
  const Bytes one = decision(1);
  const Bytes other = decision(2);
  std::string out;
  append_difference(out, MessageView::trusted(one), MessageView::trusted(other));
  EXPECT_EQ(
      out,
      R"(recorded RiskDecision … {"check":"open_orders","ok":1,"code":"None","limit_e8":"0.00000005",)"
      R"("value_e8":"0.00000001"}, derived RiskDecision … {"check":"open_orders","ok":1,"code":"None",)"
      R"("limit_e8":"0.00000005","value_e8":"0.00000002"})");
}

TEST(Describe, marks_outputs_and_probes) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode(bytes, {.flags = kFlagOutput | kFlagProbe}, StateDigest{}));
  EXPECT_NE(described(bytes).find(R"("source":0,"output":true,"probe":true,"sequence")"),
            std::string::npos);
}

TEST(Describe, splits_a_book_into_its_sides) {
  const std::array bids{Level{.px = Price::from_e8(100'000'000), .qty = Qty::from_e8(200'000'000)},
                        Level{.px = Price::from_e8(50'000'000)}};
  const std::array asks{Level{.px = Price::from_e8(300'000'000), .qty = Qty::from_e8(1)}};
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode_book(bytes, {.domain = Domain::Market},
                           {.head = {}, .snapshot = true, .bids = bids, .asks = asks}));
  const std::string text = described(bytes);
  EXPECT_NE(text.find(R"("bid_count":2,"ask_count":1,)"), std::string::npos) << text;
  EXPECT_NE(
      text.find(
          R"("bids":[{"px":"1","qty":"2"},{"px":"0.5","qty":"0"}],"asks":[{"px":"3","qty":"0.00000001"}]})"),
      std::string::npos)
      << text;
}

TEST(Describe, lists_the_checks_of_a_decision) {
  const std::array checks{CheckResult{.check = RiskCheck::PriceBand,
                                      .ok = 0,
                                      .code = RejectCode::PriceBand,
                                      .limit_e8 = 10'000'000,
                                      .value_e8 = -20'000'000}};
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode_with_tail<RiskDecision, CheckResult>(
      bytes, {}, {.intent = ClOrdId{5}, .code = RejectCode::PriceBand, .check_count = 1}, checks));
  std::string out;
  append_body_json(out, MessageView::trusted(bytes));
  EXPECT_EQ(
      out,
      R"({"intent":"5","instrument":0,"accepted":0,"code":"PriceBand","check_count":1,"checks":)"
      R"([{"check":"price_band","ok":0,"code":"PriceBand","limit_e8":"0.1","value_e8":"-0.2"}]})");
}

TEST(Describe, escapes_what_people_wrote) {
  const KillSwitch trip{.active = 1,
                        .actor = Note::cut("a\"b\\c\n\x01"),
                        .reason = Text<120>::cut("caf\xC3\xA9 \xFF")};
  EXPECT_EQ(body_of(trip),
            "{\"active\":1,\"actor\":\"a\\\"b\\\\c\\n\\u0001\",\"reason\":\"caf\xC3\xA9 "
            "\xEF\xBF\xBD\"}");
}

TEST(Describe, shows_negative_and_narrow_integers) {
  EXPECT_NE(body_of(Instrument{.maker_fee_e6 = -250, .taker_fee_e6 = 1'000})
                .find(R"("maker_fee_e6":-250,"taker_fee_e6":1000)"),
            std::string::npos);
  EXPECT_NE(body_of(Candle{.open_s = -1}, Domain::Market).find(R"("open_s":"-1")"),
            std::string::npos);
}

TEST(Describe, shows_unknown_types_as_hex) {
  Bytes bytes(detail::message_bytes(3));
  std::byte* body = detail::begin(bytes, {.sequence = 1}, 200, 3);
  body[0] = std::byte{0x0A};
  body[1] = std::byte{0xFF};
  body[2] = std::byte{0};
  detail::finish(bytes.data(), bytes.size());
  EXPECT_EQ(described(bytes),
            R"({"type":200,"domain":"execution","source":0,"sequence":"1","timestamp_ns":"0",)"
            R"("body_hex":"0aff00"})");
}

TEST(Describe, shows_amounts_wide_integers_and_bytes_exactly) {
  PoolSync sync{.instrument = InstrumentId{1}, .chain_id = 137};
  sync.pool[0] = std::byte{0x45};
  sync.pool[19] = std::byte{0xCC};
  sync.reserve0 = *parse_token_amount("1234567.000001");
  sync.reserve1 = *parse_token_amount("-0.000000000000000001");
  const std::string text = body_of(sync, Domain::Market);
  EXPECT_NE(text.find(R"("pool":"45000000000000000000000000000000000000cc",)"), std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("reserve0":"1234567.000001","reserve1":"-0.000000000000000001",)"),
            std::string::npos)
      << text;
  const PoolTick tick{.liquidity_gross =
                          *Uint256::parse("340282366920938463463374607431768211456")};
  EXPECT_NE(body_of(tick, Domain::Market)
                .find(R"("liquidity_gross":"340282366920938463463374607431768211456")"),
            std::string::npos);
}

TEST(Describe, names_the_items_of_a_tail_after_their_count) {
  Bytes bytes(kSmallMessageBytes);
  const std::array positions{PortfolioPosition{.instrument = InstrumentId{3}}};
  bytes.resize(
      encode_with_tail<Portfolio, PortfolioPosition>(bytes, {}, {.position_count = 1}, positions));
  EXPECT_NE(described(bytes).find(R"("positions":[{"instrument":3,"strategy":0,"qty":"0",)"),
            std::string::npos)
      << described(bytes);
}

TEST(Describe, shows_what_rides_behind_the_body) {
  Bytes bytes(kSmallMessageBytes);
  const TraceContext trace{.trace_id = {std::byte{0x4B}}, .span_id = {std::byte{2}}, .flags = 1};
  const StateDigest digest{.lsn = Lsn{8}, .hash = 9};
  const std::array raw{std::byte{1}, std::byte{0xAB}};
  std::size_t size = encode_with_trace(bytes, {}, digest, trace);
  size = add_value(bytes, size, 150, raw);
  size = add_value(bytes, size, Wire<StateDigest>::kType, std::as_bytes(std::span{&digest, 1}));
  bytes.resize(size);
  EXPECT_TRUE(described(bytes).ends_with(
      R"("body":{"lsn":"8","hash":"9"},)"
      R"("trace":{"trace_id":"4b000000000000000000000000000000","span_id":"0200000000000000","flags":1},)"
      R"("values":[{"type":150,"body_hex":"01ab"},{"type":"StateDigest","body":{"lsn":"8","hash":"9"}}]})"))
      << described(bytes);
}

TEST(Describe, says_when_there_is_no_checksum) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode(bytes, {.checksum = Checksum::Off}, StateDigest{}));
  EXPECT_NE(described(bytes).find(R"("unchecked":true,"sequence")"), std::string::npos);
}

TEST(Describe, a_trusted_body_that_is_too_short_is_hex_and_no_read_past_it) {
  Bytes bytes(detail::message_bytes(2));
  std::byte* body = detail::begin(bytes, {}, Wire<Trade>::kType, 2);
  body[0] = body[1] = std::byte{1};
  detail::finish(bytes.data(), bytes.size());
  EXPECT_TRUE(described(bytes).ends_with(R"("body_hex":"0101"})"));
}

TEST(Describe, knows_every_message) {
  for (const MessageInfo& info : messages()) {
    const Bytes bytes = sample_message(info);
    const std::string text = described(bytes);
    EXPECT_TRUE(text.starts_with("{\"type\":\"" + std::string{info.name} + "\"")) << text;
    for (const Field& field : info.fields) {
      const bool shown = text.find("\"" + std::string{field.name} + "\":") != std::string::npos;
      EXPECT_EQ(shown, field.kind != FieldKind::Reserved) << info.name << ' ' << field.name;
    }
  }
}

}  // namespace
}  // namespace stoa::native

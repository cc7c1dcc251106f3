#include "protocol/native/codec.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/registry.h"

namespace stoa::native {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Stamp kStamp{.domain = Domain::Execution,
                       .source = 3,
                       .flags = kFlagOutput,
                       .sequence = 42,
                       .timestamp = Timestamp::from_ns(1'723'161'253'937'085'768)};

Mark sample_mark() {
  return {.instrument = InstrumentId{1},
          .bid = Price::from_e8(6'183'763'000'000),
          .ask = Price::from_e8(6'183'764'000'000),
          .last = Price::from_e8(-1)};
}

Bytes encoded_mark() {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode(bytes, kStamp, sample_mark()));
  return bytes;
}

/// Puts the right checksum back after a test has changed the bytes.
void mend_checksum(Bytes& bytes) {
  const std::span<const std::byte> all{bytes};
  const std::uint32_t crc = crc32c(crc32c(all.first(28)), all.subspan(32));
  std::memcpy(bytes.data() + 28, &crc, sizeof crc);
}

DecodeFailure failure_of(std::span<const std::byte> bytes) {
  const auto view = decode(bytes);
  EXPECT_FALSE(view.has_value());
  return view ? DecodeFailure{} : view.error();
}

TEST(Codec, gives_back_what_was_encoded) {
  const Bytes bytes = encoded_mark();
  EXPECT_EQ(bytes.size(), 32U + 2 + 32);
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  ASSERT_TRUE(view->is<Mark>());
  EXPECT_TRUE(view->is_output());
  EXPECT_EQ(view->header().sequence, 42U);
  EXPECT_EQ(view->header().source, 3);
  EXPECT_EQ(view->header().timestamp, kStamp.timestamp);
  const Mark mark = view->as<Mark>();
  EXPECT_EQ(mark.bid, sample_mark().bid);
  EXPECT_EQ(mark.last, sample_mark().last);
}

TEST(Codec, lays_the_header_out_as_documented) {
  const Bytes bytes = encoded_mark();
  constexpr std::array<std::uint8_t, 8> kFront{'S', 'T', 'O', 'A', 3, 1, 3, 1};
  for (std::size_t i = 0; i < kFront.size(); ++i)
    EXPECT_EQ(std::to_integer<int>(bytes[i]), kFront[i]) << i;
  EXPECT_EQ(std::to_integer<int>(bytes[8]), 42);   // sequence
  EXPECT_EQ(std::to_integer<int>(bytes[24]), 34);  // payload size
  EXPECT_EQ(std::to_integer<int>(bytes[32]), 61);  // type
  EXPECT_EQ(std::to_integer<int>(bytes[33]), 32);  // length
}

TEST(Codec, finds_every_flipped_bit) {
  const Bytes good = encoded_mark();
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    Bytes bad = good;
    bad[i / 8] ^= static_cast<std::byte>(1U << (i % 8));
    ASSERT_FALSE(decode(bad).has_value()) << "bit " << i;
  }
}

TEST(Codec, asks_for_more_at_every_cut) {
  const Bytes good = encoded_mark();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto failure = failure_of(std::span{good}.first(size));
    ASSERT_EQ(failure.error, DecodeError::NeedMore) << size;
  }
}

TEST(Codec, leaves_the_next_message_alone) {
  Bytes two = encoded_mark();
  const std::size_t first_bytes = two.size();
  const Bytes second = encoded_mark();
  two.insert(two.end(), second.begin(), second.end());
  const auto view = decode(two);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->bytes().size(), first_bytes);
}

TEST(Codec, names_what_is_wrong_and_where) {
  struct Case {
    std::size_t offset;
    std::uint8_t value;
    DecodeError error;
    std::size_t at;
  };
  constexpr Case kCases[] = {
      {0, 'X', DecodeError::BadMagic, 0},
      {4, 9, DecodeError::BadDomain, 4},
      {4, 0, DecodeError::BadDomain, 4},
      {5, 2, DecodeError::BadVersion, 5},
      {27, 0xFF, DecodeError::TooLarge, 24},
      {33, 31, DecodeError::BadLength, 34},       // known type, one byte short
      {33, 33, DecodeError::TruncatedValue, 32},  // says more than there is
      {4, 1, DecodeError::WrongDomain, 34},       // a mark on the market domain
      {32, 130, DecodeError::NoBody, 32},         // only an unknown type
  };
  for (const auto& [offset, value, error, at] : kCases) {
    SCOPED_TRACE(offset);
    Bytes bytes = encoded_mark();
    bytes[offset] = std::byte{value};
    mend_checksum(bytes);
    const auto failure = failure_of(bytes);
    EXPECT_EQ(to_string(failure.error), to_string(error));
    EXPECT_EQ(failure.offset, at);
  }
}

TEST(Codec, refuses_an_enumerator_it_does_not_know) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(
      encode(bytes, kStamp, OrderSend{.cl_ord_id = ClOrdId{7}, .instrument = InstrumentId{1}}));
  const std::size_t side = 34 + offsetof(OrderSend, side);
  bytes[side] = std::byte{kSides};
  mend_checksum(bytes);
  const auto failure = failure_of(bytes);
  EXPECT_EQ(failure.error, DecodeError::BadEnum);
  EXPECT_EQ(failure.offset, side);
}

TEST(Codec, skips_unknown_types_before_and_after_the_body) {
  const Bytes mark = encoded_mark();
  Bytes bytes(mark.begin(), mark.begin() + 32);
  const Bytes unknown{std::byte{150}, std::byte{3}, std::byte{1}, std::byte{2}, std::byte{3}};
  bytes.insert(bytes.end(), unknown.begin(), unknown.end());
  bytes.insert(bytes.end(), mark.begin() + 32, mark.end());
  bytes.insert(bytes.end(), unknown.begin(), unknown.end());
  bytes[24] = static_cast<std::byte>(bytes.size() - 32);
  mend_checksum(bytes);
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->as<Mark>().bid, sample_mark().bid);
}

TEST(Codec, carries_a_book_of_the_largest_size) {
  std::vector<Level> levels(kLevelsPerMessage);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i] = {Price::from_e8(static_cast<std::int64_t>(i) + 1), Qty::from_e8(5)};
  }
  const BookView book{
      .head = {.instrument = InstrumentId{2}, .first_update_id = 8, .last_update_id = 9},
      .snapshot = true,
      .bids = std::span{levels}.first(1'500),
      .asks = std::span{levels}.subspan(1'500)};
  Bytes bytes(kMaxMessageBytes);
  Stamp stamp = kStamp;
  stamp.domain = Domain::Market;
  bytes.resize(encode_book(bytes, stamp, book));
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  std::vector<Level> space(kLevelsPerMessage);
  const BookView back = read_book(*view, space);
  EXPECT_TRUE(back.snapshot);
  ASSERT_EQ(back.bids.size(), 1'500U);
  ASSERT_EQ(back.asks.size(), 2'500U);
  EXPECT_EQ(back.asks.back().px.e8(), 4'000);
  EXPECT_EQ(back.head.last_update_id, 9U);
}

TEST(Codec, refuses_a_book_whose_counts_disagree_with_its_levels) {
  const std::array<Level, 2> levels{};
  const BookView book{
      .head = {.instrument = InstrumentId{2}}, .snapshot = false, .bids = levels, .asks = {}};
  Bytes bytes(kSmallMessageBytes);
  Stamp stamp = kStamp;
  stamp.domain = Domain::Market;
  bytes.resize(encode_book(bytes, stamp, book));
  bytes[34 + offsetof(BookUpdate, bid_count)] = std::byte{1};
  mend_checksum(bytes);
  EXPECT_EQ(failure_of(bytes).error, DecodeError::BadLength);
}

TEST(Codec, carries_the_checks_of_a_decision_in_an_extended_value) {
  std::vector<CheckResult> checks(kRiskChecks);
  checks.back().check = RiskCheck::Funds;
  checks.back().value_e8 = 77;
  const RiskDecision decision{.intent = ClOrdId{5}, .accepted = 1, .check_count = kRiskChecks};
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode_with_tail<RiskDecision, CheckResult>(bytes, kStamp, decision, checks));
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  std::vector<CheckResult> back(kRiskChecks);
  EXPECT_EQ(view->tail<CheckResult>(sizeof(RiskDecision), back), kRiskChecks);
  EXPECT_EQ(back.back().check, RiskCheck::Funds);
  EXPECT_EQ(back.back().value_e8, 77);
}

TEST(Registry, is_sorted_by_type_and_stays_inside_its_domains) {
  std::uint8_t last = 0;
  for (const MessageInfo& info : messages()) {
    EXPECT_GT(info.type, last) << info.name;
    last = info.type;
    EXPECT_TRUE(type_allowed(Domain::Market, info.type) ||
                type_allowed(Domain::Execution, info.type))
        << info.name;
    EXPECT_EQ(find_message(info.type), &info);
  }
  EXPECT_EQ(find_message(130), nullptr);
}

}  // namespace
}  // namespace stoa::native

#include "protocol/native/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/uint256.h"
#include "model/execution.h"
#include "model/market.h"
#include "model/onchain.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/signal.h"
#include "model/system.h"
#include "model/token_amount.h"
#include "model/types.h"
#include "protocol/native/registry.h"
#include "protocol/native/sample_messages.h"
#include "protocol/native/version.h"

namespace stoa::native {
namespace {

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

bool same(const std::expected<MessageView, DecodeFailure>& a,
          const std::expected<MessageView, DecodeFailure>& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return a.error().error == b.error().error && a.error().offset == b.error().offset;
  return a->type() == b->type() && a->bytes().data() == b->bytes().data() &&
         a->bytes().size() == b->bytes().size() && a->body().data() == b->body().data() &&
         a->body().size() == b->body().size();
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

TEST(Codec, leaves_the_checksum_out_where_the_policy_says_so) {
  Bytes bytes(kSmallMessageBytes);
  Stamp stamp = kStamp;
  stamp.checksum = Checksum::Off;
  bytes.resize(encode(bytes, stamp, sample_mark()));
  EXPECT_EQ(std::to_integer<int>(bytes[7]), kFlagOutput | kFlagUnchecked);
  EXPECT_EQ(bytes[28] | bytes[29] | bytes[30] | bytes[31], std::byte{0});
  const auto view = decode(bytes, {.checksum = Checksum::Off});
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->as<Mark>().bid, sample_mark().bid);
  EXPECT_TRUE(decode_likely<Mark>(bytes, {.checksum = Checksum::Off}).has_value());
  EXPECT_FALSE(decode_likely<Mark>(bytes).has_value());

  const auto refused = failure_of(bytes);  // who wants checksums says that there is none
  EXPECT_EQ(refused.error, DecodeError::Unchecked);
  EXPECT_EQ(refused.offset, 7U);

  restamp(bytes, Timestamp::from_ns(5));  // and it stays without
  EXPECT_EQ(bytes[28] | bytes[29] | bytes[30] | bytes[31], std::byte{0});
}

TEST(Codec, checks_a_checksum_that_is_there_whatever_the_policy) {
  Bytes bytes = encoded_mark();
  EXPECT_TRUE(decode(bytes, {.checksum = Checksum::Off}).has_value());
  bytes[40] ^= std::byte{1};
  const auto damaged = decode(bytes, {.checksum = Checksum::Off});
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().error, DecodeError::BadChecksum);

  bytes = encoded_mark();
  bytes[7] |= std::byte{kFlagUnchecked};  // says "none", and yet one is there
  const auto contradiction = decode(bytes, {.checksum = Checksum::Off});
  ASSERT_FALSE(contradiction.has_value());
  EXPECT_EQ(contradiction.error().error, DecodeError::BadChecksum);
}

// ---- users' types, and values behind the body

Bytes bytes_of_size(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

constexpr TraceContext kTrace{
    .trace_id = {std::byte{0x4B}, std::byte{0xF9}}, .span_id = {std::byte{1}}, .flags = 1};

bool same_trace(const std::optional<TraceContext>& trace) {
  return trace && std::memcmp(&*trace, &kTrace, sizeof kTrace) == 0;
}

TEST(Codec, carries_a_users_bytes_in_any_domain_and_of_any_size) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{255}, std::size_t{256}, kMaxValueBytes}) {
    for (const auto& [domain, type] :
         {std::pair{Domain::Market, 200}, std::pair{Domain::Signal, 230},
          std::pair{Domain::Execution, 254}, std::pair{Domain::System, 201}}) {
      SCOPED_TRACE(size);
      const Bytes value = bytes_of_size(size);
      Bytes bytes(kMaxMessageBytes);
      Stamp stamp = kStamp;
      stamp.domain = domain;
      bytes.resize(encode_user(bytes, stamp, static_cast<std::uint8_t>(type), value));
      const auto view = decode(bytes);
      ASSERT_TRUE(view.has_value());
      EXPECT_EQ(view->type(), type);
      EXPECT_TRUE(std::ranges::equal(view->body(), value));
      EXPECT_FALSE(view->trace());
    }
  }
}

TEST(Codec, takes_the_first_known_type_for_the_body_and_else_the_first_of_a_user) {
  const auto value = bytes_of_size(3);
  Bytes bytes(kSmallMessageBytes);
  std::size_t size = encode_user(bytes, kStamp, 201, value);
  size = add_value(bytes, size, 200, value);
  const auto of_user = decode(std::span{bytes}.first(size));
  ASSERT_TRUE(of_user.has_value());
  EXPECT_EQ(of_user->type(), 201);

  const Mark mark = sample_mark();
  size = add_value(bytes, size, Wire<Mark>::kType, std::as_bytes(std::span{&mark, 1}));
  const auto message = std::span{bytes}.first(size);
  const auto known = decode(message);
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->as<Mark>().bid, mark.bid);
  EXPECT_TRUE(same(known, MessageView::trusted(message)));  // the two choose alike

  std::vector<int> types;
  known->for_each_value([&](const Value& each) { types.push_back(each.type); });
  EXPECT_EQ(types, (std::vector<int>{201, 200, Wire<Mark>::kType}));
}

TEST(Codec, refuses_a_type_between_ours_and_the_users) {
  Bytes bytes(kSmallMessageBytes);
  std::size_t size = encode_user(bytes, kStamp, 200, {});
  bytes.resize(size);
  for (const unsigned type : {120U, 199U, 255U}) {
    bytes[32] = static_cast<std::byte>(type);
    mend_checksum(bytes);
    EXPECT_FALSE(decode(bytes).has_value()) << type;
  }
}

TEST(Codec, carries_a_trace_behind_any_body) {
  for (const MessageInfo& info : messages()) {
    SCOPED_TRACE(info.name);
    Bytes bytes = sample_message(info);
    const std::size_t plain_bytes = bytes.size();
    bytes.resize(kMaxMessageBytes);
    bytes.resize(add_trace(bytes, plain_bytes, kTrace));
    EXPECT_EQ(bytes.size(), plain_bytes + 2 + sizeof(TraceContext));
    const auto view = decode(bytes);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->type(), info.type);
    EXPECT_EQ(view->bytes().size(), bytes.size());
    if (info.type != Wire<TraceContext>::kType) {
      EXPECT_TRUE(same_trace(view->trace()));
    }
  }
}

TEST(Codec, encodes_a_message_with_its_trace) {
  Bytes bytes(kSmallMessageBytes);
  bytes.resize(encode_with_trace(bytes, kStamp, sample_mark(), kTrace));
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->as<Mark>().bid, sample_mark().bid);
  EXPECT_TRUE(same_trace(view->trace()));
  EXPECT_FALSE(decode(encoded_mark())->trace());
}

TEST(Codec, checks_a_known_value_behind_the_body_like_a_body) {
  const Trade trade{};
  Bytes bytes(kSmallMessageBytes);
  std::size_t size = encode(bytes, kStamp, sample_mark());
  const std::size_t value_at = size + 2;
  bytes.resize(add_value(bytes, size, Wire<Trade>::kType, std::as_bytes(std::span{&trade, 1})));
  const auto failure = failure_of(bytes);  // a market type in the execution domain
  EXPECT_EQ(failure.error, DecodeError::WrongDomain);
  EXPECT_EQ(failure.offset, value_at);
}

TEST(Codec, refuses_an_amount_that_is_neither_above_nor_below_zero) {
  Bytes bytes(kSmallMessageBytes);
  Stamp stamp = kStamp;
  stamp.domain = Domain::Market;
  PoolSync sync{};
  sync.reserve1.negative = 2;
  bytes.resize(encode(bytes, stamp, sync));
  const auto failure = failure_of(bytes);
  EXPECT_EQ(failure.error, DecodeError::BadEnum);
  EXPECT_EQ(failure.offset, 34 + offsetof(PoolSync, reserve1) + offsetof(TokenAmount, negative));
}

TEST(Codec, carries_the_legs_of_an_arbitrage) {
  std::vector<ArbitrageLeg> legs(3);
  legs[2].amount_out.magnitude = Uint256{7};
  ArbitrageSignal signal{.signal = SignalId{9}, .leg_count = 3};
  Bytes bytes(2'000);
  Stamp stamp = kStamp;
  stamp.domain = Domain::Signal;
  bytes.resize(encode_with_tail<ArbitrageSignal, ArbitrageLeg>(bytes, stamp, signal, legs));
  const auto view = decode(bytes);
  ASSERT_TRUE(view.has_value());
  std::vector<ArbitrageLeg> back(3);
  EXPECT_EQ(view->tail<ArbitrageLeg>(sizeof(ArbitrageSignal), back), 3U);
  EXPECT_EQ(back[2].amount_out.magnitude, Uint256{7});

  signal.leg_count = 2;  // disagrees with what follows
  bytes.resize(2'000);
  bytes.resize(encode_with_tail<ArbitrageSignal, ArbitrageLeg>(bytes, stamp, signal, legs));
  EXPECT_EQ(failure_of(bytes).error, DecodeError::BadLength);
}

// ---- the short cut of decode, beside the full way

/// Damage that reaches every rule: a byte anywhere, mostly where rules look, then mostly a checksum
/// that agrees again.
void damage(Bytes& bytes, Random& random) {
  const std::uint64_t changes = random.below(3);
  for (std::uint64_t i = 0; i < changes; ++i) {
    const std::uint64_t reach =
        random.one_in(2) ? bytes.size() : std::min<std::size_t>(40, bytes.size());
    bytes[random.below(reach)] =
        static_cast<std::byte>(random.one_in(2) ? random.below(8) : random.next());
  }
  if (random.one_in(4)) bytes[7] ^= std::byte{kFlagUnchecked};
  if (random.one_in(8)) bytes.resize(random.below(bytes.size() + 1));
  if (random.one_in(8)) bytes.resize(bytes.size() + random.below(100));
  if (bytes.size() < sizeof(Header) || random.one_in(8)) return;
  const std::size_t payload_bytes = detail::load<std::uint32_t>(&bytes[24]);
  const auto all = std::span<const std::byte>{bytes};
  if (payload_bytes > all.size() - sizeof(Header)) return;
  const bool unchecked = (bytes[7] & std::byte{kFlagUnchecked}) != std::byte{0};
  const std::uint32_t crc =
      unchecked ? 0 : crc32c(crc32c(all.first(28)), all.subspan(sizeof(Header), payload_bytes));
  std::memcpy(&bytes[28], &crc, sizeof crc);
}

TEST(Codec, answers_the_same_with_and_without_its_short_cut) {
  std::vector<Bytes> samples;
  for (const MessageInfo& info : messages()) samples.push_back(sample_message(info));
  Random random{2'024};
  std::size_t accepted_count = 0;
  constexpr std::size_t kRounds = 3'000'000;
  Bytes bytes;
  for (std::size_t round = 0; round < kRounds; ++round) {
    bytes = samples[random.below(samples.size())];
    damage(bytes, random);
    const Accept accept{.checksum = random.one_in(2) ? Checksum::On : Checksum::Off,
                        .versions = random.one_in(4) ? VersionRange{1, 2} : kReadableVersions};
    const auto full = detail::decode_in_full(bytes, accept);
    ASSERT_TRUE(same(decode(bytes, accept), full)) << round << ' ' << hex_of(bytes);
    ASSERT_TRUE(same(decode_likely<Trade>(bytes, accept), full)) << round << ' ' << hex_of(bytes);
    ASSERT_TRUE(same(decode_likely<OrderUpdate>(bytes, accept), full))
        << round << ' ' << hex_of(bytes);
    accepted_count += full.has_value() ? 1 : 0;
  }
  EXPECT_GT(accepted_count, kRounds / 10);  // both answers were met often
  EXPECT_LT(accepted_count, kRounds * 9 / 10);
}

TEST(Registry, is_sorted_by_type_and_stays_inside_its_domains) {
  std::uint8_t last = 0;
  for (const MessageInfo& info : messages()) {
    EXPECT_GT(info.type, last) << info.name;
    last = info.type;
    EXPECT_TRUE(type_allowed(Domain::Market, info.type) ||
                type_allowed(Domain::Signal, info.type) ||
                type_allowed(Domain::Execution, info.type))
        << info.name;
    EXPECT_EQ(find_message(info.type), &info);
  }
  EXPECT_EQ(find_message(130), nullptr);
}

}  // namespace
}  // namespace stoa::native

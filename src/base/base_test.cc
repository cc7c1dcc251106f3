#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/decimal.h"
#include "base/histogram.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/text.h"

namespace stoa {
namespace {

TEST(DecimalText, writes_the_shortest_exact_form) {
  EXPECT_EQ(DecimalText(std::int64_t{0}).view(), "0");
  EXPECT_EQ(DecimalText(std::int64_t{10'000'000}).view(), "0.1");
  EXPECT_EQ(DecimalText(std::int64_t{-6'183'763'000'000}).view(), "-61837.63");
  EXPECT_EQ(DecimalText(std::int64_t{1}).view(), "0.00000001");
  EXPECT_EQ(DecimalText(std::numeric_limits<std::int64_t>::min()).view(), "-92233720368.54775808");
  EXPECT_EQ(DecimalText(int128{1} << 126).view(), "850705917302346158658436518579.42052864");
}

TEST(DecimalText, reads_back_what_it_wrote) {
  Random random{7};
  for (int i = 0; i < 20'000; ++i) {
    const auto e8 = static_cast<std::int64_t>(random.next()) >> random.below(63);
    const DecimalText text{e8};
    const auto back = parse_e8(text.view());
    ASSERT_TRUE(back.has_value()) << text.view();
    ASSERT_EQ(*back, e8);
  }
}

TEST(Money, rounds_the_product_as_it_was_told) {
  const auto cent = Price::from_e8(1);         // 0.00000001
  const auto half = Qty::from_e8(50'000'000);  // 0.5
  EXPECT_EQ(notional(cent, half, Rounding::Down).e8(), 0);
  EXPECT_EQ(notional(cent, half, Rounding::Up).e8(), 1);
  EXPECT_EQ(notional(cent, half, Rounding::HalfEven).e8(), 0);
  EXPECT_EQ(notional(Price::from_e8(3), half, Rounding::HalfEven).e8(), 2);
  EXPECT_EQ(notional(Price::from_e8(-3), half, Rounding::HalfEven).e8(), -2);
  EXPECT_EQ(notional(Price::from_e8(-3), half, Rounding::Up).e8(), -2);
  EXPECT_EQ(notional(Price::from_e8(-3), half, Rounding::Down).e8(), -1);
}

TEST(Money, holds_the_largest_product_of_two_int64) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  const auto money = notional(Price::from_e8(max), Qty::from_e8(max), Rounding::Down);
  EXPECT_EQ(money.e8(), int128{max} * max / 100'000'000);
  EXPECT_EQ(money.saturated_e8(), max);
}

TEST(Money, applies_fee_rates_in_hundredths_of_a_basis_point) {
  EXPECT_EQ(apply_rate_e6(Money::from_e8(100'000'000), 750, Rounding::Up).e8(), 75'000);
  EXPECT_EQ(apply_rate_e6(Money::from_e8(1), 750, Rounding::Up).e8(), 1);
  EXPECT_EQ(apply_rate_e6(Money::from_e8(100'000'000), -100, Rounding::HalfEven).e8(), -10'000);
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

TEST(Crc32c, agrees_with_the_published_vectors) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE306'9283U);
  const std::vector<std::byte> zeros(32, std::byte{0});
  EXPECT_EQ(crc32c(zeros), 0x8A91'36AAU);
  const std::vector<std::byte> ones(32, std::byte{0xFF});
  EXPECT_EQ(crc32c(ones), 0x62A8'AB43U);
}

TEST(Crc32c, equals_the_table_at_every_length_and_split) {
  Random random{11};
  std::vector<std::byte> bytes(5000);
  for (auto& b : bytes) b = static_cast<std::byte>(random.next());
  const std::span<const std::byte> all{bytes};
  for (std::size_t size = 0; size <= all.size(); size += size < 300 ? 1 : 97) {
    const auto part = all.first(size);
    const auto want = crc32c_by_table(0, part);
    ASSERT_EQ(crc32c(part), want) << size;
    const auto cut = static_cast<std::size_t>(random.below(size + 1));
    ASSERT_EQ(crc32c(crc32c(part.first(cut)), part.subspan(cut)), want)
        << size << " cut at " << cut;
  }
}

TEST(Crc32c, of_parts_equals_the_table_for_every_size_of_part) {
  Random random{12};
  std::vector<std::byte> bytes(300);
  for (auto& b : bytes) b = static_cast<std::byte>(random.next());
  const std::span<const std::byte> all{bytes};
  for (std::size_t size = 0; size <= all.size(); ++size) {
    Crc32c crc;
    crc.add(all.data(), size);
    ASSERT_EQ(crc.value(), crc32c_by_table(0, all.first(size))) << size;
  }
  Crc32c crc;
  crc.add(std::uint64_t{0x3837'3635'3433'3231});  // "12345678"
  crc.add(std::uint8_t{0x39});
  EXPECT_EQ(crc.value(), 0xE306'9283U);
  crc.add(std::uint16_t{0x0102});
  crc.add(std::uint32_t{0x0304'0506});
  const std::vector<std::byte> more{std::byte{2}, std::byte{1}, std::byte{6},
                                    std::byte{5}, std::byte{4}, std::byte{3}};
  EXPECT_EQ(crc.value(), crc32c_by_table(0xE306'9283U, more));
}

TEST(Histogram, keeps_percentiles_within_a_step) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 100'000U);
  EXPECT_EQ(histogram.max(), 100'000U);
  for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
    const auto exact = quantile * 100'000;
    const auto got = static_cast<double>(histogram.percentile(quantile));
    EXPECT_GE(got, exact);
    EXPECT_LE(got, exact * 1.033);
  }
  EXPECT_EQ(histogram.percentile(1.0), 100'000U);
}

TEST(Histogram, every_value_lies_at_or_below_its_bucket_bound) {
  Random random{3};
  for (int i = 0; i < 100'000; ++i) {
    const auto value = random.next() >> random.below(64);
    const auto bucket = Histogram::bucket_of(value);
    ASSERT_LT(bucket, Histogram::kBuckets);
    if (bucket + 1 < Histogram::kBuckets) {
      ASSERT_LE(value, Histogram::upper_bound_of(bucket));
      if (bucket > 0) {
        ASSERT_GT(value, Histogram::upper_bound_of(bucket - 1));
      }
    }
  }
}

TEST(Clock, writes_times_as_rfc3339_before_and_after_1970) {
  EXPECT_EQ(to_rfc3339(Timestamp::from_ns(1'723'161'253'937'085'768)),
            "2024-08-08T23:54:13.937085768Z");
  EXPECT_EQ(to_rfc3339(Timestamp::from_ns(-1)), "1969-12-31T23:59:59.999999999Z");
}

TEST(ManualClock, never_goes_back) {
  ManualClock clock{Timestamp::from_ns(10)};
  clock.advance_to(Timestamp::from_ns(20));
  clock.advance_to(Timestamp::from_ns(15));
  EXPECT_EQ(clock.now().ns(), 20);
}

TEST(Text, refuses_what_does_not_fit_and_pads_with_zeros) {
  EXPECT_FALSE(Text<4>::from("abcde").has_value());
  EXPECT_FALSE(Text<4>::from(std::string_view{"a\0b", 3}).has_value());
  EXPECT_EQ(Text<4>::from("abcd").value().view(), "abcd");
  EXPECT_EQ(Text<4>::from("ab").value().view(), "ab");
  EXPECT_EQ(Text<4>::cut("abcdef").view(), "abcd");
}

}  // namespace
}  // namespace stoa

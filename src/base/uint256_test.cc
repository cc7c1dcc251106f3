#include "base/uint256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/random.h"

namespace stoa {
namespace {

constexpr std::string_view kLargest =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

// ---- arithmetic as a child writes it: on digits, lowest last

std::string stripped(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return digits;
}
std::string slow_sum(std::string a, std::string b) {
  a.insert(0, std::max(a.size(), b.size()) + 1 - a.size(), '0');
  b.insert(0, a.size() - b.size(), '0');
  int carry = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = (a[i] - '0') + (b[i] - '0') + carry;
    a[i] = static_cast<char>('0' + digit % 10);
    carry = digit / 10;
  }
  return stripped(a);
}
bool slow_less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}
/// Bit by bit from the top: double, and add one where the bit is set.
std::string slow_text(const Uint256& value) {
  std::string digits = "0";
  for (std::size_t bit = 256; bit-- > 0;) {
    digits = slow_sum(digits, digits);
    if ((value.limbs()[bit / 64] >> (bit % 64) & 1U) != 0) digits = slow_sum(digits, "1");
  }
  return digits;
}

/// Of any length, and often near an edge of a limb.
Uint256 any_value(Random& random) {
  std::array<std::uint64_t, Uint256::kLimbs> limbs{};
  const std::size_t used = random.below(Uint256::kLimbs + 1);
  for (std::size_t i = 0; i < used; ++i) {
    constexpr std::uint64_t kTop = std::numeric_limits<std::uint64_t>::max();
    limbs[i] = random.one_in(4) ? kTop - random.below(2) : random.next() >> random.below(64);
  }
  return Uint256{limbs};
}

std::string text_of(const Uint256& value) { return std::string{Uint256Text{value}.view()}; }

TEST(Uint256, shows_and_reads_its_edges) {
  const Uint256 largest = *Uint256::parse(kLargest);
  for (const std::uint64_t limb : largest.limbs()) EXPECT_EQ(limb, ~std::uint64_t{0});
  EXPECT_EQ(text_of(largest), kLargest);
  EXPECT_EQ(text_of(Uint256{}), "0");
  EXPECT_EQ(text_of(*Uint256::parse("000")), "0");
  EXPECT_EQ(text_of(*Uint256::parse("00018446744073709551616")), "18446744073709551616");
  EXPECT_EQ(text_of(*Uint256::parse("10000000000000000000")), "10000000000000000000");
  EXPECT_EQ(text_of(*Uint256::parse("100000000000000000000000000000000000000")),
            "100000000000000000000000000000000000000");
}

TEST(Uint256, refuses_what_is_no_integer_or_too_large) {
  const auto error_of = [](std::string_view text) {
    const auto value = Uint256::parse(text);
    return value ? std::optional<DecimalError>{} : value.error();
  };
  EXPECT_EQ(error_of(""), DecimalError::Empty);
  for (const std::string_view text : {"-1", "+1", "1.0", "0x10", " 1", "1e3"}) {
    EXPECT_EQ(error_of(text), DecimalError::NotDecimal) << text;
  }
  std::string past{kLargest};
  past.back() = '6';
  EXPECT_EQ(error_of(past), DecimalError::OutOfRange);
  EXPECT_EQ(error_of(std::string(79, '9')), DecimalError::OutOfRange);
  EXPECT_EQ(error_of(std::string(200, '0') + "7"), std::nullopt);
}

TEST(Uint256, agrees_with_arithmetic_on_digits) {
  Random random{256};
  for (int round = 0; round < 2'000; ++round) {
    const Uint256 a = any_value(random);
    const Uint256 b = random.one_in(8) ? a : any_value(random);
    const std::string a_text = slow_text(a);
    const std::string b_text = slow_text(b);
    ASSERT_EQ(text_of(a), a_text);
    ASSERT_EQ(Uint256::parse(a_text), a);
    ASSERT_EQ(a < b, slow_less(a_text, b_text)) << a_text << ' ' << b_text;
    ASSERT_EQ(a == b, a_text == b_text);

    const std::string sum_text = slow_sum(a_text, b_text);
    const auto sum = Uint256::sum(a, b);
    ASSERT_EQ(sum.has_value(), !slow_less(std::string{kLargest}, sum_text)) << sum_text;
    if (sum) {
      ASSERT_EQ(text_of(*sum), sum_text);
      ASSERT_EQ(Uint256::difference(*sum, b), a);
    }
    ASSERT_EQ(Uint256::difference(a, b).has_value(), !slow_less(a_text, b_text));
  }
}

}  // namespace
}  // namespace stoa

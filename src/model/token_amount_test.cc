#include "model/token_amount.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/random.h"
#include "base/uint256.h"

namespace stoa {
namespace {

std::string text_of(const TokenAmount& amount) {
  return std::string{TokenAmountText{amount}.view()};
}

/// The text by moving a point through the digits, which is how a person would do it.
std::string slow_text(const TokenAmount& amount) {
  std::string digits{Uint256Text{amount.magnitude}.view()};
  while (digits.size() <= amount.decimals) digits.insert(digits.begin(), '0');
  if (amount.decimals > 0) digits.insert(digits.size() - amount.decimals, ".");
  return (amount.negative != 0 ? "-" : "") + digits;
}

TEST(TokenAmount, shows_exactly_its_decimals) {
  struct Case {
    std::string_view magnitude;
    std::uint8_t decimals;
    std::uint8_t negative;
    std::string_view text;
  };
  constexpr Case kCases[] = {
      {"0", 0, 0, "0"},
      {"0", 2, 0, "0.00"},
      {"7", 0, 1, "-7"},
      {"1500000000000000000", 18, 0, "1.500000000000000000"},
      {"1", 18, 1, "-0.000000000000000001"},
      {"123456", 6, 0, "0.123456"},
      {"1234567", 6, 0, "1.234567"},
      {"115792089237316195423570985008687907853269984665640564039457584007913129639935", 18, 0,
       "115792089237316195423570985008687907853269984665640564039457.584007913129639935"},
  };
  for (const Case& each : kCases) {
    const TokenAmount amount{.magnitude = *Uint256::parse(each.magnitude),
                             .decimals = each.decimals,
                             .negative = each.negative};
    EXPECT_EQ(text_of(amount), each.text);
    EXPECT_EQ(parse_token_amount(each.text), amount) << each.text;
  }
}

TEST(TokenAmount, refuses_what_it_could_not_give_back) {
  const auto error_of = [](std::string_view text) {
    const auto amount = parse_token_amount(text);
    return amount ? std::optional<DecimalError>{} : amount.error();
  };
  EXPECT_EQ(error_of(""), DecimalError::Empty);
  for (const std::string_view text : {"-", ".", "1.", ".5", "--1", "1.2.3", "1e18", " 1", "1,5"}) {
    EXPECT_EQ(error_of(text), DecimalError::NotDecimal) << text;
  }
  EXPECT_EQ(error_of("0." + std::string(255, '0')), std::nullopt);
  EXPECT_EQ(error_of("0." + std::string(256, '0')), DecimalError::TooPrecise);
  EXPECT_EQ(error_of("1" + std::string(78, '0')), DecimalError::OutOfRange);
  EXPECT_EQ(
      error_of("1157920892373161954235709850086879078532699846656405640394575840079131296399.36"),
      DecimalError::OutOfRange);
}

TEST(TokenAmount, any_amount_is_read_back_from_its_text) {
  Random random{40};
  for (int round = 0; round < 20'000; ++round) {
    std::array<std::uint64_t, Uint256::kLimbs> limbs{};
    const std::size_t used = random.below(Uint256::kLimbs + 1);
    for (std::size_t i = 0; i < used; ++i) limbs[i] = random.next() >> random.below(64);
    const TokenAmount amount{
        .magnitude = Uint256{limbs},
        .decimals = static_cast<std::uint8_t>(random.one_in(2) ? 18 : random.below(256)),
        .negative = static_cast<std::uint8_t>(random.below(2))};
    ASSERT_EQ(text_of(amount), slow_text(amount));
    ASSERT_EQ(parse_token_amount(text_of(amount)), amount) << text_of(amount);
  }
}

}  // namespace
}  // namespace stoa

#include "base/price.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <expected>
#include <string_view>
#include "base/decimal.h"

namespace stoa {
namespace {

struct ParseCase {
  std::string_view text;
  std::expected<std::int64_t, DecimalError> want_e8;
};

// Each pair stands on both sides of one edge: the last text accepted, the first one refused.
constexpr ParseCase kParseCases[] = {
    {"0", 0},
    {"", std::unexpected(DecimalError::Empty)},
    {"-0.25", -25'000'000},
    {"+0.25", std::unexpected(DecimalError::NotDecimal)},
    {"1.123456780", 112'345'678},
    {"1.123456781", std::unexpected(DecimalError::TooPrecise)},
    {"92233720368.54775807", 9'223'372'036'854'775'807},
    {"92233720368.54775808", std::unexpected(DecimalError::OutOfRange)},
};

TEST(Price, parse_keeps_every_decimal_or_refuses) {
  for (const auto& [text, want_e8] : kParseCases) {
    SCOPED_TRACE(text);
    const auto got = Price::parse(text);
    ASSERT_EQ(got.has_value(), want_e8.has_value());
    if (got) {
      EXPECT_EQ(got->e8(), *want_e8);
    } else {
      EXPECT_EQ(got.error(), want_e8.error());
    }
  }
}

}  // namespace
}  // namespace stoa

#include "model/token_amount.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <string_view>

#include "base/decimal.h"
#include "base/uint256.h"

namespace stoa {

std::expected<TokenAmount, DecimalError> parse_token_amount(std::string_view text) noexcept {
  if (text.empty()) return std::unexpected(DecimalError::Empty);
  TokenAmount amount;
  if (text.front() == '-') {
    amount.negative = 1;
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const bool has_point = point != std::string_view::npos;
  const std::string_view fraction = has_point ? text.substr(point + 1) : std::string_view{};
  if (whole.empty() || (has_point && fraction.empty()))
    return std::unexpected(DecimalError::NotDecimal);
  if (fraction.size() > std::numeric_limits<std::uint8_t>::max())
    return std::unexpected(DecimalError::TooPrecise);
  amount.decimals = static_cast<std::uint8_t>(fraction.size());

  // Both parts as one integer: what is left of leading zeros has at most 78 digits.
  constexpr std::size_t kRoom = Uint256::kDigitsMax + 1;
  std::array<char, kRoom> digits{};
  std::size_t used = 0;
  for (const std::string_view part : {whole, fraction}) {
    for (const char c : part) {
      if (c < '0' || c > '9') return std::unexpected(DecimalError::NotDecimal);
      if (used == 0 && c == '0') continue;
      if (used < kRoom) digits[used++] = c;  // more than fit are too many in any case
    }
  }
  if (used == 0) return amount;
  const auto magnitude = Uint256::parse({digits.data(), used});
  if (!magnitude) return std::unexpected(magnitude.error());
  amount.magnitude = *magnitude;
  return amount;
}

TokenAmountText::TokenAmountText(const TokenAmount& amount) noexcept {
  const Uint256Text magnitude{amount.magnitude};
  const std::string_view digits = magnitude.view();
  const std::size_t decimals = amount.decimals;
  const std::size_t written = std::max(digits.size(), decimals + 1);
  for (std::size_t i = 0; i < written; ++i) {
    if (i == decimals && decimals > 0) text_[--begin_] = '.';
    text_[--begin_] = i < digits.size() ? digits[digits.size() - 1 - i] : '0';
  }
  if (amount.negative != 0) text_[--begin_] = '-';
}

}  // namespace stoa

#include "base/decimal.h"

#include <cstdint>
#include <expected>
#include <limits>
#include <string_view>

namespace stoa {

std::string_view to_string(DecimalError error) noexcept {
  switch (error) {
    case DecimalError::Empty:
      return "empty";
    case DecimalError::NotDecimal:
      return "not a decimal number";
    case DecimalError::TooPrecise:
      return "more than eight decimals";
    case DecimalError::OutOfRange:
      return "out of range";
  }
  return "unknown";
}

std::expected<std::int64_t, DecimalError> parse_e8(std::string_view text) noexcept {
  if (text.empty()) return std::unexpected(DecimalError::Empty);
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);

  constexpr int kDecimals = 8;
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  std::uint64_t e8 = 0;
  int decimals = -1;  // -1 until the point is seen
  bool digit_seen = false;
  for (const char c : text) {
    if (c == '.' && decimals < 0 && digit_seen) {
      decimals = 0;
      digit_seen = false;
      continue;
    }
    if (c < '0' || c > '9') return std::unexpected(DecimalError::NotDecimal);
    digit_seen = true;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (decimals == kDecimals) {
      if (digit != 0) return std::unexpected(DecimalError::TooPrecise);
      continue;
    }
    if (e8 > (limit - digit) / 10) return std::unexpected(DecimalError::OutOfRange);
    e8 = e8 * 10 + digit;
    if (decimals >= 0) ++decimals;
  }
  if (!digit_seen) return std::unexpected(DecimalError::NotDecimal);
  for (int i = decimals < 0 ? 0 : decimals; i < kDecimals; ++i) {
    if (e8 > limit / 10) return std::unexpected(DecimalError::OutOfRange);
    e8 *= 10;
  }
  return static_cast<std::int64_t>(negative ? 0 - e8 : e8);
}

DecimalText::DecimalText(int128 e8) noexcept {
  __extension__ using Unsigned = unsigned __int128;
  constexpr int kDecimals = 8;
  Unsigned magnitude = e8 < 0 ? Unsigned{0} - static_cast<Unsigned>(e8) : static_cast<Unsigned>(e8);
  bool fraction_seen = false;  // trailing zeros of the fraction are left out
  for (int i = 0; i < kDecimals; ++i) {
    const auto digit = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
    if (digit == '0' && !fraction_seen) continue;
    fraction_seen = true;
    text_[--begin_] = digit;
  }
  if (fraction_seen) text_[--begin_] = '.';
  do {
    text_[--begin_] = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (e8 < 0) text_[--begin_] = '-';
}

}  // namespace stoa

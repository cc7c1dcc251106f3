#include "base/uint256.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/decimal.h"

namespace stoa {
namespace {

__extension__ using uint128 = unsigned __int128;

// Digits are handled nineteen at a time: the most whose value fits a limb.
constexpr std::size_t kChunkDigits = 19;
constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000U;

}  // namespace

std::uint64_t Uint256::multiply_add(std::uint64_t factor, std::uint64_t addend) noexcept {
  std::uint64_t carry = addend;
  for (std::uint64_t& limb : limbs_) {
    const uint128 wide = uint128{limb} * factor + carry;
    limb = static_cast<std::uint64_t>(wide);
    carry = static_cast<std::uint64_t>(wide >> 64U);
  }
  return carry;
}

std::uint64_t Uint256::divide(std::uint64_t divisor) noexcept {
  std::uint64_t remainder = 0;
  for (std::size_t i = kLimbs; i-- > 0;) {
    const uint128 wide = (uint128{remainder} << 64U) | limbs_[i];
    limbs_[i] = static_cast<std::uint64_t>(wide / divisor);
    remainder = static_cast<std::uint64_t>(wide % divisor);
  }
  return remainder;
}

std::expected<Uint256, DecimalError> Uint256::parse(std::string_view digits) noexcept {
  if (digits.empty()) return std::unexpected(DecimalError::Empty);
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
    return std::unexpected(DecimalError::NotDecimal);
  Uint256 value;
  while (!digits.empty()) {
    const std::string_view chunk = digits.substr(0, kChunkDigits);
    digits.remove_prefix(chunk.size());
    std::uint64_t factor = 1;
    std::uint64_t part = 0;
    for (const char c : chunk) {
      factor *= 10;
      part = 10 * part + static_cast<std::uint64_t>(c - '0');
    }
    if (value.multiply_add(factor, part) != 0) return std::unexpected(DecimalError::OutOfRange);
  }
  return value;
}

std::optional<Uint256> Uint256::sum(const Uint256& a, const Uint256& b) noexcept {
  Uint256 result;
  bool carry = false;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const uint128 wide = uint128{a.limbs_[i]} + b.limbs_[i] + (carry ? 1U : 0U);
    result.limbs_[i] = static_cast<std::uint64_t>(wide);
    carry = (wide >> 64U) != 0;
  }
  if (carry) return std::nullopt;
  return result;
}

std::optional<Uint256> Uint256::difference(const Uint256& a, const Uint256& b) noexcept {
  if (a < b) return std::nullopt;
  Uint256 result;
  bool borrow = false;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const uint128 taken = uint128{b.limbs_[i]} + (borrow ? 1U : 0U);
    borrow = a.limbs_[i] < taken;
    result.limbs_[i] = static_cast<std::uint64_t>(a.limbs_[i] - taken);
  }
  return result;
}

Uint256Text::Uint256Text(const Uint256& value) noexcept {
  Uint256 rest = value;
  do {
    std::uint64_t part = rest.divide(kChunk);
    // Every chunk but the highest has its leading zeros.
    for (std::size_t i = 0; i < kChunkDigits && (part != 0 || !rest.is_zero() || i == 0); ++i) {
      text_[--begin_] = static_cast<char>('0' + part % 10);
      part /= 10;
    }
  } while (!rest.is_zero());
}

}  // namespace stoa

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "base/decimal.h"
#include "base/uint256.h"

namespace stoa {

/// An amount of a token as its chain counts it: an integer of up to 256 bits, and how many of its
/// decimal digits stand behind the point. 1.5 ether is 1500000000000000000 with 18 decimals; it is
/// not 15 with one, because the decimals are the token's and belong to the amount.
struct TokenAmount {
  Uint256 magnitude{};
  std::uint8_t decimals = 0;
  std::uint8_t negative = 0;  // 1: below zero (out of a pool); any other value is refused
  std::array<std::uint8_t, 6> reserved{};

  friend constexpr bool operator==(const TokenAmount&, const TokenAmount&) = default;
};
static_assert(sizeof(TokenAmount) == 40);

/// Reads `[-]digits[.digits]`; the digits behind the point are the decimals. Never rounds.
///
/// errors  Empty, NotDecimal, TooPrecise past 255 decimals, OutOfRange past 2^256 - 1
[[nodiscard]] std::expected<TokenAmount, DecimalError> parse_token_amount(
    std::string_view text) noexcept;

/// The text of an amount with exactly its decimals behind the point: "1.500000000000000000", "-7".
/// Reading it gives the same amount back.
class TokenAmountText {
 public:
  explicit TokenAmountText(const TokenAmount& amount) noexcept;

  [[nodiscard]] std::string_view view() const noexcept {
    return {&text_[begin_], text_.size() - begin_};
  }

 private:
  static constexpr std::size_t kBytes = 258;  // a sign, "0.", 255 decimals

  std::array<char, kBytes> text_{};
  std::size_t begin_ = kBytes;
};

}  // namespace stoa

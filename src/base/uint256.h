#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/decimal.h"

namespace stoa {

/// An unsigned integer of 256 bits: what chains count tokens in. As wide as it needs to be and no
/// arithmetic beyond what moving amounts takes; nothing wraps and nothing is rounded.
///
/// shape  four limbs of 64 bits, the lowest first, so that memory is the little-endian number
class Uint256 {
 public:
  static constexpr std::size_t kLimbs = 4;
  /// Decimal digits of the largest value.
  static constexpr std::size_t kDigitsMax = 78;

  constexpr Uint256() noexcept = default;
  explicit constexpr Uint256(std::uint64_t value) noexcept : limbs_{value} {}
  explicit constexpr Uint256(const std::array<std::uint64_t, kLimbs>& limbs) noexcept
      : limbs_{limbs} {}

  /// Reads digits only; leading zeros are allowed.
  ///
  /// errors  Empty, NotDecimal, OutOfRange past 2^256 - 1
  [[nodiscard]] static std::expected<Uint256, DecimalError> parse(std::string_view digits) noexcept;

  [[nodiscard]] constexpr const std::array<std::uint64_t, kLimbs>& limbs() const noexcept {
    return limbs_;
  }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return *this == Uint256{}; }

  friend constexpr bool operator==(const Uint256&, const Uint256&) = default;
  friend constexpr std::strong_ordering operator<=>(const Uint256& a, const Uint256& b) noexcept {
    for (std::size_t i = kLimbs; i-- > 0;) {
      if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] <=> b.limbs_[i];
    }
    return std::strong_ordering::equal;
  }

  /// Nothing when the sum needs a 257th bit.
  [[nodiscard]] static std::optional<Uint256> sum(const Uint256& a, const Uint256& b) noexcept;
  /// Nothing when `b` is larger than `a`.
  [[nodiscard]] static std::optional<Uint256> difference(const Uint256& a,
                                                         const Uint256& b) noexcept;

 private:
  friend class Uint256Text;

  /// this = this * factor + addend; the carry out of the top is returned.
  std::uint64_t multiply_add(std::uint64_t factor, std::uint64_t addend) noexcept;
  /// this = this / divisor; the remainder is returned.
  std::uint64_t divide(std::uint64_t divisor) noexcept;

  std::array<std::uint64_t, kLimbs> limbs_{};
};

/// The digits of a Uint256, kept in place; no leading zeros, "0" for zero.
class Uint256Text {
 public:
  explicit Uint256Text(const Uint256& value) noexcept;

  [[nodiscard]] std::string_view view() const noexcept {
    return {&text_[begin_], text_.size() - begin_};
  }

 private:
  std::array<char, Uint256::kDigitsMax> text_{};
  std::size_t begin_ = Uint256::kDigitsMax;
};

}  // namespace stoa

#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

namespace stoa {

__extension__ using int128 = __int128;

/// Why a text is not a decimal of eight places.
enum class DecimalError : std::uint8_t { Empty, NotDecimal, TooPrecise, OutOfRange };

/// Name of the error as users read it: "empty", "not a decimal", …
[[nodiscard]] std::string_view to_string(DecimalError error) noexcept;

/// Reads `[-]digits[.digits]` as an integer scaled by 1e8; no `+`, exponent or spaces. Never
/// rounds, never allocates.
///
/// errors  Empty, NotDecimal; TooPrecise for a non-zero ninth decimal; OutOfRange past int64
[[nodiscard]] std::expected<std::int64_t, DecimalError> parse_e8(std::string_view text) noexcept;

/// The shortest exact text of an integer scaled by 1e8, kept in place: "0.1", "-61837.63", "3".
class DecimalText {
 public:
  explicit DecimalText(std::int64_t e8) noexcept : DecimalText{int128{e8}} {}
  /// Any 128-bit amount; 39 digits, a sign and a point fit.
  explicit DecimalText(int128 e8) noexcept;

  [[nodiscard]] std::string_view view() const noexcept {
    return {&text_[begin_], text_.size() - begin_};
  }

 private:
  std::array<char, 48> text_{};
  std::size_t begin_ = 48;
};

}  // namespace stoa

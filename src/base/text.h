#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

namespace stoa {

/// A short text of at most `Size` bytes kept in place and zero-padded, so that it can travel as
/// plain bytes.
template <std::size_t Size>
class Text {
 public:
  static constexpr std::size_t kCapacity = Size;

  constexpr Text() noexcept = default;

  /// Nothing when the text is longer than `Size` or holds a zero byte.
  [[nodiscard]] static constexpr std::optional<Text> from(std::string_view text) noexcept {
    if (text.size() > Size || text.find('\0') != std::string_view::npos) return std::nullopt;
    return cut(text);
  }

  /// Keeps the first `Size` bytes; for notes, never for identifiers.
  [[nodiscard]] static constexpr Text cut(std::string_view text) noexcept {
    Text result;
    for (std::size_t i = 0; i < text.size() && i < Size; ++i) result.bytes_[i] = text[i];
    return result;
  }

  [[nodiscard]] constexpr std::string_view view() const noexcept {
    std::size_t size = 0;
    while (size < Size && bytes_[size] != '\0') ++size;
    return {bytes_.data(), size};
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bytes_[0] == '\0'; }
  friend constexpr bool operator==(const Text&, const Text&) = default;

 private:
  std::array<char, Size> bytes_{};
};

}  // namespace stoa

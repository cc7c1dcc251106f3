#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

// Which build a role's process is, and which of the role's two processes.
namespace stoa::deploy {

/// The two processes that a role may have. A platform starts blue.
enum class Colour : std::uint8_t { Blue, Green };
[[nodiscard]] std::string_view to_string(Colour colour) noexcept;  // "blue"
[[nodiscard]] std::optional<Colour> parse_colour(std::string_view text) noexcept;
[[nodiscard]] constexpr Colour other(Colour colour) noexcept {
  return colour == Colour::Blue ? Colour::Green : Colour::Blue;
}

struct Build {
  Colour colour = Colour::Blue;
  std::string release{};  // empty: no release, the program that the platform was started with
  std::filesystem::path program{};  // empty: that one

  friend bool operator==(const Build&, const Build&) = default;
};

}  // namespace stoa::deploy

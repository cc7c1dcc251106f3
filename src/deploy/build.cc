#include "deploy/build.h"

#include <optional>
#include <string_view>

namespace stoa::deploy {

std::string_view to_string(Colour colour) noexcept {
  return colour == Colour::Blue ? "blue" : "green";
}

std::optional<Colour> parse_colour(std::string_view text) noexcept {
  if (text == "blue") return Colour::Blue;
  if (text == "green") return Colour::Green;
  return std::nullopt;
}

}  // namespace stoa::deploy

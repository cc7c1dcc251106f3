#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stoa::ops {

/// One file of environments/ inside the program.
struct EmbeddedEnvironment {
  std::string_view path;  // "/production.toml"
  std::span<const std::uint8_t> bytes;
};

/// Defined by the build: stoa_embed in cmake/StoaEmbed.cmake.
[[nodiscard]] std::span<const EmbeddedEnvironment> embedded_environments() noexcept;

}  // namespace stoa::ops

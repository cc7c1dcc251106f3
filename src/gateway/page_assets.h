#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stoa::gateway {

/// One file of the trading page, inside the program (cmake/StoaEmbed.cmake).
struct PageAsset {
  std::string_view path;  // "/index.html", "/assets/main-3f9a1c2b.js"
  std::string_view content_type;
  std::string_view etag;  // strong, with its quotes
  std::span<const std::uint8_t> bytes;
  bool immutable = false;  // the name holds a hash of the content
};

/// Every file, by path. Without a built page there is one that says how to build it.
[[nodiscard]] std::span<const PageAsset> page_assets() noexcept;

/// "/openapi.json", from src/gateway/schema.
[[nodiscard]] std::span<const PageAsset> schema_assets() noexcept;

}  // namespace stoa::gateway

#include "gateway/page.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/http_message.h"
#include "gateway/page_assets.h"

namespace stoa::gateway {
namespace {

const PageAsset* find_asset(std::string_view path) noexcept {
  const auto in = [path](std::span<const PageAsset> assets) -> const PageAsset* {
    const auto at = std::ranges::find(assets, path, &PageAsset::path);
    return at == assets.end() ? nullptr : &*at;
  };
  if (const PageAsset* asset = in(page_assets())) return asset;
  return in(schema_assets());
}

bool is_document_path(std::string_view path) noexcept {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return !path.starts_with("/api") && !path.starts_with("/ws") && !path.starts_with("/assets/") &&
         last.find('.') == std::string_view::npos;
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) noexcept {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

std::optional<Response> find_page(const Request& request) {
  const PageAsset* asset = find_asset(request.path());
  if (asset == nullptr && is_document_path(request.path())) asset = find_asset("/index.html");
  if (asset == nullptr) return std::nullopt;

  Response response{.content_type = asset->content_type, .asset = asset->bytes, .cacheable = true};
  response.page = asset->content_type.starts_with("text/html");
  response.headers.emplace_back("ETag", asset->etag);
  response.headers.emplace_back(
      "Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (etag_matches(request.if_none_match, asset->etag)) {
    response.status = 304;
    response.asset = {};
  }
  return response;
}

}  // namespace stoa::gateway

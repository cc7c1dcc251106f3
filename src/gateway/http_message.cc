#include "gateway/http_message.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace stoa::gateway {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  static constexpr std::array<std::string_view, 7> kNames{"GET",   "HEAD",   "POST", "PUT",
                                                          "PATCH", "DELETE", "OTHER"};
  return kNames[static_cast<std::size_t>(method)];
}

bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

bool Query::parse(std::string_view text, Query& out) {
  out.values_.clear();
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() < text.size() ? pair.size() + 1 : pair.size());
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    std::string name;
    std::string value;
    if (!percent_decode(pair.substr(0, equals), name)) return false;
    if (equals != std::string_view::npos && !percent_decode(pair.substr(equals + 1), value)) {
      return false;
    }
    out.values_.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

const std::string* Query::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace stoa::gateway

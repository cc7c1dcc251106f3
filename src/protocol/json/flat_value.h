#pragma once

#include <string>
#include <string_view>

namespace stoa::json {

/// The value of the first `"name":` in a JSON text as it is written, quotes taken off; empty when
/// there is none. Enough for the flat answers of our own API, where a reader of all of JSON would
/// cost more than the answer.
[[nodiscard]] inline std::string_view flat_value(std::string_view json, std::string_view name) {
  const std::string key = '"' + std::string{name} + "\":";
  const auto at = json.find(key);
  if (at == std::string_view::npos) return {};
  auto rest = json.substr(at + key.size());
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    return rest.substr(0, rest.find('"'));
  }
  return rest.substr(0, rest.find_first_of(",}]"));
}

}  // namespace stoa::json

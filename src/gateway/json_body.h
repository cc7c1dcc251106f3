#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace stoa::gateway {

enum class JsonKind : std::uint8_t { Null, Bool, Number, String, Array, Object };
[[nodiscard]] std::string_view to_string(JsonKind kind) noexcept;  // "a number"

/// A JSON value as clients send it. Of numbers only whole ones keep their digits: decimals travel
/// as strings.
struct JsonValue {
  JsonKind kind = JsonKind::Null;
  bool flag = false;               // Bool
  std::string text{};              // String; digits of a whole Number
  std::string name{};              // as a member of an object
  std::vector<JsonValue> items{};  // Array, Object

  [[nodiscard]] const JsonValue* find(std::string_view member) const noexcept;
};

/// Reads one JSON text, strictly: RFC 8259, valid UTF-8, nothing behind it, no name twice in an
/// object, at most 16 levels. The error says what is wrong and at which byte.
[[nodiscard]] std::expected<JsonValue, std::string> parse_json(std::string_view text);

}  // namespace stoa::gateway

#include "gateway/fields.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/decimal.h"
#include "gateway/json_body.h"
#include "gateway/problem.h"
#include "gateway/router.h"

namespace stoa::gateway {
namespace {

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [at, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc{} || at != text.end()) return std::nullopt;
  return number;
}

}  // namespace

std::expected<JsonValue, Problem> parse_object(std::string_view body,
                                               std::initializer_list<std::string_view> known) {
  auto value = parse_json(body);
  if (!value) {
    return std::unexpected(Problem{.status = 400,
                                   .code = "malformed_json",
                                   .detail = "the body is not JSON: " + value.error(),
                                   .hint = "Send one JSON object."});
  }
  if (value->kind != JsonKind::Object) {
    return std::unexpected(
        bad_field("", "the body must be an object, not " + std::string{to_string(value->kind)}));
  }
  for (const JsonValue& member : value->items) {
    if (std::ranges::find(known, std::string_view{member.name}) != known.end()) continue;
    std::string names;
    for (const std::string_view name : known) {
      if (!names.empty()) names += ", ";
      names += name;
    }
    return std::unexpected(Problem{.status = 400,
                                   .code = "unknown_field",
                                   .detail = "this call has no field of that name",
                                   .hint = "It knows: " + names,
                                   .field = member.name});
  }
  return std::move(*value);
}

std::expected<const JsonValue*, Problem> require(const JsonValue& object, std::string_view name) {
  const JsonValue* member = object.find(name);
  if (member != nullptr) return member;
  return std::unexpected(Problem{.status = 400,
                                 .code = "missing_field",
                                 .detail = std::string{name} + " is missing",
                                 .hint = "Add it to the body.",
                                 .field = std::string{name}});
}

std::expected<std::string, Problem> require_text(const JsonValue& object, std::string_view name,
                                                 std::size_t size_max) {
  const auto member = require(object, name);
  if (!member) return std::unexpected(member.error());
  const JsonValue& value = **member;
  const bool good = value.kind == JsonKind::String && !value.text.empty() &&
                    value.text.size() <= size_max && value.text.find('\0') == std::string::npos;
  if (!good) {
    return std::unexpected(bad_field(
        std::string{name}, "must be a string of 1 to " + std::to_string(size_max) + " bytes"));
  }
  return value.text;
}

std::expected<std::int64_t, Problem> read_decimal(const JsonValue& value, std::string_view name) {
  if (value.kind != JsonKind::String) {
    return std::unexpected(
        bad_field(std::string{name}, "must be a decimal in a string such as \"0.01\", not " +
                                         std::string{to_string(value.kind)}));
  }
  const auto e8 = parse_e8(value.text);
  if (!e8) {
    return std::unexpected(bad_field(
        std::string{name}, "\"" + value.text.substr(0, 64) +
                               "\" cannot be taken: " + std::string{to_string(e8.error())}));
  }
  return *e8;
}

std::expected<std::size_t, Problem> read_count(const Call& call, std::string_view name,
                                               std::size_t otherwise, std::size_t max) {
  const std::string* text = call.query.find(name);
  if (text == nullptr) return otherwise;
  const auto number = parse_digits(*text);
  if (!number || *number == 0 || *number > max) {
    return std::unexpected(
        bad_parameter(name, "must be a whole number from 1 to " + std::to_string(max)));
  }
  return static_cast<std::size_t>(*number);
}

std::expected<std::optional<std::uint64_t>, Problem> read_cursor(const Call& call) {
  const std::string* text = call.query.find("cursor");
  if (text == nullptr) return std::nullopt;
  if (const auto lsn = parse_digits(*text)) return *lsn;
  return std::unexpected(Problem{.status = 400,
                                 .code = "bad_cursor",
                                 .detail = "this cursor was not made here",
                                 .hint = "Use next_cursor as it is, or begin without one."});
}

}  // namespace stoa::gateway

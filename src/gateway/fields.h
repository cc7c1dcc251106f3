#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/json_body.h"
#include "gateway/problem.h"
#include "gateway/router.h"

namespace stoa::gateway {

/// The body of a call as a JSON object whose members are all among `known`.
///
/// errors  malformed_json, unknown_field; bad_field when it is no object
[[nodiscard]] std::expected<JsonValue, Problem> parse_object(
    std::string_view body, std::initializer_list<std::string_view> known);

/// A member that must be there.
///
/// errors  missing_field
[[nodiscard]] std::expected<const JsonValue*, Problem> require(const JsonValue& object,
                                                               std::string_view name);
/// A text of 1 to `size_max` bytes.
///
/// errors  missing_field, bad_field
[[nodiscard]] std::expected<std::string, Problem> require_text(const JsonValue& object,
                                                               std::string_view name,
                                                               std::size_t size_max);
/// An exact decimal in a JSON string, in units of 1e-8.
///
/// errors  bad_field: a number (send a string), no decimal, a ninth decimal, out of range
[[nodiscard]] std::expected<std::int64_t, Problem> read_decimal(const JsonValue& value,
                                                                std::string_view name);

// Query parameters; nothing given is the default.
[[nodiscard]] std::expected<std::size_t, Problem> read_count(const Call& call,
                                                             std::string_view name,
                                                             std::size_t otherwise,
                                                             std::size_t max);
/// Newest-first lists begin behind it: an lsn, or nothing for the first page.
///
/// errors  bad_cursor
[[nodiscard]] std::expected<std::optional<std::uint64_t>, Problem> read_cursor(const Call& call);

}  // namespace stoa::gateway

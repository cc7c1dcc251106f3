#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace stoa::json {

/// A JSON value as it was written. Numbers stay the text that was sent: decimals are never
/// floating point. Reading what is not there gives null, so that a renderer needs no checks.
class Value {
 public:
  enum class Kind : std::uint8_t { Null, Bool, Number, Text, Array, Object };

  /// One value and nothing behind it (RFC 8259), at most 64 levels deep.
  ///
  /// errors  BadInput with the byte offset
  [[nodiscard]] static Result<Value> parse(std::string_view text);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::Null; }
  [[nodiscard]] bool is_true() const noexcept { return kind_ == Kind::Bool && text_ == "true"; }
  /// A text as it is, a number or boolean as it was written; "" for the rest.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::string text_or(std::string_view otherwise) const {
    return text_.empty() ? std::string{otherwise} : text_;
  }
  /// Of a whole number, also of one in quotes as nanoseconds are.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] const std::vector<Value>& items() const noexcept { return items_; }
  [[nodiscard]] const std::vector<std::pair<std::string, Value>>& members() const noexcept {
    return members_;
  }
  [[nodiscard]] const Value& operator[](std::string_view name) const noexcept;

  /// "12", "text", or for arrays and objects the compact JSON.
  [[nodiscard]] std::string compact() const;

 private:
  friend class ValueParser;

  Kind kind_ = Kind::Null;
  std::string text_;
  std::vector<Value> items_;
  std::vector<std::pair<std::string, Value>> members_;
};

}  // namespace stoa::json

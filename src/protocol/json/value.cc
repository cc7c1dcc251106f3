#include "protocol/json/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "protocol/json/writer.h"

namespace stoa::json {
namespace {

constexpr int kDepthMax = 64;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0 | (code >> 6));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
  }
  byte(0x80 | (code & 0x3F));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 8259: `-? (0|[1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
bool is_number(std::string_view text) {
  const auto digits = [&] {
    const auto size =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    text.remove_prefix(size);
    return size;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

}  // namespace

/// Recursive descent; every failure sets `failed_` once and unwinds.
class ValueParser {
 public:
  explicit ValueParser(std::string_view text) : text_{text} {}

  Result<Value> parse() {
    Value value;
    spaces();
    const bool read = element(value, 0);
    spaces();
    if (!read || at_ != text_.size()) {
      return bad_input(fmt::format("not JSON at byte {}", at_));
    }
    return value;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void spaces() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') ++at_;
  }
  bool word(Value& value, std::string_view name, Value::Kind kind) {
    if (!text_.substr(at_).starts_with(name)) return false;
    at_ += name.size();
    value.kind_ = kind;
    if (kind == Value::Kind::Bool) value.text_ = name;
    return true;
  }

  bool element(Value& value, int depth) {  // NOLINT(misc-no-recursion): bounded by kDepthMax
    if (depth > kDepthMax) return false;
    switch (peek()) {
      case '{':
        return object(value, depth);
      case '[':
        return array(value, depth);
      case '"':
        value.kind_ = Value::Kind::Text;
        return string(value.text_);
      case 't':
        return word(value, "true", Value::Kind::Bool);
      case 'f':
        return word(value, "false", Value::Kind::Bool);
      case 'n':
        return word(value, "null", Value::Kind::Null);
      default:
        return number(value);
    }
  }

  bool object(Value& value, int depth) {  // NOLINT(misc-no-recursion)
    value.kind_ = Value::Kind::Object;
    ++at_;
    spaces();
    if (take('}')) return true;
    do {
      spaces();
      auto& [name, member] = value.members_.emplace_back();
      if (!string(name)) return false;
      spaces();
      if (!take(':')) return false;
      spaces();
      if (!element(member, depth + 1)) return false;
      spaces();
    } while (take(','));
    return take('}');
  }

  bool array(Value& value, int depth) {  // NOLINT(misc-no-recursion)
    value.kind_ = Value::Kind::Array;
    ++at_;
    spaces();
    if (take(']')) return true;
    do {
      spaces();
      if (!element(value.items_.emplace_back(), depth + 1)) return false;
      spaces();
    } while (take(','));
    return take(']');
  }

  bool number(Value& value) {
    const auto rest = text_.substr(at_);
    const auto size = std::min(rest.find_first_not_of("+-.0123456789eE"), rest.size());
    if (!is_number(rest.substr(0, size))) return false;
    value.kind_ = Value::Kind::Number;
    value.text_ = rest.substr(0, size);
    at_ += size;
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (true) {
      const auto plain = at_;
      while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
      out.append(text_, plain, at_ - plain);
      if (at_ == text_.size()) return false;
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\' || !escape(out)) return false;
    }
  }

  /// Stands for itself in a string.
  static bool is_plain(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (const auto place = kNames.find(c); place != std::string_view::npos) {
      out += kMeanings[place];
      return true;
    }
    if (c != 'u') return false;
    auto code = unit();
    if (!code) return false;
    if (*code >= 0xD800 && *code < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      const auto low = unit();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
    const bool alone = *code >= 0xD800 && *code <= 0xDFFF;
    append_utf8(out, alone ? 0xFFFD : *code);
    return true;
  }

  std::optional<std::uint32_t> unit() {
    const auto digits = text_.substr(at_, 4);
    std::uint32_t value = 0;
    const auto* end = digits.end();
    const auto [stop, error] = std::from_chars(digits.begin(), end, value, 16);
    if (error != std::errc{} || stop != end || digits.size() != 4) return std::nullopt;
    at_ += 4;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Value> Value::parse(std::string_view text) { return ValueParser{text}.parse(); }

std::optional<std::int64_t> Value::integer() const noexcept {
  std::int64_t value = 0;
  const auto* end = text_.data() + text_.size();
  const auto [stop, error] = std::from_chars(text_.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

const Value& Value::operator[](std::string_view name) const noexcept {
  static const Value kNull;
  const auto found =
      std::ranges::find_if(members_, [&](const auto& member) { return member.first == name; });
  return found == members_.end() ? kNull : found->second;
}

std::string Value::compact() const {  // NOLINT(misc-no-recursion): as deep as it was parsed
  std::string out;
  switch (kind_) {
    case Kind::Null:
      return "null";
    case Kind::Bool:
    case Kind::Number:
      return text_;
    case Kind::Text:
      append_string(out, text_);
      return out;
    case Kind::Array:
      for (const auto& item : items_) (out += out.empty() ? "" : ",") += item.compact();
      return "[" + out + "]";
    case Kind::Object:
      for (const auto& [name, value] : members_) {
        if (!out.empty()) out += ',';
        append_string(out, name);
        (out += ':') += value.compact();
      }
      return "{" + out + "}";
  }
  return out;
}

}  // namespace stoa::json

#include "gateway/json_body.h"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/json/src.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stoa::gateway {
namespace {

constexpr std::size_t kDepthMax = 16;

/// Builds the tree from the parser's events. Boost's own document type would keep the last of two
/// members with one name; an order whose quantity is given twice must not be guessed at.
class Builder {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the names are Boost's.
  static constexpr std::size_t max_object_size = 4'096;
  static constexpr std::size_t max_array_size = 4'096;
  static constexpr std::size_t max_key_size = 256;
  static constexpr std::size_t max_string_size = 65'536;
  // NOLINTEND(readability-identifier-naming)
  using Code = boost::json::error_code;
  using View = boost::json::string_view;

  bool on_document_begin(Code& /*unused*/) { return true; }
  bool on_document_end(Code& /*unused*/) { return true; }
  bool on_object_begin(Code& /*unused*/) { return open(JsonKind::Object); }
  bool on_object_end(std::size_t /*members*/, Code& /*unused*/) { return close(); }
  bool on_array_begin(Code& /*unused*/) { return open(JsonKind::Array); }
  bool on_array_end(std::size_t /*items*/, Code& /*unused*/) { return close(); }
  bool on_key_part(View part, std::size_t /*size*/, Code& /*unused*/) {
    key_ += std::string_view{part.data(), part.size()};
    return true;
  }
  bool on_key(View part, std::size_t /*size*/, Code& error) {
    key_ += std::string_view{part.data(), part.size()};
    if (stack_.back().find(key_) != nullptr) {
      duplicate_ = key_;
      error = boost::json::error::exception;  // any: `duplicate` says what it is
      return false;
    }
    names_.back() = std::exchange(key_, {});
    return true;
  }
  bool on_string_part(View part, std::size_t /*size*/, Code& /*unused*/) {
    text_ += std::string_view{part.data(), part.size()};
    return true;
  }
  bool on_string(View part, std::size_t /*size*/, Code& /*unused*/) {
    text_ += std::string_view{part.data(), part.size()};
    return add({.kind = JsonKind::String, .text = std::exchange(text_, {})});
  }
  bool on_number_part(View /*part*/, Code& /*unused*/) { return true; }
  bool on_int64(std::int64_t n, View /*text*/, Code& /*unused*/) {
    return add({.kind = JsonKind::Number, .text = std::to_string(n)});
  }
  bool on_uint64(std::uint64_t /*n*/, View /*text*/, Code& /*unused*/) {
    return add({.kind = JsonKind::Number});
  }
  bool on_double(double /*n*/, View /*text*/, Code& /*unused*/) {
    return add({.kind = JsonKind::Number});
  }
  bool on_bool(bool flag, Code& /*unused*/) { return add({.kind = JsonKind::Bool, .flag = flag}); }
  bool on_null(Code& /*unused*/) { return add({}); }
  bool on_comment_part(View /*part*/, Code& /*unused*/) { return true; }
  bool on_comment(View /*part*/, Code& /*unused*/) { return true; }

  [[nodiscard]] const std::string& duplicate() const noexcept { return duplicate_; }
  [[nodiscard]] JsonValue take() { return std::move(root_); }

 private:
  bool open(JsonKind kind) {
    stack_.push_back({.kind = kind});
    names_.emplace_back();
    return true;
  }
  bool close() {
    JsonValue value = std::move(stack_.back());
    stack_.pop_back();
    names_.pop_back();
    return add(std::move(value));
  }
  bool add(JsonValue value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    if (stack_.back().kind == JsonKind::Object) value.name = std::exchange(names_.back(), {});
    stack_.back().items.push_back(std::move(value));
    return true;
  }

  JsonValue root_;
  std::vector<JsonValue> stack_;    // arrays and objects that are open
  std::vector<std::string> names_;  // of the member that is being read, per level
  std::string key_;
  std::string text_;
  std::string duplicate_;
};

}  // namespace

std::string_view to_string(JsonKind kind) noexcept {
  static constexpr std::array<std::string_view, 6> kNames{"null",     "a boolean", "a number",
                                                          "a string", "an array",  "an object"};
  return kNames[static_cast<std::size_t>(kind)];
}

const JsonValue* JsonValue::find(std::string_view member) const noexcept {
  for (const JsonValue& item : items) {
    if (item.name == member) return &item;
  }
  return nullptr;
}

std::expected<JsonValue, std::string> parse_json(std::string_view text) {
  boost::json::parse_options strict;
  strict.max_depth = kDepthMax;
  boost::json::basic_parser<Builder> parser{strict};
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (!error && used < text.size()) error = boost::json::error::extra_data;
  if (!error) return parser.handler().take();
  if (!parser.handler().duplicate().empty()) {
    return std::unexpected("the name \"" + parser.handler().duplicate() + "\" stands twice");
  }
  return std::unexpected(error.message() + " at byte " + std::to_string(used));
}

}  // namespace stoa::gateway

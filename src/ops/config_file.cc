#include "ops/config_file.h"

#include <fmt/core.h>
#include <fmt/format.h>
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>  // NOLINT(misc-include-cleaner): as below

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ops/config.h"

// NOLINTBEGIN(misc-include-cleaner): <toml++/toml.h> is the library's one door.
namespace stoa::ops {
namespace {

constexpr std::array<std::string_view, 5> kStrategyKeys{"name", "type", "symbol", "enabled",
                                                        "params"};
constexpr std::size_t kNameBytesMax = 24;  // as StrategyCommand carries it
constexpr std::uintmax_t kFileBytesMax = 1'048'576;
constexpr std::size_t kDotsMax = 64;

std::string place(std::string_view file, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", file, region.begin.line, region.begin.column);
}

struct Scalar {
  std::string text{};
  Written written = Written::Other;
};

Scalar scalar_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return {text->get(), Written::Text};
  if (const auto* integer = node.as_integer()) {
    return {fmt::to_string(integer->get()), Written::Integer};
  }
  // The shortest text that reads back as the same double: what the person wrote, up to 15 digits.
  if (const auto* real = node.as_floating_point()) {
    return {fmt::to_string(real->get()), Written::Real};
  }
  if (const auto* boolean = node.as_boolean()) {
    return {boolean->get() ? "true" : "false", Written::Boolean};
  }
  return {};
}

class Reader {
 public:
  explicit Reader(std::string_view file) : file_{file} {}

  FileContent read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      if (key.str() == "strategy") {
        strategies(key, node);
      } else {
        entry(std::string{key.str()}, key, node);
      }
    }
    // The library keeps tables sorted by name; a person reads from the top.
    return std::move(content_);
  }

 private:
  void entry(const std::string& name, const toml::key& key, const toml::node& node) {
    if (const auto* table = node.as_table(); table != nullptr && !table->empty()) {
      for (const auto& [inner, value] : *table) {
        entry(fmt::format("{}.{}", name, inner.str()), inner, value);
      }
      return;
    }
    FileEntry entry{.name = name,
                    .name_at = place(file_, key.source()),
                    .value_at = place(file_, node.source())};
    if (const auto* array = node.as_array()) {
      entry.list = true;
      entry.written = Written::Text;
      for (const auto& item : *array) {
        auto scalar = scalar_of(item);
        if (scalar.written != Written::Text) entry.written = Written::Other;
        entry.values.push_back(std::move(scalar.text));
      }
    } else {
      auto scalar = scalar_of(node);
      entry.written = scalar.written;
      entry.values.push_back(std::move(scalar.text));
    }
    content_.entries.push_back(std::move(entry));
  }

  void strategies(const toml::key& key, const toml::node& node) {
    content_.has_strategies = true;
    const auto* array = node.as_array();
    const bool tables = array != nullptr && std::ranges::all_of(*array, [](const toml::node& item) {
                          return item.is_table();
                        });
    if (!tables) {
      return refuse("strategy: expected an array of tables, [[strategy]]", key.source());
    }
    for (const auto& item : *array) strategy(*item.as_table());
  }

  void strategy(const toml::table& table) {
    StrategyConfig strategy{.source = place(file_, table.source())};
    for (const auto& [key, node] : table) strategy_key(strategy, key, node);
    const std::array<std::pair<std::string_view, const std::string*>, 3> needed{
        {{"name", &strategy.name}, {"type", &strategy.type}, {"symbol", &strategy.symbol}}};
    for (const auto& [name, value] : needed) {
      if (value->empty()) {
        refuse(fmt::format("strategy.{}: missing; every [[strategy]] needs name, type and symbol",
                           name),
               table.source());
      }
    }
    const bool again = std::ranges::any_of(content_.strategies, [&](const StrategyConfig& other) {
      return other.name == strategy.name;
    });
    if (again && !strategy.name.empty()) {
      refuse(fmt::format("strategy.name: {} is the name of an earlier [[strategy]]", strategy.name),
             table.source());
    }
    content_.strategies.push_back(std::move(strategy));
  }

  void strategy_key(StrategyConfig& strategy, const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (name == "name") return text_key(strategy.name, name, node);
    if (name == "type") return text_key(strategy.type, name, node);
    if (name == "symbol") return text_key(strategy.symbol, name, node);
    if (name == "enabled") {
      if (const auto* value = node.as_boolean()) {
        strategy.enabled = value->get();
      } else {
        refuse("strategy.enabled: expected true or false", node.source());
      }
    } else if (name == "params") {
      params(strategy, node);
    } else {
      const auto near = nearest(name, kStrategyKeys);
      refuse(fmt::format("strategy.{}: unknown key{}", name,
                         near ? fmt::format("; did you mean {}?", *near) : ""),
             key.source());
    }
  }

  void text_key(std::string& out, std::string_view name, const toml::node& node) {
    const auto* text = node.as_string();
    const bool fits =
        text != nullptr && !text->get().empty() && text->get().size() <= kNameBytesMax;
    const bool clean = fits && std::ranges::all_of(text->get(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                       });
    if (clean) {
      out = text->get();
      return;
    }
    refuse(fmt::format("strategy.{}: expected a text of 1 to {} bytes of [A-Za-z0-9._-]", name,
                       kNameBytesMax),
           node.source());
    out = "?";  // told once; not missing as well
  }

  void params(StrategyConfig& strategy, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return refuse("strategy.params: expected a table", node.source());
    for (const auto& [key, value] : *table) {
      auto scalar = scalar_of(value);
      if (scalar.written == Written::Other) {
        refuse(
            fmt::format("strategy.params.{}: expected a number, a text, true or false", key.str()),
            value.source());
        continue;
      }
      strategy.params.push_back({.name = std::string{key.str()},
                                 .value = std::move(scalar.text),
                                 .source = place(file_, value.source()),
                                 .written = scalar.written});
    }
  }

  void refuse(std::string message, const toml::source_region& region) {
    content_.errors.push_back({.code = ErrorCode::BadInput,
                               .message = std::move(message),
                               .source = place(file_, region)});
  }

  std::string_view file_;
  FileContent content_;
};

/// "FILE:3:7" of a byte; columns count bytes from 1, as far as the text is understood.
std::string place_of(std::string_view text, std::size_t offset, std::string_view file) {
  const auto before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}:{}", file, line, offset - start + 1);
}

/// Bytes of the UTF-8 sequence at the front of `text`, or 0 when it is none (RFC 3629).
std::size_t utf8_bytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool shortest = first != 0xE0 || byte(1) >= 0xA0;
    const bool no_surrogate = first != 0xED || byte(1) <= 0x9F;
    return follows(1) && follows(2) && shortest && no_surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool in_range = (first != 0xF0 || byte(1) >= 0x90) && (first != 0xF4 || byte(1) <= 0x8F);
    return follows(1) && follows(2) && follows(3) && in_range ? 4 : 0;
  }
  return 0;
}

/// Counts the dots of one line that stand outside of texts and comments.
class DotCounter {
 public:
  /// Looks at what begins at `i`; bytes to go on by.
  std::size_t step(std::string_view text, std::size_t i) {
    const char c = text[i];
    if (quote_ != '\0') return inside(text, i);
    if (c == '\n') {
      dots_ = 0;
      comment_ = false;
    } else if (comment_) {
      return 1;
    } else if (c == '#') {
      comment_ = true;
    } else if (c == '.') {
      ++dots_;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
      long_ = run(text, i) >= 3;
      return long_ ? 3 : 1;
    }
    return 1;
  }
  [[nodiscard]] std::size_t dots() const noexcept { return dots_; }

 private:
  std::size_t inside(std::string_view text, std::size_t i) {
    const char c = text[i];
    if (c == '\\' && quote_ == '"' && i + 1 < text.size()) return text[i + 1] == '\n' ? 1 : 2;
    if (c == '\n') {
      dots_ = 0;
      if (!long_) quote_ = '\0';  // a text that was not ended
    }
    if (c != quote_) return 1;
    if (!long_) {
      quote_ = '\0';
      return 1;
    }
    const std::size_t quotes = run(text, i);
    if (quotes < 3) return quotes;
    quote_ = '\0';
    return std::min<std::size_t>(quotes, 5);  // two may stand before the three that end it
  }
  [[nodiscard]] static std::size_t run(std::string_view text, std::size_t i) noexcept {
    const auto end = text.find_first_not_of(text[i], i);
    return std::min(end, text.size()) - i;
  }

  std::size_t dots_ = 0;
  char quote_ = '\0';
  bool long_ = false;  // between three of them
  bool comment_ = false;
};

/// What the library would crash on or take for something else: too much of it, another encoding,
/// and keys nested so deeply that reading them exhausts the stack.
Result<void> check_bytes(std::string_view text, std::string_view file) {
  if (text.size() > kFileBytesMax) {
    return bad_input("longer than the 1 MiB that a configuration may have", std::string{file});
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return bad_input("this is UTF-16; write the file as UTF-8", place_of(text, 0, file));
  }
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = utf8_bytes(text.substr(i));
    if (bytes == 0) {
      return bad_input(fmt::format("byte 0x{:02X} at offset {} is no UTF-8",
                                   static_cast<unsigned char>(text[i]), i),
                       place_of(text, i, file));
    }
    i += bytes;
  }
  DotCounter counter;
  for (std::size_t i = 0; i < text.size(); i += counter.step(text, i)) {
    if (counter.dots() <= kDotsMax) continue;
    return bad_input(fmt::format("more than {} dots outside of texts on one line: keys are not "
                                 "nested so deeply",
                                 kDotsMax),
                     place_of(text, i, file));
  }
  return {};
}

}  // namespace

Result<FileContent> read_toml(std::string_view text, std::string_view file) {
  if (const auto sound = check_bytes(text, file); !sound) return std::unexpected(sound.error());
  try {
    return Reader{file}.read(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return bad_input(std::string{error.description()}, place(file, error.source()));
  }
}

Result<std::string> read_text_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary | std::ios::ate};
  if (!in) return io_error("cannot open", errno, file.string());
  const auto size = static_cast<std::streamoff>(in.tellg());
  if (size < 0 || std::cmp_greater(size, kFileBytesMax)) {
    return bad_input("longer than the 1 MiB that a configuration may have, or no file",
                     file.string());
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  in.read(text.data(), size);
  if (!in) return io_error("cannot read", errno, file.string());
  return text;
}

}  // namespace stoa::ops
// NOLINTEND(misc-include-cleaner)

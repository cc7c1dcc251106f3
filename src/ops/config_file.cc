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
                                 .source = place(file_, value.source())});
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

}  // namespace

Result<FileContent> read_toml(std::string_view text, std::string_view file) {
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

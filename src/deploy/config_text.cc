#include "deploy/config_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ops/config.h"
#include "ops/config_file.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::string_view kStrategy = "strategy.";

std::string literal(ops::Written written, std::string_view text) {
  switch (written) {
    case ops::Written::Text:
      return toml_text(text);
    case ops::Written::Real: {
      const bool whole = text.find_first_not_of("-0123456789") == std::string_view::npos;
      return std::string{text} + (whole ? ".0" : "");
    }
    case ops::Written::Integer:
    case ops::Written::Boolean:
    case ops::Written::Other:
      return std::string{text};
  }
  return std::string{text};
}

std::string literal(const ops::FileEntry& entry) {
  if (!entry.list) return literal(entry.written, entry.values.front());
  std::string list;
  for (const auto& value : entry.values) (list += list.empty() ? "" : ", ") += toml_text(value);
  return '[' + list + ']';
}

/// A path and where its value stands.
struct Placed {
  std::string path{};
  std::string at{};  // FILE:line:column; empty: not known
};

struct Parsed {
  Document document{};
  std::vector<Placed> places{};
};

Result<Parsed> parse(std::string_view text, std::string_view name) {
  const auto file = ops::read_toml(text, name);
  if (!file) return std::unexpected(file.error());
  if (!file->errors.empty()) return std::unexpected(file->errors.front());
  Parsed parsed;
  const auto add = [&](std::string path, std::string value, std::string at) {
    parsed.places.push_back({.path = path, .at = std::move(at)});
    parsed.document.values.insert_or_assign(std::move(path), std::move(value));
  };
  for (const ops::FileEntry& entry : file->entries) {
    const bool empty_table = entry.written == ops::Written::Other && !entry.list;
    if (!empty_table) add(entry.name, literal(entry), entry.value_at);
  }
  for (const ops::StrategyConfig& strategy : file->strategies) {
    if (strategy.name.find('.') != std::string::npos) {
      return bad_input(fmt::format("strategy.name: {} has a dot; here parameters are addressed as "
                                   "strategy.NAME.params.PARAMETER",
                                   strategy.name),
                       strategy.source);
    }
    parsed.document.strategies.push_back(strategy.name);
    const std::string path = std::string{kStrategy} + strategy.name;
    add(path + ".type", toml_text(strategy.type), {});
    add(path + ".symbol", toml_text(strategy.symbol), {});
    add(path + ".enabled", strategy.enabled ? "true" : "false", {});
    for (const ops::StrategyParam& param : strategy.params) {
      add(fmt::format("{}.params.{}", path, param.name), literal(param.written, param.value),
          param.source);
    }
  }
  return parsed;
}

/// "mm_btc" of "strategy.mm_btc.type"; empty for other paths.
std::string_view strategy_of(std::string_view path) {
  if (!path.starts_with(kStrategy)) return {};
  path.remove_prefix(kStrategy.size());
  return path.substr(0, path.find('.'));
}

std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return {{}, path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

bool is_bare(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string key_text(std::string_view key) {
  return is_bare(key) ? std::string{key} : toml_text(key);
}

void render_strategy(std::string& out, const Document& document, const std::string& name) {
  const std::string path = std::string{kStrategy} + name + '.';
  out += fmt::format("{}[[strategy]]\nname = {}\n", out.empty() ? "" : "\n", toml_text(name));
  std::string params;
  for (auto at = document.values.lower_bound(path);
       at != document.values.end() && at->first.starts_with(path); ++at) {
    const auto rest = std::string_view{at->first}.substr(path.size());
    if (rest.starts_with("params.")) {
      params += fmt::format("{}{} = {}", params.empty() ? "" : ", ", key_text(rest.substr(7)),
                            at->second);
    } else {
      out += fmt::format("{} = {}\n", rest, at->second);
    }
  }
  if (!params.empty()) out += fmt::format("params = {{ {} }}\n", params);
}

/// Lines of a text, each with its end; where a line is and what it holds.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
      lines_.emplace_back(text.substr(0, end));
      text.remove_prefix(end);
    }
    if (!lines_.empty() && !lines_.back().ends_with('\n')) lines_.back() += '\n';
  }

  /// The value at FILE:line:column; false when it is not written there as one plain literal.
  bool replace(std::string_view at, std::string_view value) {
    const auto place = find(at);
    if (!place) return false;
    auto& [line, column] = *place;
    const auto end = literal_end(*line, column);
    if (!end) return false;
    line->replace(column, *end - column, value);
    return true;
  }

  bool remove(std::string_view at, std::string_view key) {
    const auto place = find(at);
    if (!place) return false;
    const std::string_view line = *place->first;
    const auto start = std::min(line.find_first_not_of(" \t"), line.size());
    const auto end = literal_end(line, place->second);
    const bool alone = line.substr(start).starts_with(key) && end &&
                       line.find_first_not_of(" \t\r\n", *end) == std::string_view::npos;
    if (!alone) return false;
    place->first->clear();
    return true;
  }

  void insert(std::string_view table, std::string_view key, std::string_view value) {
    const std::string line = fmt::format("{} = {}\n", key_text(key), value);
    const std::string header = fmt::format("[{}]", table);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (trimmed(lines_[i]) != header) continue;
      std::size_t last = i;
      for (std::size_t j = i + 1; j < lines_.size() && !trimmed(lines_[j]).starts_with('['); ++j) {
        if (const auto words = trimmed(lines_[j]); !words.empty() && !words.starts_with('#')) {
          last = j;
        }
      }
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(last) + 1, line);
      return;
    }
    if (table.empty()) {
      lines_.insert(lines_.begin(), line);
    } else {
      lines_.push_back(fmt::format("{}{}\n{}", lines_.empty() ? "" : "\n", header, line));
    }
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    for (const auto& line : lines_) text += line;
    return text;
  }

 private:
  static std::string_view trimmed(std::string_view line) {
    const auto start = line.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    return line.substr(start, line.find_last_not_of(" \t\r\n") - start + 1);
  }

  std::optional<std::pair<std::string*, std::size_t>> find(std::string_view at) {
    const auto [rest, column_text] = cut(at);
    const auto line_text = cut(rest).second;
    std::size_t line = 0;
    std::size_t column = 0;
    std::from_chars(line_text.begin(), line_text.end(), line);
    std::from_chars(column_text.begin(), column_text.end(), column);
    if (line == 0 || column == 0 || line > lines_.size() || column > lines_[line - 1].size()) {
      return std::nullopt;
    }
    return std::pair{&lines_[line - 1], column - 1};
  }
  static std::pair<std::string_view, std::string_view> cut(std::string_view at) {
    const auto colon = at.rfind(':');
    if (colon == std::string_view::npos) return {};
    return {at.substr(0, colon), at.substr(colon + 1)};
  }

  static std::optional<std::size_t> literal_end(std::string_view line, std::size_t start) {
    const char first = line[start];
    if (first == '[') {
      const auto end = line.find(']', start);  // a ']' within a text is caught by reading again
      return end == std::string_view::npos ? std::nullopt : std::optional{end + 1};
    }
    if (first != '"' && first != '\'') {
      return std::min(line.find_first_of(",}] \t\r\n#", start), line.size());
    }
    if (line.substr(start).starts_with(std::string(3, first))) return std::nullopt;
    for (std::size_t i = start + 1; i < line.size(); ++i) {
      if (line[i] == '\\' && first == '"') {
        ++i;
      } else if (line[i] == first) {
        return i + 1;
      }
    }
    return std::nullopt;
  }

  std::vector<std::string> lines_;
};

/// One edit at a time, as places move; nothing when a line cannot be told from the rest.
std::optional<std::string> edit_lines(std::string_view text, const Edits& edits) {
  std::string now{text};
  for (const auto& [path, value] : edits) {
    const auto parsed = parse(now, "unit");
    if (!parsed) return std::nullopt;
    const auto placed = std::ranges::find(parsed->places, path, &Placed::path);
    const bool there = placed != parsed->places.end();
    const auto [table, key] = split(path);
    Lines lines{now};
    if (there && value) {
      if (!lines.replace(placed->at, *value)) return std::nullopt;
    } else if (there) {
      if (!lines.remove(placed->at, key)) return std::nullopt;
    } else if (value) {
      if (!strategy_of(path).empty()) return std::nullopt;
      lines.insert(table, key, *value);
    }
    now = lines.text();
  }
  return now;
}

}  // namespace

Result<Document> read_document(std::string_view text, std::string_view name) {
  auto parsed = parse(text, name);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return std::move(parsed->document);
}

std::string render_document(const Document& document) {
  std::map<std::string_view, std::string> tables;
  for (const auto& [path, value] : document.values) {
    if (!strategy_of(path).empty()) continue;
    const auto [table, key] = split(path);
    tables[table] += fmt::format("{} = {}\n", key_text(key), value);
  }
  std::string out;
  for (const auto& [table, lines] : tables) {
    if (!table.empty()) out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", table);
    out += lines;
  }
  for (const auto& name : document.strategies) render_strategy(out, document, name);
  return out;
}

Document edited(Document document, const Edits& edits) {
  for (const auto& [path, value] : edits) {
    if (value) {
      document.values.insert_or_assign(path, *value);
    } else {
      document.values.erase(path);
    }
    const std::string name{strategy_of(path)};
    if (!name.empty() &&
        std::ranges::find(document.strategies, name) == document.strategies.end()) {
      document.strategies.push_back(name);
    }
  }
  std::erase_if(document.strategies, [&](const std::string& name) {
    const std::string path = std::string{kStrategy} + name + '.';
    const auto first = document.values.lower_bound(path);
    return first == document.values.end() || !first->first.starts_with(path);
  });
  return document;
}

Edits difference(const Values& from, const Values& to) {
  Edits edits;
  for (const auto& [path, value] : to) {
    const auto before = from.find(path);
    if (before == from.end() || before->second != value) edits.emplace(path, value);
  }
  for (const auto& [path, value] : from) {
    if (!to.contains(path)) edits.emplace(path, std::nullopt);
  }
  return edits;
}

Result<std::string> edit_text(std::string_view text, const Edits& edits) {
  auto before = read_document(text, "unit");
  if (!before) return std::unexpected(std::move(before.error()));
  const Document wanted = edited(std::move(*before), edits);
  if (auto lines = edit_lines(text, edits)) {
    const auto again = read_document(*lines, "unit");
    if (again && again->values == wanted.values && again->strategies == wanted.strategies) {
      return std::move(*lines);
    }
  }
  return render_document(wanted);
}

std::string toml_text(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string literal_of(std::string_view path, std::string_view written) {
  const bool boolean = written == "true" || written == "false";
  const bool number = !written.empty() &&
                      written.find_first_not_of("-0123456789.eE") == std::string_view::npos &&
                      written.find_first_of("0123456789") != std::string_view::npos;
  const ops::Key* key = ops::find_key(path);
  if (key == nullptr) {
    const auto name = split(path).second;
    const bool text = !strategy_of(path).empty() && (name == "type" || name == "symbol");
    return !text && (boolean || number) ? std::string{written} : toml_text(written);
  }
  switch (key->shape) {
    case ops::Shape::Integer:
    case ops::Shape::Boolean:
      return boolean || number ? std::string{written} : toml_text(written);
    case ops::Shape::Decimal:
    case ops::Shape::Speed:
    case ops::Shape::BasePort:
      return number ? std::string{written} : toml_text(written);
    case ops::Shape::Paths: {
      std::string list;
      while (!written.empty()) {
        const auto end = std::min(written.find(','), written.size());
        (list += list.empty() ? "" : ", ") += toml_text(written.substr(0, end));
        written.remove_prefix(std::min(end + 1, written.size()));
      }
      return '[' + list + ']';
    }
    case ops::Shape::Choice:
    case ops::Shape::Text:
    case ops::Shape::Path:
    case ops::Shape::Mode:
    case ops::Shape::Secret:
      return toml_text(written);
  }
  return toml_text(written);
}

}  // namespace stoa::deploy

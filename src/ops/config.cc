#include "ops/config.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ops/config_file.h"
#include "ops/config_keys.h"

namespace stoa::ops {
namespace {

/// Edits (insert, drop, change, swap neighbours) from one word to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const auto near = nearest(word, names);
  return near ? fmt::format("; did you mean {}?", *near) : std::string{};
}

struct Choice {
  std::string environment{};
  std::string reason{};
};

/// Which environment, and who said so.
Choice choose_environment(const LoadOptions& options) {
  if (options.environment) return {*options.environment, "--env"};
  const auto& variables = options.surroundings.variables;
  const auto value = [&](std::string_view name) -> std::string {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string{} : found->second;
  };
  if (const auto named = value("STOA_ENV"); !named.empty()) return {named, "STOA_ENV"};
  if (options.surroundings.container) return {"docker", "/.dockerenv is there"};
  if (!value("KUBERNETES_SERVICE_HOST").empty())
    return {"docker", "KUBERNETES_SERVICE_HOST is set"};
  if (options.surroundings.run_folder) return {"production", "/var/run/stoa is there"};
  if (value("CI") == "true") return {"testing", "CI=true"};
  return {"development", "nothing says otherwise"};
}

/// One load: gathers what every source says, weakest first, then judges.
class Loader {
 public:
  explicit Loader(const LoadOptions& options) : options_{options} {
    for (const Key& key : keys()) {
      loaded_.settings.push_back({.key = &key});
      say(loaded_.settings.back(), Say::Source::Default, default_values(key), "default");
      key_names_.push_back(key.name);
    }
  }

  std::expected<Loaded, std::vector<Error>> load() {
    environment();
    if (options_.file) own_file(*options_.file);
    if (options_.text) content(options_.text->text, options_.text->name);
    variables();
    flags();
    finish();
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return std::move(loaded_);
  }

  std::vector<Error> check(const FileText& file) {
    content(file.text, file.name);
    strategies();
    return std::move(errors_);
  }

 private:
  static std::vector<std::string> default_values(const Key& key) {
    if (key.shape == Shape::Paths) return {};
    return {std::string{key.default_value}};
  }

  void refuse(std::string message, std::string where) {
    errors_.push_back(
        {.code = ErrorCode::BadInput, .message = std::move(message), .source = std::move(where)});
  }

  /// Every say is judged, a losing one too: a wrong value would win one day.
  void say(Setting& setting, Say::Source source, const std::vector<std::string>& values,
           std::string where) {
    auto judged = judge(*setting.key, values);
    if (!judged) {
      const auto given = shown(*setting.key, fmt::format("{}", fmt::join(values, ", ")));
      return refuse(fmt::format("{} = \"{}\": {}", setting.key->name, given, judged.error()),
                    std::move(where));
    }
    setting.key->set(loaded_.config, *judged);
    setting.value = shown(*setting.key, fmt::format("{}", fmt::join(values, ", ")));
    setting.says.push_back({.source = source, .value = setting.value, .where = std::move(where)});
  }

  Setting* find(std::string_view name) {
    const auto found = std::ranges::find_if(
        loaded_.settings, [&](const Setting& setting) { return setting.key->name == name; });
    return found == loaded_.settings.end() ? nullptr : &*found;
  }

  void environment() {
    const auto chosen = choose_environment(options_);
    if (std::ranges::find(environments(), chosen.environment) == environments().end()) {
      return refuse(fmt::format("{} is no environment; there are {}{}", chosen.environment,
                                fmt::join(environments(), ", "),
                                did_you_mean(chosen.environment, environments())),
                    chosen.reason);
    }
    loaded_.config.environment = chosen.environment;
    loaded_.environment_reason = chosen.reason;
    const auto file = environment_file(chosen.environment);
    if (!file) {
      errors_.push_back(file.error());
      return;
    }
    content(file->text, file->name);
  }

  void own_file(const std::filesystem::path& path) {
    const auto text = read_text_file(path);
    if (!text) {
      errors_.push_back(text.error());
      return;
    }
    content(*text, path.string());
  }

  void content(std::string_view text, const std::string& name) {
    auto file = read_toml(text, name);
    if (!file) {
      errors_.push_back(file.error());
      return;
    }
    loaded_.files.push_back(name);
    for (const FileEntry& entry : file->entries) from_file(entry);
    for (Error& error : file->errors) errors_.push_back(std::move(error));
    if (file->has_strategies) loaded_.config.strategies = std::move(file->strategies);
  }

  void from_file(const FileEntry& entry) {
    Setting* setting = find(entry.name);
    if (setting == nullptr) {
      const auto prefix = entry.name + ".";
      const bool table = std::ranges::any_of(
          key_names_, [&](std::string_view name) { return name.starts_with(prefix); });
      if (table && entry.written == Written::Other && !entry.list) return;  // an empty [table]
      return refuse(table ? fmt::format("{}: expected a table", entry.name)
                          : fmt::format("{}: unknown key{}", entry.name, near_key(entry.name)),
                    entry.name_at);
    }
    if (setting->key->shape == Shape::Secret) return secret(*setting, entry);
    if (!fits(setting->key->shape, entry)) {
      return refuse(fmt::format("{}: {}", entry.name, expectation(*setting->key)), entry.value_at);
    }
    say(*setting, Say::Source::File, entry.values, entry.value_at);
  }

  /// A file holds no secret, only where it lies.
  void secret(Setting& setting, const FileEntry& entry) {
    if (entry.written != Written::Text || !is_secret_reference(entry.values.front())) {
      return refuse(fmt::format("{}: a secret does not belong into a configuration file; write "
                                "env:NAME or file:PATH, or set {}",
                                entry.name, setting.key->variable),
                    entry.name_at);
    }
    const std::string& reference = entry.values.front();
    if (!options_.resolve_secrets) {
      return say(setting, Say::Source::File, entry.values, entry.value_at);
    }
    const auto name = std::string_view{reference}.substr(reference.find(':') + 1);
    if (reference.starts_with("env:")) {
      const auto found = options_.surroundings.variables.find(name);
      if (found == options_.surroundings.variables.end() || found->second.empty()) {
        return refuse(fmt::format("{}: the variable {} is not set", entry.name, name),
                      entry.value_at);
      }
      return say(setting, Say::Source::File, {found->second}, entry.value_at);
    }
    auto text = read_text_file(name);
    if (!text) return refuse(entry.name + ": " + text.error().text(), entry.value_at);
    text->erase(text->find_last_not_of("\r\n") + 1);
    say(setting, Say::Source::File, {*text}, entry.value_at);
  }

  /// The nearest name: a misspelling, or the end of what was written (service.gateway.port).
  [[nodiscard]] std::string near_key(std::string_view written) const {
    for (const std::string_view name : key_names_) {
      if (written.size() > name.size() && written.ends_with(name) &&
          written[written.size() - name.size() - 1] == '.') {
        return fmt::format("; did you mean {}?", name);
      }
    }
    return did_you_mean(written, key_names_);
  }

  /// A file's types are meant: "8080" in quotes is a text and no port.
  static bool fits(Shape shape, const FileEntry& entry) {
    using enum Written;
    if (entry.list != (shape == Shape::Paths)) return false;
    switch (shape) {
      case Shape::Integer:
        return entry.written == Integer;
      case Shape::Boolean:
        return entry.written == Boolean;
      case Shape::Decimal:
      case Shape::Speed:
        return entry.written == Integer || entry.written == Real || entry.written == Text;
      case Shape::BasePort:
        return entry.written == Integer || entry.written == Text;
      case Shape::Choice:
      case Shape::Text:
      case Shape::Path:
      case Shape::Paths:
      case Shape::Mode:
      case Shape::Secret:
        return entry.written == Text;
    }
    return false;
  }

  void variables() {
    std::vector<std::string_view> names;
    for (const Key& key : keys()) {
      if (!key.variable.empty()) names.push_back(key.variable);
    }
    for (const auto& other : other_variables()) names.push_back(other.name);
    for (const auto& [name, value] : options_.surroundings.variables) {
      if (!name.starts_with("STOA_") || value.empty()) continue;  // empty counts as not set
      const auto found = std::ranges::find_if(
          loaded_.settings, [&](const Setting& s) { return s.key->variable == name; });
      if (found != loaded_.settings.end()) {
        say(*found, Say::Source::Variable, {value}, name);
      } else if (std::ranges::find(names, name) == names.end()) {
        refuse(fmt::format("unknown variable{}", did_you_mean(name, names)), name);
      }
    }
  }

  void flags() {
    for (const Override& flag : options_.overrides) {
      Setting* setting = find(flag.key);
      if (setting == nullptr) {
        refuse(fmt::format("{}: unknown key{}", flag.key, near_key(flag.key)), flag.flag);
      } else if (setting->key->shape == Shape::Secret) {
        refuse(
            fmt::format("{}: a secret does not belong onto a command line, which others can read; "
                        "set {}",
                        flag.key, setting->key->variable),
            flag.flag);
      } else {
        say(*setting, Say::Source::Flag, flag.values, flag.flag);
      }
    }
  }

  /// What no single key can know.
  void finish() {
    auto& config = loaded_.config;
    if (config.wal.dir.empty()) config.wal.dir = config.data.dir / "wal";
    if (config.market.source == MarketSource::Replay && config.market.recordings.empty()) {
      refuse("market.recordings: market.source = \"replay\" needs at least one recording",
             find("market.source")->winner().where);
    }
    if (config.wal.segment_bytes % 4'096 != 0) {
      refuse("wal.segment_bytes: expected a multiple of 4096",
             find("wal.segment_bytes")->winner().where);
    }
    ports();
    strategies();
  }

  void strategies() {
    if (!options_.check_strategy) return;
    for (const StrategyConfig& strategy : loaded_.config.strategies) {
      auto passed = options_.check_strategy(strategy);
      if (passed) continue;
      if (passed.error().source.empty()) passed.error().source = strategy.source;
      errors_.push_back(std::move(passed.error()));
    }
  }

  /// Every port with the base port on it is still a port, and no two are the same.
  void ports() {
    const auto& config = loaded_.config;
    if (config.roles.any_port) return;
    std::map<std::uint32_t, const Setting*> taken;
    for (const Setting& setting : loaded_.settings) {
      const std::string_view name = setting.key->name;
      if (name != "gateway.port" && !(name.starts_with("service.") && name.ends_with(".port"))) {
        continue;
      }
      const auto judged = judge(*setting.key, {setting.value});
      if (!judged || judged->integer == 0) continue;
      const auto port = static_cast<std::uint32_t>(judged->integer) + config.roles.base_port;
      if (port > 65'535) {
        refuse(fmt::format("roles.base_port = {}: {} would be {}, and ports end at 65535",
                           config.roles.base_port, name, port),
               find("roles.base_port")->winner().where);
      }
      const auto [other, free] = taken.emplace(port, &setting);
      if (free) continue;
      const bool told = setting.says.size() > 1;  // a default is not what to change
      const Setting& wrong = told ? setting : *other->second;
      refuse(fmt::format("{} = {}: {} has this port", wrong.key->name, wrong.value,
                         told ? other->second->key->name : name),
             wrong.winner().where);
    }
  }

  const LoadOptions& options_;
  Loaded loaded_;
  std::vector<Error> errors_;
  std::vector<std::string_view> key_names_;
};

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> names) {
  // A third of the word may be wrong, but two letters of a short one are already another word.
  const std::size_t bound = std::max<std::size_t>(1, word.size() / 3);
  std::optional<std::string_view> best;
  std::size_t best_distance = bound + 1;
  for (const auto name : names) {
    const auto edits = distance(word, name);
    if (edits >= best_distance) continue;
    best = name;
    best_distance = edits;
  }
  return best;
}

std::expected<Loaded, std::vector<Error>> load(const LoadOptions& options) {
  return Loader{options}.load();
}

std::vector<Error> check_text(const FileText& file, const LoadOptions& options) {
  return Loader{options}.check(file);
}

bool is_secret_reference(std::string_view text) noexcept {
  constexpr std::string_view kVariable = "env:";
  constexpr std::string_view kFile = "file:";
  return (text.starts_with(kVariable) && text.size() > kVariable.size()) ||
         (text.starts_with(kFile) && text.size() > kFile.size());
}

}  // namespace stoa::ops

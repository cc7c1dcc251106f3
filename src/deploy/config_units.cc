#include "deploy/config_units.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/config_text.h"
#include "deploy/plan.h"
#include "ops/config.h"
#include "ops/config_file.h"
#include "ops/sha256.h"

namespace stoa::deploy {
namespace {

using Word = std::string_view;

constexpr auto kUnits = std::to_array<UnitKind>({
    {.name = "environment", .layer = "shared", .doc = "what every role is told"},
    {.name = "instruments", .layer = "shared", .doc = "what is traded"},
    {.name = "limits", .layer = "shared", .doc = "bounds of every order and of the day"},
    {.name = "strategies", .layer = "shared", .doc = "which strategies trade, and how"},
    {.name = "relay-market", .layer = "relay", .doc = "relay of the market domain"},
    {.name = "relay-signal", .layer = "relay", .doc = "relay of the signal domain"},
    {.name = "relay-execution", .layer = "relay", .doc = "execution log and its relay"},
    {.name = "venue", .layer = "market", .doc = "simulated venue"},
    {.name = "market-data", .layer = "market", .doc = "feeds"},
    {.name = "risk", .layer = "trade", .doc = "exposure and drawdown"},
    {.name = "execution", .layer = "trade", .doc = "orders, positions, account"},
    {.name = "strategy", .layer = "trade", .doc = "process of the strategies"},
    {.name = "gateway", .layer = "edge", .doc = "API, page"},
    {.name = "hub", .layer = "edge", .doc = "this hub"},
});

constexpr Word kEvery = "*";
constexpr Word kPlatform = "platform";  // the supervisor reads it

/// The longest prefix that fits a key says who owns and who reads it.
struct Row {
  Word prefix{};
  Word unit{};
  std::array<Word, 5> readers{};
};
constexpr auto kRows = std::to_array<Row>({
    {"data.", "environment", {kPlatform}},
    {"engine.", "environment", {}},  // of `stoa run engine`, which no hub applies to
    {"log.", "environment", {kPlatform}},
    {"log.level", "environment", {kEvery}},
    {"roles.", "environment", {kPlatform}},
    {"roles.stop_timeout_s", "environment", {kEvery, kPlatform}},
    {"health.", "environment", {kEvery}},
    {"relay.", "environment", {"relay-market", "relay-signal", "relay-execution"}},
    {"relay.socket_mode",
     "environment",
     {"relay-market", "relay-signal", "relay-execution", "venue"}},
    {"market.symbol", "instruments", {}},  // of commands
    {"market.", "venue", {"venue", "gateway"}},
    {"market.reconnect_delay_ms", "market-data", {}},
    {"sim.", "venue", {"venue"}},
    {"limits.", "limits", {"execution"}},
    {"strategy.", "strategies", {"strategy"}},
    {"wal.", "relay-execution", {"relay-execution"}},
    {"wal.dir", "relay-execution", {"relay-execution", "risk", "execution", "strategy", "gateway"}},
    {"wal.sync", "relay-execution", {"relay-execution", "gateway"}},
    {"wal.segment_bytes", "relay-execution", {"relay-market", "relay-signal", "relay-execution"}},
    {"wal.checkpoint_every", "relay-execution", {"execution"}},
    {"wal.history", "gateway", {"gateway"}},
    {"risk.", "risk", {"risk"}},
    {"execution.", "execution", {"execution"}},
    {"paper.", "execution", {"execution"}},
    {"binance.", "execution", {}},
    {"gateway.", "gateway", {"gateway"}},
});

const Row* row_of(Word path) noexcept {
  const Row* best = nullptr;
  for (const Row& row : kRows) {
    const bool fits = row.prefix.ends_with('.') ? path.starts_with(row.prefix) : path == row.prefix;
    if (fits && (best == nullptr || row.prefix.size() > best->prefix.size())) best = &row;
  }
  return best;
}

/// "risk" and "port" of service.risk.port.
std::pair<Word, Word> service_of(Word path) {
  constexpr Word kService = "service.";
  if (!path.starts_with(kService)) return {};
  path.remove_prefix(kService.size());
  const auto dot = std::min(path.find('.'), path.size());
  return {path.substr(0, dot), path.substr(std::min(dot + 1, path.size()))};
}

bool reads(Word role, Word path) {
  if (const auto [service, key] = service_of(path); !service.empty()) {
    return service == role && key != "enabled";
  }
  const Row* row = row_of(path);
  if (row == nullptr) return false;
  return std::ranges::any_of(row->readers,
                             [&](Word reader) { return reader == role || reader == kEvery; });
}

bool platform_reads(Word path) {
  if (const auto [service, key] = service_of(path); !service.empty()) return true;
  const Row* row = row_of(path);
  return row != nullptr && std::ranges::find(row->readers, kPlatform) != row->readers.end();
}

/// Says where a platform stands, not how it behaves.
bool is_placement(Word path) {
  return path == "data.dir" || path == "wal.dir" || path == "roles.base_port";
}

std::vector<Word> unit_names() {
  std::vector<Word> names;
  names.reserve(kUnits.size());
  for (const UnitKind& kind : kUnits) names.push_back(kind.name);
  return names;
}

}  // namespace

std::span<const UnitKind> unit_kinds() noexcept { return kUnits; }

const UnitKind* find_unit_kind(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kUnits, name, &UnitKind::name);
  return found == kUnits.end() ? nullptr : found;
}

std::string nearest_unit(std::string_view name) {
  const auto names = unit_names();
  const auto near = ops::nearest(name, names);
  return near ? fmt::format("; did you mean {}?", *near) : std::string{};
}

Labels labels_of(const UnitKind& kind, std::string_view space) {
  std::size_t order = 0;
  const auto& waves = start_waves();
  for (std::size_t i = 0; i < waves.size(); ++i) {
    if (std::ranges::find(waves[i], kind.name) != waves[i].end()) order = i + 1;
  }
  return {{"project", "stoa"},
          {"environment", std::string{space}},
          {"service", std::string{kind.name}},
          {"layer", std::string{kind.layer}},
          {"order", std::to_string(order)}};
}

std::string_view owner_of(std::string_view path) noexcept {
  if (const auto service = service_of(path).first; !service.empty()) {
    const UnitKind* kind = find_unit_kind(service);
    return kind == nullptr ? std::string_view{} : kind->name;
  }
  const Row* row = row_of(path);
  return row == nullptr ? std::string_view{} : row->unit;
}

Readers readers_of(std::string_view path) {
  Readers readers{.roles = {}, .platform = platform_reads(path)};
  for (const auto& wave : start_waves()) {
    for (const Word role : wave) {
      if (reads(role, path)) readers.roles.push_back(role);
    }
  }
  return readers;
}

Readers readers_of(std::span<const std::string> paths) {
  Readers readers;
  for (const auto& wave : start_waves()) {
    for (const Word role : wave) {
      const bool any =
          std::ranges::any_of(paths, [&](const auto& path) { return reads(role, path); });
      if (any) readers.roles.push_back(role);
    }
  }
  readers.platform = std::ranges::any_of(paths, platform_reads);
  return readers;
}

const std::vector<std::vector<std::string_view>>& start_waves() {
  static const auto kWaves = [] {
    std::vector<std::vector<Word>> waves;
    std::map<Word, std::size_t> level;
    for (const RoleKind& kind : role_kinds()) {  // each stands behind those that it waits for
      std::size_t at = 0;
      for (const Word before : kind.after) at = std::max(at, level[before] + 1);
      level[kind.name] = at;
      if (waves.size() <= at) waves.resize(at + 1);
      waves[at].push_back(kind.name);
    }
    return waves;
  }();
  return kWaves;
}

std::string role_digest(const ops::Loaded& loaded, std::string_view role) {
  std::string text;
  for (const ops::Setting& setting : loaded.settings) {
    const ops::Key& key = *setting.key;
    if (!reads(role, key.name) || is_placement(key.name) || key.shape == ops::Shape::Secret) {
      continue;
    }
    text += fmt::format("{}={}\n", key.name, setting.value);
  }
  if (reads(role, "strategy.")) {
    for (const ops::StrategyConfig& strategy : loaded.config.strategies) {
      text += fmt::format("[[strategy]]\n{} {} {} {}\n", strategy.name, strategy.type,
                          strategy.symbol, strategy.enabled);
      for (const auto& param : strategy.params) {
        text += fmt::format("{}={}\n", param.name, param.value);
      }
    }
  }
  return ops::sha256(std::as_bytes(std::span{text}));
}

std::vector<Error> check_unit(const UnitKind& kind, std::string_view text,
                              const CheckStrategy& check_strategy) {
  const ops::FileText file{.name = std::string{kind.name}, .text = std::string{text}};
  auto problems = ops::check_text(
      file, {.environment = "testing", .resolve_secrets = false, .check_strategy = check_strategy});
  if (!problems.empty()) return problems;
  const auto content = ops::read_toml(text, kind.name);
  if (!content) return {content.error()};
  const auto refuse = [&](std::string_view path, std::string at) {
    problems.push_back({.code = ErrorCode::BadInput,
                        .message = fmt::format("{}: belongs to the unit {}", path, owner_of(path)),
                        .source = std::move(at)});
  };
  for (const ops::FileEntry& entry : content->entries) {
    if (owner_of(entry.name) != kind.name && ops::find_key(entry.name) != nullptr) {
      refuse(entry.name, entry.name_at);
    }
  }
  if (content->has_strategies && kind.name != "strategies") refuse("strategy.", file.name);
  if (!problems.empty()) return problems;
  if (const auto document = read_document(text, kind.name); !document) {
    problems.push_back(document.error());
  }
  return problems;
}

}  // namespace stoa::deploy

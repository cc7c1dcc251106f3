#include "deploy/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/layout.h"
#include "ops/config.h"

namespace stoa::deploy {
namespace {

using Word = std::string_view;

constexpr std::array<Word, 3> kMarketRelay{"relay", "--domain", "market"};
constexpr std::array<Word, 3> kSignalRelay{"relay", "--domain", "signal"};
constexpr std::array<Word, 3> kExecutionRelay{"relay", "--domain", "execution"};
constexpr std::array<Word, 1> kVenue{"venue"};
constexpr std::array<Word, 1> kMarketData{"market-data"};
constexpr std::array<Word, 1> kRisk{"risk"};
constexpr std::array<Word, 1> kExecution{"execution"};
constexpr std::array<Word, 1> kStrategy{"strategy"};
constexpr std::array<Word, 1> kGateway{"gateway"};
constexpr std::array<Word, 1> kHub{"hub"};

constexpr std::array<Word, 2> kAfterMarketData{"relay-market", "venue"};
constexpr std::array<Word, 1> kAfterRisk{"relay-execution"};
// Execution reads marks from the market relay through market-data's messages, but may start before
// they flow; without risk it must not start at all.
constexpr std::array<Word, 3> kAfterExecution{"relay-execution", "risk", "venue"};
constexpr std::array<Word, 4> kAfterStrategy{"relay-market", "relay-signal", "relay-execution",
                                             "execution"};
constexpr std::array<Word, 8> kAfterGateway{"relay-market", "relay-signal", "relay-execution",
                                            "venue",        "market-data",  "risk",
                                            "execution",    "strategy"};

constexpr auto kKinds = std::to_array<RoleKind>({
    {.name = "relay-market", .words = kMarketRelay, .port = 8001, .hands_over = true},
    {.name = "relay-signal", .words = kSignalRelay, .port = 8002, .hands_over = true},
    {.name = "relay-execution", .words = kExecutionRelay, .port = 8003, .hands_over = true},
    {.name = "venue", .words = kVenue, .port = 9100},
    {.name = "market-data", .words = kMarketData, .port = 5555, .after = kAfterMarketData},
    {.name = "risk", .words = kRisk, .port = 5557, .after = kAfterRisk, .switches = true},
    {.name = "execution",
     .words = kExecution,
     .port = 5556,
     .after = kAfterExecution,
     .switches = true},
    {.name = "strategy",
     .words = kStrategy,
     .port = 5558,
     .after = kAfterStrategy,
     .switches = true},
    {.name = "gateway", .words = kGateway, .port = 8080, .after = kAfterGateway, .switches = true},
    {.name = "hub", .words = kHub, .port = 8090},
});

constexpr std::uint16_t kPortMax = 65'535;
constexpr std::uint16_t kHighestPort = std::ranges::max(kKinds, {}, &RoleKind::port).port;

std::vector<Word> names() {
  std::vector<Word> names;
  names.reserve(kKinds.size());
  for (const RoleKind& kind : kKinds) names.push_back(kind.name);
  return names;
}

std::size_t place_of(Word name) {
  const auto* found = std::ranges::find(kKinds, name, &RoleKind::name);
  return static_cast<std::size_t>(found - kKinds.begin());
}

std::unexpected<Error> unknown_role(const std::string& name) {
  const auto known = names();
  const auto near = ops::nearest(name, known);
  std::string every;
  for (const Word word : known) every += (every.empty() ? "" : ", ") + std::string{word};
  return bad_input(fmt::format("{} is no role{}; there are {}", name,
                               near ? fmt::format("; did you mean {}?", *near) : "", every));
}

/// Which rows of the table take part.
using Chosen = std::array<bool, kKinds.size()>;

Result<Chosen> choose(const PlanOptions& options) {
  Chosen enabled{};
  enabled.fill(true);
  for (const RoleChoice& choice : options.choices) {
    if (find_role_kind(choice.name) == nullptr) return unknown_role(choice.name);
    enabled[place_of(choice.name)] = choice.enabled;
  }
  return enabled;
}

std::vector<std::string> argv_of(const RoleKind& kind, const PlanOptions& options) {
  std::vector<std::string> argv{options.program.string(), "run"};
  argv.insert(argv.end(), kind.words.begin(), kind.words.end());
  const auto add = [&](std::string_view flag, const std::string& value) {
    argv.emplace_back(flag);
    argv.push_back(value);
  };
  add("--data", options.data.string());
  add("--env", options.environment);
  add("--base-port", to_string(options.base_port));
  if (!options.config_file.empty()) add("--config", options.config_file.string());
  if (!options.log_level.empty()) add("--log-level", options.log_level);
  for (const std::string& setting : options.settings) add("--set", setting);
  return argv;
}

std::uint16_t port_of(const PlanOptions& options, const RoleKind& kind) {
  const auto choice = std::ranges::find(options.choices, kind.name, &RoleChoice::name);
  const bool told = choice != options.choices.end();
  const std::uint16_t port = told ? choice->port.value_or(kind.port) : kind.port;
  if (port == 0 || !options.base_port) return 0;
  return static_cast<std::uint16_t>(port + options.base_port.value_or(0));
}

std::int64_t priority_of(const PlanOptions& options, std::string_view name) {
  const auto found = std::ranges::find(options.choices, name, &RoleChoice::name);
  return found == options.choices.end() ? 0 : found->priority;
}

}  // namespace

std::span<const RoleKind> role_kinds() noexcept { return kKinds; }

const RoleKind* find_role_kind(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kKinds, name, &RoleKind::name);
  return found == kKinds.end() ? nullptr : found;
}

Result<BasePort> parse_base_port(std::string_view text) {
  if (text == "any") return BasePort{};
  std::uint16_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end || value > kPortMax - kHighestPort) {
    return bad_input(
        fmt::format("base port {}: expected any or 0 to {}", text, kPortMax - kHighestPort));
  }
  return BasePort{value};
}

std::string to_string(const BasePort& base_port) {
  return base_port ? std::to_string(*base_port) : "any";
}

std::optional<std::size_t> Plan::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(roles, name, &Role::name);
  if (found == roles.end()) return std::nullopt;
  return static_cast<std::size_t>(found - roles.begin());
}

Result<std::vector<std::size_t>> Plan::places(std::span<const std::string> names) const {
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    const auto place = find(name);
    if (!place && find_role_kind(name) == nullptr) return unknown_role(name);
    if (!place) return bad_input(fmt::format("{} is switched off by the configuration", name));
    places.push_back(*place);
  }
  return places;
}

Result<std::vector<std::size_t>> Plan::with_those_before(std::span<const std::string> names) const {
  const auto named = places(names);
  if (!named) return std::unexpected(named.error());
  std::vector<bool> taken(roles.size(), names.empty());
  for (const std::size_t place : *named) taken[place] = true;
  // From the last to the first: what a role waits for stands before it.
  for (std::size_t i = roles.size(); i-- > 0;) {
    if (!taken[i]) continue;
    for (const std::size_t before : roles[i].after) taken[before] = true;
  }
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (taken[i]) all.push_back(i);
  }
  return all;
}

Result<Plan> make_plan(const PlanOptions& options) {
  const auto chosen = choose(options);
  if (!chosen) return std::unexpected(chosen.error());
  const Layout layout{.data = options.data};
  Plan plan;
  // Of the rows whose predecessors are placed the one with the smallest priority comes next.
  Chosen placed{};
  while (true) {
    std::optional<std::size_t> next;
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      if (!(*chosen)[i] || placed[i]) continue;
      const bool possible = std::ranges::all_of(kKinds[i].after, [&](Word name) {
        return !(*chosen)[place_of(name)] || placed[place_of(name)];
      });
      if (!possible) continue;
      if (!next ||
          priority_of(options, kKinds[i].name) < priority_of(options, kKinds[*next].name)) {
        next = i;
      }
    }
    if (!next) return plan;
    const RoleKind& kind = kKinds[*next];
    placed[*next] = true;
    Role role{.name = std::string{kind.name},
              .argv = argv_of(kind, options),
              .port = port_of(options, kind),
              .log_file = layout.log(kind.name),
              .hands_over = kind.hands_over,
              .switches = kind.switches};
    for (const Word name : kind.after) {
      if (const auto place = plan.find(name)) role.after.push_back(*place);
    }
    plan.roles.push_back(std::move(role));
  }
}

}  // namespace stoa::deploy

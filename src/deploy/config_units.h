#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "deploy/config_text.h"
#include "ops/config.h"

// Which configuration documents there are, which keys each may hold, and who reads a key when. One
// table answers all three.
namespace stoa::deploy {

/// A document of a space: one per role, and those that roles share.
struct UnitKind {
  std::string_view name{};   // "execution", "limits"
  std::string_view layer{};  // shared, relay, market, trade, edge
  std::string_view doc{};
};
[[nodiscard]] std::span<const UnitKind> unit_kinds() noexcept;
[[nodiscard]] const UnitKind* find_unit_kind(std::string_view name) noexcept;
/// "…; did you mean limits?", or nothing.
[[nodiscard]] std::string nearest_unit(std::string_view name);

/// project, environment, service, layer and order; order is the wave in which a role starts, 0 for
/// what is shared.
using Labels = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Labels labels_of(const UnitKind& kind, std::string_view space);

/// The unit that a key belongs to; empty for no key.
[[nodiscard]] std::string_view owner_of(std::string_view path) noexcept;

/// Who has to be started anew until a new value counts.
struct Readers {
  std::vector<std::string_view> roles{};  // by name, in the order in which they start
  bool platform = false;                  // the supervisor: a new `stoa up`
};
[[nodiscard]] Readers readers_of(std::string_view path);
/// Of several paths together.
[[nodiscard]] Readers readers_of(std::span<const std::string> paths);

/// Roles by waves: each behind those that it starts after.
[[nodiscard]] const std::vector<std::vector<std::string_view>>& start_waves();

/// SHA-256 of every value that the role reads at a start: equal for two processes that were told
/// the same. Where the platform stands (data.dir, wal.dir, roles.base_port) and secrets are left
/// out.
[[nodiscard]] std::string role_digest(const ops::Loaded& loaded, std::string_view role);

using CheckStrategy = std::function<Result<void>(const ops::StrategyConfig&)>;

/// Holds a unit's text to the keys that it may have.
///
/// returns every problem with its line and the nearest name; empty: none
[[nodiscard]] std::vector<Error> check_unit(const UnitKind& kind, std::string_view text,
                                            const CheckStrategy& check_strategy);

}  // namespace stoa::deploy

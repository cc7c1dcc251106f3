#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// Which roles a platform on one machine has, how each is called and behind whom it starts.
namespace stoa::deploy {

/// One row of the table of roles.
struct RoleKind {
  std::string_view name{};                    // "relay-market": in every output, and its log
  std::span<const std::string_view> words{};  // behind `stoa run`: relay --domain market
  std::uint16_t port = 0;                     // health and metrics, before base_port
  std::span<const std::string_view> after{};  // must be ready first
  bool hands_over = false;                    // a successor may take its place while it runs
  bool switches = false;                      // a process beside it may come to lead (0014)
};

/// Every role; each stands behind those that it waits for.
[[nodiscard]] std::span<const RoleKind> role_kinds() noexcept;
[[nodiscard]] const RoleKind* find_role_kind(std::string_view name) noexcept;

/// What is added to each default port; nothing: the system picks every port.
using BasePort = std::optional<std::uint16_t>;
/// "0" to "55000", or "any".
///
/// errors  BadInput: neither, or a role's port would pass 65535
[[nodiscard]] Result<BasePort> parse_base_port(std::string_view text);
/// "any", "0".
[[nodiscard]] std::string to_string(const BasePort& base_port);

/// What the configuration says of one role.
struct RoleChoice {
  std::string name{};
  bool enabled = true;
  std::optional<std::uint16_t> port{};  // before base_port; 0: the system picks; nothing: as usual
  std::int64_t priority = 0;            // among roles that could start now, the smallest first
};

struct PlanOptions {
  std::filesystem::path program{};  // that is run for each role
  std::filesystem::path data{};     // absolute
  std::string environment{};
  std::filesystem::path config_file{};  // empty: none
  std::vector<std::string> settings{};  // KEY=VALUE of --set, handed on
  std::string log_level{};              // empty: as configured
  BasePort base_port = 0;
  std::vector<RoleChoice> choices{};
};

/// One process of the platform.
struct Role {
  std::string name{};
  std::vector<std::string> argv{};
  std::vector<std::size_t> after{};  // places in Plan::roles, all smaller than its own
  std::uint16_t port = 0;            // 0: the system picks one
  std::filesystem::path log_file{};
  bool hands_over = false;  // started with --take-over, a second process takes its place
  bool switches = false;    // a second process may stand beside it, started with --beside
};

struct Plan {
  std::vector<Role> roles{};
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
  /// Places of the named roles and of all that they wait for; of every role when none is named.
  ///
  /// errors  BadInput: unknown, with the nearest name, or switched off
  [[nodiscard]] Result<std::vector<std::size_t>> with_those_before(
      std::span<const std::string> names) const;
  /// Places of the named roles alone. Errors as above.
  [[nodiscard]] Result<std::vector<std::size_t>> places(std::span<const std::string> names) const;
};

/// A role that is switched off is left out, and nobody waits for it.
///
/// errors  BadInput: unknown role, with the nearest name
[[nodiscard]] Result<Plan> make_plan(const PlanOptions& options);

}  // namespace stoa::deploy

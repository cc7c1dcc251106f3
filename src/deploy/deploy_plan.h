#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "deploy/build.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

// What one deployment is to do. Frozen when it begins: it is the first record of its log.
namespace stoa::deploy {

enum class Strategy : std::uint8_t {
  BlueGreen,  // every role gets its second process first, then they are switched one after another
  Rolling,    // role by role: second process, switch, next
  Recreate,   // role by role: stop, start. With a pause, for what cannot be switched
};
[[nodiscard]] std::string_view to_string(Strategy strategy) noexcept;  // "blue-green"
/// errors  BadInput, with those there are
[[nodiscard]] Result<Strategy> parse_strategy(std::string_view text);

/// What a deployment waits for and what it takes as good. All times are whole numbers of the unit
/// that ends their name.
struct DeploySettings {
  std::int64_t start_s = 60;              // until a process beside is ready
  std::int64_t catch_up_records = 1'000;  // a follower is at most so far behind …
  std::int64_t catch_up_ms = 50;          // … and so long …
  std::int64_t catch_up_steady_s = 5;     // … for this long
  std::int64_t catch_up_deadline_s = 120;
  std::int64_t shadow_outputs = 1'000;  // outputs of each core found equal, or …
  std::int64_t shadow_s = 60;           // … this long with some and none that differs
  std::int64_t approvals = 0;           // people other than who began it
  std::int64_t hold_max_ms = 2'000;     // nobody opens for so long after a close: the old one does
  std::int64_t switch_s = 10;           // from the order until the new one leads
  std::int64_t settle_s = 5;            // rolling and recreate: between two roles
  std::int64_t soak_s = 300;
  std::int64_t soak_requests = 20;          // fewer than these say nothing; 0: none are needed
  std::int64_t error_ratio_ppm = 10'000;    // more than before, of requests: too many
  std::int64_t reject_ratio_ppm = 100'000;  // the same for refusals
  std::int64_t latency_percent = 100;       // p99 may be slower than before by so much …
  std::int64_t latency_floor_us = 5'000;    // … and below this it is never too slow
  std::int64_t gaps = 0;                    // more than these in the soak are too many
  std::int64_t bad_s = 2;                   // for so long bad before it is taken as bad
  std::int64_t warm_s = 60;                 // the old one stays hot behind the commit
  std::int64_t back_s = 30;                 // a rollback of one role
  std::int64_t hook_s = 300;                // a hook may take

  friend bool operator==(const DeploySettings&, const DeploySettings&) = default;
};

/// One of them by its name, for files, flags and documents.
struct DeploySetting {
  std::string_view name{};
  std::int64_t DeploySettings::* value = nullptr;
  std::string_view help{};
};
[[nodiscard]] std::span<const DeploySetting> deploy_settings() noexcept;
/// "soak_s=30"
///
/// errors  BadInput: no such setting, with the nearest; not a whole number of at least 0
[[nodiscard]] Result<void> set(DeploySettings& settings, std::string_view text);

/// A role as it was when the deployment began: what a rollback returns to.
struct DeployRole {
  std::string name{};
  Colour from = Colour::Blue;
  std::string release{};    // that it ran; empty: the platform's own program
  std::uint64_t epoch = 0;  // that was open

  friend bool operator==(const DeployRole&, const DeployRole&) = default;
};

struct DeployPlan {
  std::uint64_t id = 0;
  std::string release{};  // empty: the platform's own program
  std::string version{};  // that an instance of it must say
  std::string digest{};   // of its manifest: what is approved
  std::string config_revision{};
  Strategy strategy = Strategy::BlueGreen;
  std::vector<DeployRole> roles{};   // in the order of the switch
  std::vector<std::string> hooks{};  // those there are: "pre-start", "validate"
  std::string actor{};
  std::string reason{};
  std::uint64_t rolls_back = 0;  // the deployment that this one takes back; 0: none
  DeploySettings settings{};

  friend bool operator==(const DeployPlan&, const DeployPlan&) = default;
};
[[nodiscard]] std::string to_json(const DeployPlan& plan);
/// errors  BadInput: a field that is missing or none
[[nodiscard]] Result<DeployPlan> plan_from_json(const json::Value& value);

/// The order in which roles are switched: execution first, so that what decides about orders is new
/// before what asks for them. Others come behind, in the order given.
[[nodiscard]] std::vector<std::string> switch_order(std::span<const std::string> roles);

}  // namespace stoa::deploy

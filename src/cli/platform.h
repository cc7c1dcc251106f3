#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/log_files.h"
#include "deploy/plan.h"
#include "deploy/supervisor.h"
#include "ops/config.h"

// A platform of many processes on one machine, as the commands around it see it.
namespace stoa::cli {

/// `--base-port`, for commands that must know where roles listen.
[[nodiscard]] std::span<const Flag> platform_flags() noexcept;
/// `--only` and `--log-level`, of `stoa up` and of the supervisor that it starts.
[[nodiscard]] std::span<const Flag> supervisor_flags() noexcept;

struct Platform {
  ops::Loaded loaded{};
  ops::Config config{};
  std::string config_revision{};  // of the hub, "prod-12"; empty: none was applied
  deploy::Layout layout{};        // absolute
  deploy::BasePort base_port{};
  deploy::Plan plan{};
  deploy::SupervisorOptions timing{};
  deploy::LogRules logs{};

  /// Longer than this a start or a restart says nothing only when it hangs.
  [[nodiscard]] std::chrono::milliseconds longest_silence() const;
  /// What a person types to reach it again: " --data DIR", or nothing when it is where they are.
  [[nodiscard]] std::string data_flag() const;
};

/// Where a platform stands, instead of where the flags say.
struct PlatformAt {
  std::filesystem::path data{};
  std::string environment{};
};
/// From the flags of the command and its configuration; what is wrong with them is told.
[[nodiscard]] std::expected<Platform, Exit> platform_of(
    const Context& context, const std::optional<PlatformAt>& at = std::nullopt);

/// The program that roles and supervisor are: this one, whatever its file is called now.
[[nodiscard]] std::string own_program();

/// Hands the lines of the supervisor to `use` until it says that the operation is over; returns
/// that last line.
///
/// errors  Unavailable: silent for `silence` · Io: the supervisor ended before it was over
[[nodiscard]] Result<JsonValue> follow(deploy::ControlClient& client,
                                       std::chrono::milliseconds silence,
                                       const std::function<void(const JsonValue&)>& use);

/// The supervisor's state: from itself when it lives, else what it wrote last; nothing when there
/// never was one.
struct PlatformState {
  bool supervised = false;  // it lives
  JsonValue value{};
};
[[nodiscard]] std::optional<PlatformState> platform_state(const deploy::Layout& layout);

/// Where a role that chose its port itself answers, from the registry; 0: it does not say.
[[nodiscard]] std::uint16_t registered_port(const deploy::Layout& layout, std::string_view service);

/// "http://127.0.0.1:8080/#token=…" of the gateway at `port` (0: where it registered); without the
/// token while there is none, empty when nobody knows the port.
[[nodiscard]] std::string page_url(const Platform& platform, std::uint16_t port);

}  // namespace stoa::cli

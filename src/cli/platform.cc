#include "cli/platform.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/apply.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/log_files.h"
#include "deploy/plan.h"
#include "deploy/supervisor.h"
#include "ops/config.h"
#include "ops/registry.h"

namespace stoa::cli {
namespace {

constexpr auto kSupervisorFlags = std::to_array<Flag>({
    {.name = "--only",
     .value = "ROLE",
     .help = "start this role and those it waits for",
     .repeats = true},
    {.name = "--log-level", .value = "LEVEL", .help = "error, warn, info or debug (log.level)"},
});
constexpr auto kPlatformFlags = std::to_array<Flag>({
    {.name = "--base-port",
     .value = "N",
     .help = "added to every role's port; any: the system picks them (roles.base_port)"},
});

constexpr std::chrono::seconds kStateWait{1};

deploy::SupervisorOptions timing_of(const ops::Config& config) {
  deploy::SupervisorOptions timing;
  timing.start_timeout = std::chrono::seconds{config.roles.start_timeout_s};
  timing.stop_timeout = std::chrono::seconds{config.roles.stop_timeout_s};
  timing.watchdog = std::chrono::seconds{config.roles.watchdog_s};
  timing.restart_max = config.roles.restart_max;
  timing.backoff_max = std::chrono::seconds{config.roles.restart_pause_max_s};
  timing.seed = static_cast<std::uint64_t>(SystemClock{}.now().ns());  // two platforms, two rhythms
  return timing;
}

deploy::LogRules rules_of(const ops::Config& config) {
  deploy::LogRules rules;
  rules.turn_bytes = config.log.rotate_bytes;
  rules.keep = std::chrono::hours{24} * config.log.keep_days;
  rules.archive_bytes = config.log.keep_bytes == 0 ? UINT64_MAX : config.log.keep_bytes;
  return rules;
}

std::vector<deploy::RoleChoice> choices_of(const ops::Config& config) {
  std::vector<deploy::RoleChoice> choices;
  for (std::size_t i = 0; i < ops::kServices; ++i) {
    const auto which = static_cast<ops::Service>(i);
    const ops::ServiceConfig& service = config.service(which);
    const bool gateway = which == ops::Service::Gateway;  // one port for API, page and health
    choices.push_back({.name = std::string{to_string(which)},
                       .enabled = service.enabled,
                       .port = gateway ? config.gateway.port : service.port,
                       .priority = service.priority});
  }
  return choices;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

std::span<const Flag> platform_flags() noexcept { return kPlatformFlags; }
std::span<const Flag> supervisor_flags() noexcept { return kSupervisorFlags; }

std::chrono::milliseconds Platform::longest_silence() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(timing.start_timeout +
                                                               timing.stop_timeout);
}

std::string Platform::data_flag() const {
  std::error_code error;
  const auto usual = std::filesystem::absolute("data", error);
  return layout.data == usual.lexically_normal() ? "" : " --data " + layout.data.string();
}

std::expected<Platform, Exit> platform_of(const Context& context,
                                          const std::optional<PlatformAt>& at) {
  auto options = load_options(context);
  if (at) {
    options.environment = at->environment;
    options.overrides.push_back(
        {.key = "data.dir", .values = {at->data.string()}, .flag = "--target"});
  }
  const Arguments& given = context.arguments;
  const auto set = [&](std::string_view flag, std::string_view key) {
    if (const auto value = given.value(flag)) {
      options.overrides.push_back(
          {.key = std::string{key}, .values = {*value}, .flag = std::string{flag}});
    }
  };
  set("--base-port", "roles.base_port");
  set("--log-level", "log.level");
  auto loaded = load_config(context, options);
  if (!loaded) return std::unexpected(Exit::Usage);
  // What the hub applied last counts where nobody names a file.
  const auto applied = deploy::Layout{loaded->config.data.dir}.current_config();
  if (std::error_code missing; !options.file && std::filesystem::exists(applied, missing)) {
    options.file = applied;
    loaded = load_config(context, options);
    if (!loaded) return std::unexpected(Exit::Usage);
  }
  Platform platform{.loaded = *loaded, .config = std::move(loaded->config)};
  if (options.file) platform.config_revision = deploy::revision_of_file(*options.file);
  const ops::Config& config = platform.config;
  if (!config.roles.any_port) platform.base_port = config.roles.base_port;
  platform.timing = timing_of(config);
  platform.logs = rules_of(config);
  std::error_code error;
  auto data = std::filesystem::absolute(platform.config.data.dir, error).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();
  platform.layout = {.data = data};
  deploy::PlanOptions asked{.program = own_program(),
                            .data = data,
                            .environment = config.environment,
                            .settings = given.all("--set"),
                            .base_port = platform.base_port,
                            .choices = choices_of(config)};
  const auto replaced = context.surroundings.variables.find("STOA_ROLE_PROGRAM");
  if (replaced != context.surroundings.variables.end()) asked.program = replaced->second;
  if (const auto file = given.value("--config")) {
    asked.config_file = std::filesystem::absolute(*file, error);
  }
  if (const auto level = given.value("--log-level")) asked.log_level = *level;
  auto plan = deploy::make_plan(asked);
  if (!plan) return std::unexpected(context.usage(plan.error().text()));
  platform.plan = std::move(*plan);
  return platform;
}

std::string own_program() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  constexpr std::string_view kReplaced = " (deleted)";  // by a newer build under the same name
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

Result<JsonValue> follow(deploy::ControlClient& client, std::chrono::milliseconds silence,
                         const std::function<void(const JsonValue&)>& use) {
  while (true) {
    auto line = client.line(silence);
    if (!line) return std::unexpected(std::move(line.error()));
    const std::optional<std::string>& text = *line;
    if (!text) {
      return std::unexpected(
          Error{.code = ErrorCode::Io,
                .message = "the supervisor ended before it said that it was done",
                .source = {}});
    }
    auto value = JsonValue::parse(*text);
    if (!value) return std::unexpected(std::move(value.error()));
    if ((*value)["event"].text() == "done") return std::move(*value);
    use(*value);
  }
}

std::optional<PlatformState> platform_state(const deploy::Layout& layout) {
  if (auto client = deploy::ControlClient::connect(layout.control());
      client && client->send({.verb = deploy::Request::Verb::Status})) {
    if (auto line = client->line(kStateWait)) {
      const std::optional<std::string>& text = *line;
      if (auto value = JsonValue::parse(text.value_or(""))) {
        return PlatformState{.supervised = true, .value = std::move(*value)};
      }
    }
  }
  auto value = JsonValue::parse(text_of(layout.state()));
  if (!value) return std::nullopt;
  return PlatformState{.supervised = false, .value = std::move(*value)};
}

std::uint16_t registered_port(const deploy::Layout& layout, std::string_view service) {
  const auto listing = ops::list_instances(ops::services_dir(layout.data), false);
  if (!listing) return 0;
  for (const ops::Instance& instance : listing->instances) {
    if (instance.service != service) continue;
    const ops::Endpoint* endpoint = instance.endpoint("health");
    if (endpoint == nullptr) continue;
    const auto colon = endpoint->address.rfind(':');
    std::uint16_t port = 0;
    const std::string& address = endpoint->address;
    std::from_chars(address.data() + (colon == std::string::npos ? 0 : colon + 1),
                    address.data() + address.size(), port);
    return port;
  }
  return 0;
}

std::string page_url(const Platform& platform, std::uint16_t port) {
  if (port == 0) port = registered_port(platform.layout, "gateway");
  if (port == 0) return {};
  auto token = text_of(platform.layout.token());
  token = token.substr(0, token.find_first_of("\r\n"));
  const std::string& host = platform.config.gateway.host;
  return fmt::format("http://{}:{}/{}", host == "0.0.0.0" ? "127.0.0.1" : host, port,
                     token.empty() ? "" : "#token=" + token);
}

}  // namespace stoa::cli

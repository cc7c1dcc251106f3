#include "cli/platform.h"

#include <fmt/core.h>

#include <array>
#include <chrono>
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

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

constexpr auto kPlatformFlags = std::to_array<Flag>({
    {.name = "--base-port",
     .value = "N",
     .help = "added to every role's port; any: the system chooses them"},
});

constexpr std::chrono::seconds kStateWait{1};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

std::span<const Flag> platform_flags() noexcept { return kPlatformFlags; }

std::string Platform::data_flag() const {
  std::error_code error;
  const auto usual = std::filesystem::absolute("data", error);
  return layout.data == usual.lexically_normal() ? "" : " --data " + layout.data.string();
}

std::expected<Platform, Exit> platform_of(const Context& context) {
  auto loaded = load_config(context, load_options(context));
  if (!loaded) return std::unexpected(Exit::Usage);
  Platform platform{.config = std::move(loaded->config)};
  const Arguments& given = context.arguments;
  auto base_port = deploy::parse_base_port(given.value_or("--base-port", "0"));
  if (!base_port) return std::unexpected(context.usage(base_port.error().message));
  platform.base_port = *base_port;
  std::error_code error;
  auto data = std::filesystem::absolute(platform.config.data.dir, error).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();
  platform.layout = {.data = data};
  deploy::PlanOptions options{.program = own_program(),
                              .data = data,
                              .environment = platform.config.environment,
                              .settings = given.all("--set"),
                              .base_port = platform.base_port};
  const auto replaced = context.surroundings.variables.find("STOA_ROLE_PROGRAM");
  if (replaced != context.surroundings.variables.end()) options.program = replaced->second;
  if (const auto file = given.value("--config")) {
    options.config_file = std::filesystem::absolute(*file, error);
  }
  if (const auto level = given.value("--log-level")) options.log_level = *level;
  auto plan = deploy::make_plan(options);
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

std::string page_url(const Platform& platform) {
  const auto place = platform.plan.find("gateway");
  const std::uint16_t port = place ? platform.plan.roles[*place].port : std::uint16_t{0};
  if (port == 0) return {};
  auto token = text_of(platform.layout.token());
  token = token.substr(0, token.find_first_of("\r\n"));
  const std::string& host = platform.config.gateway.host;
  return fmt::format("http://{}:{}/{}", host == "0.0.0.0" ? "127.0.0.1" : host, port,
                     token.empty() ? "" : "#token=" + token);
}

}  // namespace stoa::cli

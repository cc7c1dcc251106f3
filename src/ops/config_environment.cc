#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "ops/config.h"
#include "ops/config_embedded.h"
#include "ops/config_file.h"

namespace stoa::ops {
namespace {

constexpr std::array<std::string_view, 5> kEnvironments{"development", "staging", "production",
                                                        "testing", "docker"};

}  // namespace

std::span<const std::string_view> environments() noexcept { return kEnvironments; }

Surroundings Surroundings::of_process() {
  Surroundings seen;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    seen.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::error_code ignored;  // "cannot tell" is "is not there"
  seen.container = std::filesystem::exists("/.dockerenv", ignored);
  seen.run_folder = std::filesystem::exists("/var/run/stoa", ignored);
  return seen;
}

Result<FileText> environment_file(std::string_view environment) {
  const auto path = fmt::format("/{}.toml", environment);
  for (const auto& file : embedded_environments()) {
    if (file.path != path) continue;
    FileText found{.name = "environments" + path};
    found.text.assign(file.bytes.begin(), file.bytes.end());
    return found;
  }
  return bad_input(fmt::format("this program carries no environment {}", environment));
}

}  // namespace stoa::ops

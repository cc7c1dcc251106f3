#include "cli/role_process.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/platform.h"
#include "deploy/layout.h"
#include "deploy/pre_flight.h"
#include "deploy/supervise.h"
#include "ops/config.h"

namespace stoa::cli {

log::Options log_options(const Context& context, std::string_view name, const ops::Config& config) {
  log::Options options{.level = config.log.level,
                       .origin = {.service = std::string{name},
                                  .instance = std::string{name} + "-1",
                                  .env = config.environment,
                                  .version = context.hooks.version}};
  std::error_code error;
  const deploy::Layout layout{.data = std::filesystem::absolute(config.data.dir, error)};
  const auto file = layout.log(name);
  if (std::filesystem::equivalent("/proc/self/fd/2", file, error)) options.file = file.string();
  return options;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the environment is not changed while threads run
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

std::vector<deploy::Hindrance> hindrances_of(const Platform& platform,
                                             std::span<const std::size_t> roles) {
  constexpr std::uint64_t kSegments = 4;  // as stoa doctor asks for
  deploy::PreFlightOptions options{.layout = platform.layout,
                                   .host = platform.config.gateway.host,
                                   .roles = {roles.begin(), roles.end()},
                                   .free_bytes_min = kSegments * platform.config.wal.segment_bytes};
  for (const auto& role : deploy::running_roles(platform.layout)) {
    options.running.push_back(role.name);
  }
  return deploy::pre_flight(platform.plan, options, SystemClock{});
}

}  // namespace stoa::cli

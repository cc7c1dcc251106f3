#include "cli/validation_command.h"

#include <algorithm>
#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/validation_scene.h"
#include "ops/config.h"

namespace stoa::cli {

std::string_view environment_named(std::string_view word) noexcept {
  if (word == "prod") return "production";
  return word == "dev" ? "development" : word;
}

bool is_environment(std::string_view word) noexcept {
  return std::ranges::find(ops::environments(), environment_named(word)) !=
         ops::environments().end();
}

std::expected<ValidationScene, Exit> scene_of(Context& context, SceneOptions options) {
  if (const auto env = context.arguments.value("--env"); env && *env != options.asked) {
    return std::unexpected(context.usage("--env " + *env + ": another than " + options.asked));
  }
  if (!context.arguments.has("--env")) context.arguments.add("--env", options.asked);
  if (const auto loaded = ops::load(load_options(context)); !loaded) {
    ValidationScene scene{.asked = options.asked};
    for (const Error& error : loaded.error()) scene.config_errors.push_back(error.text());
    return scene;
  }
  const auto platform = platform_of(context);
  if (!platform) return std::unexpected(platform.error());
  if (const auto file = context.arguments.value("--config")) options.config_file = *file;
  return look_at(*platform, options);
}

}  // namespace stoa::cli

#include "cli/validation_command.h"

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/hub_ticket.h"
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

namespace {

/// What the hub last applied of a space; why it cannot say is told by the client.
ConfigTruth truth_of_hub(Context& context, const std::string& space) {
  ConfigTruth truth{.trouble = "the hub does not say", .source = space};
  auto hub = HubClient::of(context);
  if (!hub) return truth;
  const auto answer = hub->ask("config.status", space);
  if (!answer) return truth;
  if ((*answer)["live"].is_null()) {
    truth.trouble = "nothing of it was applied yet";
    return truth;
  }
  auto ticket = ticket_of((*answer)["live"]);
  return {.source = std::move(ticket.name),
          .digests = std::move(ticket.digests),
          .mend = "stoa config apply " + space};
}

/// "prod" of "prod-12", which is what was applied last; none: nothing was.
std::optional<std::string> space_of(std::string_view revision) {
  const auto dash = revision.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  return std::string{revision.substr(0, dash)};
}

}  // namespace

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
  auto space = context.arguments.value("--space");
  if (!space && !options.config_file) space = space_of(platform->config_revision);
  if (space) {
    options.hub = [&context, name = *space] { return truth_of_hub(context, name); };
  }
  return look_at(*platform, options);
}

}  // namespace stoa::cli

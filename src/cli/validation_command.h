#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/validation_scene.h"

namespace stoa::cli {

/// "production" for "prod", "development" for "dev"; other words as they are.
[[nodiscard]] std::string_view environment_named(std::string_view word) noexcept;
[[nodiscard]] bool is_environment(std::string_view word) noexcept;

/// The scene of the environment that `options.asked` names, as the flags of the command place it.
/// A configuration that cannot be loaded is a scene too, with nothing else in it.
[[nodiscard]] std::expected<ValidationScene, Exit> scene_of(Context& context, SceneOptions options);

}  // namespace stoa::cli

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/validation.h"
#include "cli/validation_command.h"
#include "cli/validation_scene.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "ENV", .help = "development, testing, staging, production; dev and prod will do"},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--only",
     .value = "ID",
     .help = "this check, or all of a kind: roles.ready, roles",
     .repeats = true},
    {.name = "--space",
     .value = "NAME",
     .help = "of the configuration hub: what every role is to run with; else the one applied last"},
    {.name = "--all", .help = "a row for each thing looked at", .kind = Flag::Kind::Switch},
    {.name = "--backup",
     .value = "DIR",
     .help = "a backup that must be of the last day",
     .kind = Flag::Kind::Path,
     .repeats = true},
    {.name = "--certificate",
     .value = "FILE",
     .help = "PEM file of the TLS before the gateway",
     .kind = Flag::Kind::Path,
     .repeats = true},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa validate development",
    "stoa validate production --data /var/lib/stoa --backup /backup/stoa",
    "stoa validate production --space prod",
    "stoa validate staging --only roles --only config -o json",
});

std::vector<std::filesystem::path> paths(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

bool is_a_check(const std::string& word) {
  return std::ranges::any_of(validation_checks(), [&](const ValidationCheck& check) {
    return check.id == word || check.id.substr(0, check.id.find('.')) == word;
  });
}

Exit run(Context& context) {
  const auto only = context.arguments.all("--only");
  for (const std::string& word : only) {
    if (!is_a_check(word)) return context.usage(fmt::format("--only {}: no such check", word));
  }
  const auto asked = environment_named(context.arguments.required("ENV"));
  const SceneOptions options{.asked = std::string{asked},
                             .backups = paths(context.arguments.all("--backup")),
                             .certificates = paths(context.arguments.all("--certificate"))};
  const auto scene = scene_of(context, options);
  if (!scene) return scene.error();
  const auto found = validate_scene(*scene, only);
  if (context.json()) {
    context.terminal.out << validation_json(scene->asked, found) << '\n';
  } else {
    context.terminal.out << validation_table(found, context.arguments.has("--all")) << '\n'
                         << validation_summary(found);
  }
  return sums_of(found).failed > 0 ? Exit::Finding : Exit::Ok;
}

}  // namespace

Command validate() {
  return {.noun = "validate",
          .group = Command::Group::Look,
          .summary = "Is what runs what was meant to run, and can it be left alone?",
          .arguments = kArguments,
          .flags = {kFlags, platform_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Changes nothing. Exit 3: a check failed; warnings fail nothing. The same as "
              "stoa validate-deployment ENV.",
          .run = run};
}

}  // namespace stoa::cli

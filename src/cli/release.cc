#include <fmt/core.h>

#include <array>
#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/table.h"
#include "deploy/deploy_log.h"
#include "deploy/release.h"
#include "protocol/json/writer.h"

// Builds that can be deployed: added, listed, checked, removed.
namespace stoa::cli {
namespace {

constexpr auto kFolder = std::to_array<Argument>({
    {.name = "DIR", .help = "a folder with stoa and manifest.json, as ./dev release makes it"},
});
constexpr auto kName = std::to_array<Argument>({
    {.name = "RELEASE", .help = "as stoa release list names it"},
});

/// Releases that a role runs, or would be started from.
std::set<std::string> in_use(const Platform& platform) {
  std::set<std::string> used;
  if (const auto state = platform_state(platform.layout)) {
    for (const JsonValue& role : state->value["roles"].items()) {
      used.insert(role["release"].text());
      used.insert(role["beside"]["release"].text());
    }
  }
  return used;
}

void write(json::Writer& json, const deploy::Release& release, bool used) {
  json.begin_object();
  json.field("name", std::string_view{release.name});
  json.field("version", std::string_view{release.version});
  json.field("commit", std::string_view{release.commit});
  json.field("built", std::string_view{release.built});
  json.field("digest", std::string_view{release.digest});
  json.field("in_use", used);
  json.end_object();
}

Exit add(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  std::error_code none;
  std::filesystem::create_directories(platform->layout.releases(), none);
  const auto added =
      deploy::add_release(context.arguments.required("DIR"), platform->layout.releases());
  if (!added) {
    const ErrorCode code = added.error().code;
    return context.fail(added.error(), code == ErrorCode::Damaged       ? Exit::Finding
                                       : code == ErrorCode::Unavailable ? Exit::Conflict
                                                                        : Exit::Failed);
  }
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    write(json, *added, false);
    context.terminal.out << text << '\n';
  } else {
    context.terminal.out << fmt::format("release {}  version {} {}  {}\n", added->name,
                                        added->version, added->commit, added->digest.substr(0, 12));
  }
  return Exit::Ok;
}

Exit list(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto used = in_use(*platform);
  Table table{{"RELEASE"}, {"VERSION"}, {"COMMIT"}, {"BUILT"}, {"DIGEST"}, {"RUNS"}};
  std::string text;
  json::Writer json{text};
  json.begin_array();
  for (const auto& release : deploy::list_releases(platform->layout.releases())) {
    write(json, release, used.contains(release.name));
    table.row({release.name, release.version, release.commit, release.built.substr(0, 19),
               release.digest.substr(0, 12), used.contains(release.name) ? "yes" : "no"});
  }
  json.end_array();
  context.terminal.out << (context.json() ? text + "\n" : table.text());
  return Exit::Ok;
}

Exit verify(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto folder = platform->layout.release(context.arguments.required("RELEASE"));
  const auto release = deploy::read_release(folder);
  if (!release) return context.fail(release.error());
  if (const auto whole = deploy::verify_release(folder, *release); !whole) {
    return context.fail(whole.error(), Exit::Finding);
  }
  context.terminal.out << fmt::format("release {}  {} files  intact\n", release->name,
                                      release->files.size());
  return Exit::Ok;
}

Exit remove(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto name = context.arguments.required("RELEASE");
  const auto refuse = [&](std::string message) {
    return context.fail(
        Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}},
        Exit::Conflict);
  };
  if (in_use(*platform).contains(name)) return refuse("release " + name + " runs");
  if (deploy::DeployLock::holder(platform->layout.deploy_lock())) {
    return refuse("a deployment is under way; wait until it is over");
  }
  if (const auto removed = deploy::remove_release(platform->layout.releases(), name); !removed) {
    return context.fail(removed.error());
  }
  context.terminal.out << fmt::format("removed {}\n", name);
  return Exit::Ok;
}

}  // namespace

Command release_add() {
  return {
      .noun = "release",
      .verb = "add",
      .group = Command::Group::Setup,
      .summary = "Copy a build to the platform, so that it can be deployed",
      .arguments = kFolder,
      .flags = {config_flags(), output_flags()},
      .notes = "Exit 3: a file is not what its manifest says; 5: another of that name is there.",
      .run = add};
}
Command release_list() {
  return {.noun = "release",
          .verb = "list",
          .group = Command::Group::Look,
          .summary = "List the builds that can be deployed",
          .flags = {config_flags(), output_flags()},
          .run = list};
}
Command release_verify() {
  return {.noun = "release",
          .verb = "verify",
          .group = Command::Group::Look,
          .summary = "Compare a build with the digests of its manifest",
          .arguments = kName,
          .flags = {config_flags(), output_flags()},
          .notes = "Exit 3: it is not what was added.",
          .run = verify};
}
Command release_remove() {
  return {.noun = "release",
          .verb = "remove",
          .group = Command::Group::Setup,
          .summary = "Remove a build that nothing runs",
          .arguments = kName,
          .flags = {config_flags(), output_flags()},
          .notes = "Exit 5: it runs, or a deployment is under way.",
          .run = remove};
}

}  // namespace stoa::cli

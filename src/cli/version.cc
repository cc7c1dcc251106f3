#include <fmt/core.h>

#include <ostream>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

Exit run(Context& context) {
  const Hooks& hooks = context.hooks;
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("version", std::string_view{hooks.version});
    json.field("commit", std::string_view{hooks.commit});
    json.field("compiler", kCompiler);
    json.end_object();
    context.terminal.out << text << '\n';
  } else {
    context.terminal.out << fmt::format("stoa {}{} ({})\n", hooks.version,
                                        hooks.commit.empty() ? "" : " " + hooks.commit, kCompiler);
  }
  return Exit::Ok;
}

}  // namespace

Command version() {
  return {.noun = "version",
          .group = Command::Group::Setup,
          .summary = "Show version, commit and compiler",
          .flags = {output_flags()},
          .run = run};
}

}  // namespace stoa::cli

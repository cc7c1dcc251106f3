#include <array>
#include <filesystem>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/exit.h"
#include "cli/journal_plan.h"
#include "journal/repair.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "DIR", .help = "journal or data directory"}});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa journal repair data --dry-run", "stoa journal repair data --yes"});

Exit run(Context& context) {
  return change_journal(
      context, {.plan = [](const std::filesystem::path& dir) { return journal::plan_repair(dir); },
                .nothing = "intact: nothing to repair",
                .dry_run_exit = Exit::Finding});
}

}  // namespace

Command journal_repair() {
  return {.noun = "journal",
          .verb = "repair",
          .group = Command::Group::Look,
          .summary = "Mend a damaged journal: show what would go, ask, move it aside",
          .arguments = kArguments,
          .flags = {confirm_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Nothing is guessed and nothing is deleted: what goes is moved into dropped-LSN "
              "beside the segments. The engine must be stopped; exit 5: it is running. Exit 3: "
              "damage that a dry run saw or a repair cannot mend. A backup may hold what a repair "
              "drops: docs/backup.md.",
          .run = run};
}

}  // namespace stoa::cli

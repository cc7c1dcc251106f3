#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/ids.h"
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
constexpr auto kFlags = std::to_array<Flag>({{.name = "--after",
                                              .value = "LSN",
                                              .help = "last record that stays",
                                              .kind = Flag::Kind::Integer,
                                              .required = true}});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa journal cut data --after 1200 --dry-run", "stoa journal cut data --after 1200"});

Exit run(Context& context) {
  const auto text = context.arguments.required("--after");
  std::uint64_t after = 0;
  std::from_chars(text.data(), text.data() + text.size(), after);  // checked when parsed
  return change_journal(context, {.plan =
                                      [after](const std::filesystem::path& dir) {
                                        return journal::plan_cut(dir, Lsn{after});
                                      },
                                  .nothing = "nothing stands behind that record",
                                  .may_empty = true});
}

}  // namespace

Command journal_cut() {
  return {.noun = "journal",
          .verb = "cut",
          .group = Command::Group::Look,
          .summary = "End a journal behind a record: show what would go, ask, move it aside",
          .arguments = kArguments,
          .flags = {kFlags, confirm_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Nothing is deleted: what goes is moved into dropped-LSN beside the segments, "
              "checkpoints and cursors behind the cut too. The engine must be stopped; exit 5: it "
              "is running. A venue knows nothing of a cut: orders that left stay there.",
          .run = run};
}

}  // namespace stoa::cli

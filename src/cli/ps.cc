#include <array>
#include <chrono>
#include <ostream>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/platform_table.h"
#include "cli/ps.h"

namespace stoa::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{200};
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa ps --data /var/lib/stoa",
    "stoa ps -o json | jq '.[] | select(.ready | not) | .role'",
});

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto state = platform_state(platform->layout);
  if (!state) {
    return context.fail(Error{
        .code = ErrorCode::NotFound,
        .message = "no platform was ever started here; stoa up" + platform->data_flag() + " does",
        .source = platform->layout.data.string()});
  }
  return show_platform(context, *platform, *state);
}

}  // namespace

Exit show_platform(Context& context, const Platform& platform, const PlatformState& state) {
  const auto rows = role_rows(platform, state, kPatience);
  const auto now = SystemClock{}.now();
  if (context.json()) {
    context.terminal.out << rows_json(rows, now) << '\n';
  } else {
    context.terminal.out << rows_text(rows, now);
    if (!state.supervised) context.terminal.err << "no supervisor runs; this is what it left\n";
  }
  bool all_ready = true;
  for (const RoleRow& row : rows) all_ready &= row.ready();
  return all_ready ? Exit::Ok : Exit::Finding;
}

Command ps() {
  return {.noun = "ps",
          .group = Command::Group::Look,
          .summary = "Show the processes of a platform: state, memory, processor, restarts, rates",
          .flags = {config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Exit 3: a role is not ready. A role that does not answer within 200 ms is shown "
              "with what the kernel knows.",
          .run = run};
}

}  // namespace stoa::cli

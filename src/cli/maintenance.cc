#include "cli/maintenance.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/table.h"
#include "deploy/log_files.h"
#include "protocol/json/writer.h"

namespace stoa::cli {

void show_actions(Context& context, const std::vector<deploy::LogAction>& actions, bool dry_run) {
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("dry_run", dry_run);
    json.key("actions");
    json.begin_array();
    for (const auto& action : actions) {
      json.begin_object();
      json.field("what", std::string_view{action.what});
      json.field("file", std::string_view{action.file.native()});
      json.field("into", std::string_view{action.into.native()});
      json.field("bytes_before", action.bytes_before);
      json.field("bytes_after", action.bytes_after);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    context.terminal.out << text << '\n';
    return;
  }
  if (actions.empty()) {
    context.terminal.out << "nothing to do\n";
    return;
  }
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  for (const auto& action : actions) {
    before += action.bytes_before;
    after += action.bytes_after;
    context.terminal.out << fmt::format(
        "{}{} {} ({}{})\n", dry_run ? "would be " : "", action.what, action.file.string(),
        bytes_text(action.bytes_before),
        action.into.empty() || dry_run ? "" : " -> " + bytes_text(action.bytes_after));
  }
  if (!dry_run) {
    context.terminal.out << fmt::format("{} files, {} freed\n", actions.size(),
                                        bytes_text(before > after ? before - after : 0));
  }
}

void wait_a_moment() {
  constexpr int kMomentMs = 100;  // five rounds of the log's writer
  ::poll(nullptr, 0, kMomentMs);
}

}  // namespace stoa::cli

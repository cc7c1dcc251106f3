#include <fmt/core.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "ops/backup.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "TARGET", .help = "folder of the backup"}});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa journal backup verify /mnt/backup/stoa"});

std::string as_json(const ops::BackupCheck& check) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("intact", check.findings.empty());
  json.digits_field("time_ns", check.manifest.time.ns());
  json.digits_field("first_lsn", check.manifest.first().value());
  json.digits_field("last_lsn", check.manifest.last().value());
  json.field("files", check.manifest.entries.size());
  json.key("findings");
  json.begin_array();
  for (const auto& finding : check.findings) {
    json.begin_object();
    json.field("file", std::string_view{finding.file});
    json.field("what", std::string_view{finding.what});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

std::string as_text(const ops::BackupCheck& check) {
  auto text = fmt::format("{}: {} files, lsn {} to {}, saved {}\n",
                          check.findings.empty() ? "intact" : "DAMAGED",
                          check.manifest.entries.size(), check.manifest.first().value(),
                          check.manifest.last().value(), to_rfc3339(check.manifest.time));
  for (const auto& finding : check.findings) {
    text += fmt::format("damage: {}: {}\n", finding.file, finding.what);
  }
  return text;
}

Exit run(Context& context) {
  const auto target = context.arguments.required("TARGET");
  const auto check = ops::check_backup(target);
  if (!check) {
    const bool damaged = check.error().code == ErrorCode::Damaged;
    return context.fail(check.error(), damaged ? Exit::Finding : Exit::Failed);
  }
  context.terminal.out << (context.json() ? as_json(*check) + "\n" : as_text(*check));
  if (check->findings.empty()) return Exit::Ok;
  if (!context.json()) {
    context.terminal.err << "remove a damaged file and the next backup stores it again, as long as "
                            "the log still has its records\n";
  }
  return Exit::Finding;
}

}  // namespace

Command journal_backup_verify() {
  return {.noun = "journal",
          .verb = "backup verify",
          .group = Command::Group::Look,
          .summary = "Unpack every file of a backup in memory and compare all digests",
          .arguments = kArguments,
          .flags = {output_flags()},
          .examples = kExamples,
          .notes =
              "Changes nothing. Exit 3: damage, with file and what. `stoa journal restore` "
              "compares the same before anything gets a name.",
          .run = run};
}

}  // namespace stoa::cli

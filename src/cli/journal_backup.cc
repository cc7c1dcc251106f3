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
#include "cli/journal_dir.h"
#include "cli/table.h"
#include "ops/backup.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>(
    {{.name = "DIR", .help = "journal or data directory"},
     {.name = "TARGET", .help = "folder of the backup; made if missing, its parent is not"}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--cursor",
     .value = "NAME",
     .help = "which cursor holds back retention, backup unless told; one per TARGET"},
    {.name = "--dry-run", .help = "say what is new and store nothing", .kind = Flag::Kind::Switch},
});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa journal backup data /mnt/backup/stoa", "stoa journal backup data /mnt/b2 --cursor b2"});

std::string as_json(const ops::BackupReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.digits_field("first_lsn", report.first.value());
  json.digits_field("last_lsn", report.last.value());
  json.field("new_records", report.new_records);
  json.field("new_files", report.new_files);
  json.field("new_bytes", report.new_bytes);
  json.field("new_stored_bytes", report.new_stored);
  json.field("files", report.files);
  json.field("content_bytes", report.content_bytes);
  json.field("stored_bytes", report.stored_bytes);
  json.end_object();
  return text;
}

Exit run(Context& context) {
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  const auto target = context.arguments.required("TARGET");
  const bool dry_run = context.arguments.has("--dry-run");
  const auto report = ops::backup(*dir, target,
                                  {.time = SystemClock{}.now(),
                                   .cursor = context.arguments.value_or("--cursor", "backup"),
                                   .dry_run = dry_run});
  if (!report) {
    const ErrorCode code = report.error().code;
    return context.fail(report.error(), code == ErrorCode::Damaged       ? Exit::Finding
                                        : code == ErrorCode::BadInput    ? Exit::Usage
                                        : code == ErrorCode::Unavailable ? Exit::Conflict
                                                                         : Exit::Failed);
  }
  if (context.json()) {
    context.terminal.out << as_json(*report) << '\n';
    return Exit::Ok;
  }
  context.terminal.out << fmt::format(
      "{}: lsn {} to {}, {} new records\n{}: {} files, {}{}\nthe backup has {} files: {} as {}\n",
      dry_run ? "would be saved" : "saved", report->first.value(), report->last.value(),
      report->new_records, dry_run ? "would be stored" : "stored", report->new_files,
      bytes_text(report->new_bytes),
      dry_run ? "" : fmt::format(" as {}", bytes_text(report->new_stored)), report->files,
      bytes_text(report->content_bytes), bytes_text(report->stored_bytes));
  return Exit::Ok;
}

}  // namespace

Command journal_backup() {
  return {.noun = "journal",
          .verb = "backup",
          .group = Command::Group::Look,
          .summary = "Save what is new in a journal, while the engine runs",
          .arguments = kArguments,
          .flags = {kFlags, output_flags()},
          .examples = kExamples,
          .notes =
              "Killed at any moment it leaves the backup of the run before. The cursor keeps "
              "retention from removing what is not yet saved. Exit 2: TARGET belongs to another "
              "log. Exit 3: the journal or the backup is damaged; nothing was replaced. Exit 5: "
              "another run is at work. More: docs/backup.md.",
          .run = run};
}

}  // namespace stoa::cli

#include <fmt/core.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/journal_dir.h"
#include "cli/journal_plan.h"
#include "cli/table.h"
#include "journal/repair.h"
#include "journal/verify.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "DIR", .help = "journal or data directory"}});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa journal verify data"});

std::string as_json(const journal::VerifyReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("intact", report.intact);
  json.field("records", report.records);
  json.field("payload_bytes", report.payload_bytes);
  json.digits_field("first_lsn", report.first.value());
  json.digits_field("last_lsn", report.last.value());
  json.field("checkpoints", report.checkpoints);
  json.field("cursors", report.cursors);
  json.key("segments");
  json.begin_array();
  for (const auto& segment : report.segments) {
    json.begin_object();
    json.field("name", std::string_view{segment.info.name});
    json.field("records", segment.records);
    json.digits_field("last_lsn", segment.last.value());
    json.field("sealed", segment.info.sealed);
    json.field("end_offset", segment.end_offset);
    json.field("torn_tail_bytes", segment.torn_tail_bytes);
    json.end_object();
  }
  json.end_array();
  json.key("damage");
  json.begin_array();
  for (const auto& damage : report.damage) {
    json.begin_object();
    json.field("segment", std::string_view{damage.segment});
    json.field("offset", damage.offset);
    json.digits_field("lsn", damage.lsn.value());
    json.field("what", std::string_view{damage.what});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

std::string as_text(const journal::VerifyReport& report) {
  auto text = fmt::format(
      "{}: {} segments, {} records, lsn {} to {}, {} of payload, {} checkpoints, {} "
      "cursors\n",
      report.intact ? "intact" : "DAMAGED", report.segments.size(), report.records,
      report.first.value(), report.last.value(), bytes_text(report.payload_bytes),
      report.checkpoints, report.cursors);
  for (const auto& damage : report.damage) text += "damage: " + damage.text() + "\n";
  for (const auto& segment : report.segments) {
    if (segment.torn_tail_bytes == 0) continue;
    text += fmt::format(
        "torn tail: {}: byte {}, lsn {}: {} bytes of a write that was never acknowledged; the next "
        "start cuts them\n",
        segment.info.name, segment.end_offset, segment.last.value() + 1, segment.torn_tail_bytes);
  }
  return text;
}

// What the damage means for the records, as a repair would have to decide it.
std::string meaning(const std::filesystem::path& dir) {
  const auto plan = journal::plan_repair(dir);
  if (!plan) return "";
  const auto repair = fmt::format("stoa journal repair {}", dir.string());
  if (plan->drops_nothing()) {
    return fmt::format("no record is lost; stop the engine and let `{}` mend it\n", repair);
  }
  return fmt::format(
      "an engine that has to read this part does not start; a repair would keep this much:\n{}"
      "first look for a backup that holds more (docs/backup.md); else `{} --dry-run`\n",
      plan_summary(*plan), repair);
}

Exit run(Context& context) {
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  const auto report = journal::verify(*dir);
  if (!report) return context.fail(report.error());
  if (report->segments.empty()) {
    // Nothing was looked at, so nothing may be called intact.
    return context.fail(Error{
        .code = ErrorCode::NotFound, .message = "no segments in it", .source = dir->string()});
  }
  context.terminal.out << (context.json() ? as_json(*report) + "\n" : as_text(*report));
  if (!report->intact && !context.json()) context.terminal.err << meaning(*dir);
  return report->intact ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command journal_verify() {
  return {.noun = "journal",
          .verb = "verify",
          .group = Command::Group::Look,
          .summary = "Check every record of a journal; change nothing",
          .arguments = kArguments,
          .flags = {output_flags()},
          .examples = kExamples,
          .notes =
              "Works beside a running engine. Exit 3: damage, with segment, byte offset and "
              "lsn.",
          .run = run};
}

}  // namespace stoa::cli

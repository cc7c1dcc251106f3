#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "cli/table.h"
#include "ops/backup.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>(
    {{.name = "TARGET", .help = "folder of the backup"},
     {.name = "DIR", .help = "journal to make, data/wal; missing or empty"}});
constexpr auto kFlags = std::to_array<Flag>({{.name = "--to",
                                              .value = "LSN",
                                              .help = "last record, else the newest saved",
                                              .kind = Flag::Kind::Integer}});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa journal restore /mnt/backup/stoa data/wal",
                                     "stoa journal restore /mnt/backup/stoa drill/wal --to 1200"});

Exit exit_of(const Error& error) {
  if (error.code == ErrorCode::Damaged) return Exit::Finding;
  return error.code == ErrorCode::BadInput ? Exit::Usage : Exit::Failed;
}

std::string as_json(const ops::RestoreReport& report, const std::optional<ReplayReport>& replay) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.digits_field("first_lsn", report.first.value());
  json.digits_field("last_lsn", report.last.value());
  json.field("files", report.files);
  json.field("bytes", report.bytes);
  json.field("verified", true);
  if (replay) {
    json.field("state_hash", std::string_view{fmt::format("{:016x}", replay->state_hash)});
    json.field("mismatches", replay->mismatches);
    json.field("checkpoints_differ", replay->checkpoints_differ);
  }
  json.end_object();
  return text + "\n";
}

Exit run(Context& context) {
  const std::filesystem::path target = context.arguments.required("TARGET");
  const std::filesystem::path dir = context.arguments.required("DIR");
  std::optional<Lsn> to;
  if (const auto text = context.arguments.value("--to")) {
    std::uint64_t value = 0;
    std::from_chars(text->data(), text->data() + text->size(), value);  // checked when parsed
    to = Lsn{value};
  }
  const auto report = ops::restore(target, dir, to);
  if (!report) return context.fail(report.error(), exit_of(report.error()));
  std::optional<ReplayReport> replay;
  if (context.hooks.replay_verify) {
    auto replayed = context.hooks.replay_verify(dir, std::nullopt);
    if (!replayed) return context.fail(replayed.error(), exit_of(replayed.error()));
    replay = *replayed;
  }
  if (context.json()) {
    context.terminal.out << as_json(*report, replay);
  } else {
    context.terminal.out << fmt::format("restored and verified: lsn {} to {}, {} files, {}\n",
                                        report->first.value(), report->last.value(), report->files,
                                        bytes_text(report->bytes));
    if (replay) {
      context.terminal.out << fmt::format(
          "replayed: {} records from {}, {} decisions and {} checkpoints differ, state hash "
          "{:016x}\n",
          replay->messages, replay->from_lsn, replay->mismatches, replay->checkpoints_differ,
          replay->state_hash);
    }
  }
  return replay && !replay->equal() ? Exit::Finding : Exit::Ok;
}

}  // namespace

Command journal_restore() {
  return {.noun = "journal",
          .verb = "restore",
          .group = Command::Group::Look,
          .summary = "Make a journal from a backup: digests compared, verified, replayed",
          .arguments = kArguments,
          .flags = {kFlags, output_flags()},
          .examples = kExamples,
          .notes =
              "Works in DIR.restoring beside and names it DIR when every digest and record has "
              "been compared: there is never half of a journal. Exit 2: DIR is not empty, or LSN "
              "is not in the backup. Exit 3: the backup is damaged. More: docs/backup.md.",
          .run = run};
}

}  // namespace stoa::cli

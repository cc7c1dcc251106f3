#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({{.name = "--to",
                                              .value = "LSN",
                                              .help = "last record, else the newest",
                                              .kind = Flag::Kind::Integer}});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa replay verify --data data", "stoa replay verify --data data --to 1200"});

std::string as_json(const ReplayReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("state_hash", std::string_view{fmt::format("{:016x}", report.state_hash)});
  json.field("messages", report.messages);
  json.field("inputs", report.inputs);
  json.field("outputs_compared", report.outputs_compared);
  json.field("mismatches", report.mismatches);
  json.field("first_mismatch", std::string_view{report.first_mismatch});
  json.field("from_lsn", report.from_lsn);
  json.field("checkpoints_checked", report.checkpoints_checked);
  json.field("checkpoints_differ", report.checkpoints_differ);
  json.field("first_checkpoint_fault", std::string_view{report.first_checkpoint_fault});
  json.end_object();
  return text;
}

std::string as_text(const ReplayReport& report) {
  std::string text = fmt::format(
      "{}: {} records from {}, {} inputs applied, {} outputs compared, {} differ\n"
      "state hash {:016x}\n",
      report.equal() ? "equal" : "NOT EQUAL", report.messages, report.from_lsn, report.inputs,
      report.outputs_compared, report.mismatches, report.state_hash);
  if (report.checkpoints_checked > 0) {
    text += fmt::format("checkpoints: {} compared, {} differ\n", report.checkpoints_checked,
                        report.checkpoints_differ);
  }
  for (const std::string& first : {report.first_mismatch, report.first_checkpoint_fault}) {
    if (!first.empty()) text += "first: " + first + "\n";
  }
  return text;
}

Exit run(Context& context) {
  auto options = load_options(context);
  options.check_strategy = nullptr;
  const auto loaded = load_config(context, options);
  if (!loaded) return Exit::Usage;
  if (!context.hooks.replay_verify) {
    return context.fail(
        Error{.code = ErrorCode::Unavailable, .message = "this build cannot replay", .source = {}});
  }
  std::optional<Lsn> to;
  if (const auto text = context.arguments.value("--to")) {
    std::uint64_t value = 0;
    std::from_chars(text->data(), text->data() + text->size(), value);  // checked when parsed
    to = Lsn{value};
  }
  const auto report = context.hooks.replay_verify(loaded->config.wal.dir, to);
  if (!report) {
    const bool damaged = report.error().code == ErrorCode::Damaged;
    return context.fail(report.error(), damaged ? Exit::Finding : Exit::Failed);
  }
  context.terminal.out << (context.json() ? as_json(*report) + "\n" : as_text(*report));
  return report->equal() ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command replay_verify() {
  return {.noun = "replay",
          .verb = "verify",
          .group = Command::Group::Look,
          .summary = "Derive every decision of a log again and compare it with what was recorded",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Reads only; works beside a running engine. Begins at record 1 and compares each "
              "checkpoint with the state reached there; when the first records are gone, begins "
              "with the oldest checkpoint. Exit 3: a decision or a checkpoint differs, or the log "
              "is damaged.",
          .run = run};
}

}  // namespace stoa::cli

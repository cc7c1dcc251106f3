#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/journal_dir.h"
#include "cli/table.h"
#include "ops/log_stats.h"
#include "protocol/json/writer.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "DIR", .help = "journal or data directory"}});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa journal stats data"});

std::string type_name(std::uint8_t type) {
  const auto* info = native::find_message(type);
  return info == nullptr ? fmt::format("type {}", type) : std::string{info->name};
}

std::string source_name(std::uint8_t source) {
  const std::string_view name = to_string(static_cast<relay::Source>(source));
  return name.empty() ? fmt::format("source {}", source) : std::string{name};
}

std::string time_text(Timestamp time) {
  return time == Timestamp{} ? "-" : time_cell(std::to_string(time.ns()));
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string as_json(const ops::LogStats& stats) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("segments", stats.segments);
  json.field("file_bytes", stats.file_bytes);
  json.field("record_bytes", stats.record_bytes);
  json.digits_field("first_lsn", stats.first.value());
  json.digits_field("last_lsn", stats.last.value());
  json.field("records", stats.records);
  json.field("inputs", stats.inputs);
  json.field("outputs", stats.outputs);
  json.field("unreadable", stats.unreadable);
  json.key("payload_bytes");
  json.begin_object();
  json.field("all", stats.payload_bytes);
  json.field("min", stats.payload_min);
  json.field("p50", stats.payload_p50);
  json.field("p99", stats.payload_p99);
  json.field("max", stats.payload_max);
  json.end_object();
  json.digits_field("begin_ns", stats.begin.ns());
  json.digits_field("end_ns", stats.end.ns());
  json.field("busiest_second_records", stats.busiest_second);
  json.digits_field("busiest_second_ns", stats.busiest_at.ns());
  json.key("types");
  json.begin_array();
  for (const auto& type : stats.types) {
    json.begin_object();
    json.field("type", std::string_view{type_name(type.number)});
    json.field("number", type.number);
    json.field("records", type.records);
    json.field("payload_bytes", type.payload_bytes);
    json.end_object();
  }
  json.end_array();
  json.key("sources");
  json.begin_array();
  for (const auto& source : stats.sources) {
    json.begin_object();
    json.field("source", std::string_view{source_name(source.number)});
    json.field("number", source.number);
    json.field("outputs", source.outputs);
    json.field("records", source.records);
    json.digits_field("first_sequence", source.first);
    json.digits_field("last_sequence", source.last);
    json.field("missing", source.missing);
    json.field("repeated", source.repeated);
    json.end_object();
  }
  json.end_array();
  json.key("checkpoints");
  json.begin_array();
  for (const auto& checkpoint : stats.checkpoints) {
    json.begin_object();
    json.digits_field("lsn", checkpoint.lsn.value());
    json.field("bytes", checkpoint.bytes);
    json.field("trouble", std::string_view{checkpoint.trouble});
    json.end_object();
  }
  json.end_array();
  json.key("cursors");
  json.begin_array();
  for (const auto& cursor : stats.cursors) {
    json.begin_object();
    json.field("name", std::string_view{cursor.name});
    json.digits_field("lsn", cursor.lsn.value());
    json.end_object();
  }
  json.end_array();
  json.key("removable");
  json.begin_object();
  json.field("segments", stats.removable.segments);
  json.field("bytes", stats.removable.bytes);
  json.field("held_by", std::string_view{stats.removable.held_by});
  json.end_object();
  json.end_object();
  return text;
}

std::string head(const ops::LogStats& stats) {
  std::string text = fmt::format(
      "records    {} (lsn {} to {}): {} inputs, {} outputs{}\n"
      "space      {} in {} segments, {} of it records ({})\n"
      "payload    {} to {} bytes, half at most {}, 99 % at most {}\n",
      stats.records, stats.first.value(), stats.last.value(), stats.inputs, stats.outputs,
      stats.unreadable == 0 ? "" : fmt::format(", {} that are no message", stats.unreadable),
      bytes_text(stats.file_bytes), stats.segments, bytes_text(stats.record_bytes),
      share(stats.record_bytes, stats.file_bytes), stats.payload_min, stats.payload_max,
      stats.payload_p50, stats.payload_p99);
  const std::int64_t lasted = (stats.end - stats.begin).count();
  auto out = std::back_inserter(text);
  fmt::format_to(out, "time       {} to {}: {}\n", time_text(stats.begin), time_text(stats.end),
                 duration_text(lasted));
  if (lasted > 0) {
    fmt::format_to(out, "rate       {:.1f} records a second, {} in the busiest ({})\n",
                   static_cast<double>(stats.records) * 1e9 / static_cast<double>(lasted),
                   stats.busiest_second, time_text(stats.busiest_at));
  }
  for (const auto& checkpoint : stats.checkpoints) {
    fmt::format_to(out, "checkpoint lsn {}, {}{}{}\n", checkpoint.lsn.value(),
                   bytes_text(checkpoint.bytes), checkpoint.trouble.empty() ? "" : ": ",
                   checkpoint.trouble);
  }
  for (const auto& cursor : stats.cursors) {
    fmt::format_to(out, "cursor     {} at lsn {}, {} records behind\n", cursor.name,
                   cursor.lsn.value(),
                   stats.last > cursor.lsn ? stats.last.value() - cursor.lsn.value() : 0);
  }
  const auto& removable = stats.removable;
  fmt::format_to(out, "retention  could remove {} segments ({}){}{}\n", removable.segments,
                 bytes_text(removable.bytes),
                 removable.held_by.empty() ? "" : "; the rest is held by: ", removable.held_by);
  return text;
}

std::string as_text(const ops::LogStats& stats) {
  std::string text = head(stats);
  Table types{{"TYPE"}, {"RECORDS", kRight}, {"SHARE", kRight}, {"PAYLOAD", kRight}};
  for (const auto& type : stats.types) {
    types.row({type_name(type.number), std::to_string(type.records),
               share(type.records, stats.records), bytes_text(type.payload_bytes)});
  }
  Table sources{{"SOURCE"},       {"RECORDS", kRight}, {"FIRST", kRight},
                {"LAST", kRight}, {"MISSING", kRight}, {"REPEATED", kRight}};
  for (const auto& source : stats.sources) {
    sources.row({source_name(source.number), std::to_string(source.records),
                 std::to_string(source.first), std::to_string(source.last),
                 std::to_string(source.missing), std::to_string(source.repeated)});
  }
  if (types.rows() > 0) text += "\n" + types.text();
  if (sources.rows() > 0) text += "\n" + sources.text();
  return text;
}

Exit run(Context& context) {
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  const auto stats = ops::log_stats(*dir);
  if (!stats) {
    const bool damaged = stats.error().code == ErrorCode::Damaged;
    return context.fail(stats.error(), damaged ? Exit::Finding : Exit::Failed);
  }
  context.terminal.out << (context.json() ? as_json(*stats) + "\n" : as_text(*stats));
  return Exit::Ok;
}

}  // namespace

Command journal_stats() {
  return {.noun = "journal",
          .verb = "stats",
          .group = Command::Group::Look,
          .summary = "Count a journal: space, sizes, types, sources, rates, what may be removed",
          .arguments = kArguments,
          .flags = {output_flags()},
          .examples = kExamples,
          .notes = "Works beside a running engine. Exit 3: damage was met.",
          .run = run};
}

}  // namespace stoa::cli

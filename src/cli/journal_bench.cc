#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/table.h"
#include "ops/journal_bench.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--dir",
     .value = "DIR",
     .help = "folder on the disk to measure, else this one",
     .kind = Flag::Kind::Path},
    {.name = "--seconds",
     .value = "N",
     .help = "how long, 1 to 600, 10 unless told",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples =
    std::to_array<std::string_view>({"stoa journal bench --dir /var/lib/stoa --seconds 20"});

std::string duration_cell(std::uint64_t ns) {
  return duration_text(static_cast<std::int64_t>(ns > std::numeric_limits<std::int64_t>::max()
                                                     ? std::numeric_limits<std::int64_t>::max()
                                                     : ns));
}

double read_gigabytes(const ops::JournalBenchReport& report) {
  if (report.read_time.count() == 0) return 0;
  return static_cast<double>(report.read_bytes) / static_cast<double>(report.read_time.count());
}

void append_latency(json::Writer& json, std::string_view name, const Histogram& ns) {
  json.key(name);
  json.begin_object();
  json.field("count", ns.count());
  json.field("p50_ns", ns.percentile(0.5));
  json.field("p99_ns", ns.percentile(0.99));
  json.field("p999_ns", ns.percentile(0.999));
  json.field("max_ns", ns.max());
  json.end_object();
}

std::string as_json(const ops::JournalBenchReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("commits");
  json.begin_array();
  for (const auto& row : report.rows) {
    json.begin_object();
    json.field("records", row.records_per_commit);
    append_latency(json, "disk", *row.raw_ns);
    append_latency(json, "journal", *row.commit_ns);
    json.field("records_per_second", static_cast<std::uint64_t>(row.records_per_second()));
    json.end_object();
  }
  json.end_array();
  json.field("read_bytes", report.read_bytes);
  json.field("read_records", report.read_records);
  json.field("read_ns", report.read_time.count());
  json.end_object();
  return text;
}

std::string as_text(const ops::JournalBenchReport& report) {
  Table table{{"RECORDS", kRight}, {"DISK P50", kRight},    {"P99", kRight},
              {"MAX", kRight},     {"JOURNAL P50", kRight}, {"P99", kRight},
              {"P99.9", kRight},   {"MAX", kRight},         {"DURABLE/S", kRight}};
  for (const auto& row : report.rows) {
    const Histogram& raw = *row.raw_ns;
    const Histogram& log = *row.commit_ns;
    table.row({std::to_string(row.records_per_commit), duration_cell(raw.percentile(0.5)),
               duration_cell(raw.percentile(0.99)), duration_cell(raw.max()),
               duration_cell(log.percentile(0.5)), duration_cell(log.percentile(0.99)),
               duration_cell(log.percentile(0.999)), duration_cell(log.max()),
               fmt::format("{:.0f}", row.records_per_second())});
  }
  std::string text =
      "one commit of so many records of 200 bytes: the disk alone (write and fdatasync), and the "
      "journal\n" +
      table.text();
  auto out = std::back_inserter(text);
  if (!report.rows.empty()) {
    fmt::format_to(
        out,
        "an order waits {} for this disk half of the time, {} once in a hundred times\n"
        "one order at a time: {:.0f} orders/s; {} that arrive together: {:.0f} orders/s\n",
        duration_cell(report.rows.front().commit_ns->percentile(0.5)),
        duration_cell(report.rows.front().commit_ns->percentile(0.99)),
        report.rows.front().records_per_second(), report.rows.back().records_per_commit,
        report.rows.back().records_per_second());
  }
  const auto seconds = std::chrono::duration<double>(report.read_time).count();
  fmt::format_to(out,
                 "reading back from memory with every checksum: {:.2f} GB/s, {:.1f} million "
                 "records/s\n",
                 read_gigabytes(report),
                 seconds > 0 ? static_cast<double>(report.read_records) / seconds / 1e6 : 0);
  return text;
}

Exit run(Context& context) {
  const auto text = context.arguments.value_or("--seconds", "10");
  std::uint64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);  // checked when parsed
  if (seconds < 1 || seconds > 600) return context.usage("--seconds: expected 1 to 600");
  const auto report =
      ops::journal_bench({.dir = context.arguments.value_or("--dir", "."),
                          .time = std::chrono::seconds{static_cast<std::int64_t>(seconds)}});
  if (!report) return context.fail(report.error());
  context.terminal.out << (context.json() ? as_json(*report) + "\n" : as_text(*report));
  return Exit::Ok;
}

}  // namespace

Command journal_bench() {
  return {.noun = "journal",
          .verb = "bench",
          .group = Command::Group::Look,
          .summary = "Measure a disk the way the log uses it, and what that means for orders",
          .flags = {kFlags, output_flags()},
          .examples = kExamples,
          .notes =
              "Writes into stoa-bench-PID below DIR and removes it; needs 1 GiB free. Ends by "
              "itself. An engine on the same disk feels it.",
          .run = run};
}

}  // namespace stoa::cli

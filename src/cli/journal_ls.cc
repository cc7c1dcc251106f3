#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/journal_dir.h"
#include "cli/table.h"
#include "journal/verify.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "DIR", .help = "journal or data directory"}});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa journal ls data"});

std::string as_json(const std::vector<journal::SegmentInfo>& segments) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("segments");
  json.begin_array();
  for (const auto& segment : segments) {
    json.begin_object();
    json.field("name", std::string_view{segment.name});
    json.digits_field("first_lsn", segment.first.value());
    json.digits_field("last_lsn", segment.last.value());
    json.field("records", segment.records);
    json.field("bytes", segment.file_bytes);
    json.field("epoch", segment.epoch);
    json.field("sealed", segment.sealed);
    json.field("trouble", std::string_view{segment.trouble});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

Exit run(Context& context) {
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  const auto segments = journal::list(*dir);
  if (!segments) return context.fail(segments.error());
  bool trouble = false;
  Table table{{"SEGMENT"},
              {"FIRST LSN", kRight},
              {"LAST LSN", kRight},
              {"RECORDS", kRight},
              {"SIZE", kRight},
              {"EPOCH", kRight},
              {"STATE"}};
  for (const auto& segment : *segments) {
    trouble = trouble || !segment.trouble.empty();
    const auto counted = [&](std::uint64_t n) { return segment.sealed ? std::to_string(n) : "-"; };
    const std::string state = segment.sealed ? "sealed" : "open";
    table.row({segment.name, std::to_string(segment.first.value()), counted(segment.last.value()),
               counted(segment.records), bytes_text(segment.file_bytes),
               std::to_string(segment.epoch), segment.trouble.empty() ? state : segment.trouble});
  }
  context.terminal.out << (context.json() ? as_json(*segments) + "\n" : table.text());
  return trouble ? Exit::Finding : Exit::Ok;
}

}  // namespace

Command journal_ls() {
  return {.noun = "journal",
          .verb = "ls",
          .group = Command::Group::Look,
          .summary = "List the segments of a journal",
          .arguments = kArguments,
          .flags = {output_flags()},
          .examples = kExamples,
          .notes =
              "Works beside a running engine. Exit 3: a segment's header or footer cannot be "
              "believed.",
          .run = run};
}

}  // namespace stoa::cli

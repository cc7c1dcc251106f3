#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/journal_dir.h"
#include "journal/reader.h"
#include "ops/config.h"
#include "protocol/json/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "DIR", .help = "journal or data directory"}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--from",
     .value = "LSN",
     .help = "first record, else the oldest",
     .kind = Flag::Kind::Integer},
    {.name = "--to",
     .value = "LSN",
     .help = "last record, else the newest",
     .kind = Flag::Kind::Integer},
    {.name = "--type", .value = "NAME", .help = "only this type: OrderIntent", .repeats = true},
    {.name = "--limit",
     .value = "N",
     .help = "at most so many records",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa journal dump data --type Fill",
    "stoa journal dump data --from 1000 --to 1020 -o json",
});

std::uint64_t number(const Context& context, std::string_view flag, std::uint64_t otherwise) {
  const auto text = context.arguments.value(flag);
  if (!text) return otherwise;
  std::uint64_t value = otherwise;
  std::from_chars(text->data(), text->data() + text->size(), value);  // checked when parsed
  return value;
}

/// The type numbers that were asked for; nothing when a name is unknown, which is told.
std::optional<std::vector<std::uint8_t>> wanted_types(const Context& context) {
  std::vector<std::uint8_t> types;
  std::vector<std::string_view> names;
  for (const auto& info : native::messages()) names.push_back(info.name);
  for (const auto& name : context.arguments.all("--type")) {
    const auto known = native::messages();
    const auto found = std::ranges::find(known, name, &native::MessageInfo::name);
    if (found == known.end()) {
      const auto near = ops::nearest(name, names);
      static_cast<void>(
          context.usage(fmt::format("--type {}: unknown type{}", name,
                                    near ? fmt::format("; did you mean {}?", *near) : "")));
      return std::nullopt;
    }
    types.push_back(found->type);
  }
  return types;
}

std::string type_name(std::uint8_t type) {
  const auto* info = native::find_message(type);
  return info == nullptr ? fmt::format("type {}", type) : std::string{info->name};
}

/// One line per record: JSON for programs (one object per line), else lsn, time, type, fields.
void write_record(const Context& context, Lsn lsn, const native::MessageView& message) {
  std::string line;
  if (context.json()) {
    json::Writer json{line};
    json.begin_object();
    json.digits_field("lsn", lsn.value());
    json.key("message");
    std::string described;
    native::append_json(described, message);
    json.raw(described);
    json.end_object();
  } else {
    line =
        fmt::format("{:>8}  {}  {:<16}  {}  ", lsn.value(), to_rfc3339(message.header().timestamp),
                    type_name(message.type()), message.is_output() ? "out" : "in ");
    native::append_json(line, message);
  }
  context.terminal.out << line << '\n';
}

struct Filter {
  Lsn to;
  std::uint64_t limit = 0;
  std::vector<std::uint8_t> types{};
};

Exit dump(const Context& context, journal::Reader& reader, const Filter& filter) {
  std::uint64_t written = 0;
  while (written < filter.limit && context.terminal.out) {
    const auto record = reader.next(filter.to);
    if (!record) {
      const bool damaged = record.error().code == ErrorCode::Damaged;
      return context.fail(record.error(), damaged ? Exit::Finding : Exit::Failed);
    }
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return Exit::Ok;
    const auto message = native::decode(entry->payload);
    if (!message) {
      return context.fail(
          Error{.code = ErrorCode::Damaged,
                .message =
                    fmt::format("lsn {}: no message: {} at byte {}", entry->lsn.value(),
                                native::to_string(message.error().error), message.error().offset),
                .source = {}},
          Exit::Finding);
    }
    const bool wanted = filter.types.empty() ||
                        std::ranges::find(filter.types, message->type()) != filter.types.end();
    if (!wanted) continue;
    write_record(context, entry->lsn, *message);
    ++written;
  }
  return Exit::Ok;
}

Exit run(Context& context) {
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  auto types = wanted_types(context);
  if (!types) return Exit::Usage;
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  auto reader = journal::Reader::open(*dir, Lsn{number(context, "--from", 0)});
  if (!reader) {
    const bool damaged = reader.error().code == ErrorCode::Damaged;
    return context.fail(reader.error(), damaged ? Exit::Finding : Exit::Failed);
  }
  return dump(context, *reader,
              {.to = Lsn{number(context, "--to", kAll)},
               .limit = number(context, "--limit", kAll),
               .types = std::move(*types)});
}

}  // namespace

Command journal_dump() {
  return {.noun = "journal",
          .verb = "dump",
          .group = Command::Group::Look,
          .summary = "Write the records of a journal as text, one line each",
          .arguments = kArguments,
          .flags = {kFlags, output_flags()},
          .examples = kExamples,
          .notes =
              "Works beside a running engine. Exit 3: damage was met; what comes before it has "
              "been written.",
          .run = run};
}

}  // namespace stoa::cli

#include <fmt/core.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/day_report.h"
#include "cli/exit.h"
#include "cli/platform.h"
#include "cli/platform_table.h"
#include "cli/table.h"
#include "journal/file_system.h"
#include "ops/backup_store.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--date", .value = "DATE", .help = "UTC day as 2026-11-21; today unless told"},
    {.name = "--backup",
     .value = "DIR",
     .help = "backup whose age is told; DATA/backup unless told",
     .kind = Flag::Kind::Path},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa report daily --data /var/lib/stoa --backup /mnt/backup/stoa",
    "stoa report daily --date 2026-11-20 -o json",
});
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::int64_t kNsPerDay = 86'400'000'000'000;

struct Report {
  std::string day{};
  std::vector<RoleRow> rows{};
  LogDay logs{};
  std::optional<JournalDay> journal{};
  std::string journal_error{};
  std::optional<std::int64_t> backup_age_s{};
  std::string backup{};
  std::uint64_t disk_free = 0;
  std::uint64_t disk_total = 0;

  [[nodiscard]] std::size_t ready() const {
    return static_cast<std::size_t>(std::ranges::count_if(rows, &RoleRow::ready));
  }
  [[nodiscard]] std::uint64_t errors() const {
    std::uint64_t sum = 0;
    for (const auto& [role, day_of_role] : logs.roles) sum += day_of_role.errors;
    return sum;
  }
  [[nodiscard]] std::uint64_t restarts() const {
    std::uint64_t sum = 0;
    for (const auto& [role, times] : logs.restarts) sum += times;
    return sum;
  }
};

/// Midnight UTC of "2026-11-21"; nothing when it is no day.
std::optional<Timestamp> begin_of(std::string_view day) {
  int year = 0;
  unsigned month = 0;
  unsigned number = 0;
  const auto part = [&](std::size_t at, std::size_t size, auto& value) {
    const auto text = day.substr(at, size);
    const auto [stop, error] = std::from_chars(text.begin(), text.end(), value);
    return error == std::errc{} && stop == text.end();
  };
  const bool form = day.size() == 10 && day[4] == '-' && day[7] == '-' && part(0, 4, year) &&
                    part(5, 2, month) && part(8, 2, number);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{number}};
  if (!form || !date.ok()) return std::nullopt;
  return Timestamp::from_ns(std::chrono::sys_days{date}.time_since_epoch().count() * kNsPerDay);
}

Report make(const Platform& platform, std::string day, Timestamp begin, const std::string& backup,
            Timestamp now) {
  Report report{.day = std::move(day), .backup = backup};
  if (const auto state = platform_state(platform.layout)) {
    report.rows = role_rows(platform, *state, kPatience);
  }
  report.logs = read_log_day(platform.layout, report.day);
  auto journal = read_journal_day(platform.config.wal.dir, begin);
  if (journal) {
    report.journal = *journal;
  } else {
    report.journal_error = journal.error().text();
  }
  if (const auto manifest = ops::read_manifest(journal::posix_file_system(), backup)) {
    report.backup_age_s = (now - manifest->time).count() / 1'000'000'000;
  }
  struct statvfs info{};
  if (::statvfs(platform.layout.data.c_str(), &info) == 0) {
    report.disk_free = std::uint64_t{info.f_bavail} * info.f_frsize;
    report.disk_total = std::uint64_t{info.f_blocks} * info.f_frsize;
  }
  return report;
}

std::string as_text(const Report& report) {
  std::string text = fmt::format("stoa  {} (UTC)\n\n", report.day);
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<10}{}\n", name, value);
  };
  line("health", report.rows.empty()
                     ? "no platform was ever started here"
                     : fmt::format("{} of {} roles ready", report.ready(), report.rows.size()));
  line("restarts",
       fmt::format(
           "{}{}", report.restarts(),
           report.logs.given_up == 0 ? "" : fmt::format(", {} given up", report.logs.given_up)));
  if (report.journal) {
    const JournalDay& journal = *report.journal;
    line("orders", fmt::format("{}, fills {}", journal.orders, journal.fills));
    line("journal",
         fmt::format("{} in {} segments; {} records ({}) of this day", bytes_text(journal.bytes),
                     journal.segments, journal.records, bytes_text(journal.record_bytes)));
  } else {
    line("journal", report.journal_error.empty() ? "none" : report.journal_error);
  }
  line("backup", report.backup_age_s
                     ? fmt::format("{} h {} min old, {}", *report.backup_age_s / 3'600,
                                   *report.backup_age_s % 3'600 / 60, report.backup)
                     : fmt::format("none at {}; stoa journal backup makes one, --backup DIR names "
                                   "it",
                                   report.backup));
  line("disk",
       fmt::format("{} free of {}", bytes_text(report.disk_free), bytes_text(report.disk_total)));
  if (!report.logs.roles.empty()) {
    Table table{{"ROLE"},           {"LINES", kRight},    {"WARNINGS", kRight},
                {"ERRORS", kRight}, {"RESTARTS", kRight}, {"MOST FREQUENT ERROR"}};
    for (const auto& [role, day] : report.logs.roles) {
      const auto worst = std::ranges::max_element(day.error_events, {},
                                                  [](const auto& event) { return event.second; });
      const auto restarts = report.logs.restarts.find(role);
      table.row({role, std::to_string(day.lines), std::to_string(day.warnings),
                 std::to_string(day.errors),
                 std::to_string(restarts == report.logs.restarts.end() ? 0 : restarts->second),
                 worst == day.error_events.end()
                     ? ""
                     : fmt::format("{} ({})", worst->first, worst->second)});
    }
    text += '\n' + table.text();
  }
  for (const auto& unread : report.logs.unread) text += "cannot read " + unread + '\n';
  return text;
}

std::string as_json(const Report& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("date", std::string_view{report.day});
  json.field("roles_ready", report.ready());
  json.field("roles_total", report.rows.size());
  json.field("restarts", report.restarts());
  json.field("given_up", report.logs.given_up);
  json.field("errors", report.errors());
  json.key("journal");
  if (report.journal) {
    json.begin_object();
    json.field("bytes", report.journal->bytes);
    json.field("segments", report.journal->segments);
    json.field("day_records", report.journal->records);
    json.field("day_bytes", report.journal->record_bytes);
    json.end_object();
    json.field("orders", report.journal->orders);
    json.field("fills", report.journal->fills);
  } else {
    json.null();
    json.field("journal_error", std::string_view{report.journal_error});
  }
  json.field("backup_age_s", report.backup_age_s);
  json.field("disk_free_bytes", report.disk_free);
  json.field("disk_total_bytes", report.disk_total);
  json.key("roles");
  json.begin_array();
  for (const auto& [role, day] : report.logs.roles) {
    json.begin_object();
    json.field("role", std::string_view{role});
    json.field("lines", day.lines);
    json.field("warnings", day.warnings);
    json.field("errors", day.errors);
    const auto restarts = report.logs.restarts.find(role);
    json.field("restarts", restarts == report.logs.restarts.end() ? 0U : restarts->second);
    json.key("error_events");
    json.begin_object();
    for (const auto& [event, times] : day.error_events) {
      json.text_key(event);
      json.value(times);
    }
    json.end_object();
    json.field("last_error", std::string_view{day.last_error});
    json.end_object();
  }
  json.end_array();
  json.key("unread");
  json.begin_array();
  for (const auto& unread : report.logs.unread) json.value(std::string_view{unread});
  json.end_array();
  json.end_object();
  return text;
}

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto now = SystemClock{}.now();
  auto day = context.arguments.value_or("--date", to_rfc3339(now).substr(0, 10));
  const auto begin = begin_of(day);
  if (!begin) return context.usage(fmt::format("--date {}: expected a day as 2026-11-21", day));
  const auto backup =
      context.arguments.value_or("--backup", (platform->layout.data / "backup").string());
  const auto report = make(*platform, std::move(day), *begin, backup, now);
  context.terminal.out << (context.json() ? as_json(report) + '\n' : as_text(report));
  const bool well = report.journal_error.empty() && report.logs.given_up == 0 &&
                    report.ready() == report.rows.size();
  return well ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command report_daily() {
  return {.noun = "report",
          .verb = "daily",
          .group = Command::Group::Look,
          .summary = "Sum up a day: health, restarts, errors, orders, journal, backup, disk",
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Reads logs, their archives and the journal of that day; changes nothing. Exit "
              "3: a role is not ready or was given up, or the journal cannot be read.",
          .run = run};
}

}  // namespace stoa::cli

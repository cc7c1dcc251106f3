#include "cli/load_text.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/table.h"
#include "deploy/load_account.h"
#include "deploy/logged_orders.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

std::string latency_text(std::uint64_t us) {
  constexpr std::int64_t kNsPerUs = 1'000;
  return duration_text(static_cast<std::int64_t>(us) * kNsPerUs);
}

std::string refused_text(const deploy::LoadReport& report) {
  std::string text;
  for (const auto& [code, count] : report.refused) {
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", code, count);
  }
  return text;
}

class Lines {
 public:
  void row(std::string_view name, std::uint64_t count, const std::string& why = {}) {
    fmt::format_to(std::back_inserter(text_), "  {:<14}{:>9}{}{}\n", name, count,
                   why.empty() ? "" : "   ", why);
  }
  void words(std::string_view name, std::string_view words) {
    fmt::format_to(std::back_inserter(text_), "  {:<14}{}\n", name, words);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::optional<double> seconds_of(std::string_view text) {
  constexpr std::uint64_t kWeek = 7ULL * 24 * 3'600;
  std::uint64_t factor = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 'h':
        factor = 3'600;
        break;
      case 'm':
        factor = 60;
        break;
      case 's':
        break;
      default:
        factor = 0;
    }
    if (factor != 0) {
      text.remove_suffix(1);
    } else {
      factor = 1;
    }
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end() || value > kWeek / factor) return std::nullopt;
  return static_cast<double>(value * factor);
}

bool LoadAccountText::accounted_for() const noexcept {
  if (logged) return logged->lost == 0 && logged->doubled == 0;
  return report.unresolved == 0;
}

std::string load_table(const LoadAccountText& account) {
  const deploy::LoadReport& report = account.report;
  const std::string head =
      fmt::format("{}  {:.0f}/s for {:.1f} s  {}  ids {}-0 to {}-{}\n\n", account.host,
                  account.rate, report.seconds, fmt::join(account.symbols, " "), account.prefix,
                  account.prefix, report.due == 0 ? 0 : report.due - 1);
  Lines lines;
  lines.row("planned", report.due);
  lines.row("sent", report.sent,
            report.unsent == 0 ? "" : fmt::format("{} found no connection", report.unsent));
  const std::uint64_t asked = report.resolved_placed + report.resolved_present;
  lines.row("acknowledged", report.taken(),
            report.unknown == 0
                ? ""
                : fmt::format("{} answers were lost; {} of those orders were found by their id",
                              report.unknown, asked));
  lines.row("refused", report.refused_count(), refused_text(report));
  if (report.resolved_absent > 0)
    lines.row("absent", report.resolved_absent, "asked for, not there");
  if (report.unresolved > 0) lines.row("unresolved", report.unresolved, "no answer by the end");
  if (account.logged) {
    const deploy::LoggedOrders& logged = *account.logged;
    lines.row("in the log", logged.in_log, fmt::format("of {} records", logged.records));
    lines.row("at the venue", logged.at_venue);
    lines.row("doubled", logged.doubled);
    lines.row("lost", logged.lost, logged.first);
  } else {
    lines.words("in the log", "not looked at; name the data directory: --data DIR");
  }
  lines.words("latency", fmt::format("p50 {}  p99 {}  p99.9 {}  max {}",
                                     latency_text(report.p50_us), latency_text(report.p99_us),
                                     latency_text(report.p999_us), latency_text(report.max_us)));
  lines.words("longest hold", fmt::format("{} ms without an acknowledgement, at {:.1f} s; {} took "
                                          "longer than 2 s",
                                          report.longest_silence_ms, report.longest_silence_at_s,
                                          report.slower_than_2s));
  return head + lines.take() +
         (account.accounted_for() ? "\nevery order is accounted for\n"
                                  : "\nNOT every order is accounted for\n");
}

std::string load_json(const LoadAccountText& account) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("host", std::string_view{account.host});
  json.field("prefix", std::string_view{account.prefix});
  json.field("planned", account.report.due);
  json.field("sent", account.report.sent);
  json.field("acknowledged", account.report.taken());
  json.field("refused", account.report.refused_count());
  json.key("in_log");
  account.logged ? json.value(account.logged->in_log) : json.null();
  json.key("at_venue");
  account.logged ? json.value(account.logged->at_venue) : json.null();
  json.key("doubled");
  account.logged ? json.value(account.logged->doubled) : json.null();
  json.key("lost");
  account.logged ? json.value(account.logged->lost) : json.null();
  json.field("first_fault",
             account.logged ? std::string_view{account.logged->first} : std::string_view{});
  json.field("accounted_for", account.accounted_for());
  json.key("client");
  json.raw(to_json(account.report));
  json.end_object();
  return text;
}

}  // namespace stoa::cli

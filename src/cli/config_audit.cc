#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/table.h"
#include "deploy/hub_log.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SPACE", .help = "of this space alone", .required = false}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--by", .value = "USER", .help = "what this person did"},
    {.name = "--limit",
     .value = "N",
     .help = "newest N, 20 unless told",
     .kind = Flag::Kind::Integer},
});
constexpr auto kVerifyFlags = std::to_array<Flag>({
    {.name = "--head",
     .value = "LSN:SHA256",
     .help = "a head that was noted before: the log must still hold that record"},
});
constexpr auto kVerifyExamples = std::to_array<std::string_view>({"stoa config audit verify"});

Exit run(Context& context) {
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto answer =
      hub->ask("config.audit", context.arguments.value_or("SPACE", ""), [&](json::Writer& json) {
        json.field("by", std::string_view{context.arguments.value_or("--by", "")});
        json.field("limit", std::string_view{context.arguments.value_or("--limit", "20")});
      });
  if (!answer) return answer.error();
  if (told_as_json(context, *answer)) return Exit::Ok;
  Table table{{"LSN", kRight}, {"TIME"}, {"USER"}, {"SPACE"}, {"WHAT"}, {"ABOUT"}, {"REASON"}};
  for (const auto& each : (*answer)["records"].items()) {
    std::string about = each["object"].text();
    if (const auto& value = each["value"].text(); !value.empty()) {
      about += (about.empty() ? "" : ": ") + value;
    }
    if (const auto revision = each["revision"].integer().value_or(0); revision != 0) {
      about += fmt::format("{}{}:{}", about.empty() ? "" : " -> ", revision,
                           each["hash"].text().substr(0, 8));
    }
    table.row({each["lsn"].text(), time_text(each["time"].text()), each["user"].text(),
               each["space"].text_or("-"), each["verb"].text(), about, each["reason"].text()});
  }
  context.terminal.out << table.text();
  return Exit::Ok;
}

std::optional<deploy::HubHead> head_of(std::string_view text) {
  const auto colon = text.find(':');
  std::uint64_t lsn = 0;
  if (colon == 0 || colon == std::string_view::npos || colon > 18) return std::nullopt;
  for (const char c : text.substr(0, colon)) {
    if (c < '0' || c > '9') return std::nullopt;
    lsn = lsn * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return deploy::HubHead{.lsn = Lsn{lsn}, .hash = std::string{text.substr(colon + 1)}};
}

Exit run_verify(Context& context) {
  const auto layout = hub_layout(context);
  if (!layout) return layout.error();
  std::optional<deploy::HubHead> expected;
  if (const auto text = context.arguments.value("--head")) {
    expected = head_of(*text);
    if (!expected) return context.usage("--head: expected LSN:SHA256");
  }
  const auto report = deploy::verify_hub_log(layout->hub_log(), expected);
  if (!report) return context.fail(report.error());
  const std::optional<Error>& fault = report->fault;
  const bool whole = !fault;
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("intact", whole);
    json.field("records", report->records);
    json.field("head_lsn", report->head.lsn.value());
    json.field("head_hash", std::string_view{report->head.hash});
    if (fault) json.field("fault", std::string_view{fault->message});
    json.end_object();
    context.terminal.out << text << '\n';
  } else if (fault) {
    context.terminal.out << fmt::format("NOT WHOLE: {}\n", fault->message);
  } else {
    context.terminal.out << fmt::format("{} records, each behind the one before\nhead {}:{}\n",
                                        report->records, report->head.lsn.value(),
                                        report->head.hash);
  }
  return whole ? Exit::Ok : Exit::Finding;
}

}  // namespace

Command config_audit() {
  return {.noun = "config",
          .verb = "audit",
          .group = Command::Group::Setup,
          .summary = "Show who did what to the configuration, when and why",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .run = run};
}
Command config_audit_verify() {
  return {.noun = "config",
          .verb = "audit verify",
          .group = Command::Group::Setup,
          .summary = "Prove that no record of the configuration was changed",
          .flags = {kVerifyFlags, config_flags(), output_flags()},
          .examples = kVerifyExamples,
          .notes = "Exit 3: a record is not what was written, or is gone; it is named.",
          .run = run_verify};
}

}  // namespace stoa::cli

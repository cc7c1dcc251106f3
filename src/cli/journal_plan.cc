#include "cli/journal_plan.h"

#include <fmt/core.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/exit.h"
#include "cli/journal_dir.h"
#include "cli/table.h"
#include "journal/file_system.h"
#include "journal/lock.h"
#include "journal/repair.h"
#include "journal/verify.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

using journal::RepairPlan;
using journal::RepairStep;

std::uint64_t count(Lsn first, Lsn last) {
  return last < first ? 0 : last.value() - first.value() + 1;
}

std::string_view done_to(const RepairStep& step) {
  switch (step.kind) {
    case RepairStep::Kind::Move:
      return "moved away";
    case RepairStep::Kind::Zero:
      return "zeroed";
    case RepairStep::Kind::Write:
      return step.from == 0 ? "header made anew" : "footer made anew";
    case RepairStep::Kind::Grow:
      return "made full length";
  }
  return "";
}

std::string bytes_cell(const RepairStep& step) {
  return step.kind == RepairStep::Kind::Move ? "all"
                                             : fmt::format("{} to {}", step.from, step.until);
}

std::string as_text(const RepairPlan& plan) {
  Table table{{"FILE"}, {"BYTES"}, {"WHAT"}, {"WHY"}};
  for (const RepairStep& step : plan.steps) {
    table.row({step.file, bytes_cell(step), std::string{done_to(step)}, step.why});
  }
  return plan_summary(plan) + "\n" + table.text();
}

std::string as_json(const RepairPlan& plan, const std::filesystem::path& folder, bool intact) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("changed", !folder.empty());
  json.field("folder", std::string_view{folder.native()});
  json.field("intact", intact);
  json.digits_field("keep_first_lsn", plan.keep_first.value());
  json.digits_field("keep_last_lsn", plan.keep_last.value());
  json.digits_field("drop_first_lsn", plan.drop_first.value());
  json.digits_field("drop_last_lsn", plan.drop_last.value());
  json.field("drop_records", count(plan.drop_first, plan.drop_last));
  json.field("drop_readable", plan.drop_readable);
  json.field("drop_promised", plan.promised());
  json.field("startable", plan.startable);
  json.key("steps");
  json.begin_array();
  for (const RepairStep& step : plan.steps) {
    json.begin_object();
    json.field("file", std::string_view{step.file});
    json.field("from", step.from);
    json.field("until", step.until);
    json.field("what", done_to(step));
    json.field("why", std::string_view{step.why});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text + "\n";
}

Error refused(std::string message, const std::filesystem::path& dir) {
  return Error{.code = ErrorCode::Damaged, .message = std::move(message), .source = dir.string()};
}

// What no answer should be able to do.
std::optional<Error> forbidden(const RepairPlan& plan, const JournalChange& change,
                               const std::filesystem::path& dir) {
  const bool empty = plan.keep_last < plan.keep_first;
  if (empty && !plan.drops_nothing() && !change.may_empty) {
    return refused(
        "no record would stay, and an engine would begin as if it had never traded: restore a "
        "backup",
        dir);
  }
  if (!plan.startable) {
    return refused(
        fmt::format("the log begins with lsn {} and no checkpoint would stay that a start could "
                    "begin with: restore a backup",
                    plan.keep_first.value()),
        dir);
  }
  return std::nullopt;
}

Exit carry_out(const Context& context, const std::filesystem::path& dir, const RepairPlan& plan) {
  const auto folder = journal::apply_plan(dir, plan);
  if (!folder) return context.fail(folder.error());
  const auto report = journal::verify(dir);
  if (!report) return context.fail(report.error());
  std::ostream& out = context.terminal.out;
  if (context.json()) {
    out << as_json(plan, *folder, report->intact);
  } else {
    out << fmt::format("\n{}: the log now ends with lsn {}\n",
                       report->intact ? "done and verified" : "DONE, BUT STILL DAMAGED",
                       plan.keep_last.value());
    for (const auto& damage : report->damage) out << "damage: " << damage.text() << '\n';
    out << fmt::format(
        "what changed or went is kept in {0}\n"
        "to undo it before an engine has written to this log: mv {0}/* {1}/\n",
        folder->string(), dir.string());
  }
  return report->intact ? Exit::Ok : Exit::Finding;
}

}  // namespace

std::string plan_summary(const RepairPlan& plan) {
  std::string text =
      plan.keep_last < plan.keep_first
          ? "no record stays"
          : fmt::format("stays: lsn {} to {} ({} records)", plan.keep_first.value(),
                        plan.keep_last.value(), count(plan.keep_first, plan.keep_last));
  if (plan.drops_nothing()) return text + "\ngoes:  no record\n";
  text += fmt::format("\ngoes:  lsn {} to {} ({} records, {} of them readable)\n",
                      plan.drop_first.value(), plan.drop_last.value(),
                      count(plan.drop_first, plan.drop_last), plan.drop_readable);
  if (plan.promised() == 0) return text;
  return text + fmt::format(
                    "       lsn {} to {} of these had been durable: orders may have left because "
                    "of them\n",
                    plan.drop_first.value(), plan.promised_last.value());
}

Exit change_journal(const Context& context, const JournalChange& change) {
  const bool dry_run = context.arguments.has("--dry-run");
  const auto dir = journal_dir(context.arguments.required("DIR"));
  if (!dir) return context.fail(dir.error());
  std::unique_ptr<journal::File> lock;
  if (!dry_run) {
    auto locked = journal::lock_directory(journal::posix_file_system(), *dir);
    if (!locked) {
      const bool busy = locked.error().code == ErrorCode::Unavailable;
      return context.fail(locked.error(), busy ? Exit::Conflict : Exit::Failed);
    }
    lock = std::move(*locked);
  }
  const auto plan = change.plan(*dir);
  if (!plan) {
    const bool damaged = plan.error().code == ErrorCode::Damaged;
    const bool wrong = plan.error().code == ErrorCode::BadInput;
    return context.fail(plan.error(), damaged ? Exit::Finding : wrong ? Exit::Usage : Exit::Failed);
  }
  std::ostream& out = context.terminal.out;
  if (plan->steps.empty()) {
    out << (context.json() ? as_json(*plan, {}, true) : fmt::format("{}\n", change.nothing));
    return Exit::Ok;
  }
  if (!context.json()) out << as_text(*plan);
  if (const auto error = forbidden(*plan, change, *dir)) return context.fail(*error, Exit::Finding);
  if (dry_run) {
    if (context.json()) out << as_json(*plan, {}, false);
    return change.dry_run_exit;
  }
  if (!context.json()) out << std::flush;
  if (const auto answer = confirm(context, "Every file is kept as it was in a folder beside.")) {
    return *answer;
  }
  return carry_out(context, *dir, *plan);
}

}  // namespace stoa::cli

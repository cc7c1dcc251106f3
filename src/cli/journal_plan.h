#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "journal/repair.h"

namespace stoa::cli {

/// What `journal repair` and `journal cut` have in common: take the lock, plan, show the plan, ask,
/// carry it out, verify. With --dry-run nothing is locked or changed.
struct JournalChange {
  std::function<Result<journal::RepairPlan>(const std::filesystem::path& dir)> plan{};
  std::string_view nothing{};    // said when there is nothing to do
  bool may_empty = false;        // whether a log without any record may be left
  Exit dry_run_exit = Exit::Ok;  // when there is something to do
};
[[nodiscard]] Exit change_journal(const Context& context, const JournalChange& change);

/// "lsn 1 to 812 stay (812 records)": what a plan means for the records, in one or two lines.
[[nodiscard]] std::string plan_summary(const journal::RepairPlan& plan);

}  // namespace stoa::cli

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/layout.h"

// One UTC day of a platform, from its logs and its journal. Reads only.
namespace stoa::cli {

/// What the logs of one role say.
struct RoleDay {
  std::uint64_t lines = 0;
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
  std::map<std::string, std::uint64_t> error_events{};  // how often each
  std::string last_error{};                             // the newest line, as it stands
};

struct LogDay {
  std::map<std::string, RoleDay> roles{};
  std::map<std::string, std::uint64_t> restarts{};  // by role, as the supervisor saw them
  std::uint64_t given_up = 0;
  std::vector<std::string> unread{};  // archives that could not be read, with why
};

/// Logs, those moved aside and those in the archive. `day`: "2026-11-21".
[[nodiscard]] LogDay read_log_day(const deploy::Layout& layout, std::string_view day);

struct JournalDay {
  std::uint64_t bytes = 0;  // of all segments
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // of the day
  std::uint64_t record_bytes = 0;
  std::uint64_t orders = 0;
  std::uint64_t fills = 0;
};

/// Reads only segments that were written on that day or later; nothing when there is no journal.
///
/// errors  Damaged, Io
[[nodiscard]] Result<std::optional<JournalDay>> read_journal_day(const std::filesystem::path& dir,
                                                                 Timestamp begin);

}  // namespace stoa::cli

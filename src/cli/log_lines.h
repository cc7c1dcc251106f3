#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"

// Lines of log/ROLE.log as commands read them.
namespace stoa::cli {

/// One line: of ours as JSON, or whatever else a process wrote to its stderr.
struct LogLine {
  std::string role{};
  std::string ts{};  // RFC 3339 in UTC, which sorts as text; of a line without: of the one before
  log::Level level = log::Level::Info;
  std::string event{};
  std::string raw{};  // without its end
  bool json = false;
};

[[nodiscard]] LogLine read_log_line(std::string_view role, std::string_view raw,
                                    const std::string& ts_before);

/// "17:37:41.147 info  venue            role_ready port=9100".
[[nodiscard]] std::string log_line_text(const LogLine& line);
/// The line as it was written; what was no JSON is put into some.
[[nodiscard]] std::string log_line_json(const LogLine& line);

/// Follows one file through moves and truncation. One thread.
class LogTail {
 public:
  LogTail(std::string role, std::filesystem::path file)
      : role_{std::move(role)}, file_{std::move(file)} {}

  /// Whole lines that were not given out yet. The first call gives at most those of the last
  /// `bytes` bytes; 0: of all.
  [[nodiscard]] std::vector<LogLine> next(std::uint64_t bytes = 0);

 private:
  std::string role_;
  std::filesystem::path file_;
  std::uint64_t inode_ = 0;
  std::uint64_t offset_ = 0;
  std::string rest_;
  std::string ts_;
  bool begun_ = false;
};

/// "10m", "2h", "45s", "3d" before `now`, or an RFC 3339 time or a prefix of one, as a text that
/// compares with LogLine::ts. Nothing: it is neither.
[[nodiscard]] std::optional<std::string> since_text(std::string_view text, Timestamp now);

}  // namespace stoa::cli

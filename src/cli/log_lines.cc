#include "cli/log_lines.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

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
#include "base/fd.h"
#include "base/log.h"
#include "cli/json_value.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

/// What is shown in its own column, or is the same on every line of a role.
constexpr std::array<std::string_view, 7> kKnown{"ts",       "level", "event",  "service",
                                                 "instance", "env",   "version"};
constexpr std::size_t kPieceBytes = 1024UL * 1024;

}  // namespace

LogLine read_log_line(std::string_view role, std::string_view raw, const std::string& ts_before) {
  LogLine line{.role = std::string{role}, .ts = ts_before, .raw = std::string{raw}};
  if (!raw.starts_with('{')) return line;
  const auto value = JsonValue::parse(raw);
  if (!value || (*value)["ts"].text().empty()) return line;
  line.json = true;
  line.ts = (*value)["ts"].text();
  line.level = log::level_of((*value)["level"].text()).value_or(log::Level::Info);
  line.event = (*value)["event"].text();
  return line;
}

std::string log_line_text(const LogLine& line) {
  const auto time = line.ts.size() >= 23 ? line.ts.substr(11, 12) : std::string(12, ' ');
  if (!line.json) return fmt::format("{} {:<5} {:<16} {}\n", time, "", line.role, line.raw);
  std::string text =
      fmt::format("{} {:<5} {:<16} {}", time, to_string(line.level), line.role, line.event);
  const auto value = JsonValue::parse(line.raw);
  for (const auto& [name, field] : value->members()) {
    if (std::ranges::find(kKnown, name) != kKnown.end()) continue;
    const bool simple = field.items().empty() && field.members().empty();
    const auto shown = simple ? field.text() : field.compact();
    if (shown.empty()) continue;  // it says nothing
    const bool plain = !shown.empty() && shown.find_first_of(" \"\n") == std::string::npos;
    text += fmt::format(" {}={}", name, plain ? shown : fmt::format("\"{}\"", shown));
  }
  return text + '\n';
}

std::string log_line_json(const LogLine& line) {
  if (line.json) return line.raw + '\n';
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ts", std::string_view{line.ts});
  json.field("service", std::string_view{line.role});
  json.field("msg", std::string_view{line.raw});
  json.end_object();
  return text + '\n';
}

std::vector<LogLine> LogTail::next(std::uint64_t bytes) {
  std::vector<LogLine> lines;
  const Fd fd{::open(file_.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return lines;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (info.st_ino != inode_ || size < offset_) {  // moved aside, or emptied
    inode_ = info.st_ino;
    offset_ = 0;
    rest_.clear();
  }
  bool cut = false;
  if (!begun_ && bytes > 0 && size > bytes) {
    offset_ = size - bytes;
    cut = true;  // the first line may be half of one
  }
  begun_ = true;
  std::string piece(kPieceBytes, '\0');
  while (offset_ < size) {
    const auto got = ::pread(fd.get(), piece.data(), piece.size(), static_cast<off_t>(offset_));
    if (got <= 0) break;
    offset_ += static_cast<std::uint64_t>(got);
    rest_.append(piece.data(), static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', from)) != std::string::npos; from = end + 1) {
      if (std::exchange(cut, false)) continue;
      lines.push_back(read_log_line(role_, std::string_view{rest_}.substr(from, end - from), ts_));
      ts_ = lines.back().ts;
    }
    rest_.erase(0, from);
  }
  return lines;
}

std::optional<std::string> since_text(std::string_view text, Timestamp now) {
  constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
      {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}}};
  if (text.empty()) return std::nullopt;
  const auto* const unit =
      std::ranges::find(kUnits, text.back(), &std::pair<char, std::int64_t>::first);
  if (unit != kUnits.end()) {
    std::int64_t number = 0;
    const auto digits = text.substr(0, text.size() - 1);
    const auto* end = digits.end();
    const auto [stop, error] = std::from_chars(digits.begin(), end, number);
    if (error != std::errc{} || stop != end || number < 0 || number > 100'000) return std::nullopt;
    return to_rfc3339(now - std::chrono::seconds{number * unit->second});
  }
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000000Z";
  if (text.size() < 4 || text.size() > kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool fits = kForm[i] == '0'
                          ? digit || text[i] == 'Z'
                          : text[i] == kForm[i] || (kForm[i] == 'T' && text[i] == ' ') ||
                                (kForm[i] == '.' && text[i] == 'Z');
    if (!fits) return std::nullopt;
  }
  std::string since{text};
  if (since.size() > 10) since[10] = 'T';
  return since;
}

}  // namespace stoa::cli

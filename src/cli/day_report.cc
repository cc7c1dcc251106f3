#include "cli/day_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "cli/json_value.h"
#include "cli/log_lines.h"
#include "deploy/layout.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/segment.h"
#include "ops/zstd.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kArchiveBytesMax = 16ULL * 1024 * 1024 * 1024;  // unpacked, of one

/// Cuts what comes into lines.
class Lines {
 public:
  explicit Lines(std::function<void(std::string_view)> use) : use_{std::move(use)} {}

  void add(std::string_view bytes) {
    rest_ += bytes;
    std::size_t from = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', from)) != std::string::npos; from = end + 1) {
      use_(std::string_view{rest_}.substr(from, end - from));
    }
    rest_.erase(0, from);
  }

 private:
  std::function<void(std::string_view)> use_;
  std::string rest_;
};

/// "risk" of "risk.log", "risk.log.20261121T…" and the same with ".zst".
std::string role_of(const fs::path& file) {
  const auto name = file.filename().string();
  return name.substr(0, name.find(".log"));
}

class LogReader {
 public:
  explicit LogReader(std::string_view day) : day_{day} {}

  void plain(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    Lines lines{[&, role = role_of(file)](std::string_view line) { take(role, line); }};
    std::string piece(65'536, '\0');
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
      lines.add({piece.data(), static_cast<std::size_t>(in.gcount())});
    }
  }

  void packed(const fs::path& file) {
    Lines lines{[&, role = role_of(file)](std::string_view line) { take(role, line); }};
    ops::ZstdDecompressor zstd{kArchiveBytesMax};
    const ops::ByteSink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
      lines.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      return {};
    };
    std::ifstream in{file, std::ios::binary};
    std::string piece(65'536, '\0');
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
      const auto part = std::span{piece.data(), static_cast<std::size_t>(in.gcount())};
      if (const auto added = zstd.add(std::as_bytes(part), sink); !added) {
        found_.unread.push_back(fmt::format("{}: {}", file.string(), added.error().text()));
        return;
      }
    }
  }

  [[nodiscard]] LogDay found() { return std::move(found_); }

 private:
  void take(const std::string& role, std::string_view raw) {
    // Most lines of a long log are of other days; their time stands first.
    if (raw.find(day_) == std::string_view::npos) return;
    const auto line = read_log_line(role, raw, {});
    if (!line.json || !line.ts.starts_with(day_)) return;
    RoleDay& day = found_.roles[role];
    ++day.lines;
    if (line.level == log::Level::Warn) ++day.warnings;
    if (line.level == log::Level::Error) {
      ++day.errors;
      ++day.error_events[line.event];
      day.last_error = line.raw;
    }
    if (role != "supervisor") return;
    const auto value = JsonValue::parse(raw);
    if (line.event == "role_exited") {
      const auto& ended = (*value)["role"].text();
      found_.roles.try_emplace(ended);
      ++found_.restarts[ended];
    }
    if (line.event == "role_given_up") ++found_.given_up;
  }

  std::string_view day_;
  LogDay found_;
};

std::optional<std::uint8_t> type_of(std::string_view name) {
  for (const auto& info : native::messages()) {
    if (info.name == name) return info.type;
  }
  return std::nullopt;
}

/// Where a walk must begin to meet every record since `begin`: the first segment changed since.
std::optional<Lsn> first_since(const fs::path& dir, const std::vector<Lsn>& segments,
                               Timestamp begin) {
  std::optional<Lsn> first;
  std::error_code error;
  for (fs::directory_iterator files{dir, error}, end; !error && files != end;
       files.increment(error)) {
    if (files->path().extension() != ".seg") continue;
    const auto written = std::chrono::file_clock::to_sys(files->last_write_time(error));
    if (error || written.time_since_epoch().count() < begin.ns()) continue;
    const auto named = journal::parse_segment_name(files->path().filename().string());
    if (!named || std::ranges::find(segments, *named) == segments.end()) continue;
    if (!first || *named < *first) first = *named;
  }
  return first;
}

}  // namespace

LogDay read_log_day(const deploy::Layout& layout, std::string_view day) {
  LogReader reader{day};
  for (const fs::path& folder : {layout.archive(), layout.logs()}) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entries{folder, error}, end; !error && entries != end;
         entries.increment(error)) {
      if (entries->is_regular_file(error)) files.push_back(entries->path());
    }
    std::ranges::sort(files);
    for (const auto& file : files) {
      if (file.extension() == ".zst") {
        reader.packed(file);
      } else if (file.filename().string().find(".log") != std::string::npos) {
        reader.plain(file);
      }
    }
  }
  return reader.found();
}

Result<std::optional<JournalDay>> read_journal_day(const fs::path& dir, Timestamp begin) {
  if (!fs::exists(dir)) return std::optional<JournalDay>{};
  auto& system = journal::posix_file_system();
  const auto segments = journal::list_segments(system, dir);
  if (!segments) return std::unexpected(segments.error());
  JournalDay day{.segments = segments->size()};
  std::error_code error;
  for (fs::directory_iterator files{dir, error}, end; !error && files != end;
       files.increment(error)) {
    std::error_code gone;
    if (files->path().extension() == ".seg") day.bytes += files->file_size(gone);
  }
  const auto from = first_since(dir, *segments, begin);
  if (!from) return std::optional{day};
  auto reader = journal::Reader::open(dir, *from);
  if (!reader) return std::unexpected(reader.error());
  const auto order = type_of("OrderIntent");
  const auto fill = type_of("Fill");
  const auto tomorrow = begin + std::chrono::hours{24};
  while (true) {
    const auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return std::optional{day};
    const auto message = native::decode(entry->payload);
    if (!message) continue;
    const Timestamp time = message->header().timestamp;
    if (time < begin || time >= tomorrow) continue;
    ++day.records;
    day.record_bytes += entry->payload.size();
    if (message->type() == order) ++day.orders;
    if (message->type() == fill) ++day.fills;
  }
}

}  // namespace stoa::cli

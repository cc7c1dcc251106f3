#include "ops/log_stats.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/retention.h"
#include "journal/verify.h"
#include "protocol/native/codec.h"

namespace stoa::ops {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

// Counts record by record.
class Count {
 public:
  explicit Count(LogStats& stats) : stats_{stats} {}

  void take(const journal::Record& record) {
    if (stats_.records == 0) stats_.first = record.lsn;
    stats_.last = record.lsn;
    ++stats_.records;
    stats_.payload_bytes += record.payload.size();
    stats_.record_bytes += journal::stored_bytes(record.payload.size());
    ++sizes_[record.payload.size()];
    const auto message = native::decode(record.payload);
    if (!message) {
      ++stats_.unreadable;
      return;
    }
    ++(message->is_output() ? stats_.outputs : stats_.inputs);
    LogStats::Type& type = types_.at(message->type());
    ++type.records;
    type.payload_bytes += record.payload.size();
    take_sequence(message->header().source, message->is_output(), message->header().sequence);
    take_time(message->header().timestamp);
  }

  void finish() {
    close_second();
    for (std::size_t number = 0; number < types_.size(); ++number) {
      if (types_[number].records == 0) continue;
      types_[number].number = static_cast<std::uint8_t>(number);
      stats_.types.push_back(types_[number]);
    }
    std::ranges::sort(stats_.types, std::ranges::greater{}, &LogStats::Type::records);
    for (const auto& [key, source] : sources_) stats_.sources.push_back(source);
    if (sizes_.empty()) return;
    stats_.payload_min = sizes_.begin()->first;
    stats_.payload_max = sizes_.rbegin()->first;
    stats_.payload_p50 = size_at(stats_.records / 2);
    stats_.payload_p99 = size_at(stats_.records - stats_.records / 100 - 1);
  }

 private:
  void take_sequence(std::uint8_t number, bool outputs, std::uint64_t sequence) {
    LogStats::Source& source = sources_[{outputs, number}];
    if (source.records++ == 0) {
      source.number = number;
      source.outputs = outputs;
      source.first = source.last = sequence;
      return;
    }
    if (sequence <= source.last) {
      ++source.repeated;
      return;
    }
    source.missing += sequence - source.last - 1;
    source.last = sequence;
  }

  void take_time(Timestamp time) {
    if (stats_.begin == Timestamp{}) stats_.begin = time;
    stats_.end = time;
    const std::int64_t second = time.ns() / kSecondNs;
    if (second != second_) close_second();
    second_ = second;
    ++in_second_;
  }
  void close_second() {
    if (in_second_ > stats_.busiest_second) {
      stats_.busiest_second = in_second_;
      stats_.busiest_at = Timestamp::from_ns(second_ * kSecondNs);
    }
    in_second_ = 0;
  }

  [[nodiscard]] std::uint64_t size_at(std::uint64_t rank) const {
    std::uint64_t seen = 0;
    for (const auto& [size, count] : sizes_) {
      seen += count;
      if (seen > rank) return size;
    }
    return 0;
  }

  LogStats& stats_;
  std::array<LogStats::Type, 256> types_{};
  std::map<std::pair<bool, std::uint8_t>, LogStats::Source> sources_;
  std::map<std::uint64_t, std::uint64_t> sizes_;  // records by payload size: few sizes occur
  std::int64_t second_ = 0;
  std::uint64_t in_second_ = 0;
};

Result<void> look_beside(const std::filesystem::path& dir, LogStats& stats) {
  auto checkpoints = journal::list_checkpoints(dir);
  if (!checkpoints) return std::unexpected(checkpoints.error());
  stats.checkpoints = std::move(*checkpoints);
  auto cursors = journal::list_cursors(dir);
  if (!cursors) return std::unexpected(cursors.error());
  stats.cursors = std::move(*cursors);
  auto removable = journal::plan_retention(dir, 0);
  if (!removable) return std::unexpected(removable.error());
  stats.removable = std::move(*removable);
  return {};
}

}  // namespace

Result<LogStats> log_stats(const std::filesystem::path& dir) {
  LogStats stats;
  const auto segments = journal::list(dir);
  if (!segments) return std::unexpected(segments.error());
  for (const journal::SegmentInfo& segment : *segments) {
    ++stats.segments;
    stats.file_bytes += segment.file_bytes;
  }
  auto reader = journal::Reader::open(dir);
  if (!reader) return std::unexpected(reader.error());
  Count count{stats};
  for (;;) {
    const auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) break;
    count.take(*entry);
  }
  count.finish();
  if (auto looked = look_beside(dir, stats); !looked) return std::unexpected(looked.error());
  return stats;
}

}  // namespace stoa::ops

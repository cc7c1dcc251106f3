#include "relay/log_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "bus/topic.h"
#include "journal/reader.h"

namespace stoa::relay {

LogReader::LogReader(Source source, bus::Subscription subscription, Lsn from)
    : source_{std::move(source)},
      subscription_{std::move(subscription)},
      next_{std::max<std::uint64_t>(from.value(), 1)} {}

Result<LogReader> LogReader::open(Source source, Lsn from) {
  // Joined before the first look at the disk: what is published from here on is in one of the two.
  auto subscription = source.topic->subscribe(bus::Policy::Lossy);
  if (!subscription) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "the relay's topic takes no lossy readers",
                                 .source = source.dir.string()});
  }
  return LogReader{std::move(source), std::move(*subscription), from};
}

Result<std::size_t> LogReader::poll(const Visit& visit, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit) {
    if (disk_ == nullptr) {
      // Looked at before the topic: a record that was published by then and is not on the topic
      // any more has been overwritten.
      const std::uint64_t known = published();
      const std::size_t taken = poll_memory(visit, limit - count);
      count += taken;
      if (taken > 0) continue;
      if (next_ > known) return count;
      auto disk = journal::Reader::open(source_.dir, Lsn{next_});
      if (!disk) return std::unexpected(std::move(disk.error()));
      disk_ = std::make_unique<journal::Reader>(std::move(*disk));
      ++counts_.went_to_disk;
    }
    const auto taken = poll_disk(visit, limit - count);
    if (!taken) return taken;
    count += *taken;
    if (*taken > 0) continue;
    // Published, and still in the relay's buffer: it is on its way to the file.
    if (next_ <= published()) return count;
    disk_.reset();
  }
  return count;
}

Result<std::size_t> LogReader::poll_disk(const Visit& visit, std::size_t limit) {
  std::size_t count = 0;
  for (; count < limit; ++count) {
    const auto record = disk_->next(Lsn{published()});
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) break;
    hand_out(visit, entry->payload);
    ++counts_.from_disk;
  }
  early_.erase(early_.begin(), early_.lower_bound(next_));
  return count;
}

std::size_t LogReader::poll_memory(const Visit& visit, std::size_t limit) {
  std::size_t count = hand_out_early(visit, limit);
  while (count < limit) {
    const std::size_t looked_at = subscription_.poll(
        [&](const bus::Message& message) {
          std::uint64_t lsn = 0;
          if (message.payload.size() < sizeof lsn) return;
          std::memcpy(&lsn, message.payload.data(), sizeof lsn);
          const auto record = message.payload.subspan(sizeof lsn);
          if (lsn == next_) {
            hand_out(visit, record);
            ++counts_.from_memory;
            ++count;
          } else if (lsn > next_ && early_.size() < kEarlyMax) {
            early_.try_emplace(lsn, record.begin(), record.end());
          }
        },
        1);
    count += hand_out_early(visit, limit - count);
    if (looked_at == 0) break;
  }
  return count;
}

std::size_t LogReader::hand_out_early(const Visit& visit, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit && !early_.empty() && early_.begin()->first == next_) {
    const auto record = early_.extract(early_.begin());
    hand_out(visit, record.mapped());
    ++counts_.from_memory;
    ++count;
  }
  return count;
}

void LogReader::hand_out(const Visit& visit, std::span<const std::byte> record) {
  const Lsn lsn{next_++};
  visit(lsn, record);
}

}  // namespace stoa::relay

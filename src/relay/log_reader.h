#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "bus/topic.h"
#include "journal/reader.h"

namespace stoa::relay {

/// Reads the log of a relay in this process from any record on: the old ones from disk, and once
/// it has caught up the new ones from memory. Hands out each record once, in the order of the log,
/// whatever it costs to find it: a reader that has been overrun goes back to the disk and never
/// notices. The relay never waits for it.
///
/// Only what the relay has published is handed out, so what is seen may be acted upon.
///
/// thread  one per reader; the relay's may be another
class LogReader {
 public:
  struct Source {
    std::filesystem::path dir;         // of the journal
    bus::Topic* topic = nullptr;       // of the relay, allowing lossy readers; outlives the reader
    const Gauge* published = nullptr;  // every record up to it is on the topic or was; outlives
  };
  struct Counts {
    std::uint64_t from_disk = 0;
    std::uint64_t from_memory = 0;
    std::uint64_t went_to_disk = 0;  // times, the first included
  };
  using Visit = std::function<void(Lsn, std::span<const std::byte>)>;

  /// Stands before record `from`; Lsn{0} and Lsn{1} are the beginning of the log.
  ///
  /// errors  Unavailable: the topic takes no lossy reader
  [[nodiscard]] static Result<LogReader> open(Source source, Lsn from);

  /// Hands at most `limit` records to `visit`; the bytes live until it returns. Answers how many;
  /// fewer than `limit` when nothing more can be had now.
  ///
  /// errors  NotFound: retention has dropped the next record; this reader needs a checkpoint
  ///         · Damaged, Io: from the journal; the reader stands before that record
  [[nodiscard]] Result<std::size_t> poll(const Visit& visit, std::size_t limit);

  /// The record that comes next.
  [[nodiscard]] Lsn next_lsn() const noexcept { return Lsn{next_}; }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  LogReader(Source source, bus::Subscription subscription, Lsn from);

  [[nodiscard]] std::uint64_t published() const noexcept {
    return static_cast<std::uint64_t>(source_.published->value());
  }
  [[nodiscard]] Result<std::size_t> poll_disk(const Visit& visit, std::size_t limit);
  std::size_t poll_memory(const Visit& visit, std::size_t limit);
  std::size_t hand_out_early(const Visit& visit, std::size_t limit);
  void hand_out(const Visit& visit, std::span<const std::byte> record);

  Source source_;
  bus::Subscription subscription_;
  std::unique_ptr<journal::Reader> disk_;  // null: in memory
  std::uint64_t next_;
  // A relay shows each input with its outputs behind it, while the log has all inputs of a round
  // before their outputs: what is shown early waits here. At most kEarlyMax; more come from disk.
  static constexpr std::size_t kEarlyMax = 8'192;
  std::map<std::uint64_t, std::vector<std::byte>> early_;
  Counts counts_;
};

}  // namespace stoa::relay

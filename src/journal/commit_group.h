#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/writer.h"

namespace stoa::journal {

/// Commits several journals of one process at the same time, so that their waits for the disk
/// overlap: two syncs take 1.4 times as long as one instead of twice (docs/performance.md). Worth
/// it for logs that are committed together; one after the other is cheaper when most have nothing
/// new.
///
/// One thread owns the group and its writers; while `commit` runs, each writer is in the hands of a
/// thread of the group.
class CommitGroup {
 public:
  /// `writers` outlive the group; at least one.
  explicit CommitGroup(std::vector<Writer*> writers);
  CommitGroup(const CommitGroup&) = delete;
  CommitGroup& operator=(const CommitGroup&) = delete;
  ~CommitGroup();

  /// Writer::commit of each; returns when all have answered. The answers are in the order of the
  /// writers and live until the next call. One that failed does not keep the others.
  [[nodiscard]] std::span<const Result<Lsn>> commit();

 private:
  void serve(std::size_t place);

  std::vector<Writer*> writers_;
  std::vector<Result<Lsn>> answers_;
  std::atomic<std::uint32_t> turn_{0};     // moves when the threads are to commit, or to end
  std::atomic<std::uint32_t> waiting_{0};  // threads that have not answered yet
  std::atomic<bool> closing_{false};
  std::vector<std::jthread> threads_;  // of every writer but the first, which is the caller's
};

}  // namespace stoa::journal

#include "journal/commit_group.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/writer.h"

namespace stoa::journal {

CommitGroup::CommitGroup(std::vector<Writer*> writers)
    : writers_{std::move(writers)}, answers_(writers_.size()) {
  check(!writers_.empty(), "a commit group has a writer");
  for (std::size_t place = 1; place < writers_.size(); ++place) {
    threads_.emplace_back([this, place] { serve(place); });
  }
}

CommitGroup::~CommitGroup() {
  closing_.store(true, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
}

std::span<const Result<Lsn>> CommitGroup::commit() {
  waiting_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
  // Releases the writers to the threads; their count down to zero gives them back.
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  answers_.front() = writers_.front()->commit();
  for (std::uint32_t left = 0; (left = waiting_.load(std::memory_order_acquire)) != 0;) {
    waiting_.wait(left, std::memory_order_acquire);
  }
  return answers_;
}

void CommitGroup::serve(std::size_t place) {
  for (std::uint32_t seen = 0;; ++seen) {
    turn_.wait(seen, std::memory_order_acquire);
    if (closing_.load(std::memory_order_relaxed)) return;
    answers_[place] = writers_[place]->commit();
    if (waiting_.fetch_sub(1, std::memory_order_acq_rel) == 1) waiting_.notify_one();
  }
}

}  // namespace stoa::journal

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"

namespace stoa::ops {

/// What became of one checkpoint.
struct CheckpointOutcome {
  Lsn lsn{};
  std::uint64_t bytes = 0;    // of the file
  std::int64_t copy_ns = 0;   // the engine stood still for it
  std::int64_t total_ns = 0;  // from the copy to the durable file
  std::string error{};        // empty: it is written
};

/// Where people ask for a checkpoint and learn what became of it: the gateway asks, the engine
/// looks between rounds, the thread that writes the file answers. One request at a time; a second
/// one is told so.
class CheckpointDesk {
 public:
  /// Gateway. False: one is asked for or being written.
  [[nodiscard]] bool ask() {
    const std::scoped_lock lock{mutex_};
    if (asked_.load(std::memory_order_relaxed) || busy_) return false;
    outcome_.reset();
    // Pairs with asked(): the engine sees the request whole, as all else is behind the mutex.
    asked_.store(true, std::memory_order_release);
    return true;
  }
  /// Gateway. What became of the request, once; nothing while it is under way.
  [[nodiscard]] std::optional<CheckpointOutcome> take_outcome() {
    const std::scoped_lock lock{mutex_};
    return std::exchange(outcome_, std::nullopt);
  }

  /// Engine, each round: a plain load.
  [[nodiscard]] bool asked() const noexcept { return asked_.load(std::memory_order_acquire); }
  /// Engine: one is being made, asked for or not.
  void begin() {
    const std::scoped_lock lock{mutex_};
    busy_ = true;
    answer_due_ = asked_.exchange(false, std::memory_order_relaxed);
  }
  /// Whoever ends it.
  void end(CheckpointOutcome outcome) {
    const std::scoped_lock lock{mutex_};
    busy_ = false;
    last_error_ = outcome.error;
    if (std::exchange(answer_due_, false)) outcome_ = std::move(outcome);
  }

  /// Any thread: of the last one that ended; empty when it was written.
  [[nodiscard]] std::string last_error() const {
    const std::scoped_lock lock{mutex_};
    return last_error_;
  }

 private:
  std::atomic<bool> asked_{false};
  mutable std::mutex mutex_;  // for all below; held for moments, never on the order path
  bool busy_ = false;
  bool answer_due_ = false;
  std::optional<CheckpointOutcome> outcome_;
  std::string last_error_;
};

}  // namespace stoa::ops

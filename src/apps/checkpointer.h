#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/ids.h"
#include "bus/wake.h"
#include "journal/checkpoint.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"

namespace stoa::apps {

/// Writes checkpoints, and removes what retention allows behind them, on a thread of its own: the
/// engine only copies its state. One at a time; a failed one is told (log, metrics, health, whoever
/// asked) and stops nothing.
class Checkpointer {
 public:
  struct Options {
    std::filesystem::path dir;     // of the journal
    std::uint64_t keep_bytes = 0;  // of segments; 0: all are kept
    ops::EngineStatus* status = nullptr;
    ops::CheckpointDesk* desk = nullptr;
    bus::Wake* gateway_wake = nullptr;  // rung when one has ended
    const Clock* clock = nullptr;       // real time
  };
  explicit Checkpointer(const Options& options);
  /// Waits for the one under way.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// One is being written. Engine thread, as all but the destructor's owner.
  [[nodiscard]] bool busy();
  /// Takes the state to the disk; only when not busy. `copy_begun` is when the engine began to copy
  /// it, by the monotonic clock.
  void write(journal::Checkpoint checkpoint, nanoseconds copy_begun);
  /// Returns when nothing is under way.
  void wait();

 private:
  struct Job {
    journal::Checkpoint checkpoint;
    nanoseconds copy_begun{};
    nanoseconds copied{};
  };

  void run();
  void work(const Job& job);
  void retain();

  Options options_;
  std::mutex mutex_;  // for the three below
  std::condition_variable changed_;
  std::optional<Job> job_;  // until it is done
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stoa::apps

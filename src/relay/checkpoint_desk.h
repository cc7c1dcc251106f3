#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "relay/numbers_file.h"

namespace stoa::relay {

/// Writes and reads checkpoints beside a relay's journal, in a thread of its own, and applies
/// retention behind them: a state may be large, and the relay's round waits for no disk but the
/// log's.
///
/// thread  the relay's calls everything
class CheckpointDesk {
 public:
  /// What became of an order; `ticket` is the caller's.
  struct Written {
    std::uint64_t ticket = 0;
    Lsn lsn;
    std::optional<Error> error;  // nothing: it is on disk
  };
  struct Loaded {
    std::uint64_t ticket = 0;
    std::shared_ptr<const journal::Checkpoint> checkpoint;  // null: there is none
    std::optional<Error> error;
  };
  struct Noted {
    std::optional<Error> error;  // nothing: the numbers are on disk
  };
  using Outcome = std::variant<Written, Loaded, Noted>;

  /// `keep_bytes`: of the log, by retention after each checkpoint; 0: no retention.
  ///
  /// errors  Io: no descriptor
  [[nodiscard]] static Result<std::unique_ptr<CheckpointDesk>> open(std::filesystem::path dir,
                                                                    std::uint64_t keep_bytes);
  CheckpointDesk(const CheckpointDesk&) = delete;
  CheckpointDesk& operator=(const CheckpointDesk&) = delete;
  /// Finishes the order in hand and drops the others.
  ~CheckpointDesk();

  /// Then `numbers` (as of a durable record), then retention.
  void write(std::uint64_t ticket, journal::Checkpoint checkpoint, const Numbers& numbers);
  void load(std::uint64_t ticket, Lsn head);
  /// Only the numbers (as of a durable record).
  void note(const Numbers& numbers);
  /// Retention keeps record `lsn` and what follows; UINT64_MAX: no reader needs any.
  void hold_from(std::uint64_t lsn) noexcept { held_.store(lsn, std::memory_order_relaxed); }

  /// Readable when there are outcomes.
  [[nodiscard]] int fd() const noexcept { return wake_.get(); }
  [[nodiscard]] std::vector<Outcome> take();
  [[nodiscard]] bool busy() const noexcept { return orders_open_ > 0; }

 private:
  struct WriteOrder {
    std::uint64_t ticket = 0;
    journal::Checkpoint checkpoint;
    Numbers numbers;
  };
  struct LoadOrder {
    std::uint64_t ticket = 0;
    Lsn head;
  };
  using Order = std::variant<WriteOrder, LoadOrder, Numbers>;

  CheckpointDesk(std::filesystem::path dir, std::uint64_t keep_bytes, Fd wake);
  void push(Order order);
  void run();
  [[nodiscard]] Outcome carry_out(const WriteOrder& order);
  [[nodiscard]] Outcome carry_out(const LoadOrder& order);
  [[nodiscard]] Outcome carry_out(const Numbers& numbers);
  void apply_retention();

  const std::filesystem::path dir_;
  const std::uint64_t keep_bytes_;
  const Fd wake_;
  std::size_t orders_open_ = 0;  // the relay's thread
  std::atomic<std::uint64_t> held_{UINT64_MAX};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> orders_;       // guarded by mutex_
  std::vector<Outcome> outcomes_;  // guarded by mutex_
  bool ending_ = false;            // guarded by mutex_
  std::thread thread_;             // begins at the first order
};

}  // namespace stoa::relay

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/writer.h"

namespace stoa::journal {

/// One journal for many threads, each of which waits until its records are durable. Records that
/// come while a sync runs share the next one. A thread that comes alone writes and syncs itself, so
/// that nobody has to be woken; from the moment that others wait, a thread of its own does it.
///
/// Full: when `waiting_bytes` wait for the disk, `append` waits for the batch before it to be
/// taken. One round of 64 waiting threads costs one sync and one notice; who was released first
/// tells the others, while the next sync runs already.
class GroupWriter {
 public:
  struct Options {
    WriterOptions journal{};
    std::size_t waiting_bytes = 8U << 20U;  // payloads of one batch, at least max_payload_bytes()
  };

  /// errors  as Writer::open
  [[nodiscard]] static Result<std::unique_ptr<GroupWriter>> open(const std::filesystem::path& dir,
                                                                 const Options& options);
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;
  /// Nobody may be waiting any more.
  ~GroupWriter();

  /// Appends one record and returns when it is durable, as the sync policy says. Any thread.
  ///
  /// errors  BadInput: longer than max_payload_bytes() · what ended the writer: the record may or
  ///         may not be found later
  [[nodiscard]] Result<Lsn> append(std::span<const std::byte> payload);

  [[nodiscard]] std::size_t max_payload_bytes() const noexcept { return max_payload_; }
  [[nodiscard]] const WriterMetrics& metrics() const noexcept { return writer_.metrics(); }

 private:
  /// Payloads end to end, waiting for one commit.
  struct Batch {
    std::vector<std::byte> bytes;
    std::vector<std::uint32_t> sizes;
  };
  /// Where the threads of a batch sleep; batches take turns. `change` moves when the batch is
  /// durable or the writer has ended.
  struct Bed {
    std::atomic<std::uint32_t> change{0};
    std::atomic<bool> tell_others{false};
  };
  static constexpr std::size_t kBeds = 4;

  GroupWriter(Writer writer, const Options& options);

  /// Puts the payload into the batch being filled; answers with the batch's number.
  std::uint64_t stage(std::unique_lock<std::mutex>& lock, std::span<const std::byte> payload,
                      Lsn& lsn);
  /// Writes and syncs the batch being filled; called by whoever leads, with the lock, which is let
  /// go meanwhile.
  void commit_batch(std::unique_lock<std::mutex>& lock);
  void wait_for(std::uint64_t batch);
  [[nodiscard]] Result<Lsn> outcome(std::uint64_t batch, Lsn lsn);
  void serve();

  Writer writer_;  // whoever leads
  const std::size_t waiting_bytes_;
  const std::size_t max_payload_;

  std::mutex mutex_;  // guards the next five
  std::array<Batch, 2> batches_;
  std::uint64_t filling_ = 1;  // number of the batch being filled; its place is the parity
  Lsn next_;
  bool leading_ = false;
  Error error_;  // once ended_

  std::atomic<std::uint64_t> done_{0};  // number of the newest durable batch
  std::atomic<bool> ended_{false};      // the writer has ended: nobody is released by done_
  std::array<Bed, kBeds> beds_;
  std::atomic<std::uint32_t> taken_{0};    // moves when a batch is taken: there is room again
  std::atomic<std::uint32_t> summons_{0};  // moves when the server thread is to lead, or to end
  std::atomic<bool> closing_{false};
  std::jthread server_;
};

}  // namespace stoa::journal

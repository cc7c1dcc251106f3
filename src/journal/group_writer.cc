#include "journal/group_writer.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/writer.h"

namespace stoa::journal {

Result<std::unique_ptr<GroupWriter>> GroupWriter::open(const std::filesystem::path& dir,
                                                       const Options& options) {
  auto writer = Writer::open(dir, options.journal);
  if (!writer) return std::unexpected(std::move(writer.error()));
  if (options.waiting_bytes < writer->max_payload_bytes()) {
    return bad_input("waiting_bytes must hold the largest payload, " +
                     std::to_string(writer->max_payload_bytes()) + " bytes");
  }
  return std::unique_ptr<GroupWriter>{new GroupWriter{std::move(*writer), options}};
}

GroupWriter::GroupWriter(Writer writer, const Options& options)
    : writer_{std::move(writer)},
      waiting_bytes_{options.waiting_bytes},
      max_payload_{writer_.max_payload_bytes()},
      next_{writer_.next_lsn()},
      server_{[this] { serve(); }} {}

GroupWriter::~GroupWriter() {
  closing_.store(true, std::memory_order_release);
  summons_.fetch_add(1, std::memory_order_release);
  summons_.notify_one();
}

Result<Lsn> GroupWriter::append(std::span<const std::byte> payload) {
  if (payload.size() > max_payload_) {
    return bad_input("a record of " + std::to_string(payload.size()) + " bytes is longer than " +
                     std::to_string(max_payload_));
  }
  std::unique_lock lock{mutex_};
  if (ended_.load(std::memory_order_relaxed)) return std::unexpected(error_);
  Lsn lsn;
  const std::uint64_t batch = stage(lock, payload, lsn);
  if (batch == 0) return std::unexpected(error_);
  if (leading_) {
    lock.unlock();
    wait_for(batch);
    return outcome(batch, lsn);
  }
  leading_ = true;
  commit_batch(lock);
  // Others have come meanwhile: our caller has its answer, the server leads on.
  if (leading_) {
    summons_.fetch_add(1, std::memory_order_release);
    summons_.notify_one();
  }
  lock.unlock();
  return outcome(batch, lsn);
}

std::uint64_t GroupWriter::stage(std::unique_lock<std::mutex>& lock,
                                 std::span<const std::byte> payload, Lsn& lsn) {
  while (batches_[filling_ % 2].bytes.size() + payload.size() > waiting_bytes_) {
    const std::uint32_t seen = taken_.load(std::memory_order_acquire);
    lock.unlock();
    taken_.wait(seen, std::memory_order_acquire);
    lock.lock();
    if (ended_.load(std::memory_order_relaxed)) return 0;
  }
  Batch& batch = batches_[filling_ % 2];
  batch.bytes.insert(batch.bytes.end(), payload.begin(), payload.end());
  batch.sizes.push_back(static_cast<std::uint32_t>(payload.size()));
  lsn = next_;
  next_ = Lsn{next_.value() + 1};
  return filling_;
}

// With the lock on return: `leading_` stays true when there is another batch to lead.
void GroupWriter::commit_batch(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t number = filling_++;
  Batch& batch = batches_[number % 2];
  lock.unlock();
  taken_.fetch_add(1, std::memory_order_release);
  taken_.notify_all();

  std::optional<Error> failed;
  std::span<const std::byte> rest{batch.bytes};
  for (const std::uint32_t size : batch.sizes) {
    if (const auto lsn = writer_.append(rest.first(size)); !lsn) {
      failed = lsn.error();
      break;
    }
    rest = rest.subspan(size);
  }
  if (!failed) {
    if (const auto durable = writer_.commit(); !durable) failed = durable.error();
  }
  batch.bytes.clear();
  batch.sizes.clear();

  lock.lock();
  if (failed) {
    error_ = std::move(*failed);
    ended_.store(true, std::memory_order_release);
    leading_ = false;
    taken_.fetch_add(1, std::memory_order_release);
    taken_.notify_all();
    for (Bed& bed : beds_) {
      bed.change.fetch_add(1, std::memory_order_release);
      bed.change.notify_all();
    }
    return;
  }
  done_.store(number, std::memory_order_release);
  leading_ = !batches_[filling_ % 2].sizes.empty();
  // One is woken here, and it wakes the others: the next sync does not wait for 64 wake-ups.
  Bed& bed = beds_[number % kBeds];
  bed.tell_others.store(true, std::memory_order_relaxed);
  bed.change.fetch_add(1, std::memory_order_release);
  bed.change.notify_one();
}

void GroupWriter::wait_for(std::uint64_t batch) {
  Bed& bed = beds_[batch % kBeds];
  for (;;) {
    const std::uint32_t seen = bed.change.load(std::memory_order_acquire);
    if (bed.tell_others.exchange(false, std::memory_order_relaxed)) bed.change.notify_all();
    if (ended_.load(std::memory_order_acquire)) return;
    if (done_.load(std::memory_order_acquire) >= batch) return;
    bed.change.wait(seen, std::memory_order_acquire);
  }
}

Result<Lsn> GroupWriter::outcome(std::uint64_t batch, Lsn lsn) {
  if (done_.load(std::memory_order_acquire) >= batch) return lsn;
  const std::scoped_lock lock{mutex_};
  check(ended_.load(std::memory_order_relaxed), "who is released has its record or an error");
  return std::unexpected(error_);
}

void GroupWriter::serve() {
  std::uint32_t seen = 0;
  for (;;) {
    summons_.wait(seen, std::memory_order_acquire);
    seen = summons_.load(std::memory_order_acquire);
    if (closing_.load(std::memory_order_acquire)) return;
    std::unique_lock lock{mutex_};
    while (leading_) commit_batch(lock);
  }
}

}  // namespace stoa::journal

#include "relay/checkpoint_desk.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/log.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/retention.h"
#include "relay/numbers_file.h"

namespace stoa::relay {
namespace {

constexpr const char* kReadersCursor = "relay-readers";

}  // namespace

CheckpointDesk::CheckpointDesk(std::filesystem::path dir, std::uint64_t keep_bytes, Fd wake)
    : dir_{std::move(dir)}, keep_bytes_{keep_bytes}, wake_{std::move(wake)} {}

Result<std::unique_ptr<CheckpointDesk>> CheckpointDesk::open(std::filesystem::path dir,
                                                             std::uint64_t keep_bytes) {
  Fd wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!wake) return io_error("cannot make an eventfd", errno, dir.string());
  return std::unique_ptr<CheckpointDesk>{
      new CheckpointDesk{std::move(dir), keep_bytes, std::move(wake)}};
}

CheckpointDesk::~CheckpointDesk() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock{mutex_};
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CheckpointDesk::write(std::uint64_t ticket, journal::Checkpoint checkpoint,
                           const Numbers& numbers) {
  push(WriteOrder{.ticket = ticket, .checkpoint = std::move(checkpoint), .numbers = numbers});
}

void CheckpointDesk::load(std::uint64_t ticket, Lsn head) {
  push(LoadOrder{.ticket = ticket, .head = head});
}

void CheckpointDesk::note(const Numbers& numbers) { push(numbers); }

void CheckpointDesk::push(Order order) {
  ++orders_open_;
  {
    const std::scoped_lock lock{mutex_};
    orders_.push_back(std::move(order));
  }
  if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
  changed_.notify_one();
}

std::vector<CheckpointDesk::Outcome> CheckpointDesk::take() {
  std::uint64_t count = 0;
  // Only empties the descriptor; what there is to take is under the lock.
  [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
  const std::scoped_lock lock{mutex_};
  orders_open_ -= outcomes_.size();
  return std::exchange(outcomes_, {});
}

void CheckpointDesk::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !orders_.empty(); });
    if (ending_) return;
    const Order order = std::move(orders_.front());
    orders_.pop_front();
    lock.unlock();
    Outcome outcome = std::visit([this](const auto& one) { return carry_out(one); }, order);
    lock.lock();
    outcomes_.push_back(std::move(outcome));
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }
}

CheckpointDesk::Outcome CheckpointDesk::carry_out(const WriteOrder& order) {
  Written outcome{.ticket = order.ticket, .lsn = order.checkpoint.lsn, .error = {}};
  if (const auto written = journal::write_checkpoint(dir_, order.checkpoint); !written) {
    outcome.error = written.error();
    return outcome;
  }
  // Before retention: what the records to be removed said of their sources is known from here on.
  if (const auto written = write_numbers(dir_, order.numbers); !written) {
    log::error("relay_numbers_not_written", {{"error", written.error().text()}});
    return outcome;
  }
  if (keep_bytes_ > 0) apply_retention();
  return outcome;
}

CheckpointDesk::Outcome CheckpointDesk::carry_out(const LoadOrder& order) {
  Loaded outcome{.ticket = order.ticket, .checkpoint = {}, .error = {}};
  auto found = journal::find_checkpoint(dir_, order.head);
  if (!found) {
    outcome.error = std::move(found.error());
    return outcome;
  }
  for (const auto& why : found->passed_over) log::warn("checkpoint_passed_over", {{"why", why}});
  std::optional<journal::Checkpoint>& checkpoint = found->checkpoint;
  if (checkpoint) {
    outcome.checkpoint = std::make_shared<journal::Checkpoint>(std::move(*checkpoint));
  }
  return outcome;
}

CheckpointDesk::Outcome CheckpointDesk::carry_out(const Numbers& numbers) {
  Noted outcome;
  if (auto written = write_numbers(dir_, numbers); !written) {
    outcome.error = std::move(written.error());
  }
  return outcome;
}

void CheckpointDesk::apply_retention() {
  const std::uint64_t held = held_.load(std::memory_order_relaxed);
  // A cursor never goes back, so the one of before is taken away first.
  auto done = journal::remove_cursor(dir_, kReadersCursor);
  if (done && held != UINT64_MAX && held > 0) {
    done = journal::set_cursor(dir_, kReadersCursor, Lsn{held - 1});
  }
  if (!done) {
    log::error("relay_retention", {{"error", done.error().text()}});
    return;
  }
  const auto report = journal::apply_retention(dir_, keep_bytes_);
  if (!report) {
    log::error("relay_retention", {{"error", report.error().text()}});
  } else if (report->segments > 0) {
    log::info("relay_retention", {{"segments", report->segments},
                                  {"bytes", report->bytes},
                                  {"first", report->first.value()}});
  }
}

}  // namespace stoa::relay

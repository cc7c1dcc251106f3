#include "apps/checkpointer.h"

#include <cstdint>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "journal/checkpoint.h"
#include "journal/retention.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"

namespace stoa::apps {

Checkpointer::Checkpointer(const Options& options)
    : options_{options}, thread_{[this] { run(); }} {}

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock{mutex_};
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Checkpointer::busy() {
  const std::scoped_lock lock{mutex_};
  return job_.has_value();
}

void Checkpointer::write(journal::Checkpoint checkpoint, nanoseconds copy_begun) {
  const nanoseconds copied = options_.clock->monotonic();
  options_.status->checkpoint_copy_ns.record(
      static_cast<std::uint64_t>((copied - copy_begun).count()));
  {
    const std::scoped_lock lock{mutex_};
    check(!job_, "one checkpoint is written at a time");
    job_ = Job{.checkpoint = std::move(checkpoint), .copy_begun = copy_begun, .copied = copied};
  }
  changed_.notify_all();
}

void Checkpointer::wait() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !job_; });
}

void Checkpointer::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return job_ || stop_; });
    if (!job_) return;
    lock.unlock();
    work(*job_);  // nobody else touches it until it is gone
    lock.lock();
    job_.reset();
    changed_.notify_all();
  }
}

void Checkpointer::work(const Job& job) {
  ops::EngineStatus& status = *options_.status;
  const journal::Checkpoint& checkpoint = job.checkpoint;
  const auto written = journal::write_checkpoint(options_.dir, checkpoint);
  const nanoseconds took = options_.clock->monotonic() - job.copy_begun;
  ops::CheckpointOutcome outcome{.lsn = checkpoint.lsn,
                                 .bytes = journal::kCheckpointHeaderBytes + checkpoint.state.size(),
                                 .copy_ns = (job.copied - job.copy_begun).count(),
                                 .total_ns = took.count(),
                                 .error = {}};
  if (written) {
    status.checkpoints.add();
    status.checkpoint_failed.set(0);
    status.checkpoint_lsn.set(static_cast<std::int64_t>(checkpoint.lsn.value()));
    status.checkpoint_bytes.set(static_cast<std::int64_t>(outcome.bytes));
    status.checkpoint_write_ns.record(static_cast<std::uint64_t>(took.count()));
    log::info("checkpoint_written", {{"lsn", checkpoint.lsn.value()},
                                     {"bytes", outcome.bytes},
                                     {"copy_us", outcome.copy_ns / 1'000},
                                     {"total_us", outcome.total_ns / 1'000}});
  } else {
    outcome.error = written.error().text();
    status.checkpoint_failures.add();
    status.checkpoint_failed.set(1);
    log::error("checkpoint_failed",
               {{"lsn", checkpoint.lsn.value()}, {"error", std::string_view{outcome.error}}});
  }
  options_.desk->end(std::move(outcome));
  options_.gateway_wake->notify();
  if (written && options_.keep_bytes > 0) retain();
}

void Checkpointer::retain() {
  const auto done = journal::apply_retention(options_.dir, options_.keep_bytes);
  if (!done) {
    options_.status->retention_failures.add();
    log::error("retention_failed", {{"error", done.error().text()}});
    return;
  }
  options_.status->removed_segments.add(done->segments);
  options_.status->removed_bytes.add(done->bytes);
  options_.status->log_held.set(done->held_by.empty() ? 0 : 1);
  if (done->segments > 0) {
    log::info(
        "segments_removed",
        {{"segments", done->segments}, {"bytes", done->bytes}, {"first_lsn", done->first.value()}});
  }
  if (!done->held_by.empty()) {
    log::warn("log_above_keep_bytes",
              {{"bytes", done->kept_bytes}, {"held_by", std::string_view{done->held_by}}});
  }
}

}  // namespace stoa::apps

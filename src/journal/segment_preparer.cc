#include "journal/segment_preparer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/segment.h"

namespace stoa::journal {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20U;

Result<void> write_zeros(File& file, const std::filesystem::path& path, std::uint64_t bytes,
                         const std::atomic<bool>* canceled) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(bytes, kPieceBytes));
  for (std::uint64_t done = 0; done < bytes;) {
    if (canceled != nullptr && canceled->load(std::memory_order_relaxed)) {
      return disk_error("preparing the next segment was given up", Errno{ECANCELED}, path);
    }
    const auto piece = std::min<std::uint64_t>(bytes - done, zeros.size());
    const auto wrote = file.write_at(std::span{zeros}.first(static_cast<std::size_t>(piece)), done);
    if (!wrote || *wrote == 0) {
      return disk_error("cannot fill a new segment", wrote ? Errno{EIO} : wrote.error(), path);
    }
    done += *wrote;
    // In the background piece by piece, so that the writer's own fdatasync never queues behind a
    // whole segment; in line all at once, as nobody else is waiting.
    if (canceled == nullptr && done < bytes) continue;
    if (const auto synced = file.sync_data(); !synced) {
      return disk_error("cannot sync a new segment", synced.error(), path);
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<File>> make_zeroed_file(FileSystem& files, const std::filesystem::path& path,
                                               std::uint64_t bytes,
                                               const std::atomic<bool>* canceled) {
  auto file = files.open(path, OpenMode::Reset);
  if (!file) return disk_error("cannot create a new segment", file.error(), path);
  if (const auto reserved = (*file)->allocate(bytes); !reserved) {
    return disk_error("cannot reserve space for a new segment", reserved.error(), path);
  }
  if (const auto zeroed = write_zeros(**file, path, bytes, canceled); !zeroed) {
    return std::unexpected(zeroed.error());
  }
  if (auto passed = at::pass(at::kPrepared); !passed) return std::unexpected(passed.error());
  return std::move(*file);
}

SegmentPreparer::SegmentPreparer(FileSystem& files, const std::filesystem::path& dir,
                                 std::uint64_t bytes)
    : files_{files}, path_{dir / kPreparedName}, bytes_{bytes} {}

SegmentPreparer::~SegmentPreparer() {
  if (!pending_.valid()) return;
  canceled_.store(true, std::memory_order_relaxed);
  pending_.wait();
  // Best effort: the next writer starts this file anew whatever is in it.
  [[maybe_unused]] const auto removed = files_.remove(path_);
}

void SegmentPreparer::start() {
  if (pending_.valid()) return;
  try {
    pending_ = std::async(std::launch::async,
                          [this] { return make_zeroed_file(files_, path_, bytes_, &canceled_); });
  } catch (const std::system_error&) {
    pending_ = {};  // no thread to be had: take() does the work itself
  }
}

bool SegmentPreparer::ready() const {
  return pending_.valid() &&
         pending_.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

Result<std::unique_ptr<File>> SegmentPreparer::take() {
  if (pending_.valid()) {
    auto prepared = pending_.get();
    if (prepared) return prepared;
  }
  return make_zeroed_file(files_, path_, bytes_);
}

}  // namespace stoa::journal

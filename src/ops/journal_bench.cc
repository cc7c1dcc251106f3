#include "ops/journal_bench.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/random.h"
#include "journal/bytes.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/segment.h"
#include "journal/segment_preparer.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::ops {
namespace {

constexpr std::array<std::uint64_t, 4> kBatches{1, 8, 64, 512};
constexpr std::uint64_t kSegmentBytes = 32U << 20U;
// Each measurement ends at this much, so that a fast disk needs no more space than was checked.
constexpr std::uint64_t kWrittenBytesMax = 256U << 20U;
constexpr int kTurns = 4;

// The folder of the measurements, gone with it.
class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_{std::move(path)} {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

class Bench {
 public:
  Bench(const Clock& clock, std::filesystem::path dir, std::vector<std::byte> payload)
      : clock_{clock}, dir_{std::move(dir)}, payload_{std::move(payload)} {}

  // The two in turns, so that a disk that slows down slows both.
  Result<JournalBenchRow> measure(std::uint64_t batch, nanoseconds time) {
    auto& files = journal::posix_file_system();
    auto raw = journal::make_zeroed_file(files, dir_ / "raw", kSegmentBytes);
    if (!raw) return std::unexpected(raw.error());
    const auto log = log_dir(batch);
    auto writer = journal::Writer::open(log, {.segment_bytes = kSegmentBytes, .clock = &clock_});
    if (!writer) return std::unexpected(writer.error());
    JournalBenchRow row;
    row.records_per_commit = batch;
    row.raw_ns = std::make_unique<Histogram>();
    row.commit_ns = std::make_unique<Histogram>();
    std::uint64_t offset = 0;
    const nanoseconds turn = time / (2 * kTurns);
    for (int i = 0; i < kTurns; ++i) {
      if (auto done = write_raw(**raw, batch, turn, offset, *row.raw_ns); !done) {
        return std::unexpected(done.error());
      }
      if (auto done = write_log(*writer, batch, turn, *row.commit_ns); !done) {
        return std::unexpected(done.error());
      }
    }
    if (auto closed = writer->close(); !closed) return std::unexpected(closed.error());
    return row;
  }

  [[nodiscard]] std::filesystem::path log_dir(std::uint64_t batch) const {
    return dir_ / ("log-" + std::to_string(batch));
  }

 private:
  Result<void> write_raw(journal::File& file, std::uint64_t batch, nanoseconds time,
                         std::uint64_t& offset, Histogram& into) {
    const std::vector<std::byte> bytes(batch * journal::stored_bytes(payload_.size()),
                                       std::byte{0x5A});
    const nanoseconds until = clock_.monotonic() + time;
    for (nanoseconds begin = clock_.monotonic(); begin < until;) {
      if (offset + bytes.size() > kSegmentBytes) offset = 0;
      auto wrote = journal::write_all(file, bytes, offset);
      if (wrote) wrote = file.sync_data();
      if (!wrote) return journal::disk_error("cannot write", wrote.error(), dir_ / "raw");
      offset += bytes.size();
      const nanoseconds end = clock_.monotonic();
      into.record(static_cast<std::uint64_t>((end - begin).count()));
      begin = end;
    }
    return {};
  }

  Result<void> write_log(journal::Writer& writer, std::uint64_t batch, nanoseconds time,
                         Histogram& into) {
    const nanoseconds until = clock_.monotonic() + time;
    for (nanoseconds begin = clock_.monotonic(); begin < until;) {
      if (writer.metrics().bytes_written.value() >= kWrittenBytesMax) return {};
      for (std::uint64_t i = 0; i < batch; ++i) {
        if (auto lsn = writer.append(payload_); !lsn) return std::unexpected(lsn.error());
      }
      if (auto durable = writer.commit(); !durable) return std::unexpected(durable.error());
      const nanoseconds end = clock_.monotonic();
      into.record(static_cast<std::uint64_t>((end - begin).count()));
      begin = end;
    }
    return {};
  }

  const Clock& clock_;
  std::filesystem::path dir_;
  std::vector<std::byte> payload_;
};

std::vector<std::byte> some_payload(std::size_t size) {
  Random random{1};
  std::vector<std::byte> payload(size);
  for (std::byte& b : payload) b = static_cast<std::byte>(random.below(256));
  return payload;
}

Result<void> check_space(const std::filesystem::path& dir) {
  std::error_code error;
  const auto space = std::filesystem::space(dir, error);
  if (error) return io_error("cannot look at the free space", error.value(), dir.string());
  if (space.available >= kJournalBenchSpaceBytes) return {};
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable,
            .message = fmt::format("{} MiB are free, a measurement needs {} MiB",
                                   space.available >> 20U, kJournalBenchSpaceBytes >> 20U),
            .source = dir.string()});
}

}  // namespace

double JournalBenchRow::records_per_second() const noexcept {
  if (commit_ns->sum() == 0) return 0;
  return static_cast<double>(commit_ns->count() * records_per_commit) * 1e9 /
         static_cast<double>(commit_ns->sum());
}

Result<JournalBenchReport> journal_bench(const JournalBenchOptions& options) {
  static const SystemClock kSystemClock;
  const Clock& clock = options.clock != nullptr ? *options.clock : kSystemClock;
  if (auto enough = check_space(options.dir); !enough) return std::unexpected(enough.error());
  const Folder folder{options.dir / ("stoa-bench-" + std::to_string(::getpid()))};
  auto& files = journal::posix_file_system();
  if (const auto made = files.make_directory(folder.path()); !made) {
    return journal::disk_error("cannot make a folder", made.error(), folder.path());
  }
  Bench bench{clock, folder.path(), some_payload(options.payload_bytes)};
  JournalBenchReport report;
  for (const std::uint64_t batch : kBatches) {
    auto row = bench.measure(batch, options.time / static_cast<int>(kBatches.size()));
    if (!row) return std::unexpected(row.error());
    report.rows.push_back(std::move(*row));
    if (batch == kBatches.back()) break;
    std::error_code ignored;  // only the space matters, and the folder goes in the end
    std::filesystem::remove_all(bench.log_dir(batch), ignored);
  }
  const nanoseconds begin = clock.monotonic();
  const auto verified = journal::verify(bench.log_dir(kBatches.back()));
  if (!verified) return std::unexpected(verified.error());
  report.read_time = clock.monotonic() - begin;
  for (const journal::SegmentReport& segment : verified->segments) {
    report.read_bytes += segment.end_offset;
  }
  report.read_records = verified->records;
  return report;
}

}  // namespace stoa::ops

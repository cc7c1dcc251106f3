// Question: does the memory of a writer and of a tailing reader stay flat over 10 million records,
// and does retention bound the disk?
// One thread appends 200-byte records in batches of 64, rotates, writes a checkpoint and applies
// retention every half million; another reads along. Each line shows the process's resident memory
// and the journal's bytes on disk; the run fails when either grows after the first million. Sync is
// left out, as it changes neither. `--records N`, `--dir D` chooses the disk, `--smoke` a tiny run.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "bench/must.h"
#include "journal/checkpoint.h"
#include "journal/reader.h"
#include "journal/retention.h"
#include "journal/writer.h"

namespace stoa::bench {
namespace {

constexpr std::size_t kRecordBytes = 200;
constexpr std::uint64_t kBatch = 64;
constexpr std::size_t kStateBytes = 1U << 20U;
constexpr std::uint64_t kSegmentBytes = 16U << 20U;
constexpr std::uint64_t kKeepBytes = 64U << 20U;
constexpr std::uint64_t kMemoryGrowthMax = 8U << 20U;

std::uint64_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t disk_bytes(const std::filesystem::path& dir) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator{dir}) bytes += entry.file_size();
  return bytes;
}

/// Reads what the writer appends until `records` are through; answers how many came in order.
void read_along(const std::filesystem::path& dir, std::uint64_t records,
                std::atomic<std::uint64_t>& seen) {
  auto reader = must(journal::Reader::open(dir));
  while (seen.load(std::memory_order_relaxed) < records) {
    const auto next = must(reader.next());
    if (!next) {
      std::this_thread::yield();
      continue;
    }
    if (next->lsn.value() != seen.load(std::memory_order_relaxed) + 1) give_up("a gap");
    seen.store(next->lsn.value(), std::memory_order_release);
  }
}

void run(const std::filesystem::path& dir, std::uint64_t records) {
  auto writer = must(journal::Writer::open(
      dir, {.segment_bytes = kSegmentBytes, .sync = journal::SyncPolicy::None}));
  std::atomic<std::uint64_t> seen{0};
  const std::jthread reader{[&] { read_along(dir, records, seen); }};
  const std::vector<std::byte> record(kRecordBytes, std::byte{7});
  journal::Checkpoint checkpoint{.state = std::vector<std::byte>(kStateBytes, std::byte{9})};
  const std::uint64_t step = std::max<std::uint64_t>(records / 20, kBatch);
  std::uint64_t settled_bytes = 0;
  std::uint64_t most_disk_bytes = 0;
  for (std::uint64_t done = 0; done < records;) {
    for (std::uint64_t i = 0; i < kBatch && done < records; ++i, ++done)
      must(writer.append(record));
    must(writer.commit());
    if (done % step >= kBatch && done < records) continue;
    // The reader is let through: a segment that it has not entered yet would be gone.
    must(writer.flush());
    while (seen.load(std::memory_order_acquire) < done) std::this_thread::yield();
    checkpoint.lsn = must(writer.sync());
    checkpoint.chain = writer.chain();
    must(journal::write_checkpoint(dir, checkpoint));
    const auto retained = must(journal::apply_retention(dir, kKeepBytes));
    const std::uint64_t resident = resident_bytes();
    const std::uint64_t disk = disk_bytes(dir);
    most_disk_bytes = std::max(most_disk_bytes, disk);
    fmt::print("{:>9} records  resident {:>6.1f} MiB  disk {:>6.1f} MiB  oldest lsn {}\n", done,
               static_cast<double>(resident) / (1U << 20U), static_cast<double>(disk) / (1U << 20U),
               retained.first.value());
    if (done * 10 < records) continue;
    if (settled_bytes == 0) settled_bytes = resident;
    if (resident > settled_bytes + kMemoryGrowthMax) give_up("memory grows");
  }
  // What is kept, what came since the older checkpoint, and the segment that is being prepared.
  const std::uint64_t since_older = 2 * step * (kRecordBytes + 16);
  const std::uint64_t bound = kKeepBytes + since_older + 3 * kSegmentBytes + 4 * kStateBytes;
  fmt::print("most disk {:.1f} MiB, bound {:.1f} MiB\n",
             static_cast<double>(most_disk_bytes) / (1U << 20U),
             static_cast<double>(bound) / (1U << 20U));
  if (most_disk_bytes > bound) give_up("the disk is not bounded");
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  std::uint64_t records = 10'000'000;
  std::filesystem::path dir = std::filesystem::current_path();
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument{arguments[i]};
    const std::string_view value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (argument == "--smoke") records = 100'000;
    if (argument == "--dir") dir = value;
    if (argument == "--records") {
      std::from_chars(value.data(), value.data() + value.size(), records);
    }
  }
  dir /= "soak_bench." + std::to_string(::getpid());
  stoa::bench::run(dir, records);
  std::filesystem::remove_all(dir);
  return 0;
}

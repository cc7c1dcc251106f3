// Question: what does a durable append of a 200-byte record cost, alone and in batches, next to a
// bare pwrite + fdatasync loop into a pre-zeroed file, SQLite (WAL, synchronous=FULL) and RocksDB
// (WAL, sync=true) on the same disk in the same run?
// Budget: one record per sync >= 0.9 of the bare loop, batches >= 0.8 of it; with sync none the
// batch of 512 stays above 5M records/s. Every contestant is read back; the checksums must be
// equal. The order of contestants changes from round to round, as a shared disk drifts. `--dir D`
// chooses the disk, `--smoke` a tiny run.

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/fd.h"
#include "base/random.h"
#include "journal/reader.h"
#include "journal/writer.h"

#ifdef STOA_BENCH_SQLITE
#include <sqlite3.h>
#endif
#ifdef STOA_BENCH_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kRecordBytes = 200;
constexpr std::size_t kDistinct = 1024;  // records differ, so that nothing can be compressed away

[[noreturn]] void give_up(std::string_view what) {
  fmt::print(stderr, "append_bench: {}\n", what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
}

std::vector<std::byte> make_records() {
  std::vector<std::byte> bytes(kRecordBytes * kDistinct);
  stoa::Random random{42};
  for (auto& b : bytes) b = static_cast<std::byte>(random.below(256));
  return bytes;
}
std::span<const std::byte> record(std::uint64_t i) {
  static const std::vector<std::byte> kRecords = make_records();
  return std::span{kRecords}.subspan(i % kDistinct * kRecordBytes, kRecordBytes);
}

struct Run {
  std::filesystem::path dir;  // empty, removed afterwards
  std::uint64_t commits;
  std::uint64_t batch;
  bool sync;
};
struct Outcome {
  double seconds = 0;
  std::vector<std::uint64_t> commit_ns;
  std::uint32_t checksum = 0;  // over every record read back, in order
};

// Times `commit(first record, count)` for each batch.
Outcome time_commits(const Run& run, const std::function<void(std::uint64_t)>& commit) {
  Outcome outcome;
  outcome.commit_ns.reserve(run.commits);
  const auto begin = Clock::now();
  auto last = begin;
  for (std::uint64_t i = 0; i < run.commits; ++i) {
    commit(i * run.batch);
    const auto now = Clock::now();
    outcome.commit_ns.push_back(static_cast<std::uint64_t>((now - last).count()));
    last = now;
  }
  outcome.seconds = std::chrono::duration<double>(last - begin).count();
  return outcome;
}

Outcome run_journal(const Run& run) {
  using stoa::journal::SyncPolicy;
  auto writer = stoa::journal::Writer::open(
      run.dir / "log", {.sync = run.sync ? SyncPolicy::Always : SyncPolicy::None});
  if (!writer) give_up(writer.error().text());
  Outcome outcome = time_commits(run, [&](std::uint64_t first) {
    for (std::uint64_t i = first; i < first + run.batch; ++i) {
      if (const auto lsn = writer->append(record(i)); !lsn) give_up(lsn.error().text());
    }
    if (const auto durable = writer->commit(); !durable) give_up(durable.error().text());
  });
  auto reader = stoa::journal::Reader::open(run.dir / "log");
  if (!reader) give_up(reader.error().text());
  for (;;) {
    const auto next = reader->next();
    if (!next) give_up(next.error().text());
    if (!*next) return outcome;
    outcome.checksum = stoa::crc32c(outcome.checksum, (*next)->payload);
  }
}

// The floor: no lsn, no checksum, no rotation; 16 bytes of header per record are left empty.
Outcome run_bare(const Run& run) {
  constexpr std::size_t kStride = kRecordBytes + 16;
  const stoa::Fd fd{::open((run.dir / "bare").c_str(), O_RDWR | O_CREAT, 0640)};
  const std::uint64_t size = run.commits * run.batch * kStride;
  std::vector<std::byte> zeros(1U << 20U);
  for (std::uint64_t at = 0; at < size; at += zeros.size()) {
    if (::pwrite(fd.get(), zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) {
      give_up("cannot fill the bare file");
    }
  }
  if (::fsync(fd.get()) != 0) give_up("cannot sync the bare file");
  std::vector<std::byte> buffer(run.batch * kStride);
  Outcome outcome = time_commits(run, [&](std::uint64_t first) {
    for (std::uint64_t i = 0; i < run.batch; ++i) {
      std::ranges::copy(record(first + i), buffer.data() + i * kStride + 16);
    }
    const auto wrote =
        ::pwrite(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(first * kStride));
    if (wrote != static_cast<ssize_t>(buffer.size())) give_up("cannot write the bare file");
    if (run.sync && ::fdatasync(fd.get()) != 0) give_up("cannot sync the bare file");
  });
  for (std::uint64_t i = 0; i < run.commits; ++i) {
    if (::pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(i * buffer.size())) <
        0) {
      give_up("cannot read the bare file");
    }
    for (std::uint64_t j = 0; j < run.batch; ++j) {
      outcome.checksum =
          stoa::crc32c(outcome.checksum, std::span{buffer}.subspan(j * kStride + 16, kRecordBytes));
    }
  }
  return outcome;
}

#ifdef STOA_BENCH_SQLITE
void sqlite_check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) give_up(sqlite3_errmsg(db));
}

Outcome run_sqlite(const Run& run) {
  sqlite3* db = nullptr;
  sqlite_check(sqlite3_open((run.dir / "db").c_str(), &db), db);
  const auto execute = [db](const char* sql) {
    sqlite_check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), db);
  };
  execute("PRAGMA journal_mode=WAL");
  execute(run.sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
  execute("CREATE TABLE log(lsn INTEGER PRIMARY KEY, payload BLOB)");
  sqlite3_stmt* insert = nullptr;
  sqlite_check(sqlite3_prepare_v2(db, "INSERT INTO log VALUES(?, ?)", -1, &insert, nullptr), db);
  Outcome outcome = time_commits(run, [&](std::uint64_t first) {
    execute("BEGIN");
    for (std::uint64_t i = first; i < first + run.batch; ++i) {
      const std::uint64_t lsn = i + 1;
      sqlite_check(sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(lsn)), db);
      sqlite_check(sqlite3_bind_blob(insert, 2, record(i).data(), kRecordBytes, nullptr), db);
      sqlite_check(sqlite3_step(insert), db);
      sqlite_check(sqlite3_reset(insert), db);
    }
    execute("COMMIT");
  });
  sqlite3_finalize(insert);
  sqlite3_stmt* select = nullptr;
  sqlite_check(sqlite3_prepare_v2(db, "SELECT payload FROM log ORDER BY lsn", -1, &select, nullptr),
               db);
  while (sqlite3_step(select) == SQLITE_ROW) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(select, 0));
    const auto* const bytes = static_cast<const std::byte*>(sqlite3_column_blob(select, 0));
    outcome.checksum = stoa::crc32c(outcome.checksum, {bytes, size});
  }
  sqlite3_finalize(select);
  sqlite3_close(db);
  return outcome;
}
#endif

#ifdef STOA_BENCH_ROCKSDB
Outcome run_rocksdb(const Run& run) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  const auto opened = rocksdb::DB::Open(options, (run.dir / "db").string(), &raw);
  if (!opened.ok()) give_up(opened.ToString());
  const std::unique_ptr<rocksdb::DB> db{raw};
  rocksdb::WriteOptions write;
  write.sync = run.sync;
  const auto key = [](std::uint64_t i, std::array<char, 8>& bytes) {
    for (std::size_t b = 0; b < 8; ++b) bytes[b] = static_cast<char>(i >> (56 - 8 * b));
    return rocksdb::Slice{bytes.data(), bytes.size()};
  };
  Outcome outcome = time_commits(run, [&](std::uint64_t first) {
    rocksdb::WriteBatch batch;
    std::array<char, 8> bytes{};
    for (std::uint64_t i = first; i < first + run.batch; ++i) {
      const auto payload = record(i);
      const rocksdb::Slice value{reinterpret_cast<const char*>(payload.data()), payload.size()};
      if (!batch.Put(key(i, bytes), value).ok()) give_up("rocksdb: put");
    }
    const auto written = db->Write(write, &batch);
    if (!written.ok()) give_up(written.ToString());
  });
  const std::unique_ptr<rocksdb::Iterator> it{db->NewIterator({})};
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto value = it->value();
    outcome.checksum =
        stoa::crc32c(outcome.checksum, std::as_bytes(std::span{value.data(), value.size()}));
  }
  return outcome;
}
#endif

struct Contestant {
  const char* name;
  Outcome (*run)(const Run&);
};
std::vector<Contestant> contestants() {
  std::vector<Contestant> all{{"journal", run_journal}, {"bare loop", run_bare}};
#ifdef STOA_BENCH_SQLITE
  all.push_back({"sqlite", run_sqlite});
#endif
#ifdef STOA_BENCH_ROCKSDB
  all.push_back({"rocksdb", run_rocksdb});
#endif
  return all;
}

double at_quantile(std::vector<std::uint64_t>& sorted, double quantile) {
  const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(rank, sorted.size() - 1)]) / 1000;
}

// One row per contestant: the best of the rounds by records/s, commits of all rounds pooled.
bool compare(const std::filesystem::path& parent, std::uint64_t commits, std::uint64_t batch,
             bool sync, int rounds) {
  const auto all = contestants();
  std::vector<double> best(all.size(), 0);
  std::vector<std::vector<std::uint64_t>> pooled(all.size());
  std::vector<std::uint32_t> checksums(all.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < all.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % all.size();
      const Run run{parent / "run", commits, batch, sync};
      std::filesystem::remove_all(run.dir);
      std::filesystem::create_directories(run.dir);
      Outcome outcome = all[i].run(run);
      best[i] = std::max(best[i], static_cast<double>(commits * batch) / outcome.seconds);
      pooled[i].insert(pooled[i].end(), outcome.commit_ns.begin(), outcome.commit_ns.end());
      checksums[i] = outcome.checksum;
    }
  }
  std::filesystem::remove_all(parent / "run");
  bool equal = true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::ranges::sort(pooled[i]);
    fmt::print(
        "{:>5} {:>6} {:<10} {:>12.0f} {:>7.2f} {:>10.1f} {:>10.1f} {:>10.1f} {:>10.1f}  {:08x}\n",
        sync ? "sync" : "none", batch, all[i].name, best[i], best[i] / best[1],
        at_quantile(pooled[i], 0.5), at_quantile(pooled[i], 0.99), at_quantile(pooled[i], 0.999),
        at_quantile(pooled[i], 1), checksums[i]);
    equal = equal && checksums[i] == checksums[0];
  }
  return equal;
}

}  // namespace

int main(int argc, char** argv) {
  bool smoke = false;
  std::filesystem::path parent = std::filesystem::current_path();
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument{arguments[i]};
    if (argument == "--smoke") smoke = true;
    if (argument == "--dir" && i + 1 < arguments.size()) parent = arguments[++i];
  }
  parent /= "append_bench." + std::to_string(::getpid());
#ifndef STOA_BENCH_SQLITE
  fmt::print("sqlite: not built in, its rows are left out\n");
#endif
#ifndef STOA_BENCH_ROCKSDB
  fmt::print("rocksdb: not built in, its rows are left out\n");
#endif
  fmt::print("{:>5} {:>6} {:<10} {:>12} {:>7} {:>10} {:>10} {:>10} {:>10}  checksum\n", "sync",
             "batch", "", "records/s", "/bare", "p50 us", "p99 us", "p99.9 us", "max us");
  bool equal = true;
  const int rounds = smoke ? 1 : 3;
  for (const bool sync : {true, false}) {
    for (const std::uint64_t batch : {1U, 8U, 64U, 512U}) {
      const std::uint64_t commits = smoke ? 20 : (batch == 512 ? 600 : 1500);
      equal = compare(parent, commits, batch, sync, rounds) && equal;
    }
  }
  std::filesystem::remove_all(parent);
  if (!equal) give_up("the checksums differ: somebody lost a record");
  return 0;
}

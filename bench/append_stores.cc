#include "bench/append_stores.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/fd.h"
#include "base/random.h"
#include "bench/must.h"
#include "journal/group_writer.h"
#include "journal/reader.h"
#include "journal/writer.h"

#ifdef STOA_BENCH_SQLITE
#include <sqlite3.h>

#include <mutex>
#endif
#ifdef STOA_BENCH_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#endif
#ifdef STOA_BENCH_LMDB
#include <lmdb.h>
#endif
#ifdef STOA_BENCH_POSTGRES
#include "bench/postgres_server.h"
#endif

namespace stoa::bench {
namespace {

constexpr std::size_t kDistinct = 1024;
constexpr std::uint64_t kMiB = 1U << 20U;

std::vector<std::byte> make_records() {
  std::vector<std::byte> bytes(kRecordBytes * kDistinct);
  Random random{42};
  for (auto& b : bytes) b = static_cast<std::byte>(random.below(256));
  return bytes;
}

// --- ours

journal::WriterOptions journal_options(const StoreOptions& options) {
  return {.sync = options.sync ? journal::SyncPolicy::Always : journal::SyncPolicy::None};
}

std::uint64_t read_journal(const std::filesystem::path& dir) {
  auto reader = journal::Reader::open(dir);
  if (!reader) give_up(reader.error().text());
  std::uint64_t sum = 0;
  for (;;) {
    const auto next = reader->next();
    if (!next) give_up(next.error().text());
    const std::optional<journal::Record>& entry = *next;
    if (!entry) return sum;
    sum += checksum(entry->payload);
  }
}

/// One thread, batches of its own. `segment_bytes` decides whether the run crosses segments.
class OneWriter final : public Store {
 public:
  OneWriter(const StoreOptions& options, journal::WriterOptions journal)
      : dir_{options.dir / "log"}, writer_{open(dir_, journal)} {}

  void append(std::size_t /*thread*/, std::uint64_t first, std::uint64_t count) override {
    for (std::uint64_t i = first; i < first + count; ++i) {
      if (const auto lsn = writer_.append(record(i)); !lsn) give_up(lsn.error().text());
    }
    if (const auto durable = writer_.commit(); !durable) give_up(durable.error().text());
  }
  std::uint64_t read_back() override { return read_journal(dir_); }

 private:
  static journal::Writer open(const std::filesystem::path& dir,
                              const journal::WriterOptions& journal) {
    auto writer = journal::Writer::open(dir, journal);
    if (!writer) give_up(writer.error().text());
    return std::move(*writer);
  }
  std::filesystem::path dir_;
  journal::Writer writer_;
};

class ManyWriters final : public Store {
 public:
  explicit ManyWriters(const StoreOptions& options) : dir_{options.dir / "log"} {
    auto writer = journal::GroupWriter::open(dir_, {.journal = journal_options(options)});
    if (!writer) give_up(writer.error().text());
    writer_ = std::move(*writer);
  }
  void append(std::size_t /*thread*/, std::uint64_t first, std::uint64_t count) override {
    for (std::uint64_t i = first; i < first + count; ++i) {
      if (const auto lsn = writer_->append(record(i)); !lsn) give_up(lsn.error().text());
    }
  }
  std::uint64_t read_back() override { return read_journal(dir_); }

 private:
  std::filesystem::path dir_;
  std::unique_ptr<journal::GroupWriter> writer_;
};

// The space is made before the clock starts, as the bare loop's is.
std::unique_ptr<Store> open_journal(const StoreOptions& options) {
  journal::WriterOptions journal = journal_options(options);
  journal.segment_bytes = (options.bytes / kMiB + 2) * kMiB;
  journal.prepare_ahead = false;
  return std::make_unique<OneWriter>(options, journal);
}

// With the segments of every day: the next one is filled with zeros while the run goes on.
std::unique_ptr<Store> open_rotating(const StoreOptions& options) {
  return std::make_unique<OneWriter>(options, journal_options(options));
}

// --- the floor: no lsn, no checksum, no rotation; 16 bytes of header per record are left empty

class BareLoop final : public Store {
 public:
  explicit BareLoop(const StoreOptions& options)
      : fd_{::open((options.dir / "bare").c_str(), O_RDWR | O_CREAT, 0640)}, sync_{options.sync} {
    const std::vector<std::byte> zeros(kMiB);
    for (std::uint64_t at = 0; at < options.bytes + kMiB; at += zeros.size()) {
      if (::pwrite(fd_.get(), zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) {
        give_up("cannot fill the bare file");
      }
    }
    if (::fsync(fd_.get()) != 0) give_up("cannot sync the bare file");
  }
  void append(std::size_t /*thread*/, std::uint64_t first, std::uint64_t count) override {
    buffer_.resize(count * kStride);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::ranges::copy(record(first + i), buffer_.data() + i * kStride + 16);
    }
    const auto wrote =
        ::pwrite(fd_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(end_));
    if (wrote != static_cast<ssize_t>(buffer_.size())) give_up("cannot write the bare file");
    if (sync_ && ::fdatasync(fd_.get()) != 0) give_up("cannot sync the bare file");
    end_ += buffer_.size();
  }
  std::uint64_t read_back() override {
    std::uint64_t sum = 0;
    std::array<std::byte, kStride> bytes{};
    for (std::uint64_t at = 0; at < end_; at += kStride) {
      if (::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0) {
        give_up("cannot read the bare file");
      }
      sum += checksum(std::span{bytes}.subspan(16));
    }
    return sum;
  }

 private:
  static constexpr std::size_t kStride = kRecordBytes + 16;
  Fd fd_;
  bool sync_;
  std::uint64_t end_ = 0;
  std::vector<std::byte> buffer_;
};

template <class S>
std::unique_ptr<Store> open_store(const StoreOptions& options) {
  return std::make_unique<S>(options);
}

// --- peers

#ifdef STOA_BENCH_SQLITE
class Sqlite final : public Store {
 public:
  explicit Sqlite(const StoreOptions& options) : threads_(options.threads) {
    for (Session& session : threads_) {
      good(sqlite3_open((options.dir / "db").c_str(), &session.db), session.db);
      good(sqlite3_busy_timeout(session.db, 60'000), session.db);
      execute(session.db, "PRAGMA journal_mode=WAL");
      execute(session.db, options.sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
      execute(session.db, "CREATE TABLE IF NOT EXISTS log(n INTEGER PRIMARY KEY, payload BLOB)");
      good(sqlite3_prepare_v2(session.db, "INSERT INTO log VALUES(?, ?)", -1, &session.insert,
                              nullptr),
           session.db);
    }
  }
  ~Sqlite() override {
    for (const Session& session : threads_) {
      sqlite3_finalize(session.insert);
      sqlite3_close(session.db);
    }
  }
  void append(std::size_t thread, std::uint64_t first, std::uint64_t count) override {
    const Session& session = threads_.at(thread);
    // Its own way of waiting is sleeping and trying again, which would take minutes here.
    const std::scoped_lock one_at_a_time{mutex_};
    execute(session.db, "BEGIN IMMEDIATE");
    for (std::uint64_t i = first; i < first + count; ++i) {
      good(sqlite3_bind_int64(session.insert, 1, static_cast<sqlite3_int64>(i)), session.db);
      good(sqlite3_bind_blob(session.insert, 2, record(i).data(), kRecordBytes, nullptr),
           session.db);
      good(sqlite3_step(session.insert), session.db);
      good(sqlite3_reset(session.insert), session.db);
    }
    execute(session.db, "COMMIT");
  }
  std::uint64_t read_back() override {
    sqlite3* const db = threads_.front().db;
    sqlite3_stmt* select = nullptr;
    good(sqlite3_prepare_v2(db, "SELECT payload FROM log", -1, &select, nullptr), db);
    std::uint64_t sum = 0;
    while (sqlite3_step(select) == SQLITE_ROW) {
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(select, 0));
      sum += checksum({static_cast<const std::byte*>(sqlite3_column_blob(select, 0)), size});
    }
    sqlite3_finalize(select);
    return sum;
  }

 private:
  struct Session {
    sqlite3* db = nullptr;
    sqlite3_stmt* insert = nullptr;
  };
  static void good(int code, sqlite3* db) {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) give_up(sqlite3_errmsg(db));
  }
  static void execute(sqlite3* db, const char* sql) {
    good(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), db);
  }
  std::vector<Session> threads_;
  std::mutex mutex_;
};
#endif

#ifdef STOA_BENCH_ROCKSDB
class RocksDb final : public Store {
 public:
  explicit RocksDb(const StoreOptions& options) {
    rocksdb::Options settings;
    settings.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    const auto opened = rocksdb::DB::Open(settings, (options.dir / "db").string(), &raw);
    if (!opened.ok()) give_up(opened.ToString());
    db_.reset(raw);
    write_.sync = options.sync;
  }
  void append(std::size_t /*thread*/, std::uint64_t first, std::uint64_t count) override {
    rocksdb::WriteBatch batch;
    std::array<char, 8> key{};
    for (std::uint64_t i = first; i < first + count; ++i) {
      for (std::size_t b = 0; b < 8; ++b) key.at(b) = static_cast<char>(i >> (56 - 8 * b));
      const auto payload = record(i);
      const rocksdb::Slice value{reinterpret_cast<const char*>(payload.data()), payload.size()};
      if (!batch.Put({key.data(), key.size()}, value).ok()) give_up("rocksdb: put");
    }
    const auto written = db_->Write(write_, &batch);
    if (!written.ok()) give_up(written.ToString());
  }
  std::uint64_t read_back() override {
    std::uint64_t sum = 0;
    const std::unique_ptr<rocksdb::Iterator> it{db_->NewIterator({})};
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      sum += checksum(std::as_bytes(std::span{it->value().data(), it->value().size()}));
    }
    return sum;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions write_;
};
#endif

#ifdef STOA_BENCH_LMDB
class Lmdb final : public Store {
 public:
  explicit Lmdb(const StoreOptions& options) {
    good(mdb_env_create(&env_));
    good(mdb_env_set_mapsize(env_, (options.bytes * 4 / kMiB + 64) * kMiB));
    const std::filesystem::path dir = options.dir / "db";
    std::filesystem::create_directories(dir);
    good(mdb_env_open(env_, dir.c_str(), options.sync ? 0 : MDB_NOSYNC, 0640));
    MDB_txn* txn = nullptr;
    good(mdb_txn_begin(env_, nullptr, 0, &txn));
    good(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &table_));
    good(mdb_txn_commit(txn));
  }
  ~Lmdb() override { mdb_env_close(env_); }
  void append(std::size_t /*thread*/, std::uint64_t first, std::uint64_t count) override {
    MDB_txn* txn = nullptr;
    good(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (std::uint64_t i = first; i < first + count; ++i) {
      MDB_val key{.mv_size = sizeof i, .mv_data = &i};
      MDB_val value{.mv_size = kRecordBytes, .mv_data = const_cast<std::byte*>(record(i).data())};
      good(mdb_put(txn, table_, &key, &value, 0));
    }
    good(mdb_txn_commit(txn));
  }
  std::uint64_t read_back() override {
    MDB_txn* txn = nullptr;
    MDB_cursor* cursor = nullptr;
    good(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn));
    good(mdb_cursor_open(txn, table_, &cursor));
    MDB_val key{};
    MDB_val value{};
    std::uint64_t sum = 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
      sum += checksum({static_cast<const std::byte*>(value.mv_data), value.mv_size});
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return sum;
  }

 private:
  static void good(int code) {
    if (code != 0) give_up(mdb_strerror(code));
  }
  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
};
#endif

}  // namespace

std::span<const std::byte> record(std::uint64_t i) {
  static const std::vector<std::byte> kRecords = make_records();
  return std::span{kRecords}.subspan(i % kDistinct * kRecordBytes, kRecordBytes);
}

std::uint64_t checksum(std::span<const std::byte> record) { return crc32c(record); }

std::vector<StoreKind> store_kinds() {
  using enum Use;
  std::vector<StoreKind> kinds{
      {"journal", open_journal, Alone, true},
      {"bare loop", open_store<BareLoop>, Alone, true},
      {"journal, rotating", open_rotating, Alone, true},
      {"journal, shared", open_store<ManyWriters>, Threads, true},
  };
#ifdef STOA_BENCH_ROCKSDB
  kinds.push_back({"RocksDB", open_store<RocksDb>, Both, true});
#endif
#ifdef STOA_BENCH_SQLITE
  kinds.push_back({"SQLite", open_store<Sqlite>, Both, true});
#endif
#ifdef STOA_BENCH_LMDB
  kinds.push_back({"LMDB", open_store<Lmdb>, Both, true});
#endif
#ifdef STOA_BENCH_POSTGRES
  if (postgres_can_run()) kinds.push_back({"PostgreSQL", open_postgres, Both, false});
#endif
  return kinds;
}

}  // namespace stoa::bench

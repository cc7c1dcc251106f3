#include "journal/writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/durable_name.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/lock.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "journal/segment_preparer.h"

namespace stoa::journal {
namespace {

constexpr std::size_t kPageBytes = 4096;

struct FreeBuffer {
  void operator()(std::byte* bytes) const noexcept {
    ::operator delete(bytes, std::align_val_t{kPageBytes});
  }
};
using Buffer = std::unique_ptr<std::byte, FreeBuffer>;

// Touched, so that the first batches do not pay for page faults.
Buffer make_buffer(std::size_t size) {
  Buffer buffer{static_cast<std::byte*>(::operator new(size, std::align_val_t{kPageBytes}))};
  std::memset(buffer.get(), 0, size);
  return buffer;
}

Result<void> check_options(const WriterOptions& options) {
  if (options.segment_bytes < kSegmentUnitBytes || options.segment_bytes > kMaxSegmentBytes ||
      options.segment_bytes % kSegmentUnitBytes != 0) {
    return bad_input("segment_bytes must be a multiple of 4096, from 4096 to 2^40");
  }
  if (options.buffer_bytes < kSegmentUnitBytes) {
    return bad_input("buffer_bytes must be at least 4096");
  }
  if (options.first_lsn == Lsn{0}) return bad_input("the first lsn of a journal is at least 1");
  return {};
}

Result<void> make_journal_directory(FileSystem& files, const std::filesystem::path& dir) {
  const auto made = files.make_directory(dir);
  if (!made) return disk_error("cannot create the journal's directory", made.error(), dir);
  return {};
}

// Of a journal without segments, whoever made its directory: he may have died before he came here.
Result<void> sync_name_of_directory(FileSystem& files, const std::filesystem::path& dir) {
  const std::filesystem::path parent = dir.has_parent_path() ? dir.parent_path() : ".";
  if (const auto synced = files.sync_directory(parent); !synced) {
    return disk_error("cannot sync the directory", synced.error(), parent);
  }
  return {};
}

}  // namespace

class Writer::State {
 public:
  State(std::filesystem::path directory, const WriterOptions& options, FileSystem& file_system,
        const Clock& time)
      : dir{std::move(directory)},
        opt{options},
        files{file_system},
        clock{time},
        preparer{file_system, dir, options.segment_bytes},
        buffer{make_buffer(options.buffer_bytes)},
        max_payload{static_cast<std::size_t>(std::min<std::uint64_t>(
            {kMaxPayloadBytes,
             options.segment_bytes - kSegmentHeaderBytes - kFooterBytes - kRecordHeaderBytes,
             (options.buffer_bytes & ~(kRecordAlignBytes - 1)) - kRecordHeaderBytes}))} {}

  static Result<Writer> begin(const std::filesystem::path& dir, const WriterOptions& options,
                              std::unique_ptr<File> lock, RecoveredLog log);
  Result<void> take_over(RecoveredLog&& log);
  Result<Lsn> append(std::span<const std::byte> first, std::span<const std::byte> second);
  Result<Lsn> commit();
  Result<void> flush();
  Result<void> write_out();
  Result<void> sync_file();
  Result<void> rotate();
  Result<void> seal();
  Result<void> begin_segment();
  Result<void> begin_epoch(std::uint64_t epoch);
  Result<void> take_epoch(std::uint64_t epoch);
  std::unexpected<Error> fail(std::unexpected<Error> error);
  void let_go();

  [[nodiscard]] std::uint64_t end_offset() const noexcept { return offset + used; }
  [[nodiscard]] Lsn last() const noexcept { return Lsn{next.value() - 1}; }
  [[nodiscard]] const Error* first_error() const noexcept { return error ? &*error : nullptr; }

  std::filesystem::path dir;
  WriterOptions opt;
  FileSystem& files;
  const Clock& clock;
  std::unique_ptr<File> lock;
  std::unique_ptr<File> file;
  SegmentPreparer preparer;
  Buffer buffer;
  std::size_t max_payload;
  std::size_t used = 0;           // bytes in the buffer
  std::uint64_t offset = 0;       // of the buffer's first byte in the segment
  std::uint64_t records_end = 0;  // of the segment
  std::uint64_t prepare_from = 0;
  SegmentHeader header;
  std::uint64_t epoch = 0;  // of new segments
  std::uint32_t seed = 0;
  std::uint32_t chain = 0;
  Lsn next;
  Lsn written;  // handed to the file system
  Lsn durable;
  bool sync_point = true;  // nothing is written since the last sync
  nanoseconds last_sync{0};
  std::optional<Error> error;
  Recovery recovery;
  WriterMetrics metrics;
};

std::unexpected<Error> Writer::State::fail(std::unexpected<Error> first_error) {
  if (!error) error = first_error.error();
  return std::unexpected(*error);
}

Result<Writer> Writer::State::begin(const std::filesystem::path& dir, const WriterOptions& options,
                                    std::unique_ptr<File> lock, RecoveredLog log) {
  static const SystemClock kSystemClock;
  auto state = std::make_unique<State>(dir, options, or_posix(options.file_system),
                                       options.clock != nullptr ? *options.clock : kSystemClock);
  state->lock = std::move(lock);
  if (const auto done = state->take_over(std::move(log)); !done) {
    return std::unexpected(done.error());
  }
  return Writer{std::move(state)};
}

Result<void> Writer::State::take_over(RecoveredLog&& log) {
  recovery = log.report;
  next = log.next;
  chain = log.chain;
  durable = written = last();
  metrics.cut_tails.add(recovery.cut_bytes > 0 ? 1 : 0);
  metrics.cut_bytes.add(recovery.cut_bytes);
  metrics.head_lsn.set(static_cast<std::int64_t>(last().value()));
  metrics.durable_lsn.set(static_cast<std::int64_t>(durable.value()));
  last_sync = clock.monotonic();
  epoch = opt.epoch.value_or(log.header.epoch);
  if (log.needs_segment) return begin_segment();
  file = std::move(log.file);
  header = log.header;
  seed = log.seed;
  offset = log.end_offset;
  records_end = header.segment_bytes - kFooterBytes;
  prepare_from = header.segment_bytes / 4;
  return epoch > header.epoch ? take_epoch(epoch) : Result<void>{};
}

Result<Lsn> Writer::State::append(std::span<const std::byte> first,
                                  std::span<const std::byte> second) {
  if (error) [[unlikely]] {
    return std::unexpected(*error);
  }
  const std::size_t size = first.size() + second.size();
  check(size <= max_payload, "a payload is at most max_payload_bytes() long");
  const std::size_t stored = stored_bytes(size);
  if (end_offset() + stored > records_end) [[unlikely]] {
    if (const auto rotated = rotate(); !rotated) return std::unexpected(rotated.error());
  }
  if (used + stored > opt.buffer_bytes) [[unlikely]] {
    if (const auto wrote = write_out(); !wrote) return std::unexpected(wrote.error());
  }
  const std::uint64_t head =
      encode_record(buffer.get() + used, next, sync_point, first, second, seed);
  chain = extend_chain(chain, head);
  sync_point = false;
  used += stored;
  const Lsn lsn = next;
  next = Lsn{lsn.value() + 1};
  metrics.records.add();
  metrics.payload_bytes.add(size);
  metrics.head_lsn.set(static_cast<std::int64_t>(lsn.value()));
  return lsn;
}

Result<void> Writer::State::write_out() {
  const std::span<const std::byte> batch{buffer.get(), used};
  if (const auto wrote = write_all(*file, batch, offset); !wrote) {
    return fail(disk_error("cannot write the journal", wrote.error(),
                           dir / segment_name(header.first_lsn)));
  }
  if (const auto passed = at::pass(at::kAfterWrite); !passed)
    return fail(std::unexpected(passed.error()));
  metrics.bytes_written.add(used);
  offset += used;
  used = 0;
  written = last();
  if (opt.prepare_ahead && offset >= prepare_from) preparer.start();
  return {};
}

Result<void> Writer::State::sync_file() {
  if (written == durable) return {};
  if (const auto passed = at::pass(at::kBeforeSync); !passed)
    return fail(std::unexpected(passed.error()));
  const nanoseconds begin = clock.monotonic();
  if (const auto synced = file->sync_data(); !synced) {
    return fail(disk_error("cannot sync the journal", synced.error(),
                           dir / segment_name(header.first_lsn)));
  }
  if (const auto passed = at::pass(at::kAfterSync); !passed)
    return fail(std::unexpected(passed.error()));
  last_sync = clock.monotonic();
  metrics.sync_ns.record(static_cast<std::uint64_t>((last_sync - begin).count()));
  durable = written;
  sync_point = true;
  metrics.durable_lsn.set(static_cast<std::int64_t>(durable.value()));
  return {};
}

Result<Lsn> Writer::State::commit() {
  if (error) return std::unexpected(*error);
  if (used == 0 && written == durable) return durable;
  const nanoseconds begin = clock.monotonic();
  if (const auto wrote = write_out(); !wrote) return std::unexpected(wrote.error());
  const bool due = opt.sync == SyncPolicy::Always ||
                   (opt.sync == SyncPolicy::Interval && begin - last_sync >= opt.sync_interval);
  if (due) {
    if (const auto synced = sync_file(); !synced) return std::unexpected(synced.error());
  }
  metrics.commits.add();
  metrics.commit_ns.record(static_cast<std::uint64_t>((clock.monotonic() - begin).count()));
  return durable;
}

Result<void> Writer::State::flush() {
  if (error) return std::unexpected(*error);
  return write_out();
}

Result<void> Writer::State::rotate() {
  if (const auto sealed = seal(); !sealed) return sealed;
  metrics.rotations.add();
  if (opt.prepare_ahead && !preparer.ready()) metrics.rotation_waits.add();
  return begin_segment();
}

// The footer is written only when all it promises is durable: were both in one sync, a power cut
// could keep the footer and lose the records, which looks like damage.
Result<void> Writer::State::seal() {
  if (const auto wrote = write_out(); !wrote) return wrote;
  if (const auto synced = sync_file(); !synced) return synced;
  if (const auto passed = at::pass(at::kBeforeSeal); !passed)
    return fail(std::unexpected(passed.error()));
  const Footer footer{.records = next.value() - header.first_lsn.value(),
                      .first_lsn = header.first_lsn,
                      .last_lsn = last(),
                      .end_offset = offset,
                      .chain = chain};
  std::array<std::byte, kFooterBytes> bytes{};
  encode_footer(footer, seed, bytes);
  const std::filesystem::path path = dir / segment_name(header.first_lsn);
  const auto wrote = file->write_at(bytes, records_end);
  if (!wrote || *wrote != bytes.size()) {
    return fail(disk_error("cannot seal the segment", wrote ? Errno{EIO} : wrote.error(), path));
  }
  if (const auto passed = at::pass(at::kSealWritten); !passed)
    return fail(std::unexpected(passed.error()));
  if (const auto synced = file->sync_data(); !synced) {
    return fail(disk_error("cannot sync the sealed segment", synced.error(), path));
  }
  if (const auto passed = at::pass(at::kAfterSeal); !passed)
    return fail(std::unexpected(passed.error()));
  metrics.bytes_written.add(bytes.size());
  return {};
}

// A segment gets its name only when its zeros and its header are durable, and its first record only
// when its name is.
Result<void> Writer::State::begin_segment() {
  auto fresh = preparer.take();
  if (!fresh) return fail(std::unexpected(fresh.error()));
  header = SegmentHeader{.segment_bytes = opt.segment_bytes,
                         .first_lsn = next,
                         .epoch = epoch,
                         .previous_chain = chain};
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  seed = encode_header(header, bytes);
  const std::filesystem::path path = dir / segment_name(next);
  const auto wrote = (*fresh)->write_at(bytes, 0);
  if (!wrote || *wrote != bytes.size()) {
    return fail(disk_error("cannot begin a segment", wrote ? Errno{EIO} : wrote.error(), path));
  }
  static constexpr NamingPoints kPoints{
      .synced = at::kBeforeRename, .renamed = at::kBeforeDirSync, .named = at::kAfterDirSync};
  const auto named =
      name_durably(files, **fresh, dir / kPreparedName, path, "a new segment", kPoints);
  if (!named) return fail(std::unexpected(named.error()));
  file = std::move(*fresh);
  offset = kSegmentHeaderBytes;
  records_end = header.segment_bytes - kFooterBytes;
  prepare_from = header.segment_bytes / 4;
  sync_point = true;
  metrics.bytes_written.add(bytes.size());
  return {};
}

Result<void> Writer::State::begin_epoch(std::uint64_t wanted) {
  if (error) return std::unexpected(*error);
  if (wanted <= epoch) {
    return bad_input("the journal is in epoch " + std::to_string(epoch) +
                         " and cannot begin epoch " + std::to_string(wanted),
                     dir.string());
  }
  return take_epoch(wanted);
}

// A segment has one epoch, so its records need none of their own. One that holds no record yet is
// given the new epoch in place: its header lies within a sector.
Result<void> Writer::State::take_epoch(std::uint64_t wanted) {
  epoch = wanted;
  if (next > header.first_lsn) return rotate();
  header.epoch = epoch;
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  seed = encode_header(header, bytes);
  const std::filesystem::path path = dir / segment_name(header.first_lsn);
  const auto wrote = file->write_at(bytes, 0);
  if (!wrote || *wrote != bytes.size()) {
    return fail(disk_error("cannot begin an epoch", wrote ? Errno{EIO} : wrote.error(), path));
  }
  if (const auto passed = at::pass(at::kEpochWritten); !passed)
    return fail(std::unexpected(passed.error()));
  if (const auto synced = file->sync_data(); !synced) {
    return fail(disk_error("cannot sync the header of an epoch", synced.error(), path));
  }
  metrics.bytes_written.add(bytes.size());
  return {};
}

void Writer::State::let_go() {
  file.reset();
  lock.reset();
  if (!error) {
    error = Error{
        .code = ErrorCode::Unavailable, .message = "the journal is closed", .source = dir.string()};
  }
}

// --- the public face

Result<Writer> Writer::open(const std::filesystem::path& dir, const WriterOptions& options) {
  if (const auto fine = check_options(options); !fine) return std::unexpected(fine.error());
  FileSystem& files = or_posix(options.file_system);
  if (const auto made = make_journal_directory(files, dir); !made) {
    return std::unexpected(made.error());
  }
  auto lock = lock_directory(files, dir);
  if (!lock) return std::unexpected(lock.error());
  auto log = recover(files, dir, options);
  if (!log) return std::unexpected(log.error());
  if (log->report.segments == 0) {
    if (const auto synced = sync_name_of_directory(files, dir); !synced) {
      return std::unexpected(synced.error());
    }
  }
  return State::begin(dir, options, std::move(*lock), std::move(*log));
}

Result<Writer> Writer::resume(const std::filesystem::path& dir, const WriterOptions& options,
                              const Place& place) {
  if (const auto fine = check_options(options); !fine) return std::unexpected(fine.error());
  FileSystem& files = or_posix(options.file_system);
  auto lock = lock_directory(files, dir);
  if (!lock) return std::unexpected(lock.error());
  auto log = go_on_at(files, dir, options, place);
  if (!log) return std::unexpected(log.error());
  return State::begin(dir, options, std::move(*lock), std::move(*log));
}

Writer::Writer(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Writer::Writer(Writer&& other) noexcept = default;
Writer& Writer::operator=(Writer&& other) noexcept = default;
Writer::~Writer() = default;

Result<Lsn> Writer::append(std::span<const std::byte> payload) {
  return state_->append(payload, {});
}
Result<Lsn> Writer::append(std::span<const std::byte> first, std::span<const std::byte> second) {
  return state_->append(first, second);
}
Result<Lsn> Writer::commit() { return state_->commit(); }

Result<void> Writer::flush() { return state_->flush(); }

Result<Lsn> Writer::sync() {
  if (const auto wrote = flush(); !wrote) return std::unexpected(wrote.error());
  if (const auto synced = state_->sync_file(); !synced) return std::unexpected(synced.error());
  return state_->durable;
}

Result<Lsn> Writer::close() {
  auto last = sync();
  state_->let_go();
  return last;
}

Place Writer::place() const noexcept {
  check(state_->file == nullptr && state_->durable == state_->last(),
        "a writer says where it stopped when it is closed");
  return {.segment = state_->header.first_lsn,
          .next = state_->next,
          .end_offset = state_->offset,
          .chain = state_->chain};
}
bool Writer::preparing() const { return state_->preparer.busy(); }

Result<void> Writer::begin_epoch(std::uint64_t epoch) { return state_->begin_epoch(epoch); }

Lsn Writer::next_lsn() const noexcept { return state_->next; }
std::uint64_t Writer::epoch() const noexcept { return state_->epoch; }
std::uint32_t Writer::chain() const noexcept { return state_->chain; }
Lsn Writer::durable_lsn() const noexcept { return state_->durable; }
std::size_t Writer::max_payload_bytes() const noexcept { return state_->max_payload; }
const Error* Writer::error() const noexcept { return state_->first_error(); }
const Recovery& Writer::recovery() const noexcept { return state_->recovery; }
const WriterMetrics& Writer::metrics() const noexcept { return state_->metrics; }

}  // namespace stoa::journal

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// When `commit` asks the disk to keep what it wrote.
enum class SyncPolicy : std::uint8_t {
  Always,    // every commit: what commit() names as durable survives a power cut
  Interval,  // once per sync_interval: a power cut may take the records of the last interval
  None,      // only when a segment ends: a killed process loses nothing, a power cut may
};

struct WriterOptions {
  std::uint64_t segment_bytes = 64U << 20U;  // size of every new segment file, a multiple of 4096
  SyncPolicy sync = SyncPolicy::Always;
  nanoseconds sync_interval = std::chrono::milliseconds{10};
  std::size_t buffer_bytes = 2U << 20U;  // appended but not yet written records wait here
  bool prepare_ahead = true;             // false: the next segment is made at rotation, in line
  /// Of this writer; nothing: the one that the journal has. A higher one than the journal's ends
  /// the newest segment and begins one of its own; a lower one is refused.
  std::optional<std::uint64_t> epoch = std::nullopt;
  Lsn first_lsn{1};                   // of a journal that has no segment yet
  FileSystem* file_system = nullptr;  // null: posix_file_system(); outlives the writer
  const Clock* clock = nullptr;       // null: the system's; outlives the writer
};

/// What a writer counted since it was opened. The writer's thread adds, any thread reads.
struct WriterMetrics {
  Counter records;         // appended
  Counter payload_bytes;   // appended, without headers and padding
  Counter bytes_written;   // handed to the file system, footers and headers included
  Counter commits;         // calls that had something to write or to sync
  Counter rotations;       // segments sealed
  Counter rotation_waits;  // rotations that had to wait for the next segment
  Counter cut_tails;       // torn tails cut by recovery: 0 or 1
  Counter cut_bytes;       // bytes zeroed by that cut
  Histogram sync_ns;       // one fdatasync
  Histogram commit_ns;     // one commit with something to do: write and, by policy, fdatasync
  Gauge head_lsn;          // last appended
  Gauge durable_lsn;       // last known to survive a power cut
};

/// What `open` found and did.
struct Recovery {
  Lsn first;                    // oldest record kept; one past `last` in an empty journal
  Lsn last;                     // newest whole record; 0 when there never was one
  std::uint64_t segments = 0;   // files found
  std::uint64_t cut_bytes = 0;  // torn bytes zeroed behind `last`
  std::string cut_at;           // "FILE:byte OFFSET" of the cut, empty when nothing was cut
};

/// Where a writer that was closed in order had come to.
struct Place {
  Lsn segment;                   // first lsn of the newest segment
  Lsn next;                      // of the next record
  std::uint64_t end_offset = 0;  // in that segment, behind the last record
  std::uint32_t chain = 0;       // after that record

  friend bool operator==(const Place&, const Place&) = default;
};

/// Appends opaque records to the journal in one directory: the only writer of it, in this process
/// or another. One thread calls everything but `metrics`.
///
///   append, append, …, commit     one write and one fdatasync for the whole batch (group commit)
///
/// A failed write or fdatasync ends the writer: the kernel may have dropped the pages, so nothing
/// is tried again on that descriptor and every later call answers with the first error. The way
/// back is a new process that recovers from what the disk really holds.
///
/// source  docs/formats/journal.md
class Writer {
 public:
  /// Opens or creates the journal; creates `dir` itself but not its parents, so that an unmounted
  /// disk is an error and not an empty journal. Recovery then
  ///   - locks the directory until the writer is closed;
  ///   - checks header, footer and chain of every segment, and every record of the newest;
  ///   - cuts a torn tail at the last whole record, and makes durable all that it hands out;
  ///   - refuses damage in the middle: records that were durable are never cut.
  ///
  /// errors  Unavailable: another writer has it · Damaged: segment, byte offset and lsn in the text
  ///         · BadInput: options out of range or an epoch behind the journal's · Io, NotFound
  /// cost    reads the newest segment once and writes zeros behind its last record; a first open
  ///         writes segment_bytes of zeros
  [[nodiscard]] static Result<Writer> open(const std::filesystem::path& dir,
                                           const WriterOptions& options = {});

  /// Goes on where a writer in another process has said, after its `close`, that it stood: nothing
  /// is read again or recovered, as all before is durable and zeros are behind. That the newest
  /// segment is the one named, not sealed and without a record at its end, is looked at.
  ///
  /// errors  Damaged: the journal does not end there: `open` it · otherwise as `open`
  /// cost    a few system calls, whatever the size of the journal
  [[nodiscard]] static Result<Writer> resume(const std::filesystem::path& dir,
                                             const WriterOptions& options, const Place& place);

  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&& other) noexcept;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Lets go without writing: what was appended and not committed is gone, as after a crash.
  ~Writer();

  /// Gives the record its place and keeps it in memory until the next commit or flush; lsns follow
  /// each other without gap. Neither allocates nor calls the system, unless the buffer is full (it
  /// is then written) or the segment is (it is then sealed and the next one begun).
  ///
  /// size    0 to max_payload_bytes(); more is a bug of the caller and stops the process
  /// errors  the error that ended the writer
  [[nodiscard]] Result<Lsn> append(std::span<const std::byte> payload);
  /// One record gathered from two parts: a header and a body that lie apart.
  [[nodiscard]] Result<Lsn> append(std::span<const std::byte> first,
                                   std::span<const std::byte> second);

  /// Writes the batch, syncs if the policy says so, and answers with the newest durable lsn: all of
  /// the batch under Always, possibly less under Interval and None. With nothing appended it syncs
  /// what Interval still owes, so a poll loop may call it always.
  ///
  /// errors  Io: the writer has ended; what was not acknowledged may or may not be found later
  [[nodiscard]] Result<Lsn> commit();
  /// Hands the batch to the operating system without a sync: it survives this process, not the
  /// power.
  [[nodiscard]] Result<void> flush();
  /// Writes and syncs whatever the policy; answers with the last appended lsn, now durable.
  [[nodiscard]] Result<Lsn> sync();
  /// Makes everything appended durable and gives the records from here on to `epoch`: the segment
  /// ends, the next one carries it. Whoever opens the journal with a lower epoch is refused.
  ///
  /// errors  BadInput: not above the present epoch, which the text names · as `sync`
  [[nodiscard]] Result<void> begin_epoch(std::uint64_t epoch);
  /// sync(), then lets go of the directory. Afterwards only metrics() and place() may be called.
  [[nodiscard]] Result<Lsn> close();
  /// What `resume` wants to know; only after `close`.
  [[nodiscard]] Place place() const noexcept;
  /// The next segment is being made on a thread of its own: to close now would wait for that.
  [[nodiscard]] bool preparing() const;

  /// The lsn that the next append gets.
  [[nodiscard]] Lsn next_lsn() const noexcept;
  /// Last lsn known to survive a power cut; 0 is none.
  [[nodiscard]] Lsn durable_lsn() const noexcept;
  [[nodiscard]] std::uint64_t epoch() const noexcept;
  /// Chain after the last record appended: what a checkpoint of that record carries.
  [[nodiscard]] std::uint32_t chain() const noexcept;
  [[nodiscard]] std::size_t max_payload_bytes() const noexcept;
  /// The error that ended the writer, or null.
  [[nodiscard]] const Error* error() const noexcept;
  [[nodiscard]] const Recovery& recovery() const noexcept;
  /// Any thread; the reference lives as long as the writer and stays valid when it is moved.
  [[nodiscard]] const WriterMetrics& metrics() const noexcept;

 private:
  class State;
  explicit Writer(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace stoa::journal

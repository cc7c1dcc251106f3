#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// One record as it was appended. `payload` points into the reader and lives until its next call.
struct Record {
  Lsn lsn;
  std::uint64_t epoch = 0;  // of the writer that appended it
  std::span<const std::byte> payload;
};

/// A cursor over a journal, also while a writer appends to it in this or another process; it takes
/// no lock and changes nothing. Every record it hands out has passed its checksum. One thread per
/// reader; any number of readers.
///
/// A reader sees records as soon as they are written, which can be before they are durable: who may
/// act only on durable records gives `next` the writer's durable lsn as its limit.
///
/// source  docs/formats/journal.md
class Reader {
 public:
  /// Stands before the first record with lsn >= `from`; Lsn{0} is the oldest one kept. A journal
  /// without segments and a `from` past the head are fine: `next` answers nothing until they come.
  ///
  /// errors  NotFound: no such directory, or `from` lies before the oldest record kept
  ///         · Damaged · Io
  [[nodiscard]] static Result<Reader> open(const std::filesystem::path& dir, Lsn from = Lsn{0},
                                           FileSystem* file_system = nullptr);

  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&& other) noexcept;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// The next record, or nothing at the tail (ask again later) and past `limit`.
  ///
  /// errors  Damaged: segment, byte offset and lsn in the text; the cursor stays before it, so the
  ///         same answer comes again · Io
  /// cost    buffered: one read per megabyte when behind, one small read per call at the tail
  [[nodiscard]] Result<std::optional<Record>> next(Lsn limit = Lsn{UINT64_MAX});

  /// Moves before the first record with lsn >= `lsn`. The first visit to a segment walks it to
  /// build an index with a mark per 64 KiB; later ones read 64 KiB at most.
  ///
  /// errors  as `open`
  [[nodiscard]] Result<void> seek(Lsn lsn);
  /// The record `lsn` itself, or nothing if it is not written yet; the cursor then stands behind
  /// it.
  [[nodiscard]] Result<std::optional<Record>> read_at(Lsn lsn);

  /// The lsn that `next` waits for; 0 only while there is no segment to take it from.
  [[nodiscard]] Lsn next_lsn() const noexcept;

 private:
  class State;
  explicit Reader(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace stoa::journal

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/verify.h"

namespace stoa::journal {

/// An error of the file system: NotFound for a missing file or directory, Unavailable for a full
/// disk, else Io.
[[nodiscard]] std::unexpected<Error> disk_error(std::string_view what, Errno error,
                                                const std::filesystem::path& path);

/// An error that still knows the place if it is one of damage; callers that only pass it on see an
/// Error.
struct Failure : Error {
  // Implicit, as every error of the file system is a failure.
  Failure(Error error) : Error{std::move(error)} {}  // NOLINT(google-explicit-constructor)
  Failure(Damage place, const std::filesystem::path& dir);

  std::optional<Damage> damage;
};
template <class T>
using Checked = std::expected<T, Failure>;

[[nodiscard]] std::unexpected<Failure> damage_error(Damage damage,
                                                    const std::filesystem::path& dir);

/// First lsns of the segments in `dir`, ascending; what is not named like a segment is ignored.
[[nodiscard]] Result<std::vector<Lsn>> list_segments(FileSystem& files,
                                                     const std::filesystem::path& dir);

/// Reads one segment file through a buffer. The bytes may be being appended to meanwhile; what is
/// handed out is a copy that does not change. One thread.
class SegmentFile {
 public:
  /// Opens and checks the header: its checksum, its lsn against the file's name, the file's size.
  ///
  /// errors  NotFound, Io · Damaged
  [[nodiscard]] static Checked<SegmentFile> open(FileSystem& files,
                                                 const std::filesystem::path& dir, Lsn first);

  /// For a file whose own header or size cannot be believed: reads it as if it began with `header`,
  /// and as if zeros stood where it is too short. Nothing is checked but the records.
  ///
  /// errors  NotFound, Io
  [[nodiscard]] static Checked<SegmentFile> open_as(FileSystem& files,
                                                    const std::filesystem::path& dir,
                                                    const SegmentHeader& header);

  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::uint32_t seed() const noexcept { return seed_; }
  /// Where the space for records ends and the footer begins.
  [[nodiscard]] std::uint64_t records_end() const noexcept {
    return header_.segment_bytes - kFooterBytes;
  }
  [[nodiscard]] std::string name() const { return segment_name(header_.first_lsn); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// The bytes from `offset`, at least `at_least` of them (fewer only where the records' space
  /// ends). They live until the next call. Reads small pieces at first and larger ones while
  /// reading goes on forward.
  [[nodiscard]] Checked<std::span<const std::byte>> bytes(std::uint64_t offset,
                                                          std::size_t at_least);
  /// The record at `offset`, if it has an lsn from `low` to `high`; never Partial.
  [[nodiscard]] Checked<RecordView> record(std::uint64_t offset, Lsn low, Lsn high);
  /// Forgets what was read, so that the next call sees what is in the file now.
  void forget() noexcept {
    buffered_ = {};
    next_read_bytes_ = kFirstReadBytes;
  }
  /// Reads the footer from the file; nothing when it is not sealed.
  ///
  /// errors  Io · Damaged: neither zero nor a footer
  [[nodiscard]] Checked<std::optional<Footer>> footer();

 private:
  static constexpr std::size_t kFirstReadBytes = 4096;
  static constexpr std::size_t kLargestReadBytes = 512U << 10U;
  // How far the disk works ahead of a reader that goes on forward.
  static constexpr std::uint64_t kReadAheadBytes = 8U << 20U;

  SegmentFile() = default;

  IoResult<std::size_t> read_padded(std::span<std::byte> into, std::uint64_t offset);
  void read_ahead(std::uint64_t from) noexcept;

  std::filesystem::path path_;
  std::unique_ptr<File> file_;
  SegmentHeader header_;
  std::uint32_t seed_ = 0;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> buffered_;  // within buffer_
  std::uint64_t buffered_offset_ = 0;    // of its first byte in the file
  std::size_t next_read_bytes_ = kFirstReadBytes;
  bool padded_ = false;                // zeros are read behind the end of the file
  std::uint64_t announced_until_ = 0;  // what the disk was told that we shall read
};

/// What lies behind the last whole record of a segment without footer.
struct TailScan {
  enum class Verdict : std::uint8_t {
    Clean,    // zeros to the end
    Torn,     // what a crash leaves of writes that were never acknowledged
    Damaged,  // a record that was durable cannot be read
  };
  Verdict verdict = Verdict::Clean;
  std::uint64_t end = 0;  // behind the last byte that is not zero; `offset` when clean
  std::string what;       // Damaged: why it cannot be a torn tail
};

/// Decides whether the end of the records at `offset`, where the record `expected` would begin, is
/// an end. A record further on that is a sync point proves that `expected` was durable. Without
/// one, whole records further on belong to the same unacknowledged writes, of which a power cut
/// keeps any sectors: then some sector in between must be as it was before, zero; otherwise it is
/// damage.
///
/// cost    reads the rest of the segment
[[nodiscard]] Checked<TailScan> scan_tail(SegmentFile& segment, std::uint64_t offset, Lsn expected);

}  // namespace stoa::journal

#include "journal/segment.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/verify.h"

namespace stoa::journal {

std::unexpected<Error> disk_error(std::string_view what, Errno error,
                                  const std::filesystem::path& path) {
  ErrorCode code = ErrorCode::Io;
  if (error.value == ENOENT || error.value == ENOTDIR) code = ErrorCode::NotFound;
  // NOLINTNEXTLINE(misc-include-cleaner): EDQUOT stands in a header of the kernel
  if (error.value == ENOSPC || error.value == EDQUOT) code = ErrorCode::Unavailable;
  return std::unexpected(
      Error{.code = code,
            .message = std::string{what} + ": " + std::generic_category().message(error.value),
            .source = path.string()});
}

std::string Damage::text() const {
  return segment + ": byte " + std::to_string(offset) + ", lsn " + std::to_string(lsn.value()) +
         ": " + what;
}

Failure::Failure(Damage place, const std::filesystem::path& dir)
    : Error{.code = ErrorCode::Damaged, .message = place.text(), .source = dir.string()},
      damage{std::move(place)} {}

std::unexpected<Failure> damage_error(Damage damage, const std::filesystem::path& dir) {
  return std::unexpected(Failure{std::move(damage), dir});
}

Result<std::vector<Lsn>> list_segments(FileSystem& files, const std::filesystem::path& dir) {
  const auto names = files.list(dir);
  if (!names) return disk_error("cannot list the journal", names.error(), dir);
  std::vector<Lsn> firsts;
  for (const std::string& name : *names) {
    if (const auto first = parse_segment_name(name)) firsts.push_back(*first);
  }
  std::ranges::sort(firsts);
  return firsts;
}

Checked<SegmentFile> SegmentFile::open(FileSystem& files, const std::filesystem::path& dir,
                                       Lsn first) {
  SegmentFile segment;
  segment.path_ = dir / segment_name(first);
  auto file = files.open(segment.path_, OpenMode::Read);
  if (!file) return disk_error("cannot open the segment", file.error(), segment.path_);
  segment.file_ = std::move(*file);

  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  const auto got = segment.file_->read_at(bytes, 0);
  if (!got) return disk_error("cannot read the segment", got.error(), segment.path_);
  const auto damaged = [&](std::uint64_t offset, std::string_view what) {
    return damage_error(
        {.segment = segment_name(first), .offset = offset, .lsn = first, .what = std::string{what}},
        dir);
  };
  if (*got < bytes.size()) return damaged(*got, "the file ends inside its header");
  const auto decoded = decode_header(bytes);
  if (!decoded) return damaged(0, decoded.error());
  segment.header_ = decoded->header;
  segment.seed_ = decoded->seed;
  if (segment.header_.first_lsn != first) {
    return damaged(0, "the header names another first lsn than the file's name");
  }
  const auto size = segment.file_->size();
  if (!size) return disk_error("cannot read the segment's size", size.error(), segment.path_);
  if (*size != segment.header_.segment_bytes) {
    return damaged(std::min(*size, segment.header_.segment_bytes),
                   "the file does not have the size that its header names");
  }
  return segment;
}

Checked<SegmentFile> SegmentFile::open_as(FileSystem& files, const std::filesystem::path& dir,
                                          const SegmentHeader& header) {
  SegmentFile segment;
  segment.path_ = dir / segment_name(header.first_lsn);
  auto file = files.open(segment.path_, OpenMode::Read);
  if (!file) return disk_error("cannot open the segment", file.error(), segment.path_);
  segment.file_ = std::move(*file);
  segment.header_ = header;
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  segment.seed_ = encode_header(header, bytes);
  segment.padded_ = true;
  return segment;
}

IoResult<std::size_t> SegmentFile::read_padded(std::span<std::byte> into, std::uint64_t offset) {
  const auto got = file_->read_at(into, offset);
  if (!got || !padded_) return got;
  std::ranges::fill(into.subspan(*got), std::byte{0});
  return into.size();
}

Checked<std::span<const std::byte>> SegmentFile::bytes(std::uint64_t offset, std::size_t at_least) {
  const std::uint64_t room = records_end() - std::min(offset, records_end());
  at_least = static_cast<std::size_t>(std::min<std::uint64_t>(at_least, room));
  if (offset >= buffered_offset_ && offset - buffered_offset_ <= buffered_.size()) {
    const auto rest = buffered_.subspan(static_cast<std::size_t>(offset - buffered_offset_));
    if (rest.size() >= at_least && !rest.empty()) return rest;
  }
  const auto want =
      static_cast<std::size_t>(std::min<std::uint64_t>(room, std::max(at_least, next_read_bytes_)));
  next_read_bytes_ = std::min(next_read_bytes_ * 4, kLargestReadBytes);
  if (buffer_.size() < want) buffer_.resize(want);
  buffered_ = {};
  const auto got = read_padded(std::span{buffer_}.first(want), offset);
  if (!got) return disk_error("cannot read the segment", got.error(), path_);
  if (*got < want) {
    return damage_error({.segment = name(),
                         .offset = offset + *got,
                         .lsn = {},
                         .what = "the file has become shorter than its header says"},
                        path_.parent_path());
  }
  buffered_ = std::span{buffer_}.first(want);
  buffered_offset_ = offset;
  if (want >= kLargestReadBytes) read_ahead(offset + want);
  return buffered_;
}

// Half a distance at a time, so that each byte is announced once and in pieces worth a request.
void SegmentFile::read_ahead(std::uint64_t from) noexcept {
  if (announced_until_ >= from + kReadAheadBytes / 2) return;
  const std::uint64_t begin = std::max(from, announced_until_);
  const std::uint64_t until = std::min(from + kReadAheadBytes, records_end());
  if (begin >= until) return;
  file_->will_read(begin, until - begin);
  announced_until_ = until;
}

Checked<RecordView> SegmentFile::record(std::uint64_t offset, Lsn low, Lsn high) {
  const std::uint64_t room = records_end() - std::min(offset, records_end());
  std::size_t at_least = kRecordHeaderBytes;
  for (;;) {
    const auto window = bytes(offset, at_least);
    if (!window) return std::unexpected(window.error());
    const RecordView view = decode_record(*window, room, low, high, seed_);
    if (view.status != RecordStatus::Partial) return view;
    at_least = view.needed_bytes;
  }
}

Checked<std::optional<Footer>> SegmentFile::footer() {
  std::array<std::byte, kFooterBytes> bytes{};
  const auto got = read_padded(bytes, records_end());
  if (!got) return disk_error("cannot read the segment's footer", got.error(), path_);
  const auto footer = decode_footer(bytes, seed_);
  std::string_view why = "the footer does not belong to this segment";
  if (!footer) {
    why = footer.error();
  } else {
    const std::optional<Footer>& seal = *footer;
    const bool ours =
        !seal || (seal->first_lsn == header_.first_lsn && seal->end_offset <= records_end());
    if (ours && *got == bytes.size()) return seal;
  }
  return damage_error(
      {.segment = name(), .offset = records_end(), .lsn = {}, .what = std::string{why}},
      path_.parent_path());
}

namespace {

std::uint64_t word_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

// Is some sector between the two offsets unwritten? Only what ends before `until` counts: the whole
// record there proves that its own sector was written.
Checked<bool> has_unwritten_sector(SegmentFile& segment, std::uint64_t from, std::uint64_t until) {
  for (std::uint64_t at = from; at < until;) {
    const std::uint64_t sector_end = (at / kSectorBytes + 1) * kSectorBytes;
    if (sector_end > until) return false;
    const auto size = static_cast<std::size_t>(sector_end - at);
    const auto bytes = segment.bytes(at, size);
    if (!bytes) return std::unexpected(bytes.error());
    const auto sector = bytes->first(size);
    if (std::ranges::all_of(sector, [](std::byte b) { return b == std::byte{0}; })) return true;
    at = sector_end;
  }
  return false;
}

struct Found {
  std::uint64_t offset = 0;
  Lsn lsn;
  bool sync_point = false;
};

std::string describe(const Found& found) {
  return "the record " + std::to_string(found.lsn.value()) + " at byte " +
         std::to_string(found.offset) + " is whole";
}

}  // namespace

Checked<TailScan> scan_tail(SegmentFile& segment, std::uint64_t offset, Lsn expected) {
  TailScan scan{.verdict = TailScan::Verdict::Clean, .end = offset, .what = {}};
  std::optional<Found> first_found;
  const std::uint64_t end = segment.records_end();
  const Lsn highest{expected.value() + end / kRecordHeaderBytes};
  segment.forget();
  for (std::uint64_t at = offset; at < end;) {
    const auto window = segment.bytes(at, kRecordHeaderBytes);
    if (!window) return std::unexpected(window.error());
    // A record's lsn is its second word, so the last word of a window waits for the next window.
    std::size_t i = 0;
    std::uint64_t candidate = end;
    for (; i + kRecordHeaderBytes <= window->size(); i += kRecordAlignBytes) {
      if (word_at(*window, i) == 0) continue;
      scan.end = at + i + kRecordAlignBytes;
      const Lsn lsn{word_at(*window, i + 8)};
      if (lsn < expected || lsn > highest) continue;
      candidate = at + i;
      break;
    }
    if (candidate == end) {
      if (i == 0) {  // the very last word of the space
        if (word_at(*window, 0) != 0) scan.end = at + kRecordAlignBytes;
        i = kRecordAlignBytes;
      }
      at += i;
      continue;
    }
    const auto view = segment.record(candidate, expected, highest);
    if (!view) return std::unexpected(view.error());
    if (view->status != RecordStatus::Whole) {
      at = candidate + kRecordAlignBytes;
      continue;
    }
    const Found found{.offset = candidate, .lsn = view->lsn, .sync_point = view->sync_point};
    if (found.lsn == expected || found.sync_point) {
      scan.verdict = TailScan::Verdict::Damaged;
      scan.what =
          describe(found) + (found.lsn == expected ? " but should stand here"
                                                   : " and was written after this one was durable");
      return scan;
    }
    if (!first_found) first_found = found;
    at = candidate + stored_bytes(view->payload.size());
    scan.end = at;
  }
  if (scan.end == offset) return scan;
  scan.verdict = TailScan::Verdict::Torn;
  if (!first_found) return scan;
  const auto torn = has_unwritten_sector(segment, offset, first_found->offset);
  if (!torn) return std::unexpected(torn.error());
  if (!*torn) {
    scan.verdict = TailScan::Verdict::Damaged;
    scan.what = describe(*first_found) + " and nothing before it is unwritten";
  }
  return scan;
}

}  // namespace stoa::journal

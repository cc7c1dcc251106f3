#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"

/// The bytes of a segment file, and nothing else: no files, no state. Every number is
/// little-endian.
///
/// source  docs/formats/journal.md
namespace stoa::journal {

static_assert(std::endian::native == std::endian::little, "the codec copies numbers as they are");

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 128;
inline constexpr std::size_t kFooterBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 16;
inline constexpr std::size_t kRecordAlignBytes = 8;
inline constexpr std::size_t kMaxPayloadBytes = 1U << 20U;
inline constexpr std::uint64_t kSegmentUnitBytes = 4096;  // segment sizes are multiples of it
inline constexpr std::uint64_t kMaxSegmentBytes = 1ULL << 40U;
/// The smallest piece that a disk writes or loses as a whole.
inline constexpr std::uint64_t kSectorBytes = 512;

struct SegmentHeader {
  std::uint64_t segment_bytes = 0;
  Lsn first_lsn;
  std::uint64_t epoch = 0;
  std::uint32_t previous_chain = 0;  // chain after the last record of the segment before; 0 if none
};

struct Footer {
  std::uint64_t records = 0;
  Lsn first_lsn;
  Lsn last_lsn;
  std::uint64_t end_offset = 0;  // behind the last record
  std::uint32_t chain = 0;       // after the last record
};

/// Writes the header and answers with its checksum: the *seed* of the segment, with which the
/// checksum of every record and of the footer begins, so that a record of another segment is never
/// believed here.
std::uint32_t encode_header(const SegmentHeader& header,
                            std::span<std::byte, kSegmentHeaderBytes> to) noexcept;
struct DecodedHeader {
  SegmentHeader header;
  std::uint32_t seed = 0;
};
/// errors  one sentence: what cannot be believed
[[nodiscard]] std::expected<DecodedHeader, std::string_view> decode_header(
    std::span<const std::byte, kSegmentHeaderBytes> from) noexcept;

void encode_footer(const Footer& footer, std::uint32_t seed,
                   std::span<std::byte, kFooterBytes> to) noexcept;
/// Nothing when all bytes are zero: not sealed.
///
/// errors  one sentence: what cannot be believed
[[nodiscard]] std::expected<std::optional<Footer>, std::string_view> decode_footer(
    std::span<const std::byte, kFooterBytes> from, std::uint32_t seed) noexcept;

/// Bytes that a record with this payload takes in the file: header, payload, zeros to a multiple of
/// 8.
[[nodiscard]] constexpr std::size_t stored_bytes(std::size_t payload_bytes) noexcept {
  return kRecordHeaderBytes + ((payload_bytes + kRecordAlignBytes - 1) & ~(kRecordAlignBytes - 1));
}

/// Writes one record, gathered from two parts, and answers with its first eight bytes (length word
/// and checksum), which is what the chain continues with. `sync_point`: every record before this
/// one was durable when it was written. `to` holds stored_bytes().
std::uint64_t encode_record(std::byte* to, Lsn lsn, bool sync_point,
                            std::span<const std::byte> first, std::span<const std::byte> second,
                            std::uint32_t seed) noexcept;

/// The chain after a record: a checksum over the checksums of all records of the log so far.
[[nodiscard]] std::uint32_t extend_chain(std::uint32_t chain, std::uint64_t head_word) noexcept;

enum class RecordStatus : std::uint8_t {
  Whole,    // a record with the expected lsn, its checksum right
  Empty,    // sixteen zero bytes: nothing was written here
  Partial,  // cannot be told without `needed_bytes` bytes
  Bad,      // something else
};

struct RecordView {
  RecordStatus status = RecordStatus::Bad;
  Lsn lsn;                                // Whole
  bool sync_point = false;                // Whole
  std::uint64_t head_word = 0;            // Whole: for extend_chain
  std::span<const std::byte> payload;     // Whole
  std::size_t needed_bytes = 0;           // Partial
  std::string_view why = "not a record";  // Bad
};

/// Reads the record at the start of `bytes`. `room_bytes`: how far the records' space reaches from
/// there, at least bytes.size(). Lsns from `low` to `high` are believed.
[[nodiscard]] RecordView decode_record(std::span<const std::byte> bytes, std::uint64_t room_bytes,
                                       Lsn low, Lsn high, std::uint32_t seed) noexcept;

/// "00000000000000000001.seg".
[[nodiscard]] std::string segment_name(Lsn first);
/// Nothing when it is not the name of a segment.
[[nodiscard]] std::optional<Lsn> parse_segment_name(std::string_view name) noexcept;

}  // namespace stoa::journal

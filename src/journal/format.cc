#include "journal/format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/crc32c.h"
#include "base/ids.h"
#include "journal/bytes.h"

namespace stoa::journal {
namespace {

constexpr std::uint64_t kHeaderMagic = 0x4C4E'524A'414F'5453;  // "STOAJRNL"
constexpr std::uint64_t kFooterMagic = 0x4C41'4553'414F'5453;  // "STOASEAL"

// Of the length word: the low 24 bits are the length, bit 24 is the sync point, the rest is zero.
constexpr std::uint32_t kLengthMask = (1U << 24U) - 1;
constexpr std::uint32_t kSyncPointBit = 1U << 24U;

// Places in the header; what lies between them is reserved and zero.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kHeaderBytesAt = 12;
constexpr std::size_t kSegmentBytesAt = 16;
constexpr std::size_t kFirstLsnAt = 24;
constexpr std::size_t kEpochAt = 32;
constexpr std::size_t kPreviousChainAt = 40;
constexpr std::size_t kHeaderReservedAt = 44;
constexpr std::size_t kHeaderCrcAt = 124;

// Places in the footer.
constexpr std::size_t kRecordsAt = 8;
constexpr std::size_t kFooterFirstAt = 16;
constexpr std::size_t kFooterLastAt = 24;
constexpr std::size_t kEndOffsetAt = 32;
constexpr std::size_t kFooterChainAt = 40;
constexpr std::size_t kFooterReservedAt = 44;
constexpr std::size_t kFooterCrcAt = 60;

bool all_zero(std::span<const std::byte> bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// The checksum covers the record header with its own field as zero, then the payload.
std::uint32_t record_crc(std::uint32_t seed, std::uint32_t length_word, Lsn lsn) noexcept {
  const std::array<std::uint64_t, 2> head{length_word, lsn.value()};
  return crc32c(seed, std::as_bytes(std::span{head}));
}

}  // namespace

std::uint32_t encode_header(const SegmentHeader& header,
                            std::span<std::byte, kSegmentHeaderBytes> to) noexcept {
  std::ranges::fill(to, std::byte{0});
  put(to, 0, kHeaderMagic);
  put(to, kVersionAt, kFormatVersion);
  put(to, kHeaderBytesAt, static_cast<std::uint32_t>(kSegmentHeaderBytes));
  put(to, kSegmentBytesAt, header.segment_bytes);
  put(to, kFirstLsnAt, header.first_lsn.value());
  put(to, kEpochAt, header.epoch);
  put(to, kPreviousChainAt, header.previous_chain);
  const std::uint32_t seed = crc32c(to.first<kHeaderCrcAt>());
  put(to, kHeaderCrcAt, seed);
  return seed;
}

std::expected<DecodedHeader, std::string_view> decode_header(
    std::span<const std::byte, kSegmentHeaderBytes> from) noexcept {
  if (get<std::uint64_t>(from, 0) != kHeaderMagic) {
    return std::unexpected("not the header of a segment");
  }
  const auto seed = crc32c(from.first<kHeaderCrcAt>());
  if (get<std::uint32_t>(from, kHeaderCrcAt) != seed) {
    return std::unexpected("the checksum of the header does not fit");
  }
  if (get<std::uint32_t>(from, kVersionAt) != kFormatVersion ||
      get<std::uint32_t>(from, kHeaderBytesAt) != kSegmentHeaderBytes) {
    return std::unexpected("the segment has a format version that this program does not know");
  }
  if (!all_zero(from.subspan<kHeaderReservedAt, kHeaderCrcAt - kHeaderReservedAt>())) {
    return std::unexpected("the header uses a field that this program does not know");
  }
  const DecodedHeader decoded{
      .header = {.segment_bytes = get<std::uint64_t>(from, kSegmentBytesAt),
                 .first_lsn = Lsn{get<std::uint64_t>(from, kFirstLsnAt)},
                 .epoch = get<std::uint64_t>(from, kEpochAt),
                 .previous_chain = get<std::uint32_t>(from, kPreviousChainAt)},
      .seed = seed};
  const std::uint64_t size = decoded.header.segment_bytes;
  if (size < kSegmentUnitBytes || size > kMaxSegmentBytes || size % kSegmentUnitBytes != 0 ||
      decoded.header.first_lsn == Lsn{0}) {
    return std::unexpected("the header holds an impossible size or lsn");
  }
  return decoded;
}

void encode_footer(const Footer& footer, std::uint32_t seed,
                   std::span<std::byte, kFooterBytes> to) noexcept {
  std::ranges::fill(to, std::byte{0});
  put(to, 0, kFooterMagic);
  put(to, kRecordsAt, footer.records);
  put(to, kFooterFirstAt, footer.first_lsn.value());
  put(to, kFooterLastAt, footer.last_lsn.value());
  put(to, kEndOffsetAt, footer.end_offset);
  put(to, kFooterChainAt, footer.chain);
  put(to, kFooterCrcAt, crc32c(seed, to.first<kFooterCrcAt>()));
}

std::expected<std::optional<Footer>, std::string_view> decode_footer(
    std::span<const std::byte, kFooterBytes> from, std::uint32_t seed) noexcept {
  if (all_zero(from)) return std::nullopt;
  if (get<std::uint64_t>(from, 0) != kFooterMagic) {
    return std::unexpected("not the footer of a segment");
  }
  if (get<std::uint32_t>(from, kFooterCrcAt) != crc32c(seed, from.first<kFooterCrcAt>())) {
    return std::unexpected("the checksum of the footer does not fit");
  }
  if (!all_zero(from.subspan<kFooterReservedAt, kFooterCrcAt - kFooterReservedAt>())) {
    return std::unexpected("the footer uses a field that this program does not know");
  }
  const Footer footer{.records = get<std::uint64_t>(from, kRecordsAt),
                      .first_lsn = Lsn{get<std::uint64_t>(from, kFooterFirstAt)},
                      .last_lsn = Lsn{get<std::uint64_t>(from, kFooterLastAt)},
                      .end_offset = get<std::uint64_t>(from, kEndOffsetAt),
                      .chain = get<std::uint32_t>(from, kFooterChainAt)};
  if (footer.records == 0 || footer.last_lsn < footer.first_lsn ||
      footer.last_lsn.value() - footer.first_lsn.value() != footer.records - 1) {
    return std::unexpected("the footer counts other records than it names");
  }
  return footer;
}

std::uint64_t encode_record(std::byte* to, Lsn lsn, bool sync_point,
                            std::span<const std::byte> first, std::span<const std::byte> second,
                            std::uint32_t seed) noexcept {
  const std::size_t size = first.size() + second.size();
  const std::uint32_t word =
      static_cast<std::uint32_t>(size) | (sync_point ? kSyncPointBit : std::uint32_t{0});
  std::uint32_t crc = crc32c(record_crc(seed, word, lsn), first);
  if (!second.empty()) crc = crc32c(crc, second);
  const std::uint64_t head = word | (static_cast<std::uint64_t>(crc) << 32U);
  const std::uint64_t number = lsn.value();
  const std::uint64_t zeros = 0;
  const std::size_t stored = stored_bytes(size);
  if (size > 0) std::memcpy(to + stored - kRecordAlignBytes, &zeros, sizeof zeros);  // padding
  std::memcpy(to, &head, sizeof head);
  std::memcpy(to + 8, &number, sizeof number);
  if (!first.empty()) std::memcpy(to + kRecordHeaderBytes, first.data(), first.size());
  if (!second.empty()) {
    std::memcpy(to + kRecordHeaderBytes + first.size(), second.data(), second.size());
  }
  return head;
}

std::uint32_t extend_chain(std::uint32_t chain, std::uint64_t head_word) noexcept {
  return crc32c(chain, std::as_bytes(std::span{&head_word, 1}));
}

RecordView decode_record(std::span<const std::byte> bytes, std::uint64_t room_bytes, Lsn low,
                         Lsn high, std::uint32_t seed) noexcept {
  RecordView view;
  if (room_bytes < kRecordHeaderBytes) {
    view.status = RecordStatus::Empty;  // too little space for any record
    return view;
  }
  if (bytes.size() < kRecordHeaderBytes) {
    view.status = RecordStatus::Partial;
    view.needed_bytes = kRecordHeaderBytes;
    return view;
  }
  const auto head = get<std::uint64_t>(bytes, 0);
  const Lsn lsn{get<std::uint64_t>(bytes, 8)};
  if (head == 0 && lsn == Lsn{0}) {
    view.status = RecordStatus::Empty;
    return view;
  }
  const auto word = static_cast<std::uint32_t>(head);
  const std::size_t size = word & kLengthMask;
  const std::size_t stored = stored_bytes(size);
  if ((word & ~(kLengthMask | kSyncPointBit)) != 0 || size > kMaxPayloadBytes ||
      stored > room_bytes) {
    view.why = "the length of the record is impossible";
    return view;
  }
  if (lsn < low || lsn > high) {
    view.why = "another lsn stands here";
    return view;
  }
  if (bytes.size() < stored) {
    view.status = RecordStatus::Partial;
    view.needed_bytes = stored;
    return view;
  }
  const auto payload = bytes.subspan(kRecordHeaderBytes, size);
  if (crc32c(record_crc(seed, word, lsn), payload) != static_cast<std::uint32_t>(head >> 32U)) {
    view.why = "the checksum of the record does not fit";
    return view;
  }
  if (!all_zero(bytes.subspan(kRecordHeaderBytes + size, stored - kRecordHeaderBytes - size))) {
    view.why = "the padding of the record is not zero";
    return view;
  }
  return {.status = RecordStatus::Whole,
          .lsn = lsn,
          .sync_point = (word & kSyncPointBit) != 0,
          .head_word = head,
          .payload = payload};
}

namespace {
constexpr std::string_view kSegmentSuffix = ".seg";
}  // namespace

std::string segment_name(Lsn first) { return numbered_name(first, kSegmentSuffix); }

std::optional<Lsn> parse_segment_name(std::string_view name) noexcept {
  return parse_numbered_name(name, kSegmentSuffix);
}

}  // namespace stoa::journal

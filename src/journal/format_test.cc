#include "journal/format.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "journal/test_support.h"

namespace stoa::journal {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<std::size_t>(b) >> 4U];
    text += kDigits[std::to_integer<std::size_t>(b) & 15U];
  }
  return text;
}

test::Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

constexpr SegmentHeader kHeader{
    .segment_bytes = 4096, .first_lsn = Lsn{7}, .epoch = 3, .previous_chain = 0x01020304};

// These bytes are on people's disks: a change here is a new format version.
TEST(Format, header_record_and_footer_keep_their_bytes) {
  std::array<std::byte, kSegmentHeaderBytes> header{};
  const std::uint32_t seed = encode_header(kHeader, header);
  EXPECT_EQ(hex(std::span{header}.first(48)),
            "53544f414a524e4c"
            "01000000"
            "80000000"
            "0010000000000000"
            "0700000000000000"
            "0300000000000000"
            "04030201"
            "00000000");
  EXPECT_EQ(hex(std::span{header}.subspan(48, 76)), std::string(152, '0'));
  EXPECT_EQ(hex(std::span{header}.last(4)), "a508befb");

  test::Bytes record(stored_bytes(5), std::byte{0xEE});
  const auto head =
      encode_record(record.data(), Lsn{7}, true, bytes_of("he"), bytes_of("llo"), seed);
  EXPECT_EQ(hex(record),
            "05000001"
            "7b947417"
            "0700000000000000"
            "68656c6c6f000000");

  std::array<std::byte, kFooterBytes> footer{};
  encode_footer({.records = 1,
                 .first_lsn = Lsn{7},
                 .last_lsn = Lsn{7},
                 .end_offset = 152,
                 .chain = extend_chain(kHeader.previous_chain, head)},
                seed, footer);
  EXPECT_EQ(hex(footer),
            "53544f415345414c"
            "0100000000000000"
            "0700000000000000"
            "0700000000000000"
            "9800000000000000"
            "b4b200f7"
            "0000000000000000"
            "0000000000000000"
            "5cac9a32");
}

TEST(Format, header_and_footer_come_back_as_they_were) {
  std::array<std::byte, kSegmentHeaderBytes> header{};
  const std::uint32_t seed = encode_header(kHeader, header);
  const auto decoded = decode_header(header);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->seed, seed);
  EXPECT_EQ(decoded->header.segment_bytes, kHeader.segment_bytes);
  EXPECT_EQ(decoded->header.first_lsn, kHeader.first_lsn);
  EXPECT_EQ(decoded->header.epoch, kHeader.epoch);
  EXPECT_EQ(decoded->header.previous_chain, kHeader.previous_chain);

  std::array<std::byte, kFooterBytes> bytes{};
  EXPECT_EQ(decode_footer(bytes, seed)->has_value(), false);
  const Footer footer{
      .records = 3, .first_lsn = Lsn{7}, .last_lsn = Lsn{9}, .end_offset = 512, .chain = 0xABCD};
  encode_footer(footer, seed, bytes);
  const auto back = decode_footer(bytes, seed);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->records, 3U);
  EXPECT_EQ((*back)->last_lsn, Lsn{9});
  EXPECT_EQ((*back)->end_offset, 512U);
  EXPECT_EQ((*back)->chain, 0xABCDU);
}

TEST(Format, every_flipped_bit_of_header_and_footer_is_noticed) {
  std::array<std::byte, kSegmentHeaderBytes> header{};
  const std::uint32_t seed = encode_header(kHeader, header);
  for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
    auto damaged = header;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(decode_header(damaged)) << "bit " << bit;
  }
  std::array<std::byte, kFooterBytes> footer{};
  encode_footer({.records = 1, .first_lsn = Lsn{7}, .last_lsn = Lsn{7}, .end_offset = 152}, seed,
                footer);
  for (std::size_t bit = 0; bit < footer.size() * 8; ++bit) {
    auto damaged = footer;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(decode_footer(damaged, seed)) << "bit " << bit;
  }
  EXPECT_FALSE(decode_footer(footer, seed + 1)) << "a footer of another segment";
}

TEST(Format, impossible_headers_and_footers_are_refused_though_their_checksum_fits) {
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  const auto refused = [&](SegmentHeader header) {
    encode_header(header, bytes);
    return !decode_header(bytes);
  };
  SegmentHeader header = kHeader;
  EXPECT_FALSE(refused(header));
  header.segment_bytes = kSegmentUnitBytes - 1;
  EXPECT_TRUE(refused(header));
  header.segment_bytes = kSegmentUnitBytes + 8;
  EXPECT_TRUE(refused(header));
  header.segment_bytes = kMaxSegmentBytes;
  EXPECT_FALSE(refused(header));
  header.segment_bytes = kMaxSegmentBytes + kSegmentUnitBytes;
  EXPECT_TRUE(refused(header));
  header = kHeader;
  header.first_lsn = Lsn{0};
  EXPECT_TRUE(refused(header));

  std::array<std::byte, kFooterBytes> footer{};
  encode_footer({.records = 2, .first_lsn = Lsn{7}, .last_lsn = Lsn{9}}, 1, footer);
  EXPECT_FALSE(decode_footer(footer, 1)) << "three lsns, two records";
  encode_footer({.records = 0, .first_lsn = Lsn{7}, .last_lsn = Lsn{6}}, 1, footer);
  EXPECT_FALSE(decode_footer(footer, 1)) << "nothing to seal";
}

TEST(Format, a_record_of_every_small_size_comes_back_and_every_flipped_bit_is_noticed) {
  constexpr std::uint32_t kSeed = 0x1234;
  for (std::size_t size = 0; size <= 40; ++size) {
    SCOPED_TRACE(size);
    test::Bytes payload(size);
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::byte>(i + 1);
    const std::size_t split = size / 3;
    test::Bytes bytes(stored_bytes(size), std::byte{0xEE});
    encode_record(bytes.data(), Lsn{5}, size % 2 == 0, std::span{payload}.first(split),
                  std::span{payload}.subspan(split), kSeed);
    const auto view = decode_record(bytes, bytes.size(), Lsn{5}, Lsn{5}, kSeed);
    ASSERT_EQ(view.status, RecordStatus::Whole);
    EXPECT_EQ(hex(view.payload), hex(payload));
    EXPECT_EQ(view.sync_point, size % 2 == 0);
    EXPECT_EQ(view.lsn, Lsn{5});

    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      test::Bytes damaged = bytes;
      damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      EXPECT_NE(decode_record(damaged, bytes.size(), Lsn{1}, Lsn{1000}, kSeed).status,
                RecordStatus::Whole)
          << "bit " << bit;
    }
    for (std::size_t less = 0; less < bytes.size(); ++less) {
      const auto part =
          decode_record(std::span{bytes}.first(less), bytes.size(), Lsn{5}, Lsn{5}, kSeed);
      ASSERT_EQ(part.status, RecordStatus::Partial) << less;
      EXPECT_EQ(part.needed_bytes, less < kRecordHeaderBytes ? kRecordHeaderBytes : bytes.size());
    }
  }
}

TEST(Format, a_record_is_believed_only_with_its_lsn_its_segment_and_its_room) {
  constexpr std::uint32_t kSeed = 77;
  test::Bytes bytes(stored_bytes(3));
  encode_record(bytes.data(), Lsn{5}, false, bytes_of("abc"), {}, kSeed);
  const auto status = [&](std::uint64_t room, std::uint64_t low, std::uint64_t high,
                          std::uint32_t seed) {
    return decode_record(bytes, room, Lsn{low}, Lsn{high}, seed).status;
  };
  EXPECT_EQ(status(24, 5, 5, kSeed), RecordStatus::Whole);
  EXPECT_EQ(status(24, 6, 9, kSeed), RecordStatus::Bad);
  EXPECT_EQ(status(24, 1, 4, kSeed), RecordStatus::Bad);
  EXPECT_EQ(status(24, 5, 5, kSeed + 1), RecordStatus::Bad);
  EXPECT_EQ(status(23, 5, 5, kSeed), RecordStatus::Bad) << "runs into the footer";
  EXPECT_EQ(status(15, 5, 5, kSeed), RecordStatus::Empty) << "no room for any record";
  const test::Bytes zeros(16);
  EXPECT_EQ(decode_record(zeros, 64, Lsn{5}, Lsn{5}, kSeed).status, RecordStatus::Empty);
}

TEST(Format, the_largest_payload_is_believed_and_one_more_is_not) {
  test::Bytes payload(kMaxPayloadBytes + 8, std::byte{0x5A});
  test::Bytes bytes(stored_bytes(payload.size()));
  const auto status = [&](std::size_t size) {
    encode_record(bytes.data(), Lsn{1}, false, std::span{payload}.first(size), {}, 0);
    return decode_record(bytes, bytes.size(), Lsn{1}, Lsn{1}, 0).status;
  };
  EXPECT_EQ(status(kMaxPayloadBytes), RecordStatus::Whole);
  EXPECT_EQ(status(kMaxPayloadBytes + 1), RecordStatus::Bad);
}

TEST(Format, segment_names_are_twenty_digits) {
  EXPECT_EQ(segment_name(Lsn{1}), "00000000000000000001.seg");
  EXPECT_EQ(segment_name(Lsn{UINT64_MAX}), "18446744073709551615.seg");
  EXPECT_EQ(parse_segment_name("00000000000000000042.seg"), Lsn{42});
  EXPECT_EQ(parse_segment_name("18446744073709551615.seg"), Lsn{UINT64_MAX});
  for (const char* name : {"", "next.prepared", "0000000000000000042.seg", "00000000000000000042",
                           "0000000000000000004x.seg", "00000000000000000042.seg~",
                           "18446744073709551616.seg", "-0000000000000000042.seg"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace stoa::journal

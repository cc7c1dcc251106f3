#include "journal/verify.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/repair.h"
#include "journal/side_files.h"
#include "journal/test_support.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::payload_of;
using test::read_file;
using test::write_file;

class VerifyTest : public test::JournalTest {};

TEST_F(VerifyTest, reports_every_segment_of_an_intact_journal) {
  Writer writer = open_writer();  // stays open: verify does not mind
  append_records(writer, 200);
  const auto report = verify(dir());
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->intact);
  EXPECT_TRUE(report->damage.empty());
  EXPECT_EQ(report->records, 200U);
  EXPECT_EQ(report->first, Lsn{1});
  EXPECT_EQ(report->last, Lsn{200});
  std::uint64_t payload_bytes = 0;
  for (std::uint64_t lsn = 1; lsn <= 200; ++lsn) payload_bytes += payload_of(Lsn{lsn}).size();
  EXPECT_EQ(report->payload_bytes, payload_bytes);

  std::uint64_t next = 1;
  for (const SegmentReport& segment : report->segments) {
    SCOPED_TRACE(segment.info.name);
    EXPECT_EQ(segment.info.first, Lsn{next});
    EXPECT_EQ(segment.info.file_bytes, 4096U);
    EXPECT_EQ(segment.torn_tail_bytes, 0U);
    EXPECT_TRUE(segment.info.trouble.empty());
    const bool newest = &segment == &report->segments.back();
    EXPECT_EQ(segment.info.sealed, !newest);
    if (!newest) {
      EXPECT_EQ(segment.info.records, segment.records);
      EXPECT_EQ(segment.info.last, segment.last);
    }
    next += segment.records;
    EXPECT_EQ(segment.last, Lsn{next - 1});
    EXPECT_EQ(segment.end_offset,
              test::record_offsets(read_file(dir() / segment.info.name)).back());
  }
  EXPECT_EQ(next, 201U);
  EXPECT_EQ(report->segments.size(), writer.metrics().rotations.value() + 1);
}

TEST_F(VerifyTest, list_says_the_same_from_headers_and_footers) {
  make_journal(200);
  const auto segments = list(dir());
  const auto report = verify(dir());
  ASSERT_TRUE(segments && report);
  ASSERT_EQ(segments->size(), report->segments.size());
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const SegmentInfo& info = (*segments)[i];
    EXPECT_EQ(info.name, report->segments[i].info.name);
    EXPECT_EQ(info.sealed, i + 1 < segments->size());
    EXPECT_EQ(info.records, info.sealed ? report->segments[i].records : 0);
    EXPECT_EQ(info.last, info.sealed ? report->segments[i].last : Lsn{0});
  }
}

TEST_F(VerifyTest, an_empty_journal_is_intact) {
  (void)open_writer();
  const auto report = verify(dir());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->intact);
  EXPECT_EQ(report->records, 0U);
  EXPECT_EQ(report->first, Lsn{0});
  EXPECT_EQ(report->last, Lsn{0});
  ASSERT_EQ(report->segments.size(), 1U);
  EXPECT_EQ(report->segments[0].last, Lsn{0});
}

TEST_F(VerifyTest, a_missing_directory_is_an_error_and_an_empty_one_is_not) {
  EXPECT_EQ(verify(dir()).error().code, ErrorCode::NotFound);
  EXPECT_EQ(list(dir()).error().code, ErrorCode::NotFound);
  std::filesystem::create_directory(dir());
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_TRUE(list(dir())->empty());
}

TEST_F(VerifyTest, a_torn_tail_is_measured_and_is_no_damage) {
  make_journal(10);
  auto bytes = read_file(segment(1));
  const auto offsets = test::record_offsets(bytes);
  bytes[offsets[9] + 8] ^= std::byte{1};
  write_file(segment(1), bytes);
  const auto report = verify(dir());
  EXPECT_TRUE(report->intact);
  EXPECT_EQ(report->records, 9U);
  EXPECT_EQ(report->segments[0].end_offset, offsets[9]);
  EXPECT_EQ(report->segments[0].torn_tail_bytes, offsets[10] - offsets[9]);
  EXPECT_EQ(read_file(segment(1)), bytes) << "nothing is changed";
}

TEST_F(VerifyTest, finds_damage_in_several_segments_and_goes_on) {
  make_journal(300);
  const auto segments = list(dir());
  ASSERT_GE(segments->size(), 6U);
  for (const std::size_t index : {std::size_t{1}, std::size_t{4}}) {
    auto bytes = read_file(dir() / (*segments)[index].name);
    bytes[test::record_offsets(bytes)[2]] ^= std::byte{1};
    write_file(dir() / (*segments)[index].name, bytes);
  }
  const auto report = verify(dir());
  EXPECT_FALSE(report->intact);
  ASSERT_EQ(report->damage.size(), 2U);
  EXPECT_EQ(report->damage[0].segment, (*segments)[1].name);
  EXPECT_EQ(report->damage[0].lsn.value(), (*segments)[1].first.value() + 2);
  EXPECT_EQ(report->damage[1].segment, (*segments)[4].name);
  EXPECT_EQ(report->last, Lsn{300});
}

TEST_F(VerifyTest, stray_bytes_behind_the_records_of_a_sealed_segment_are_found) {
  make_journal(200);
  auto bytes = read_file(segment(1));
  const std::size_t end = test::record_offsets(bytes).back();
  ASSERT_LT(end, bytes.size() - kFooterBytes);
  bytes[end] = std::byte{1};
  write_file(segment(1), bytes);
  const auto report = verify(dir());
  ASSERT_EQ(report->damage.size(), 1U);
  EXPECT_EQ(report->damage[0].offset, end);
  EXPECT_EQ(report->damage[0].text(), segment_name(Lsn{1}) + ": byte " + std::to_string(end) +
                                          ", lsn 0: the unused space is not zero");
  // It hurts nobody: every record is there.
  EXPECT_EQ(test::read_back(dir()).records, 200U);
}

TEST_F(VerifyTest, list_names_what_it_cannot_believe) {
  make_journal(200);
  auto bytes = read_file(segment(1));
  bytes[3] ^= std::byte{1};
  write_file(segment(1), bytes);
  const auto segments = list(dir());
  ASSERT_TRUE(segments);
  EXPECT_EQ(segments->front().trouble, "not the header of a segment");
  EXPECT_TRUE(segments->back().trouble.empty());
}

TEST_F(VerifyTest, checkpoints_and_cursors_are_held_against_the_log) {
  make_journal(100);
  const auto chain = chain_at(posix_file_system(), dir(), Lsn{60});
  ASSERT_TRUE(chain && *chain);
  const auto checkpoint = [&](std::uint64_t lsn, std::uint32_t with) {
    ASSERT_TRUE(write_checkpoint(dir(), {.lsn = Lsn{lsn}, .chain = with, .state = {}}));
  };
  checkpoint(60, **chain);
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{100}));
  auto report = verify(dir());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->intact) << report->damage[0].text();
  EXPECT_EQ(report->checkpoints, 1U);
  EXPECT_EQ(report->cursors, 1U);

  checkpoint(60, **chain ^ 1U);
  checkpoint(101, 0);
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{101}));
  write_file(dir() / "torn.cursor", {});
  report = verify(dir());
  EXPECT_FALSE(report->intact);
  std::vector<std::string> found;
  for (const Damage& damage : report->damage) found.push_back(damage.text());
  EXPECT_EQ(found,
            (std::vector<std::string>{
                checkpoint_name(Lsn{60}) +
                    ": byte 0, lsn 60: the checkpoint belongs to another log: its chain does not "
                    "fit",
                checkpoint_name(Lsn{101}) +
                    ": byte 0, lsn 101: the checkpoint lies behind the end of the log, lsn 100",
                "backup.cursor: byte 0, lsn 101: the cursor lies behind the end of the log, lsn "
                "100",
                "torn.cursor: byte 0, lsn 0: the cursor cannot be believed: " +
                    std::string{decode_cursor({}).error()}}));
}

TEST_F(VerifyTest, every_bit_of_a_checkpoint_counts) {
  make_journal(30);
  const auto chain = chain_at(posix_file_system(), dir(), Lsn{20});
  ASSERT_TRUE(chain && *chain);
  ASSERT_TRUE(write_checkpoint(
      dir(), {.lsn = Lsn{20}, .chain = **chain, .state = std::vector<std::byte>(40)}));
  const auto path = dir() / checkpoint_name(Lsn{20});
  const auto bytes = read_file(path);
  for (std::size_t at = 0; at < bytes.size(); at += 5) {
    auto changed = bytes;
    changed[at] ^= std::byte{4};
    write_file(path, changed);
    EXPECT_FALSE(verify(dir())->intact) << at;
  }
}

TEST_F(VerifyTest, a_checkpoint_may_stand_right_before_the_oldest_record) {
  make_journal(200);
  const auto segments = list(dir());
  const Lsn last = (*segments)[0].last;
  const auto chain = chain_at(posix_file_system(), dir(), last);
  ASSERT_TRUE(chain && *chain);
  ASSERT_TRUE(write_checkpoint(dir(), {.lsn = last, .chain = **chain, .state = {}}));
  std::filesystem::remove(segment(1));
  EXPECT_EQ(*chain_at(posix_file_system(), dir(), last), *chain);
  EXPECT_TRUE(verify(dir())->intact);
  std::filesystem::remove(dir() / (*segments)[1].name);
  // Further back it is what a power cut brought back after its removal: useless, but no damage.
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_FALSE(plan_repair(dir())->startable);
}

}  // namespace
}  // namespace stoa::journal

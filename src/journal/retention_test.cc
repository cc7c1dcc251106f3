#include "journal/retention.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/reader.h"
#include "journal/side_files.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

constexpr std::uint64_t kRecords = 400;  // about seven segments of 4 KiB

class RetentionTest : public test::JournalTest {
 protected:
  RetentionTest() { make_journal(kRecords, 10); }

  void checkpoint(std::uint64_t lsn) const {
    const auto chain = chain_at(posix_file_system(), dir(), Lsn{lsn});
    ASSERT_TRUE(chain && *chain);
    ASSERT_TRUE(write_checkpoint(dir(), {.lsn = Lsn{lsn}, .chain = **chain, .state = {}}));
  }
  [[nodiscard]] RetentionReport apply(std::uint64_t keep_bytes = 0) const {
    const auto report = apply_retention(dir(), keep_bytes);
    EXPECT_TRUE(report) << report.error().text();
    return *report;
  }
  /// First and last lsn of the segment that holds `lsn`.
  [[nodiscard]] SegmentInfo segment_of(std::uint64_t lsn) const {
    const auto segments = list(dir());
    for (const SegmentInfo& info : *segments) {
      if (info.first <= Lsn{lsn} && (!info.sealed || info.last >= Lsn{lsn})) return info;
    }
    return {};
  }
};

TEST_F(RetentionTest, nothing_goes_without_two_checkpoints) {
  EXPECT_EQ(apply().segments, 0U);
  checkpoint(kRecords);
  const RetentionReport report = apply();
  EXPECT_EQ(report.segments, 0U);
  EXPECT_EQ(report.held_by, "no two checkpoints");
  EXPECT_EQ(report.first, Lsn{1});
}

TEST_F(RetentionTest, what_the_older_checkpoint_needs_stays) {
  checkpoint(200);
  checkpoint(kRecords);
  const SegmentInfo needed = segment_of(201);
  const RetentionReport report = apply();
  EXPECT_EQ(report.first, needed.first);
  EXPECT_EQ(report.held_by, "checkpoint 200");
  EXPECT_GT(report.segments, 1U);
  EXPECT_EQ(test::read_back(dir()).last, Lsn{kRecords});
  EXPECT_EQ(test::read_back(dir(), Lsn{201}).records, kRecords - 200);
  EXPECT_TRUE(verify(dir())->intact);
  test::append_records(*std::make_unique<Writer>(open_writer()), 100);
  EXPECT_TRUE(verify(dir())->intact);
}

TEST_F(RetentionTest, a_segment_whose_last_record_is_the_checkpoints_may_go) {
  const SegmentInfo first = segment_of(1);
  checkpoint(first.last.value());
  checkpoint(kRecords);
  EXPECT_EQ(apply().first, Lsn{first.last.value() + 1});
}

TEST_F(RetentionTest, a_checkpoint_that_cannot_be_believed_counts_for_nothing) {
  checkpoint(200);
  checkpoint(kRecords);
  const std::filesystem::path path = dir() / checkpoint_name(Lsn{kRecords});
  test::Bytes bytes = test::read_file(path);
  bytes.at(30) ^= std::byte{4};
  test::write_file(path, bytes);
  EXPECT_EQ(apply().held_by, "no two checkpoints");
}

TEST_F(RetentionTest, the_slowest_cursor_holds) {
  checkpoint(300);
  checkpoint(kRecords);
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{100}));
  ASSERT_TRUE(set_cursor(dir(), "audit", Lsn{250}));
  const SegmentInfo needed = segment_of(101);
  const RetentionReport report = apply();
  EXPECT_EQ(report.first, needed.first);
  EXPECT_EQ(report.held_by, "cursor backup at 100");
}

TEST_F(RetentionTest, a_cursor_that_cannot_be_read_holds_everything) {
  checkpoint(300);
  checkpoint(kRecords);
  test::write_file(dir() / "backup.cursor", test::Bytes(5));
  const auto refused = apply_retention(dir(), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Damaged);
  EXPECT_EQ(list(dir())->front().first, Lsn{1});
}

TEST_F(RetentionTest, no_more_goes_than_the_size_asks) {
  checkpoint(kRecords - 1);
  checkpoint(kRecords);
  const std::size_t before = list(dir())->size();
  const RetentionReport report = apply(std::uint64_t{3} * 4096);
  EXPECT_EQ(report.segments, before - 3);
  EXPECT_EQ(report.kept_bytes, 3U * 4096);
  EXPECT_EQ(report.bytes, (before - 3) * std::uint64_t{4096});
  EXPECT_EQ(report.held_by, "");
  EXPECT_EQ(list(dir())->size(), 3U);
}

TEST_F(RetentionTest, the_newest_segment_stays_whatever_is_asked) {
  checkpoint(kRecords - 1);
  checkpoint(kRecords);
  EXPECT_EQ(apply().kept_bytes, 4096U);
  EXPECT_EQ(open_writer().next_lsn(), Lsn{kRecords + 1});
}

TEST_F(RetentionTest, a_plan_removes_nothing) {
  checkpoint(200);
  checkpoint(kRecords);
  const auto planned = plan_retention(dir(), 0);
  EXPECT_EQ(list(dir())->front().first, Lsn{1});
  const RetentionReport done = apply();
  EXPECT_EQ(planned->segments, done.segments);
  EXPECT_EQ(planned->first, done.first);
}

TEST_F(RetentionTest, a_failure_between_two_removals_leaves_no_hole) {
  checkpoint(300);
  checkpoint(kRecords);
  test::FaultyFileSystem files;
  files.fail_nth(test::Op::Remove, 2, {.error = EIO});
  ASSERT_FALSE(apply_retention(dir(), 0, &files));
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_EQ(test::read_back(dir()).last, Lsn{kRecords});
}

// A crash between naming a checkpoint and removing the one before the last leaves three.
TEST_F(RetentionTest, a_checkpoint_left_over_goes_before_the_records_behind_it) {
  checkpoint(10);
  const test::Bytes left_over = test::read_file(dir() / checkpoint_name(Lsn{10}));
  checkpoint(kRecords - 1);
  checkpoint(kRecords);
  test::write_file(dir() / checkpoint_name(Lsn{10}), left_over);
  EXPECT_GT(apply().first, Lsn{11});
  EXPECT_FALSE(std::filesystem::exists(dir() / checkpoint_name(Lsn{10})));
  EXPECT_TRUE(verify(dir())->intact);
}

TEST_F(RetentionTest, the_newest_segment_stays_though_it_is_sealed) {
  std::filesystem::remove(segment(list(dir())->back().first.value()));
  const SegmentInfo newest = list(dir())->back();
  ASSERT_TRUE(newest.sealed);
  checkpoint(newest.last.value() - 1);
  checkpoint(newest.last.value());
  EXPECT_EQ(apply().first, newest.first);
  EXPECT_EQ(open_writer().next_lsn(), Lsn{newest.last.value() + 1});
}

TEST_F(RetentionTest, a_reader_in_a_removed_segment_reads_on) {
  auto reader = Reader::open(dir());
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->next());
  checkpoint(kRecords - 1);
  checkpoint(kRecords);
  const Lsn first_segment_last = segment_of(1).last;
  static_cast<void>(apply());
  for (std::uint64_t lsn = 2; lsn <= first_segment_last.value(); ++lsn) {
    const auto record = reader->next();
    ASSERT_TRUE(record) << record.error().text();
    const std::optional<Record>& entry = *record;
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->lsn, Lsn{lsn});
  }
  const auto gone = reader->next();
  ASSERT_FALSE(gone) << "the next segment is not there any more";
}

}  // namespace
}  // namespace stoa::journal

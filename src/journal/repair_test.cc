#include "journal/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/lock.h"
#include "journal/side_files.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::Bytes;
using test::Fault;
using test::Op;
using test::read_back;
using test::read_file;
using test::write_file;
using ::testing::HasSubstr;

class RepairTest : public test::JournalTest {
 protected:
  // 300 records in about eight segments of 4 KiB, all acknowledged.
  void SetUp() override {
    make_journal(300);
    const auto listed = list(dir());
    ASSERT_TRUE(listed);
    segments_ = *listed;
    ASSERT_GE(segments_.size(), 6U);
  }

  [[nodiscard]] std::filesystem::path path(std::size_t index) const {
    return dir() / segments_.at(index).name;
  }
  void edit(std::size_t index, const std::function<void(Bytes&)>& change) const {
    auto bytes = read_file(path(index));
    change(bytes);
    write_file(path(index), bytes);
  }
  void flip(std::size_t index, std::size_t offset) const {
    edit(index, [offset](Bytes& bytes) { bytes.at(offset) ^= std::byte{1}; });
  }
  [[nodiscard]] std::map<std::string, Bytes> contents() const {
    std::map<std::string, Bytes> files;
    for (const auto& entry : std::filesystem::directory_iterator{dir()}) {
      if (entry.path().extension() == ".seg") {
        files[entry.path().filename().string()] = read_file(entry.path());
      }
    }
    return files;
  }
  [[nodiscard]] RepairPlan planned() const {
    auto plan = plan_repair(dir());
    EXPECT_TRUE(plan) << plan.error().text();
    return plan ? *plan : RepairPlan{};
  }
  // NOLINTNEXTLINE(modernize-use-nodiscard): most tests look at the journal and not at the folder
  std::filesystem::path applied(const RepairPlan& plan) const {
    const auto folder = apply_plan(dir(), plan);
    EXPECT_TRUE(folder) << folder.error().text();
    return folder ? *folder : std::filesystem::path{};
  }
  // Everything up to `last` is read as it was written; a writer starts there and goes on.
  void expect_mended(Lsn last) const {
    const auto report = verify(dir());
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->intact) << (report->damage.empty() ? "" : report->damage[0].text());
    const auto back = read_back(dir());
    EXPECT_FALSE(back.error);
    EXPECT_EQ(back.records, last.value());
    EXPECT_EQ(back.last, last);
    EXPECT_TRUE(planned().steps.empty()) << "nothing is left to do";
    Writer writer = open_writer();
    EXPECT_EQ(writer.next_lsn(), Lsn{last.value() + 1});
    EXPECT_EQ(writer.recovery().cut_bytes, 0U);
    append_records(writer, 50);
    EXPECT_EQ(read_back(dir()).records, last.value() + 50);
  }
  // What was moved and copied, moved back, is the journal as it was.
  void expect_undone(const std::filesystem::path& folder,
                     const std::map<std::string, Bytes>& before) const {
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      std::filesystem::rename(entry.path(), dir() / entry.path().filename());
    }
    EXPECT_EQ(contents(), before);
  }

  std::vector<SegmentInfo> segments_;
};

TEST_F(RepairTest, an_intact_journal_needs_nothing) {
  const auto plan = planned();
  EXPECT_TRUE(plan.steps.empty());
  EXPECT_TRUE(plan.drops_nothing());
  EXPECT_EQ(plan.keep_first, Lsn{1});
  EXPECT_EQ(plan.keep_last, Lsn{300});
}

TEST_F(RepairTest, damage_in_the_middle_cuts_at_the_last_good_record_before_it) {
  const auto offsets = test::record_offsets(read_file(path(2)));
  const Lsn bad{segments_[2].first.value() + 5};
  flip(2, offsets[5] + 9);
  const auto before = contents();
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, Lsn{bad.value() - 1});
  EXPECT_EQ(plan.drop_first, bad);
  EXPECT_EQ(plan.drop_last, Lsn{300});
  EXPECT_EQ(plan.drop_readable, 300 - bad.value());
  // Each record had a commit of its own; only of the very last nothing later proves it.
  EXPECT_EQ(plan.promised_last, Lsn{299});
  EXPECT_EQ(plan.promised(), 299 - bad.value() + 1);
  EXPECT_EQ(contents(), before) << "planning changes nothing";

  const auto folder = applied(plan);
  EXPECT_EQ(folder, dir() / ("dropped-" + std::to_string(bad.value())));
  EXPECT_EQ(list(dir())->size(), 3U);
  expect_undone(folder, before);
  applied(planned());
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, the_first_record_of_a_segment_may_be_the_bad_one) {
  flip(3, kSegmentHeaderBytes + 8);
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, Lsn{segments_[3].first.value() - 1});
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, a_missing_segment_ends_the_log_before_the_hole) {
  std::filesystem::remove(path(2));
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, segments_[1].last);
  EXPECT_EQ(plan.drop_last, Lsn{300});
  EXPECT_EQ(plan.drop_readable, 300 - segments_[2].last.value());
  EXPECT_THAT(plan.steps.front().why,
              HasSubstr("the records from lsn " + std::to_string(segments_[2].first.value())));
  EXPECT_EQ(plan.steps.front().file, segments_.back().name) << "newest first";
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, a_rotten_footer_is_made_anew_and_nothing_is_lost) {
  const auto before = contents();
  const auto end = before.begin()->second.size() - kFooterBytes;
  for (const std::size_t at : {end, end + 16, end + 40, end + 60}) {
    SCOPED_TRACE(at);
    flip(1, at);
    const auto plan = planned();
    EXPECT_TRUE(plan.drops_nothing());
    ASSERT_EQ(plan.steps.size(), 1U);
    EXPECT_EQ(plan.steps[0].kind, RepairStep::Kind::Write);
    applied(plan);
    EXPECT_EQ(contents(), before) << "bit for bit";
  }
  expect_mended(Lsn{300});
}

TEST_F(RepairTest, a_footer_that_was_wiped_is_made_anew) {
  const auto before = contents();
  edit(1, [](Bytes& bytes) { std::fill(bytes.end() - kFooterBytes, bytes.end(), std::byte{0}); });
  applied(planned());
  EXPECT_EQ(contents(), before);
}

TEST_F(RepairTest, a_rotten_footer_with_a_lost_record_is_not_made_anew) {
  // The last record of segment 1 and its footer: the next segment does not follow what can be read.
  const auto offsets = test::record_offsets(read_file(path(1)));
  const std::size_t last = offsets.size() - 2;
  edit(1, [&](Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[last]), bytes.end(),
              std::byte{0});
  });
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, Lsn{segments_[1].last.value() - 1});
  EXPECT_EQ(plan.drop_first, segments_[1].last);
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, a_rotten_header_is_proved_by_the_records_checksums) {
  const auto before = contents();
  for (const std::size_t index : {std::size_t{0}, std::size_t{2}, segments_.size() - 1}) {
    for (const std::size_t at : {0U, 9U, 17U, 25U, 33U, 41U, 60U, 125U}) {
      SCOPED_TRACE(std::to_string(index) + " byte " + std::to_string(at));
      flip(index, at);
      const auto plan = planned();
      EXPECT_TRUE(plan.drops_nothing());
      EXPECT_EQ(plan.keep_last, Lsn{300});
      applied(plan);
      EXPECT_EQ(contents(), before);
    }
  }
  expect_mended(Lsn{300});
}

TEST_F(RepairTest, a_header_and_first_record_that_are_gone_cannot_be_proved) {
  edit(2, [](Bytes& bytes) { std::fill_n(bytes.begin(), 512, std::byte{0xAA}); });
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, segments_[1].last);
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, a_file_that_is_too_short_gets_its_length_and_keeps_what_it_has) {
  const auto offsets = test::record_offsets(read_file(path(2)));
  edit(2, [&](Bytes& bytes) { bytes.resize(offsets[4] + 3); });
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, Lsn{segments_[2].first.value() + 3});
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, a_short_file_that_lacks_only_its_footer_loses_nothing) {
  const auto before = contents();
  edit(2, [](Bytes& bytes) { bytes.resize(bytes.size() - kFooterBytes); });
  const auto plan = planned();
  EXPECT_TRUE(plan.drops_nothing());
  applied(plan);
  EXPECT_EQ(contents(), before);
}

TEST_F(RepairTest, a_torn_tail_is_cut_and_was_promised_to_nobody) {
  const std::size_t newest = segments_.size() - 1;
  const auto offsets = test::record_offsets(read_file(path(newest)));
  flip(newest, offsets[offsets.size() - 2] + 4);
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, Lsn{299});
  EXPECT_TRUE(plan.drops_nothing());
  EXPECT_EQ(plan.promised(), 0U);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].from, offsets[offsets.size() - 2]);
  EXPECT_EQ(plan.steps[0].until, offsets.back());
  applied(plan);
  expect_mended(Lsn{299});
}

TEST_F(RepairTest, damage_in_the_newest_segment_is_told_from_a_tear) {
  const std::size_t newest = segments_.size() - 1;
  const auto offsets = test::record_offsets(read_file(path(newest)));
  ASSERT_GE(offsets.size(), 4U);
  flip(newest, offsets[0] + 4);
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, segments_[newest - 1].last);
  EXPECT_EQ(plan.promised_last, Lsn{299});
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, stray_bytes_in_unused_space_are_cleared) {
  const auto before = contents();
  const auto offsets = test::record_offsets(read_file(path(1)));
  ASSERT_LT(offsets.back(), read_file(path(1)).size() - kFooterBytes);
  flip(1, offsets.back());
  const auto plan = planned();
  EXPECT_TRUE(plan.drops_nothing());
  applied(plan);
  EXPECT_EQ(contents(), before);
}

TEST_F(RepairTest, a_segment_of_another_journal_is_not_joined) {
  // The same place in a journal with other records before it.
  auto bytes = read_file(path(3));
  const auto decoded = decode_header(std::span{bytes}.first<kSegmentHeaderBytes>());
  ASSERT_TRUE(decoded);
  auto header = decoded->header;
  header.previous_chain ^= 1U;
  encode_header(header, std::span{bytes}.first<kSegmentHeaderBytes>());
  write_file(path(3), bytes);
  const auto plan = planned();
  EXPECT_EQ(plan.keep_last, segments_[2].last);
  applied(plan);
  expect_mended(plan.keep_last);
}

TEST_F(RepairTest, cut_ends_the_log_behind_any_record) {
  const auto before = contents();
  for (const std::uint64_t last :
       {std::uint64_t{0}, std::uint64_t{1}, segments_[1].last.value() - 1,
        segments_[1].last.value(), segments_[2].first.value(), std::uint64_t{299}}) {
    SCOPED_TRACE(last);
    const auto plan = plan_cut(dir(), Lsn{last});
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->keep_last, Lsn{last});
    EXPECT_EQ(plan->drop_first, Lsn{last + 1});
    EXPECT_EQ(plan->drop_last, Lsn{300});
    EXPECT_EQ(plan->drop_readable, 300 - last);
    const auto folder = applied(*plan);
    EXPECT_EQ(read_back(dir()).records, last);
    EXPECT_TRUE(verify(dir())->intact);
    expect_undone(folder, before);
  }
  applied(*plan_cut(dir(), Lsn{120}));
  expect_mended(Lsn{120});
}

TEST_F(RepairTest, cut_at_the_end_is_nothing_and_beyond_it_an_error) {
  EXPECT_TRUE(plan_cut(dir(), Lsn{300})->steps.empty());
  const auto beyond = plan_cut(dir(), Lsn{301});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::BadInput);
  EXPECT_EQ(beyond.error().message, "the record 301 is not in the log, which ends with 300");
}

TEST_F(RepairTest, cut_does_not_step_over_damage) {
  flip(2, kSegmentHeaderBytes + 8);
  const auto plan = plan_cut(dir(), Lsn{200});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::Damaged);
  EXPECT_TRUE(plan_cut(dir(), Lsn{segments_[1].last.value() - 2})) << "before it there is none";
}

TEST_F(RepairTest, a_folder_that_is_there_is_left_alone) {
  flip(2, kSegmentHeaderBytes + 8);
  const auto before = contents();
  const auto first = applied(planned());
  const auto kept = read_file(first / segments_[2].name);
  for (const auto& [name, bytes] : before) write_file(dir() / name, bytes);
  const auto second = applied(planned());
  EXPECT_EQ(second.string(), first.string() + "-2");
  EXPECT_EQ(read_file(first / segments_[2].name), kept);
}

TEST_F(RepairTest, the_lock_names_who_holds_it) {
  const auto lock = lock_directory(posix_file_system(), dir());
  ASSERT_TRUE(lock);
  const auto second = lock_directory(posix_file_system(), dir());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("in use by process "));
  EXPECT_EQ(Writer::open(dir()).error().code, ErrorCode::Unavailable);
}

TEST_F(RepairTest, a_directory_without_segments_is_not_called_intact) {
  std::filesystem::create_directory(dir() / "empty");
  EXPECT_EQ(plan_repair(dir() / "empty").error().code, ErrorCode::NotFound);
  EXPECT_EQ(plan_repair(dir() / "missing").error().code, ErrorCode::NotFound);
}

TEST_F(RepairTest, checkpoints_and_cursors_that_do_not_fit_go_with_what_is_dropped) {
  const auto bad = segments_[3].first;
  for (const Lsn lsn : {Lsn{20}, bad}) {
    const auto chain = chain_at(posix_file_system(), dir(), lsn);
    ASSERT_TRUE(chain && *chain);
    ASSERT_TRUE(write_checkpoint(dir(), {.lsn = lsn, .chain = **chain, .state = {}}));
  }
  ASSERT_TRUE(set_cursor(dir(), "near", Lsn{20}));
  ASSERT_TRUE(set_cursor(dir(), "far", Lsn{250}));
  EXPECT_TRUE(planned().steps.empty());
  flip(3, kSegmentHeaderBytes + 8);
  const auto plan = planned();
  EXPECT_EQ(plan.steps[0].file, checkpoint_name(bad));
  EXPECT_EQ(plan.steps[1].file, "far.cursor");
  EXPECT_TRUE(plan.startable);
  const auto folder = applied(plan);
  EXPECT_TRUE(std::filesystem::exists(folder / checkpoint_name(bad)));
  EXPECT_TRUE(std::filesystem::exists(dir() / checkpoint_name(Lsn{20})));
  EXPECT_EQ(list_cursors(dir())->size(), 1U);
  expect_mended(Lsn{bad.value() - 1});
}

TEST_F(RepairTest, a_damaged_checkpoint_alone_is_moved_away) {
  ASSERT_TRUE(write_checkpoint(dir(), {.lsn = Lsn{20}, .chain = 0, .state = {}}));
  const auto plan = planned();
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_TRUE(plan.drops_nothing());
  applied(plan);
  expect_mended(Lsn{300});
}

TEST_F(RepairTest, a_log_without_its_beginning_needs_a_checkpoint_to_start) {
  std::filesystem::remove(path(0));
  EXPECT_FALSE(planned().startable);
  const Lsn last{segments_[1].first.value() + 2};
  const auto chain = chain_at(posix_file_system(), dir(), last);
  ASSERT_TRUE(write_checkpoint(dir(), {.lsn = last, .chain = **chain, .state = {}}));
  EXPECT_TRUE(planned().startable);
  EXPECT_FALSE(plan_cut(dir(), segments_[1].first)->startable);
}

// Whatever call fails: the next repair finishes the work with the same records, and the original
// of every file is kept.
TEST_F(RepairTest, every_call_may_fail_and_a_second_repair_ends_the_same) {
  flip(2, kSegmentHeaderBytes + 8);
  const auto before = contents();
  const Lsn last = segments_[1].last;
  int failures = 0;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    test::FaultyFileSystem disk;
    disk.on_call = [left = nth](Op, const std::filesystem::path&) mutable {
      return --left == 0 ? Fault{.error = EIO} : Fault{};
    };
    const bool failed = !apply_plan(dir(), planned(), &disk);
    const auto report = verify(dir());
    ASSERT_TRUE(report);
    if (failed && report->intact) {
      EXPECT_EQ(report->last, last) << "what is accepted is the plan";
    }
    if (failed) applied(planned());
    EXPECT_EQ(read_back(dir()).records, last.value());
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    for (const auto& [name, bytes] : before) write_file(dir() / name, bytes);
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 10);
}

// Any damage anywhere: what stays is a prefix of what was written, and a writer starts on it.
TEST_F(RepairTest, any_damage_leaves_a_prefix_that_starts) {
  const auto before = contents();
  Random random{7};
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    for (std::uint64_t hits = 1 + random.below(3); hits > 0; --hits) {
      const std::size_t index = random.below(segments_.size());
      if (!std::filesystem::exists(path(index))) continue;
      if (random.one_in(8)) {
        std::filesystem::remove(path(index));
        continue;
      }
      edit(index, [&](Bytes& bytes) {
        if (bytes.empty()) return;
        if (random.one_in(8)) bytes.resize(random.below(bytes.size()));
        const std::size_t at = random.below(bytes.size() + 1);
        const std::size_t size = std::min<std::size_t>(1 + random.below(700), bytes.size() - at);
        for (std::size_t i = 0; i < size; ++i) {
          bytes[at + i] = static_cast<std::byte>(random.below(256));
        }
      });
    }
    if (const auto plan = plan_repair(dir())) {
      if (!plan->steps.empty()) applied(*plan);
      const auto report = verify(dir());
      ASSERT_TRUE(report);
      EXPECT_TRUE(report->intact) << report->damage[0].text();
      const auto back = read_back(dir());
      EXPECT_FALSE(back.error);
      if (back.records > 0) {
        EXPECT_EQ(back.last, plan->keep_last);
      }
      EXPECT_TRUE(Writer::open(dir(), small()));
    }
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    for (const auto& [name, bytes] : before) write_file(dir() / name, bytes);
  }
}

}  // namespace
}  // namespace stoa::journal

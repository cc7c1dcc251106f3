#include "journal/checkpoint.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/test_support.h"

namespace stoa::journal {
namespace {

class CheckpointTest : public test::JournalTest {
 protected:
  CheckpointTest() { std::filesystem::create_directory(dir()); }

  static Checkpoint sample(std::uint64_t lsn, std::size_t state_bytes = 300) {
    Checkpoint checkpoint{.lsn = Lsn{lsn},
                          .chain = 0xC4A1'0000U + static_cast<std::uint32_t>(lsn),
                          .epoch = 3,
                          .state = std::vector<std::byte>(state_bytes)};
    for (std::size_t i = 0; i < state_bytes; ++i) {
      checkpoint.state[i] = static_cast<std::byte>(lsn + i);
    }
    return checkpoint;
  }
  [[nodiscard]] std::vector<std::uint64_t> lsns() const {
    std::vector<std::uint64_t> found;
    const auto files = list_checkpoints(dir());
    EXPECT_TRUE(files) << files.error().text();
    for (const CheckpointFile& each : *files) found.push_back(each.lsn.value());
    return found;
  }
  void spoil(std::uint64_t lsn, std::size_t at) const {
    const std::filesystem::path path = dir() / checkpoint_name(Lsn{lsn});
    test::Bytes bytes = test::read_file(path);
    bytes.at(at) ^= std::byte{1};
    test::write_file(path, bytes);
  }
};

TEST_F(CheckpointTest, what_was_written_is_read) {
  ASSERT_TRUE(write_checkpoint(dir(), sample(17)));
  const auto read = read_checkpoint(dir(), Lsn{17});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->lsn, Lsn{17});
  EXPECT_EQ(read->chain, sample(17).chain);
  EXPECT_EQ(read->epoch, 3U);
  EXPECT_EQ(read->state, sample(17).state);
}

TEST_F(CheckpointTest, an_empty_state_is_a_state) {
  ASSERT_TRUE(write_checkpoint(dir(), sample(1, 0)));
  EXPECT_TRUE(read_checkpoint(dir(), Lsn{1})->state.empty());
}

TEST_F(CheckpointTest, two_generations_are_kept) {
  for (const std::uint64_t lsn : {10U, 20U, 30U, 40U}) {
    ASSERT_TRUE(write_checkpoint(dir(), sample(lsn)));
  }
  EXPECT_EQ(lsns(), (std::vector<std::uint64_t>{30, 40}));
}

TEST_F(CheckpointTest, the_newest_that_can_be_believed_is_found) {
  ASSERT_TRUE(write_checkpoint(dir(), sample(30)));
  ASSERT_TRUE(write_checkpoint(dir(), sample(40)));
  EXPECT_EQ(find_checkpoint(dir())->checkpoint->lsn, Lsn{40});
  spoil(40, kCheckpointHeaderBytes + 7);
  const auto older = find_checkpoint(dir());
  EXPECT_EQ(older->checkpoint->lsn, Lsn{30});
  EXPECT_EQ(older->passed_over,
            (std::vector<std::string>{
                "00000000000000000040.ckpt: the checksum of the state does not fit"}));
  spoil(30, 20);
  const auto none = find_checkpoint(dir());
  EXPECT_FALSE(none->checkpoint);
  EXPECT_EQ(none->passed_over.size(), 2U);
}

TEST_F(CheckpointTest, one_behind_the_end_of_the_log_is_passed_over) {
  ASSERT_TRUE(write_checkpoint(dir(), sample(30)));
  ASSERT_TRUE(write_checkpoint(dir(), sample(40)));
  const auto found = find_checkpoint(dir(), Lsn{39});
  EXPECT_EQ(found->checkpoint->lsn, Lsn{30});
  EXPECT_EQ(found->passed_over,
            (std::vector<std::string>{
                "00000000000000000040.ckpt lies behind the end of the log, lsn 39"}));
}

TEST_F(CheckpointTest, a_flipped_bit_anywhere_is_found) {
  const std::vector<std::byte> good = encode_checkpoint(sample(5, 40));
  ASSERT_TRUE(decode_checkpoint(good));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::byte> bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(decode_checkpoint(bad)) << "bit " << bit;
  }
}

TEST_F(CheckpointTest, any_other_length_is_found) {
  std::vector<std::byte> bytes = encode_checkpoint(sample(5, 40));
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_checkpoint(bytes));
  for (std::size_t size = 0; size < bytes.size() - 1; ++size) {
    EXPECT_FALSE(decode_checkpoint(std::span{bytes}.first(size))) << size;
  }
}

TEST_F(CheckpointTest, a_checkpoint_under_another_name_is_refused) {
  ASSERT_TRUE(write_checkpoint(dir(), sample(30)));
  std::filesystem::rename(dir() / checkpoint_name(Lsn{30}), dir() / checkpoint_name(Lsn{31}));
  const auto read = read_checkpoint(dir(), Lsn{31});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::Damaged);
  EXPECT_EQ(list_checkpoints(dir())->front().trouble,
            "the header names another lsn than the file's name");
}

TEST_F(CheckpointTest, a_failure_at_any_call_leaves_the_older_ones) {
  for (const test::Op op : {test::Op::Open, test::Op::Write, test::Op::Sync, test::Op::Rename}) {
    ASSERT_TRUE(write_checkpoint(dir(), sample(10)));
    test::FaultyFileSystem files;
    files.fail_nth(op, 1, {.error = ENOSPC});
    const auto failed = write_checkpoint(dir(), sample(50), &files);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::Unavailable);
    EXPECT_EQ(lsns(), (std::vector<std::uint64_t>{10})) << static_cast<int>(op);
  }
}

TEST_F(CheckpointTest, a_short_write_is_continued) {
  test::FaultyFileSystem files;
  files.fail_nth(test::Op::Write, 2, {.write_at_most = 11});
  ASSERT_TRUE(write_checkpoint(dir(), sample(9), &files));
  EXPECT_EQ(read_checkpoint(dir(), Lsn{9})->state, sample(9).state);
}

TEST_F(CheckpointTest, names_sort_as_numbers) {
  EXPECT_EQ(checkpoint_name(Lsn{318447}), "00000000000000318447.ckpt");
  EXPECT_EQ(parse_checkpoint_name("00000000000000318447.ckpt"), Lsn{318447});
  EXPECT_EQ(parse_checkpoint_name(checkpoint_name(Lsn{std::numeric_limits<std::uint64_t>::max()})),
            Lsn{std::numeric_limits<std::uint64_t>::max()});
  for (const char* name : {"checkpoint.tmp", "318447.ckpt", "00000000000000318447.seg",
                           "99999999999999999999.ckpt", "0000000000000031844x.ckpt"}) {
    EXPECT_FALSE(parse_checkpoint_name(name)) << name;
  }
}

}  // namespace
}  // namespace stoa::journal

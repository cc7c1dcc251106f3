#include "journal/commit_group.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/test_support.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

class CommitGroupTest : public test::JournalTest {
 protected:
  [[nodiscard]] Writer open(const std::string& name, FileSystem* files = nullptr) const {
    WriterOptions options = small();
    options.segment_bytes = 1U << 16U;
    options.file_system = files;
    auto writer = Writer::open(temporary_.path() / name, options);
    EXPECT_TRUE(writer) << writer.error().text();
    return std::move(*writer);
  }
  static void append(Writer& writer, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(writer.append(test::payload_of(writer.next_lsn())));
    }
  }
};

TEST_F(CommitGroupTest, every_journal_is_durable_to_its_own_end) {
  Writer first = open("first");
  Writer second = open("second");
  Writer third = open("third");
  {
    CommitGroup group{{&first, &second, &third}};
    for (std::uint64_t round = 1; round <= 200; ++round) {
      append(first, 1);
      append(second, round % 3);
      const auto answers = group.commit();
      ASSERT_EQ(answers.size(), 3U);
      EXPECT_EQ(answers[0], Lsn{round});
      EXPECT_EQ(answers[1], Lsn{second.next_lsn().value() - 1});
      EXPECT_EQ(answers[2], Lsn{0});
    }
  }
  EXPECT_EQ(test::read_back(temporary_.path() / "first").records, 200U);
  EXPECT_EQ(test::read_back(temporary_.path() / "second").records, 201U);
}

TEST_F(CommitGroupTest, one_that_fails_does_not_keep_the_others) {
  test::FaultyFileSystem files;
  Writer good = open("good");
  Writer bad = open("bad", &files);
  CommitGroup group{{&good, &bad}};
  append(good, 2);
  append(bad, 2);
  files.fail_nth(test::Op::Sync, 1, {.error = EIO});
  const auto answers = group.commit();
  EXPECT_EQ(answers[0], Lsn{2});
  ASSERT_FALSE(answers[1]);
  EXPECT_EQ(answers[1].error().code, ErrorCode::Io);
  append(good, 1);
  EXPECT_EQ(group.commit()[0], Lsn{3});
  EXPECT_FALSE(group.commit()[1]) << "an ended writer stays ended";
}

TEST_F(CommitGroupTest, a_group_of_one_is_a_writer) {
  Writer only = open("only");
  CommitGroup group{{&only}};
  append(only, 1);
  EXPECT_EQ(group.commit()[0], Lsn{1});
}

}  // namespace
}  // namespace stoa::journal

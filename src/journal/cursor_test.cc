#include "journal/cursor.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/test_support.h"

namespace stoa::journal {
namespace {

class CursorTest : public test::JournalTest {
 protected:
  CursorTest() { std::filesystem::create_directory(dir()); }
};

TEST_F(CursorTest, cursors_are_kept_by_name) {
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{70}));
  ASSERT_TRUE(set_cursor(dir(), "audit-1", Lsn{0}));
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{90}));
  const auto cursors = list_cursors(dir());
  ASSERT_TRUE(cursors) << cursors.error().text();
  ASSERT_EQ(cursors->size(), 2U);
  EXPECT_EQ(cursors->front().name, "audit-1");
  EXPECT_EQ(cursors->front().lsn, Lsn{0});
  EXPECT_EQ(cursors->back().name, "backup");
  EXPECT_EQ(cursors->back().lsn, Lsn{90});
}

TEST_F(CursorTest, a_cursor_never_goes_back) {
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{90}));
  const auto back = set_cursor(dir(), "backup", Lsn{89});
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::BadInput);
  EXPECT_EQ(list_cursors(dir())->front().lsn, Lsn{90});
  ASSERT_TRUE(remove_cursor(dir(), "backup"));
  ASSERT_TRUE(remove_cursor(dir(), "backup")) << "gone is gone";
  EXPECT_TRUE(list_cursors(dir())->empty());
  EXPECT_TRUE(set_cursor(dir(), "backup", Lsn{1}));
}

TEST_F(CursorTest, a_name_cannot_leave_the_directory) {
  for (const std::string& name : {std::string{}, std::string{"../x"}, std::string{"a.b"},
                                  std::string{"A"}, std::string(65, 'a')}) {
    EXPECT_FALSE(set_cursor(dir(), name, Lsn{1})) << name;
    EXPECT_FALSE(remove_cursor(dir(), name)) << name;
  }
  EXPECT_TRUE(set_cursor(dir(), std::string(64, 'a'), Lsn{1}));
}

TEST_F(CursorTest, a_flipped_bit_anywhere_is_found_and_told) {
  std::array<std::byte, kCursorBytes> good{};
  encode_cursor(Lsn{318447}, good);
  EXPECT_EQ(decode_cursor(good), Lsn{318447});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad.at(bit / 8) ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(decode_cursor(bad)) << "bit " << bit;
  }
  test::write_file(dir() / "backup.cursor", {good.begin(), good.end() - 1});
  const auto listed = list_cursors(dir());
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, ErrorCode::Damaged);
  EXPECT_NE(listed.error().text().find("backup.cursor"), std::string::npos);
}

TEST_F(CursorTest, a_failure_at_any_call_leaves_it_where_it_was) {
  ASSERT_TRUE(set_cursor(dir(), "backup", Lsn{90}));
  for (const test::Op op : {test::Op::Open, test::Op::Write, test::Op::Sync, test::Op::Rename}) {
    test::FaultyFileSystem files;
    files.fail_nth(op, 1, {.error = EIO});
    EXPECT_FALSE(set_cursor(dir(), "backup", Lsn{95}, &files));
    EXPECT_EQ(list_cursors(dir())->front().lsn, Lsn{90});
  }
}

}  // namespace
}  // namespace stoa::journal

#include "ops/whole_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/temp_dir.h"

namespace stoa::ops {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(WholeFile, replaces_what_stood_there) {
  const TempDir dir;
  const fs::path path = dir / "state.json";
  ASSERT_TRUE(replace_whole(path, "a long text that was there before", 0640));
  ASSERT_TRUE(replace_whole(path, "short", 0640));
  EXPECT_EQ(text_of(path), "short");
  EXPECT_FALSE(fs::exists(passing_name(path)));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007U, 0U);
}

TEST(WholeFile, leaves_what_stood_there_when_it_cannot_write) {
  const TempDir dir;
  const fs::path path = dir / "taken";
  fs::create_directory(path);
  std::ofstream{path / "inside"} << "kept";
  const auto replaced = replace_whole(path, "text", 0640);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, ErrorCode::Io);
  EXPECT_EQ(replaced.error().source, path.string());
  EXPECT_EQ(text_of(path / "inside"), "kept");
  EXPECT_FALSE(fs::exists(passing_name(path)));

  const auto nowhere = replace_whole(dir / "none" / "file", "text", 0640);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::Io);
}

TEST(WholeFile, says_that_the_disk_is_full) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const TempDir dir;
  const fs::path path = dir / "state.json";
  for (const Sync sync : {Sync::None, Sync::File}) {
    ASSERT_TRUE(replace_whole(path, "before", 0640, sync));
    fs::create_symlink("/dev/full", passing_name(path));
    EXPECT_FALSE(replace_whole(path, "after", 0640, sync));
    EXPECT_EQ(text_of(path), "before");
  }
}

TEST(WholeFile, what_is_synced_is_read_back_and_what_is_not_there_is_said) {
  const TempDir dir;
  const fs::path path = dir / "state.json";
  const auto missing = read_small_file(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
  ASSERT_TRUE(replace_whole(path, "kept over a power cut", 0640, Sync::File));
  EXPECT_EQ(read_small_file(path).value(), "kept over a power cut");
  EXPECT_TRUE(sync_directory(dir.path()));
  EXPECT_EQ(sync_directory(dir / "none").error().code, ErrorCode::Io);
}

}  // namespace
}  // namespace stoa::ops

#include "deploy/log_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/layout.h"
#include "deploy/test_support.h"
#include "ops/zstd.h"

namespace stoa::deploy {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
namespace fs = std::filesystem;

class LogFiles : public ::testing::Test {
 protected:
  LogFiles() { fs::create_directories(layout.logs()); }

  /// Later than everything that the test has written.
  static Timestamp later() { return SystemClock{}.now() + seconds{10}; }

  /// An archive of `bytes` bytes that was last changed so long ago.
  void archive(const std::string& name, std::size_t bytes, hours age) {
    fs::create_directories(layout.archive());
    write_text(layout.archive() / name, std::string(bytes, 'x'));
    fs::last_write_time(layout.archive() / name, fs::file_time_type::clock::now() - age);
  }
  [[nodiscard]] std::vector<std::string> archives() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{layout.archive()}) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  static std::string unpacked(const fs::path& file) {
    const std::string bytes = text_of(file);
    std::string text;
    ops::ZstdDecompressor zstd{1'000'000};
    const auto done = zstd.add(
        std::as_bytes(std::span{bytes}), [&](std::span<const std::byte> part) -> Result<void> {
          text.append(reinterpret_cast<const char*>(part.data()), part.size());
          return {};
        });
    EXPECT_TRUE(done && zstd.finished());
    return text;
  }

  TempDir dir;
  Layout layout{.data = dir.path()};
};

TEST_F(LogFiles, a_turned_log_keeps_its_bytes_under_a_name_that_sorts_by_time) {
  write_text(layout.log("risk"), "one\n");
  const auto first = turn(layout.log("risk"), Timestamp::from_ns(1'795'282'661'147'090'682));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->filename(), "risk.log.20261121T173741.147090682Z");
  EXPECT_EQ(text_of(*first), "one\n");
  EXPECT_FALSE(fs::exists(layout.log("risk")));
  EXPECT_FALSE(turn(layout.log("risk"), later())) << "there is none";
}

TEST_F(LogFiles, a_turn_by_copy_leaves_the_file_to_its_writer) {
  std::ofstream writer{layout.log("risk"), std::ios::app};
  writer << "one\n" << std::flush;
  const auto aside = turn_by_copy(layout.log("risk"), later());
  ASSERT_TRUE(aside);
  writer << "two\n" << std::flush;
  EXPECT_EQ(text_of(*aside), "one\n");
  EXPECT_EQ(text_of(layout.log("risk")), "two\n");
}

TEST_F(LogFiles, an_archive_gives_the_log_back_and_replaces_it) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i) + '\n';
  write_text(layout.log("risk"), text);
  const auto aside = turn(layout.log("risk"), SystemClock{}.now());
  ASSERT_TRUE(aside);
  write_text(layout.log("risk"), "still open\n");
  const auto done = archive_logs(layout, later(), false);
  ASSERT_TRUE(done) << done.error().text();
  ASSERT_EQ(done->size(), 1U);
  EXPECT_EQ(done->front().bytes_before, text.size());
  EXPECT_LT(done->front().bytes_after, text.size() / 4);
  EXPECT_FALSE(fs::exists(*aside));
  EXPECT_EQ(unpacked(done->front().into), text);
  EXPECT_EQ(text_of(layout.log("risk")), "still open\n");
}

TEST_F(LogFiles, what_was_written_a_moment_ago_is_not_packed_yet) {
  write_text(layout.logs() / "risk.log.1", "late line\n");
  const auto now = SystemClock{}.now();
  const auto done = archive_logs(layout, now, false);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->empty());
  EXPECT_TRUE(fs::exists(layout.logs() / "risk.log.1"));
}

TEST_F(LogFiles, a_dry_run_touches_nothing) {
  write_text(layout.logs() / "risk.log.1", "line\n");
  const auto done = archive_logs(layout, later(), true);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->size(), 1U);
  EXPECT_FALSE(fs::exists(layout.archive()));
  archive("old.zst", 10, hours{24 * 90});
  const auto dropped = drop_old_logs(layout, {.keep = hours{24}}, SystemClock{}.now(), true);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->size(), 1U);
  EXPECT_EQ(archives().size(), 1U);
}

TEST_F(LogFiles, archives_go_by_age_and_by_total_size_and_never_by_number) {
  for (int i = 0; i < 50; ++i) archive("many-" + std::to_string(100 + i), 1, hours{1});
  EXPECT_TRUE(
      drop_old_logs(layout, {.keep = hours{2}, .archive_bytes = 50}, SystemClock{}.now(), false)
          ->empty());
  archive("aged", 1, hours{3});
  const auto by_age =
      drop_old_logs(layout, {.keep = hours{2}, .archive_bytes = 1'000}, SystemClock{}.now(), false);
  ASSERT_TRUE(by_age);
  ASSERT_EQ(by_age->size(), 1U);
  EXPECT_EQ(by_age->front().file.filename(), "aged");
}

TEST_F(LogFiles, the_oldest_goes_first_when_all_take_too_much) {
  archive("c-newest", 40, hours{1});
  archive("a-middle", 40, hours{2});
  archive("b-oldest", 40, hours{3});
  const auto dropped =
      drop_old_logs(layout, {.keep = hours{100}, .archive_bytes = 80}, SystemClock{}.now(), false);
  ASSERT_TRUE(dropped);
  ASSERT_EQ(dropped->size(), 1U);
  EXPECT_EQ(archives(), (std::vector<std::string>{"a-middle", "c-newest"}));
}

}  // namespace
}  // namespace stoa::deploy

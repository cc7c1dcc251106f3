#include "cli/log_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <ios>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cli/test_support.h"

namespace stoa::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kLine =
    R"({"ts":"2026-11-21T17:37:41.147090682Z","level":"warn","event":"role_exited",)"
    R"("service":"supervisor","instance":"supervisor-1","env":"testing","version":"0.1.0",)"
    R"("role":"venue","took_ms":1.5,"text":"exit 1; starts again","empty":""})";

TEST(LogLines, a_line_is_shown_for_people_without_what_they_know) {
  const auto line = read_log_line("supervisor", kLine, "");
  EXPECT_TRUE(line.json);
  EXPECT_EQ(line.level, log::Level::Warn);
  EXPECT_EQ(log_line_text(line),
            "17:37:41.147 warn  supervisor       role_exited role=venue took_ms=1.5 "
            "text=\"exit 1; starts again\"\n");
  EXPECT_EQ(log_line_json(line), std::string{kLine} + '\n');
}

TEST(LogLines, what_is_no_json_keeps_its_place_in_time) {
  const auto line = read_log_line("risk", "terminate called \"here\"", "2026-11-21T17:00:00.5Z");
  EXPECT_FALSE(line.json);
  EXPECT_EQ(line.ts, "2026-11-21T17:00:00.5Z");
  EXPECT_EQ(log_line_json(line),
            R"({"ts":"2026-11-21T17:00:00.5Z","service":"risk","msg":"terminate called \"here\""})"
            "\n");
  EXPECT_FALSE(read_log_line("risk", R"({"ts":)", "").json);
  EXPECT_FALSE(read_log_line("risk", R"({"a":1})", "").json);
}

std::vector<std::string> raw(const std::vector<LogLine>& lines) {
  std::vector<std::string> texts;
  texts.reserve(lines.size());
  for (const auto& line : lines) texts.push_back(line.raw);
  return texts;
}

TEST(LogLines, a_tail_gives_each_whole_line_once_through_moves_and_truncation) {
  const TempDir dir;
  const auto file = dir.path() / "risk.log";
  LogTail tail{"risk", file};
  EXPECT_THAT(tail.next(), IsEmpty());
  {
    std::ofstream out{file, std::ios::app};
    out << "one\ntwo\nhal" << std::flush;
    EXPECT_THAT(raw(tail.next()), ElementsAre("one", "two"));
    out << "f\n" << std::flush;
    EXPECT_THAT(raw(tail.next()), ElementsAre("half"));
  }
  std::filesystem::rename(file, dir.path() / "risk.log.1");
  std::ofstream{file} << "new file\n";
  EXPECT_THAT(raw(tail.next()), ElementsAre("new file"));
  std::filesystem::resize_file(file, 0);
  EXPECT_THAT(tail.next(), IsEmpty());
  std::ofstream{file, std::ios::app} << "again\n";
  EXPECT_THAT(raw(tail.next()), ElementsAre("again"));
}

TEST(LogLines, a_tail_of_a_long_file_begins_at_a_whole_line) {
  const TempDir dir;
  const auto file = dir.path() / "risk.log";
  std::ofstream{file} << "first line\nsecond\nthird\n";
  LogTail tail{"risk", file};
  EXPECT_THAT(raw(tail.next(10)), ElementsAre("third"));
}

TEST(LogLines, since_takes_ages_and_times) {
  const auto now = Timestamp::from_ns(1'795'282'661'000'000'000);  // 2026-11-21T17:37:41Z
  EXPECT_EQ(since_text("41s", now), "2026-11-21T17:37:00.000000000Z");
  EXPECT_EQ(since_text("10m", now), "2026-11-21T17:27:41.000000000Z");
  EXPECT_EQ(since_text("1d", now), "2026-11-20T17:37:41.000000000Z");
  EXPECT_EQ(since_text("2026-11-21", now), "2026-11-21");
  EXPECT_EQ(since_text("2026-11-21 17:00", now), "2026-11-21T17:00");
  EXPECT_EQ(since_text("2026-11-21T17:00:00Z", now), "2026-11-21T17:00:00Z");
  for (const std::string_view wrong :
       {"", "x", "m", "-1m", "10", "10y", "yesterday", "2026/11/21"}) {
    EXPECT_FALSE(since_text(wrong, now)) << wrong;
  }
}

}  // namespace
}  // namespace stoa::cli

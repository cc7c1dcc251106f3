#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): raise is asked of POSIX signals
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace stoa::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// Collects lines; `hold()` keeps the writer inside its sink, so that the ring fills.
class Lines {
 public:
  std::function<void(std::string_view)> sink() {
    return [this](std::string_view text) {
      const std::lock_guard held{gate_};
      const std::lock_guard lock{mutex_};
      while (!text.empty()) {
        const auto end = text.find('\n');
        lines_.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
      }
    };
  }
  std::unique_lock<std::mutex> hold() { return std::unique_lock{gate_}; }
  std::vector<std::string> take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(lines_, {});
  }

 private:
  std::mutex gate_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

std::string without_time(const std::string& line) {
  const auto from = line.find(R"(","level")");
  return from == std::string::npos ? line : line.substr(from + 2);
}

TEST(Log, an_entry_is_one_json_object_with_typed_fields) {
  Lines lines;
  Session session{{.format = Format::Json, .sink = lines.sink()}};
  const std::string owned = "PriceBand";
  info("order_rejected", {{"venue", "sim"},
                          {"reason", owned},
                          {"count", -3},
                          {"bytes", std::uint64_t{18'446'744'073'709'551'615U}},
                          {"ratio", 0.5},
                          {"first", true}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_THAT(got[0], ::testing::MatchesRegex(
                          R"(\{"ts":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z",.*)"));
  EXPECT_EQ(without_time(got[0]),
            R"("level":"info","event":"order_rejected","venue":"sim","reason":"PriceBand",)"
            R"("count":-3,"bytes":18446744073709551615,"ratio":0.5,"first":true})");
}

TEST(Log, a_line_says_which_process_of_which_role_wrote_it) {
  Lines lines;
  Session session{{.format = Format::Json,
                   .sink = lines.sink(),
                   .origin = {.service = "relay-market",
                              .instance = "relay-market-1",
                              .env = "production",
                              .version = "0.1.0"}}};
  info("started", {{"port", 8001}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(without_time(got[0]),
            R"("level":"info","event":"started","service":"relay-market",)"
            R"("instance":"relay-market-1","env":"production","version":"0.1.0","port":8001})");
}

/// stderr and stdout sent to a file, as a supervisor does it; put back at the end.
class Redirected {
 public:
  explicit Redirected(const std::filesystem::path& file)
      : out_{::dup(STDOUT_FILENO)}, err_{::dup(STDERR_FILENO)} {
    std::fflush(stdout);
    const Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    ::dup2(fd.get(), STDOUT_FILENO);
    ::dup2(fd.get(), STDERR_FILENO);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    ::dup2(out_.get(), STDOUT_FILENO);
    ::dup2(err_.get(), STDERR_FILENO);
  }

 private:
  Fd out_;
  Fd err_;
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(Log, a_file_that_was_moved_aside_is_opened_anew_on_sigusr1) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("stoa-log-test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "role.log";
  const auto aside = folder / "role.log.1";
  {
    const Redirected redirected{file};
    Session session{{.format = Format::Json, .file = file.string()}};
    info("before");
    session.flush();
    std::filesystem::rename(file, aside);
    info("between");
    session.flush();
    ASSERT_EQ(::raise(SIGUSR1), 0);
    session.flush();
    info("after");
    session.flush();
    [[maybe_unused]] const auto wrote = ::write(STDOUT_FILENO, "stray\n", 6);
  }
  EXPECT_THAT(text_of(aside), HasSubstr("before"));
  EXPECT_THAT(text_of(aside), HasSubstr("between"));
  EXPECT_THAT(text_of(file), HasSubstr("after"));
  EXPECT_THAT(text_of(file), HasSubstr("stray"));
  EXPECT_THAT(text_of(file), Not(HasSubstr("before")));
  std::filesystem::remove_all(folder);
}

TEST(Log, any_text_stays_one_line_of_valid_json) {
  Lines lines;
  Session session{{.format = Format::Json, .sink = lines.sink()}};
  info("odd", {{"text", "a\"b\\c\nd\x01"}, {"broken", "\xff\xc3(\xed\xa0\x80"}, {"good", "µ€𝄞"}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_THAT(got[0], HasSubstr(R"("text":"a\"b\\c\u000ad\u0001")"));
  EXPECT_THAT(got[0], HasSubstr(R"("broken":"\ufffd\ufffd(\ufffd\ufffd\ufffd")"));
  EXPECT_THAT(got[0], HasSubstr(R"("good":"µ€𝄞")"));
}

TEST(Log, secrets_never_reach_a_line) {
  Lines lines;
  Session session{{.format = Format::Json, .sink = lines.sink()}};
  info("login", {{"token", "aaa"},
                 {"binance_api_key", "bbb"},
                 {"url", "http://127.0.0.1:8080/#token=ccc"},
                 {"password_length", 17}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  for (const auto* secret : {"aaa", "bbb", "ccc", "17}"}) {
    EXPECT_THAT(got[0], Not(HasSubstr(secret)));
  }
  EXPECT_THAT(got[0], HasSubstr("http://127.0.0.1:8080/#token=[hidden]"));
}

TEST(Log, what_lies_below_the_level_is_not_written) {
  Lines lines;
  Session session{{.level = Level::Warn, .format = Format::Json, .sink = lines.sink()}};
  info("quiet");
  debug("quieter");
  warn("loud");
  EXPECT_TRUE(enabled(Level::Error));
  EXPECT_FALSE(enabled(Level::Info));
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_THAT(got[0], HasSubstr("loud"));
}

TEST(Log, a_full_ring_drops_and_tells_how_many_without_waiting) {
  Lines lines;
  Session session{{.format = Format::Json, .capacity = 8, .sink = lines.sink()}};
  std::uint64_t entries = 0;
  {
    // The writer drains on its own until it meets the gate; from then on eight fit.
    const auto held = lines.hold();
    for (; session.stats().dropped == 0; ++entries) info("tick", {{"i", entries}});
  }
  session.flush();
  std::uint64_t told = 0;
  std::uint64_t written = 0;
  for (const auto& line : lines.take()) {
    const auto at = line.find(R"("count":)");
    if (line.find("log_entries_dropped") != std::string::npos) {
      told += std::stoull(line.substr(at + 8));
    } else {
      ++written;
    }
  }
  EXPECT_EQ(told, session.stats().dropped);
  EXPECT_EQ(written + told, entries);
}

TEST(Log, equal_errors_of_one_second_are_one_line_and_a_count) {
  Lines lines;
  Session session{{.format = Format::Json, .sink = lines.sink()}};
  constexpr int kErrors = 100;
  for (int i = 0; i < kErrors; ++i) error("sync_failed", {{"device", "sda"}});
  error("sync_failed", {{"device", "sdb"}});
  for (int i = 0; i < 3; ++i) info("heartbeat");
  session.flush();
  const auto got = lines.take();
  EXPECT_LT(got.size(), 20U);
  std::uint64_t sda = 0;
  std::uint64_t heartbeats = 0;
  for (const auto& line : got) {
    const auto at = line.find(R"("repeated":)");
    if (line.find(R"("sda")") != std::string::npos) {
      sda += at == std::string::npos ? 1U : std::stoull(line.substr(at + 11));
    }
    heartbeats += line.find("heartbeat") != std::string::npos ? 1U : 0U;
  }
  EXPECT_EQ(sda, static_cast<std::uint64_t>(kErrors));
  EXPECT_EQ(heartbeats, 3U);
}

TEST(Log, long_texts_are_cut_and_say_so) {
  Lines lines;
  Session session{{.format = Format::Json, .sink = lines.sink()}};
  const std::string long_text(2'000, 'x');
  info("long", {{"text", long_text}, {"after", 1}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_LT(got[0].size(), 700U);
  EXPECT_THAT(got[0], EndsWith(R"(,"truncated":true})"));
}

TEST(Log, the_end_of_a_session_writes_what_many_threads_queued) {
  Lines lines;
  constexpr std::size_t kThreads = 4;
  constexpr int kEach = 500;
  {
    const Session session{{.format = Format::Json, .sink = lines.sink()}};
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kEach; ++i) info("work", {{"thread", t}, {"i", i}});
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const auto got = lines.take();
  ASSERT_EQ(got.size(), kThreads * kEach);
  // Each thread's entries keep their order.
  std::vector<int> next(kThreads, 0);
  for (const auto& line : got) {
    const auto thread = std::stoul(line.substr(line.find(R"("thread":)") + 9));
    const auto i = std::stoi(line.substr(line.find(R"("i":)") + 4));
    ASSERT_EQ(i, next.at(thread)++);
  }
}

TEST(Log, a_terminal_gets_a_line_for_people) {
  Lines lines;
  Session session{{.format = Format::Text, .sink = lines.sink()}};
  warn("feed_stale", {{"symbol", "BTCUSDT"}, {"why", "no message"}});
  session.flush();
  const auto got = lines.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_THAT(got[0],
              ::testing::MatchesRegex(
                  R"([0-9:]{8}\.[0-9]{3} .*warn .* feed_stale symbol=BTCUSDT why="no message")"));
}

TEST(Log, levels_have_names_both_ways) {
  for (const auto level : {Level::Error, Level::Warn, Level::Info, Level::Debug}) {
    EXPECT_EQ(level_of(to_string(level)), level);
  }
  EXPECT_FALSE(level_of("INFO").has_value());
}

}  // namespace
}  // namespace stoa::log

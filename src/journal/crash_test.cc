// kill -9 of a real process that writes a journal and acknowledges over a pipe, at random moments
// and at each fail point in turn: whatever it acknowledged is found again, and the next life goes
// on behind it. STOA_JOURNAL_KILLS sets the number of random kills; the rounds over the fail points
// grow with it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fail_points.h"
#include "journal/retention.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

#ifdef NDEBUG
static_assert(!kHasFailPoints, "a release has no fail points");
#endif

constexpr int kRandomKills = 300;
constexpr int kRefused = 7;  // the child's status when the journal answers with an error

int random_kills() {
  const char* const text = std::getenv("STOA_JOURNAL_KILLS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr
             ? kRandomKills
             : std::atoi(text);  // NOLINT(bugprone-unchecked-string-to-number-conversion)
}

struct Life {
  std::filesystem::path dir;
  std::uint64_t segment_bytes = 4096;
  std::uint64_t per_commit = 1;
  SyncPolicy sync = SyncPolicy::Always;
  bool side_files = false;  // also checkpoints, cursors, epochs and retention
  std::string fail_point;   // armed in the child
};

void demand(bool holds) {
  if (!holds) ::_exit(kRefused);
}

// All that a journal has beside its segments, moved on a little.
void tend(Writer& writer, const std::filesystem::path& dir) {
  const auto durable = writer.sync();
  demand(durable.has_value());
  demand(write_checkpoint(dir, {.lsn = *durable,
                                .chain = writer.chain(),
                                .epoch = writer.epoch(),
                                .state = test::payload_of(*durable)})
             .has_value());
  demand(set_cursor(dir, "backup", *durable).has_value());
  demand(apply_retention(dir, std::uint64_t{8} * 4096).has_value());
  demand(writer.begin_epoch(writer.epoch() + 1).has_value());
  demand(writer.begin_epoch(writer.epoch() + 1).has_value());  // of a segment without records
}

// The child: appends until it is killed and says each lsn after the commit that covers it.
[[noreturn]] void append_until_killed(const Life& life, int acknowledge_fd) {
#ifdef STOA_FAIL_POINTS
  armed_fail_point().arm(life.fail_point);
#endif
  auto writer = Writer::open(life.dir, {.segment_bytes = life.segment_bytes, .sync = life.sync});
  demand(writer.has_value());
  for (std::uint64_t batch = 1;; ++batch) {
    for (std::uint64_t i = 0; i < life.per_commit; ++i) {
      demand(writer->append(test::payload_of(writer->next_lsn())).has_value());
    }
    demand(writer->commit().has_value());
    // A killed process loses nothing that was written, durable or not.
    const std::uint64_t acknowledged = writer->next_lsn().value() - 1;
    demand(::write(acknowledge_fd, &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    if (life.side_files && batch % 10 == 0) tend(*writer, life.dir);
  }
}

struct Death {
  std::uint64_t acknowledged = 0;  // last lsn heard of
  std::uint64_t heard = 0;         // acknowledgements
  int status = 0;                  // as waitpid has it
};

// One life: start, listen to `acknowledgements` of them, kill, and listen to the rest.
Death live_and_die(const Life& life, std::uint64_t acknowledgements) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Fd listen{ends[0]};
  Fd speak{ends[1]};
  const pid_t child = ::fork();
  if (child == 0) {
    listen.reset();
    append_until_killed(life, speak.get());
  }
  speak.reset();
  Death death;
  std::uint64_t lsn = 0;
  while (::read(listen.get(), &lsn, sizeof lsn) == sizeof lsn) {
    death.acknowledged = lsn;
    if (++death.heard == acknowledgements) ::kill(child, SIGKILL);
  }
  EXPECT_EQ(::waitpid(child, &death.status, 0), child);
  return death;
}

// What every life leaves: an intact journal with all that was acknowledged, each record once.
void expect_all_there(const std::filesystem::path& dir, Lsn acknowledged) {
  const auto report = verify(dir);
  if (!report) {  // killed before there was a directory
    ASSERT_EQ(report.error().code, ErrorCode::NotFound) << report.error().text();
    ASSERT_EQ(acknowledged, Lsn{0});
    return;
  }
  for (const auto& damage : report->damage) ADD_FAILURE() << damage.text();
  if (report->segments.empty()) {
    ASSERT_EQ(acknowledged, Lsn{0});
    return;
  }
  const auto back = test::read_back(dir);  // readers need no recovery
  ASSERT_FALSE(back.error) << back.error->text();
  const std::uint64_t before = report->segments.front().info.first.value() - 1;
  const Lsn last{before + back.records};
  ASSERT_TRUE(back.records == 0 || back.last == last) << "no gap, no repeat";
  ASSERT_EQ(report->segments.back().last, last);
  ASSERT_GE(last, acknowledged);
}

TEST(Kill, every_acknowledged_record_is_there_after_kill_9) {
  const test::TemporaryDirectory temporary;
  Random random{20'240'101};
  Lsn acknowledged;
  std::uint64_t heard = 0;
  for (int life = 0; life < random_kills(); ++life) {
    SCOPED_TRACE("life " + std::to_string(life));
    constexpr std::array kPolicies{SyncPolicy::Always, SyncPolicy::Interval, SyncPolicy::None};
    const Life shape{.dir = temporary.path() / "log",
                     .segment_bytes = std::uint64_t{4096} << random.below(5),
                     .per_commit = 1 + random.below(50),
                     .sync = kPolicies[random.below(3)],
                     .side_files = random.one_in(2),
                     .fail_point = {}};
    const Death death = live_and_die(shape, 1 + random.below(60));
    ASSERT_TRUE(WIFSIGNALED(death.status)) << "ended by itself: " << WEXITSTATUS(death.status);
    acknowledged = std::max(acknowledged, Lsn{death.acknowledged});
    heard += death.heard;
    expect_all_there(shape.dir, acknowledged);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  std::cout << random_kills() << " kills, " << heard << " acknowledgements, last lsn "
            << acknowledged.value() << ", lost 0\n";
}

#ifdef STOA_FAIL_POINTS

struct Way {
  const char* action;
  int status;
};
constexpr std::array kWays{Way{"kill", 0}, Way{"exit", kFailPointExit}, Way{"eio", kRefused}};

TEST(Kill, every_acknowledged_record_is_there_after_a_death_at_each_fail_point) {
  Random random{20'240'102};
  const int rounds = std::max(1, random_kills() / kRandomKills);
  std::uint64_t deaths = 0;
  for (const std::string_view point : at::kAll) {
    const test::TemporaryDirectory temporary;
    Lsn acknowledged;
    for (int round = 0; round < rounds * 4; ++round) {
      for (const Way& way : kWays) {
        // What a start passes it passes once; the other places lie on the way again and again.
        const bool once = point.starts_with("journal.recovery");
        const std::uint64_t pass = once ? 1 : 1 + random.below(4);
        const Life shape{
            .dir = temporary.path() / "log",
            .per_commit = 1 + random.below(20),
            .side_files = true,
            .fail_point = std::string{point} + ":" + way.action + ":" + std::to_string(pass)};
        SCOPED_TRACE(shape.fail_point);
        // A first start has nothing to recover.
        if (once && acknowledged == Lsn{0})
          acknowledged = Lsn{live_and_die({.dir = shape.dir, .fail_point = {}}, 3).acknowledged};
        constexpr std::uint64_t kNeverReached = 5000;
        const Death death = live_and_die(shape, kNeverReached);
        ASSERT_LT(death.heard, kNeverReached) << "the place was not reached";
        if (WIFSIGNALED(death.status)) {
          ASSERT_STREQ(way.action, "kill");
        } else {
          ASSERT_EQ(WEXITSTATUS(death.status), way.status);
        }
        acknowledged = std::max(acknowledged, Lsn{death.acknowledged});
        expect_all_there(shape.dir, acknowledged);
        if (HasFatalFailure() || HasNonfatalFailure()) return;
        ++deaths;
      }
    }
  }
  std::cout << deaths << " deaths at " << at::kAll.size() << " fail points, lost 0\n";
}

TEST(FailPointDeathTest, an_unreadable_fail_point_ends_the_program) {
  for (const char* const text :
       {"journal.after_write", "journal.after_write:burn", "journal.after_write:kill:0",
        "journal.after_write:kill:x", "journal.after_write:kill:1x"}) {
    EXPECT_EXIT(armed_fail_point().arm(text), testing::ExitedWithCode(2), "STOA_FAILPOINT is NAME");
  }
}

TEST(FailPointDeathTest, the_environment_arms_a_fail_point) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fresh process, which has not looked yet
  ::setenv("STOA_FAILPOINT", "journal.before_seal:exit", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EXIT(
      {
        if (fail_point("journal.after_seal") != 0) ::_exit(1);
        static_cast<void>(fail_point("journal.before_seal"));
      },
      testing::ExitedWithCode(kFailPointExit), "");
  ::unsetenv("STOA_FAILPOINT");  // NOLINT(concurrency-mt-unsafe)
}

#endif

}  // namespace
}  // namespace stoa::journal

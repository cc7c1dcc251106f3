// kill -9 of a real process that appends and acknowledges over a pipe: whatever it acknowledged is
// found again, and the next life goes on behind it. STOA_JOURNAL_KILLS sets the number of lives.

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

#include "base/fd.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

int lives() {
  const char* const text = std::getenv("STOA_JOURNAL_KILLS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr
             ? 40
             : std::atoi(text);  // NOLINT(bugprone-unchecked-string-to-number-conversion)
}

struct Life {
  std::filesystem::path dir;
  std::uint64_t segment_bytes;
  std::uint64_t per_commit;
  SyncPolicy sync;
};

// The child: appends until it is killed and says each lsn after the commit that covers it.
[[noreturn]] void append_until_killed(const Life& life, int acknowledge_fd) {
  auto writer = Writer::open(life.dir, {.segment_bytes = life.segment_bytes, .sync = life.sync});
  if (!writer) {
    std::cerr << writer.error().text() << '\n';
    ::_exit(2);
  }
  for (;;) {
    for (std::uint64_t i = 0; i < life.per_commit; ++i) {
      if (!writer->append(test::payload_of(writer->next_lsn()))) ::_exit(3);
    }
    if (!writer->commit()) ::_exit(4);
    // A killed process loses nothing that was written, durable or not.
    const std::uint64_t acknowledged = writer->next_lsn().value() - 1;
    if (::write(acknowledge_fd, &acknowledged, sizeof acknowledged) != sizeof acknowledged) {
      ::_exit(5);
    }
  }
}

// One life: start, listen to `acknowledgements` of them, kill, and listen to the rest.
std::uint64_t live_and_die(const Life& life, std::uint64_t acknowledgements) {
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
  std::uint64_t last = 0;
  std::uint64_t heard = 0;
  while (::read(listen.get(), &last, sizeof last) == sizeof last) {
    if (++heard == acknowledgements) ::kill(child, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  return last;
}

TEST(Kill, every_acknowledged_record_is_there_after_kill_9) {
  const test::TemporaryDirectory temporary;
  Random random{20'240'101};
  Lsn acknowledged;
  for (int life = 0; life < lives(); ++life) {
    SCOPED_TRACE("life " + std::to_string(life));
    constexpr std::array kPolicies{SyncPolicy::Always, SyncPolicy::Interval, SyncPolicy::None};
    const Life shape{.dir = temporary.path() / "log",
                     .segment_bytes = std::uint64_t{4096} << random.below(5),
                     .per_commit = 1 + random.below(50),
                     .sync = kPolicies[random.below(3)]};
    acknowledged = std::max(acknowledged, Lsn{live_and_die(shape, 1 + random.below(60))});

    // Readers need no recovery; the torn tail, if any, is the tail.
    const auto report = verify(shape.dir);
    ASSERT_TRUE(report) << report.error().text();
    for (const auto& damage : report->damage) ADD_FAILURE() << damage.text();
    ASSERT_GE(report->last, acknowledged);
    const auto back = test::read_back(shape.dir);
    ASSERT_FALSE(back.error) << back.error->text();
    ASSERT_EQ(back.records, back.last.value()) << "from 1, no gap, no repeat";
    ASSERT_GE(back.last, acknowledged);
  }
}

}  // namespace
}  // namespace stoa::journal

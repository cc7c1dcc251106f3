#include "deploy/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "deploy/children.h"
#include "deploy/notify.h"
#include "deploy/test_support.h"

namespace stoa::deploy {
namespace {

using ::testing::HasSubstr;

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() = default;
  Launch shell(const std::string& script) {
    return {.argv = {"/bin/sh", "-c", script},
            .environment = {"PATH=/usr/bin:/bin", "GREETING=hello"},
            .log_file = dir.path() / "log"};
  }
  static ExitStatus end_of(Process& process) {
    pollfd wait{.fd = process.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wait, 1, 10'000), 1) << "it should have ended";
    return process.reap().value_or(ExitStatus{.known = false, .number = -1});
  }

  TempDir dir;
};

TEST_F(ProcessTest, output_goes_to_the_log_and_the_exit_code_comes_back) {
  auto process = Process::start(shell("echo $GREETING; echo trouble >&2; exit 7"));
  ASSERT_TRUE(process) << process.error().text();
  const auto status = end_of(*process);
  EXPECT_EQ(status.text(), "exit 7");
  EXPECT_EQ(text_of(dir.path() / "log"), "hello\ntrouble\n");
  EXPECT_FALSE(process->reap()) << "told once";
}

TEST_F(ProcessTest, a_signal_is_told_by_its_name) {
  auto process = Process::start(shell("kill -KILL $$"));
  ASSERT_TRUE(process);
  EXPECT_EQ(end_of(*process).text(), "signal 9 (SIGKILL)");
}

TEST_F(ProcessTest, a_program_that_is_not_there_is_an_error_and_leaves_nothing) {
  const auto process =
      Process::start({.argv = {(dir.path() / "nothing").string()}, .log_file = dir.path() / "log"});
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().text(), HasSubstr("No such file"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
}

TEST_F(ProcessTest, it_leads_a_session_with_default_signals_and_no_open_files) {
  const Fd leak{::dup(STDERR_FILENO)};
  auto process =
      Process::start(shell("ls /proc/$$/fd; echo end; cut -d' ' -f1,6 /proc/$$/stat;"
                           "grep SigIgn /proc/$$/status"));
  ASSERT_TRUE(process);
  const auto pid = std::to_string(process->id().pid);
  EXPECT_EQ(end_of(*process).text(), "exit 0");
  const auto log = text_of(dir.path() / "log");
  EXPECT_THAT(log, HasSubstr("0\n1\n2\nend\n"));
  EXPECT_THAT(log, HasSubstr(pid + " " + pid));
  EXPECT_THAT(log, HasSubstr("SigIgn:\t0000000000000000"));
}

TEST_F(ProcessTest, what_it_started_ends_with_it) {
  auto process =
      Process::start(shell("(trap '' TERM HUP; echo $$ ; while :; do sleep 1; done) & "
                           "echo child $!; exit 0"));
  ASSERT_TRUE(process);
  EXPECT_EQ(end_of(*process).text(), "exit 0");
  const auto log = text_of(dir.path() / "log");
  const auto at = log.find("child ");
  ASSERT_NE(at, std::string::npos) << log;
  const auto child = static_cast<pid_t>(std::stol(log.substr(at + 6)));
  EXPECT_TRUE(wait_until([&] { return !running_process(child); }));
}

TEST_F(ProcessTest, kill_all_ends_a_process_that_takes_no_sigterm) {
  auto process = Process::start(shell("trap '' TERM; echo up; while :; do sleep 1; done"));
  ASSERT_TRUE(process);
  ASSERT_TRUE(wait_until([&] { return text_of(dir.path() / "log") == "up\n"; }));
  process->signal(SIGTERM);
  EXPECT_FALSE(process->reap());
  process->kill_all();
  EXPECT_EQ(end_of(*process).text(), "signal 9 (SIGKILL)");
}

TEST_F(ProcessTest, an_adopted_process_is_seen_to_end_without_its_status) {
  auto process = Process::start(shell("read line"));  // stdin is /dev/null, so it ends
  ASSERT_TRUE(process);
  auto other = Process::start(shell("sleep 100"));
  ASSERT_TRUE(other);
  auto adopted = Process::adopt(other->id());
  ASSERT_TRUE(adopted);
  EXPECT_FALSE(adopted->reap());
  adopted->kill_all();
  EXPECT_EQ(end_of(*other).text(), "signal 9 (SIGKILL)");
  EXPECT_EQ(adopted->reap()->text(), "ended");
  EXPECT_EQ(end_of(*process).known, true);
}

TEST_F(ProcessTest, a_number_that_somebody_else_has_now_is_not_adopted) {
  auto mine = running_process(::getpid());
  ASSERT_TRUE(mine);
  EXPECT_TRUE(Process::adopt(*mine));
  ++mine->start_ticks;
  EXPECT_FALSE(Process::adopt(*mine));
}

TEST_F(ProcessTest, handlers_of_another_process_can_be_seen) {
  auto process =
      Process::start(shell("trap 'echo reopened' USR1; echo up; while :; do sleep 0.01; done"));
  ASSERT_TRUE(process);
  ASSERT_TRUE(wait_until([&] { return text_of(dir.path() / "log") == "up\n"; }));
  EXPECT_TRUE(catches(process->id().pid, SIGUSR1));
  EXPECT_FALSE(catches(process->id().pid, SIGUSR2));
  process->kill_all();
  end_of(*process);
}

TEST_F(ProcessTest, the_tail_of_a_log_is_its_last_lines) {
  const auto file = dir.path() / "tail";
  write_text(file, "one\ntwo\nthree\nfour\n");
  EXPECT_EQ(tail_of(file, 2), "three\nfour");
  EXPECT_EQ(tail_of(file, 10), "one\ntwo\nthree\nfour");
  EXPECT_EQ(tail_of(dir.path() / "absent", 2), "");
  write_text(file, "");
  EXPECT_EQ(tail_of(file, 2), "");
}

// ---- sd_notify

TEST(Notice, each_name_is_read_and_others_are_passed_over) {
  const auto notice = parse_notice(
      "READY=1\nSTATUS=two\twords\nX_OTHER=1\nWATCHDOG=1\nEXTEND_TIMEOUT_USEC=2500000\nno "
      "equals\n");
  EXPECT_TRUE(notice.ready);
  EXPECT_TRUE(notice.watchdog);
  EXPECT_FALSE(notice.trouble);
  EXPECT_FALSE(notice.stopping);
  EXPECT_EQ(notice.status, "two words");
  EXPECT_EQ(notice.extend, std::chrono::milliseconds{2'500});
  EXPECT_TRUE(parse_notice("WATCHDOG=trigger").trouble);
  EXPECT_TRUE(parse_notice("STOPPING=1").stopping);
}

TEST(Notice, what_means_nothing_changes_nothing) {
  for (const std::string_view text :
       {"", "\n\n", "READY", "READY=", "READY=0", "READY=11", "=1", "EXTEND_TIMEOUT_USEC=-1",
        "EXTEND_TIMEOUT_USEC=9x", "ready=1"}) {
    SCOPED_TRACE(text);
    const auto notice = parse_notice(text);
    EXPECT_FALSE(notice.ready || notice.watchdog || notice.stopping || notice.trouble);
    EXPECT_FALSE(notice.extend);
  }
}

TEST(Notice, a_peer_cannot_ask_for_more_than_an_hour_or_a_long_status) {
  const auto notice =
      parse_notice("EXTEND_TIMEOUT_USEC=18446744073709551615\nSTATUS=" + std::string(1'000, 'x'));
  EXPECT_EQ(notice.extend, std::chrono::hours{1});
  EXPECT_EQ(notice.status->size(), 256U);
}

void send_to(const std::filesystem::path& path, std::string_view text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path.native(), &address.sun_path[0]);
  const Fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::sendto(fd.get(), text.data(), text.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address), sizeof address),
            static_cast<::ssize_t>(text.size()));
}

TEST(Notice, only_the_process_itself_is_heard) {
  const TempDir dir;
  auto socket = NoticeSocket::bind(dir.path() / "notify.sock");
  ASSERT_TRUE(socket) << socket.error().text();
  send_to(dir.path() / "notify.sock", "READY=1");
  EXPECT_FALSE(socket->receive(::getpid() + 1)) << "not from that one";
  send_to(dir.path() / "notify.sock", "READY=1");
  const auto notice = socket->receive(::getpid());
  ASSERT_TRUE(notice);
  EXPECT_TRUE(notice->ready);
  EXPECT_FALSE(socket->receive(::getpid())) << "no more";
}

TEST(Notice, a_name_that_no_socket_can_have_is_refused_with_its_length) {
  const TempDir dir;
  const auto path = dir.path() / std::string(120, 'x');
  const auto socket = NoticeSocket::bind(path);
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().text(), HasSubstr("the system takes 107"));
}

}  // namespace
}  // namespace stoa::deploy

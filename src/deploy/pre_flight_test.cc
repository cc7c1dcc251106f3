#include "deploy/pre_flight.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/supervise.h"
#include "deploy/test_support.h"

namespace stoa::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A socket that listens on a free port of 127.0.0.1.
struct Taken {
  Taken() : fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_TRUE(::bind(fd.get(), generic, size) == 0 && ::listen(fd.get(), 1) == 0 &&
                ::getsockname(fd.get(), generic, &size) == 0);
    port = ntohs(address.sin_port);
  }
  Fd fd;
  std::uint16_t port = 0;
};

class PreFlightTest : public ::testing::Test {
 protected:
  std::vector<std::string> look(PreFlightOptions options = {}) {
    options.layout = layout;
    options.roles = {0, 1};
    std::vector<std::string> told;
    for (const auto& hindrance : pre_flight(plan, options, SystemClock{})) {
      told.push_back(hindrance.text());
    }
    return told;
  }

  TempDir dir;
  Layout layout{.data = dir.path() / "data"};
  Plan plan{.roles = {{.name = "relay-execution"}, {.name = "risk", .after = {0}}}};
};

TEST_F(PreFlightTest, a_good_place_has_nothing_to_tell_and_its_folders) {
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_directory(layout.run()));
  EXPECT_TRUE(std::filesystem::is_directory(layout.logs()));
}

TEST_F(PreFlightTest, a_taken_port_is_told_with_role_and_holder) {
  const Taken taken;
  plan.roles[1].port = taken.port;
  const auto told = look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], HasSubstr("port " + std::to_string(taken.port) + " of risk is taken by " +
                                 "process " + std::to_string(::getpid())));
  EXPECT_THAT(look({.running = {"risk"}}), IsEmpty()) << "it is its own";
}

TEST_F(PreFlightTest, a_disk_without_room_and_a_held_journal_are_told_together) {
  std::filesystem::create_directories(layout.wal());
  const Fd lock{::open((layout.wal() / "writer.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  write_text(layout.wal() / "writer.lock", "process 4711\n");
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  const auto told = look({.free_bytes_min = UINT64_MAX});
  ASSERT_EQ(told.size(), 2U);
  EXPECT_THAT(told[0], HasSubstr("free, a start needs"));
  EXPECT_THAT(told[1], HasSubstr("the journal is in use by process 4711"));
}

TEST_F(PreFlightTest, what_dead_processes_left_is_taken_away_and_the_living_stay) {
  ASSERT_THAT(look(), IsEmpty());
  write_text(layout.pid("risk"), "4194304 1 ready\n");
  write_text(layout.notify("risk"), "");
  write_text(layout.control(), "");
  const auto self = running_process(::getpid());
  ASSERT_TRUE(self);
  write_text(layout.pid("venue"),
             std::to_string(self->pid) + ' ' + std::to_string(self->start_ticks) + " ready\n");
  ASSERT_EQ(running_roles(layout).size(), 1U);
  EXPECT_EQ(running_roles(layout).front().name, "venue");
  sweep_left_behind(layout);
  EXPECT_FALSE(std::filesystem::exists(layout.pid("risk")));
  EXPECT_FALSE(std::filesystem::exists(layout.notify("risk")));
  EXPECT_FALSE(std::filesystem::exists(layout.control()));
  EXPECT_TRUE(std::filesystem::exists(layout.pid("venue")));
}

TEST_F(PreFlightTest, a_directory_that_cannot_be_made_is_told_with_its_reason) {
  write_text(dir.path() / "file", "in the way");
  layout.data = dir.path() / "file" / "data";
  const auto told = look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], HasSubstr("cannot write the directory: Not a directory"));
}

TEST_F(PreFlightTest, a_clock_of_another_age_is_told) {
  const ManualClock clock{Timestamp::from_ns(1'000'000'000)};
  PreFlightOptions options{.layout = layout};
  const auto told = pre_flight(plan, options, clock);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0].text(), HasSubstr("the clock says 1970-01-01"));
}

TEST(SupervisorLockTest, one_supervisor_has_a_directory) {
  const TempDir dir;
  const Layout layout{.data = dir.path()};
  std::filesystem::create_directories(layout.run());
  EXPECT_FALSE(SupervisorLock::holder(layout));
  {
    const auto lock = SupervisorLock::take(layout);
    ASSERT_TRUE(lock);
    EXPECT_EQ(SupervisorLock::holder(layout), ::getpid());
    const auto second = SupervisorLock::take(layout);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text(), HasSubstr("process " + std::to_string(::getpid())));
  }
  EXPECT_FALSE(SupervisorLock::holder(layout));
}

}  // namespace
}  // namespace stoa::deploy

#include "ops/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace stoa::ops {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The other end: a datagram socket as a service manager has it.
class Manager {
 public:
  /// `name` as NOTIFY_SOCKET takes it.
  explicit Manager(std::string name)
      : name_{std::move(name)}, socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (name_[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    bound_ = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
  }
  [[nodiscard]] bool bound() const { return bound_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Everything that has come; a datagram to a local socket is there once sendto returns.
  std::vector<std::string> heard() {
    std::vector<std::string> messages;
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (size < 0) return messages;
      messages.emplace_back(bytes.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  std::string name_;
  Fd socket_;
  bool bound_ = false;
};

std::string fresh_name(std::string_view what) {
  return "@stoa-notify-" + std::string{what} + "-" + std::to_string(::getpid());
}

using Words = std::vector<std::string>;

TEST(Notify, speaks_the_words_of_systemd_to_an_abstract_socket) {
  Manager manager{fresh_name("words")};
  ASSERT_TRUE(manager.bound());
  Notify notify{manager.name(), microseconds{0}};
  EXPECT_TRUE(notify.listened_to());
  notify.ready("serves 3 books");
  notify.status("line one\nREADY=1");
  notify.reloading(nanoseconds{5'000'999});
  notify.ready();
  notify.extend_timeout(seconds{30});
  notify.stopping("drains");
  EXPECT_EQ(manager.heard(), (Words{"READY=1\nSTATUS=serves 3 books", "STATUS=line one READY=1",
                                    "RELOADING=1\nMONOTONIC_USEC=5000", "READY=1",
                                    "EXTEND_TIMEOUT_USEC=30000000", "STOPPING=1\nSTATUS=drains"}));
}

TEST(Notify, speaks_to_a_socket_with_a_path) {
  const auto dir =
      std::filesystem::temp_directory_path() / ("stoa-notify-test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  {
    Manager manager{(dir / "notify").string()};
    ASSERT_TRUE(manager.bound());
    Notify notify{manager.name(), microseconds{0}};
    notify.ready();
    EXPECT_EQ(manager.heard(), (Words{"READY=1"}));
  }
  std::filesystem::remove_all(dir);
}

TEST(Notify, feeds_the_watchdog_at_half_of_its_time) {
  Manager manager{fresh_name("watchdog")};
  ASSERT_TRUE(manager.bound());
  Notify notify{manager.name(), seconds{10}};
  EXPECT_EQ(notify.beat_every(), seconds{5});
  notify.beat(seconds{100});
  EXPECT_EQ(manager.heard(), (Words{"WATCHDOG=1"}));
  notify.beat(seconds{105} - nanoseconds{1});
  EXPECT_EQ(manager.heard(), Words{});
  notify.beat(seconds{105});
  EXPECT_EQ(manager.heard(), (Words{"WATCHDOG=1"}));
}

TEST(Notify, says_nothing_without_a_watchdog) {
  Manager manager{fresh_name("none")};
  ASSERT_TRUE(manager.bound());
  Notify notify{manager.name(), microseconds{0}};
  notify.beat(seconds{100});
  EXPECT_EQ(manager.heard(), Words{});
}

TEST(Notify, does_nothing_when_nobody_listens) {
  for (const std::string_view name : {"", "relative", "@", "/"}) {
    Notify notify{name, seconds{1}};
    EXPECT_FALSE(notify.listened_to()) << name;
    EXPECT_EQ(notify.beat_every(), nanoseconds{0}) << name;
    notify.ready("x");
    notify.beat(seconds{1});
  }
  const std::string too_long = "/" + std::string(200, 'x');
  EXPECT_FALSE(Notify(too_long, seconds{1}).listened_to());
  Notify gone{"/nonexistent/notify", seconds{1}};  // a manager that has ended
  gone.ready();
  Notify none;
  none.stopping();
}

TEST(Notify, never_waits_for_a_manager_that_does_not_read) {
  Manager manager{fresh_name("full")};
  ASSERT_TRUE(manager.bound());
  Notify notify{manager.name(), microseconds{0}};
  for (int i = 0; i < 10'000; ++i) notify.status("busy");  // far more than the socket takes
  const auto heard = manager.heard();
  EXPECT_GT(heard.size(), 0U);
  EXPECT_LT(heard.size(), 10'000U);
  notify.ready();
  EXPECT_EQ(manager.heard(), (Words{"READY=1"}));
}

TEST(Notify, takes_the_environment_and_leaves_none_of_it_to_children) {
  Manager manager{fresh_name("environment")};
  ASSERT_TRUE(manager.bound());
  ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
  ::setenv("WATCHDOG_USEC", "20000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  Notify notify = Notify::from_environment();
  EXPECT_EQ(notify.beat_every(), seconds{10});
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_PID"), nullptr);
  notify.ready();
  EXPECT_EQ(manager.heard(), (Words{"READY=1"}));
}

TEST(Notify, leaves_the_watchdog_of_another_process_alone) {
  Manager manager{fresh_name("other")};
  ASSERT_TRUE(manager.bound());
  ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
  ::setenv("WATCHDOG_USEC", "20000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  const Notify notify = Notify::from_environment();
  EXPECT_TRUE(notify.listened_to());
  EXPECT_EQ(notify.beat_every(), nanoseconds{0});
  EXPECT_FALSE(Notify::from_environment().listened_to());
}

}  // namespace
}  // namespace stoa::ops

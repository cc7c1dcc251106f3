#include "ops/connection_pool.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/temp_dir.h"
#include "ops/discovery.h"
#include "ops/registry.h"
#include "ops/registry_test_support.h"

namespace stoa::ops {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A listening socket, by its path or on a port of 127.0.0.1.
class Listener {
 public:
  explicit Listener(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_STREAM, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    address_ = path;
  }
  Listener() : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  Fd accept() { return Fd{::accept(fd_.get(), nullptr, nullptr)}; }

 private:
  Fd fd_;
  std::string address_;
};

Directory directory_with(const std::string& address) {
  Directory directory;
  Instance instance = instance_of("risk", "risk-1");
  instance.endpoints = {{.name = "socket", .address = address}};
  directory.services.push_back({.name = "risk", .instances = {{.instance = instance}}});
  return directory;
}

class Pool : public ::testing::Test {
 protected:
  TempDir folder;
  ManualClock clock{Timestamp::from_ns(1'000'000'000)};
  ConnectionPool pool{clock};
};

TEST_F(Pool, connects_to_a_path_or_a_port) {
  Listener unix_one{(folder.path() / "a.sock").string()};
  Listener tcp_one;
  for (Listener* listener : {&unix_one, &tcp_one}) {
    const auto connection = pool.take(listener->address());
    ASSERT_TRUE(connection.has_value()) << connection.error().text();
    EXPECT_NE(::fcntl(connection->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(connection->get(), F_GETFD) & FD_CLOEXEC, 0);
    const Fd peer = listener->accept();
    EXPECT_EQ(::send(connection->get(), "x", 1, 0), 1);
    char byte = 0;
    EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), 1);
    EXPECT_EQ(byte, 'x');
  }
}

TEST_F(Pool, says_that_nobody_answers) {
  std::string free_port;
  {
    const Listener gone;
    free_port = gone.address();
  }
  for (const std::string& address : {free_port, (folder.path() / "none.sock").string()}) {
    const auto connection = pool.take(address);
    ASSERT_FALSE(connection.has_value());
    EXPECT_EQ(connection.error().code, ErrorCode::Unavailable);
    EXPECT_EQ(connection.error().source, address);
  }
  for (const auto* bad : {"", "localhost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "1.2.3:5",
                          "127.0.0.1:70000", "127.0.0.1:5x"}) {
    const auto connection = pool.take(bad);
    ASSERT_FALSE(connection.has_value()) << bad;
    EXPECT_EQ(connection.error().code, ErrorCode::BadInput) << bad;
  }
  EXPECT_FALSE(pool.take("/" + std::string(200, 'x')).has_value());
  EXPECT_EQ(pool.made(), 0U);
}

TEST_F(Pool, gives_the_same_connection_again) {
  Listener listener;
  auto first = pool.take(listener.address());
  ASSERT_TRUE(first.has_value());
  const Fd peer = listener.accept();
  const int number = first->get();
  pool.give_back(listener.address(), std::move(*first));
  EXPECT_EQ(pool.idle(), 1U);
  const auto again = pool.take(listener.address());
  EXPECT_EQ(again->get(), number);
  EXPECT_EQ(pool.made(), 1U);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_TRUE(pool.take(listener.address()).has_value());
  EXPECT_EQ(pool.made(), 2U);
}

TEST_F(Pool, drops_one_that_died_or_talks_out_of_turn) {
  Listener listener;
  auto dead = pool.take(listener.address());
  auto talking = pool.take(listener.address());
  auto alive = pool.take(listener.address());
  Fd dead_peer = listener.accept();
  const Fd talking_peer = listener.accept();
  const Fd alive_peer = listener.accept();
  const int number = alive->get();
  pool.give_back(listener.address(), std::move(*alive));
  pool.give_back(listener.address(), std::move(*dead));
  pool.give_back(listener.address(), std::move(*talking));
  ASSERT_EQ(pool.idle(), 3U);
  dead_peer.reset();
  ASSERT_EQ(::send(talking_peer.get(), "late", 4, 0), 4);
  const auto taken = pool.take(listener.address());
  EXPECT_EQ(taken->get(), number);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_EQ(pool.made(), 3U);
}

TEST_F(Pool, keeps_only_so_many_and_only_so_long) {
  Listener listener;
  std::vector<Fd> taken;
  std::vector<Fd> peers;
  for (int i = 0; i < 6; ++i) {
    taken.push_back(std::move(*pool.take(listener.address())));
    peers.push_back(listener.accept());
  }
  for (Fd& connection : taken) pool.give_back(listener.address(), std::move(connection));
  EXPECT_EQ(pool.idle(), 4U);
  pool.sweep(directory_with(listener.address()));
  EXPECT_EQ(pool.idle(), 4U);
  clock.advance_to(clock.now() + seconds{30} - nanoseconds{1});
  pool.sweep(directory_with(listener.address()));
  EXPECT_EQ(pool.idle(), 4U);
  clock.advance_to(clock.now() + nanoseconds{1});
  pool.sweep(directory_with(listener.address()));
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(Pool, never_gives_one_that_idled_too_long) {
  Listener listener;
  pool.give_back(listener.address(), std::move(*pool.take(listener.address())));
  const Fd peer = listener.accept();
  clock.advance_to(clock.now() + seconds{30});
  EXPECT_TRUE(pool.take(listener.address()).has_value());
  EXPECT_EQ(pool.made(), 2U);
}

TEST_F(Pool, drops_what_leads_to_an_entry_that_is_gone) {
  Listener here;
  Listener gone;
  pool.give_back(here.address(), std::move(*pool.take(here.address())));
  pool.give_back(gone.address(), std::move(*pool.take(gone.address())));
  const Fd here_peer = here.accept();
  const Fd gone_peer = gone.accept();
  ASSERT_EQ(pool.idle(), 2U);
  pool.sweep(directory_with(here.address()));
  EXPECT_EQ(pool.idle(), 1U);
  char byte = 0;
  EXPECT_EQ(::recv(gone_peer.get(), &byte, 1, 0), 0);  // closed
}

}  // namespace
}  // namespace stoa::ops

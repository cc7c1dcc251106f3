#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "gateway/neighbour.h"
#include "gateway/neighbour_wire.h"

namespace stoa::gateway {
namespace {

std::vector<NeighbourFrame> one_of_each() {
  return {{.kind = NeighbourKind::Hello},
          {.kind = NeighbourKind::Hello, .has_listener = true},
          {.kind = NeighbourKind::Listener},
          {.kind = NeighbourKind::Connections, .early = {"", "GET / HT", std::string(1'000, 'x')}}};
}

TEST(NeighbourWire, every_cut_of_the_bytes_gives_the_same_frames) {
  std::string bytes;
  for (const NeighbourFrame& frame : one_of_each()) bytes += encode(frame);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    NeighbourReader reader;
    std::vector<NeighbourFrame> seen;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view{bytes}.substr(at, step));
      for (auto next = reader.next(); next && next->has_value(); next = reader.next()) {
        seen.push_back(**next);
      }
    }
    EXPECT_EQ(seen, one_of_each()) << step;
  }
}

TEST(NeighbourWire, a_flipped_bit_anywhere_is_refused_or_waited_behind) {
  const std::string bytes = encode(one_of_each()[3]);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    NeighbourReader reader;
    reader.feed(wrong);
    const auto next = reader.next();
    EXPECT_FALSE(next.has_value() && next->has_value()) << at;
  }
}

struct Link {
  Link() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    a.emplace(Fd{ends[0]});
    b.emplace(Fd{ends[1]});
  }
  std::optional<Neighbour> a;
  std::optional<Neighbour> b;
};

/// Pipes stand for connections: what is written into one end tells which it is.
GivenConnection connection(std::vector<Fd>& other_ends, std::string early) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  other_ends.emplace_back(ends[0]);
  return {.socket = Fd{ends[1]}, .early = std::move(early)};
}

TEST(Neighbour, a_thousand_connections_arrive_each_with_its_own_bytes) {
  Link link;
  std::vector<Fd> ends;
  std::vector<GivenConnection> given;
  for (std::size_t i = 0; i < 1'000; ++i)
    given.push_back(connection(ends, std::string(i % 50, 'e')));
  link.a->give(std::move(given));
  std::vector<GivenConnection> came;
  while (came.size() < 1'000) {
    ASSERT_TRUE(link.a->flush().has_value());
    auto read = link.b->read();
    ASSERT_TRUE(read.has_value()) << read.error().text();
    for (GivenConnection& each : read->connections) came.push_back(std::move(each));
  }
  for (std::size_t i = 0; i < came.size(); ++i) {
    EXPECT_EQ(came[i].early.size(), i % 50);
    const char byte = static_cast<char>(i);
    ASSERT_EQ(::write(came[i].socket.get(), &byte, 1), 1);
    char back = 0;
    ASSERT_EQ(::read(ends[i].get(), &back, 1), 1);
    EXPECT_EQ(back, byte);
  }
}

TEST(Neighbour, what_was_not_sent_to_one_that_is_gone_is_still_ours) {
  Link link;
  link.b.reset();
  std::vector<Fd> ends;
  std::vector<GivenConnection> given;
  given.push_back(connection(ends, "half a request"));
  link.a->give(std::move(given));
  EXPECT_FALSE(link.a->flush().has_value());
  auto ours = link.a->take_unsent();
  ASSERT_EQ(ours.size(), 1U);
  EXPECT_EQ(ours[0].early, "half a request");
  EXPECT_EQ(::write(ours[0].socket.get(), "x", 1), 1);
}

TEST(Neighbour, a_frame_without_its_descriptors_is_damage) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd plain{ends[0]};
  Neighbour link{Fd{ends[1]}};
  const std::string bytes = encode({.kind = NeighbourKind::Listener});
  ASSERT_EQ(::send(plain.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  const auto read = link.read();
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::Damaged);
}

}  // namespace
}  // namespace stoa::gateway

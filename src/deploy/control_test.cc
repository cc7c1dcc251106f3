#include "deploy/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/poll.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "deploy/build.h"
#include "deploy/control_server.h"
#include "deploy/test_support.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(Control, a_request_survives_its_line) {
  const Request asked{.verb = Request::Verb::Down,
                      .roles = {"venue", "risk"},
                      .force = true,
                      .timeout = seconds{7}};
  auto line = to_line(asked);
  EXPECT_EQ(line, "down force timeout=7 venue risk\n");
  line.pop_back();
  const auto read = parse_request(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->verb, asked.verb);
  EXPECT_EQ(read->roles, asked.roles);
  EXPECT_TRUE(read->force);
  EXPECT_EQ(read->timeout, asked.timeout);
}

TEST(Control, each_verb_survives_its_line) {
  using Verb = Request::Verb;
  for (const Verb verb : {Verb::Up, Verb::Down, Verb::Restart, Verb::HandOver, Verb::Status,
                          Verb::BesideStart, Verb::BesideStop, Verb::BesidePromote}) {
    auto line = to_line({.verb = verb});
    line.pop_back();
    const auto read = parse_request(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(read->verb, verb) << line;
  }
  EXPECT_EQ(to_line({.verb = Verb::HandOver, .roles = {"relay-market"}}),
            "hand-over relay-market\n");
}

TEST(Control, a_build_survives_its_line_with_spaces_and_percent_signs) {
  const Request asked{
      .verb = Request::Verb::BesideStart,
      .roles = {"risk"},
      .build =
          Build{.colour = Colour::Green, .release = "0.2.0", .program = "/my data/50%25/stoa"}};
  auto line = to_line(asked);
  EXPECT_EQ(line, "beside-start risk colour=green release=0.2.0 program=/my%20data/50%2525/stoa\n");
  line.pop_back();
  const auto read = parse_request(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->verb, asked.verb);
  EXPECT_EQ(read->roles, asked.roles);
  EXPECT_EQ(read->build, asked.build);
  EXPECT_EQ(parse_request("beside-stop risk")->build, std::nullopt);
  EXPECT_FALSE(parse_request("beside-promote risk colour=red"));
}

TEST(Control, what_is_no_request_is_refused) {
  for (const std::string_view line :
       {"", "stop", "UP", "down timeout=", "down timeout=-1", "down timeout=86401",
        "down timeout=x", "up a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g"}) {
    SCOPED_TRACE(line);
    EXPECT_FALSE(parse_request(line));
  }
  EXPECT_TRUE(parse_request("down timeout=86400"));
}

/// A server and one client of it; `turn()` lets the server work.
class Conversation : public ::testing::Test {
 protected:
  void turn() {
    server->poll([this](ControlServer::Client& client, const Result<Request>& request) {
      asked.push_back(request ? to_line(*request) : "bad");
      client.listens = true;
    });
  }

  TempDir dir;
  Result<ControlServer> server = ControlServer::open(dir.path() / "control.sock");
  std::vector<std::string> asked;
};

TEST_F(Conversation, a_client_asks_once_and_hears_until_the_end) {
  ASSERT_TRUE(server);
  auto client = ControlClient::connect(dir.path() / "control.sock");
  ASSERT_TRUE(client) << client.error().text();
  ASSERT_TRUE(client->send({.verb = Request::Verb::Up, .roles = {"venue"}}));
  ASSERT_TRUE(wait_until([&] {
    turn();
    return !asked.empty();
  }));
  ASSERT_TRUE(client->send({.verb = Request::Verb::Down}));
  turn();
  EXPECT_THAT(asked, ElementsAre("up venue\n")) << "one question per connection";
  server->say_to_listeners("one");
  server->say_to_listeners("two");
  server->finish_listeners();
  turn();
  EXPECT_EQ(client->line(seconds{5}).value(), "one");
  EXPECT_EQ(client->line(seconds{5}).value(), "two");
  EXPECT_EQ(client->line(seconds{5}).value(), std::nullopt) << "closed";
}

TEST_F(Conversation, what_was_asked_counts_though_the_client_has_left) {
  ASSERT_TRUE(server);
  {
    auto client = ControlClient::connect(dir.path() / "control.sock");
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->send({.verb = Request::Verb::Restart, .roles = {"risk"}}));
  }
  EXPECT_TRUE(wait_until([&] {
    turn();
    return !asked.empty();
  }));
  EXPECT_THAT(asked, ElementsAre("restart risk\n"));
}

TEST_F(Conversation, a_silent_supervisor_is_an_error_in_time) {
  ASSERT_TRUE(server);
  auto client = ControlClient::connect(dir.path() / "control.sock");
  ASSERT_TRUE(client);
  const auto line = client->line(milliseconds{10});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, ErrorCode::Unavailable);
}

TEST_F(Conversation, a_client_that_never_reads_is_dropped_at_its_bound) {
  ASSERT_TRUE(server);
  auto client = ControlClient::connect(dir.path() / "control.sock");
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->send({.verb = Request::Verb::Up}));
  ASSERT_TRUE(wait_until([&] {
    turn();
    return !asked.empty();
  }));
  std::vector<pollfd> fds;
  for (int i = 0; i < 40; ++i) {
    server->say_to_listeners(std::string(std::size_t{64} * 1024, 'x'));
    turn();
  }
  server->wait_for(fds);
  EXPECT_EQ(fds.size(), 1U) << "only the listener is left";
}

TEST_F(Conversation, a_client_that_says_too_much_is_dropped) {
  ASSERT_TRUE(server);
  auto client = ControlClient::connect(dir.path() / "control.sock");
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->send({.verb = Request::Verb::Up, .roles = {std::string(9'000, 'x')}}));
  std::vector<pollfd> fds;
  EXPECT_TRUE(wait_until([&] {
    turn();
    fds.clear();
    server->wait_for(fds);
    return fds.size() == 1;
  }));
  EXPECT_TRUE(asked.empty());
}

TEST(Control, without_a_supervisor_there_is_nobody_to_talk_to) {
  const TempDir dir;
  const auto client = ControlClient::connect(dir.path() / "control.sock");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace stoa::deploy

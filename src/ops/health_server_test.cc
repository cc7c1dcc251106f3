#include "ops/health_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ops/http_test_client.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

using std::chrono::milliseconds;

using Client = HttpTestClient;

int status_of(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}
bool has(const std::string& answer, std::string_view text) {
  return answer.find(text) != std::string::npos;
}

class HealthServerTest : public ::testing::Test {
 protected:
  void start(HealthOptions options = {}) {
    options.token = "secret";
    options.wake = [this] { woken.fetch_add(1); };
    auto started = HealthServer::start(status, metrics, std::move(options));
    ASSERT_TRUE(started.has_value()) << started.error().text();
    server = std::move(*started);
  }

  SystemClock clock;
  RoleStatus status{{.service = "risk", .instance = "risk-1", .started = clock.now()}, clock};
  Metrics metrics;
  std::atomic<int> woken{0};
  std::unique_ptr<HealthServer> server;
};

TEST_F(HealthServerTest, tells_the_port_that_the_system_chose) {
  start();
  EXPECT_GT(server->port(), 0);
  EXPECT_EQ(server->endpoint(), "127.0.0.1:" + std::to_string(server->port()));
}

TEST_F(HealthServerTest, answers_many_questions_on_one_connection) {
  start();
  Client client{server->port()};
  const std::string starting = client.ask("GET", "/readyz");
  EXPECT_EQ(status_of(starting), 503);
  EXPECT_TRUE(has(starting, "Content-Type: application/health+json\r\n"));
  EXPECT_TRUE(has(starting, "Cache-Control: no-store\r\n"));
  EXPECT_TRUE(has(starting, "Date: "));
  status.set_state(RoleState::Ready);
  EXPECT_EQ(status_of(client.ask("GET", "/readyz?verbose")), 200);
  EXPECT_TRUE(has(client.ask("GET", "/status"), "\"state\":\"ready\""));
  EXPECT_TRUE(has(client.ask("GET", "/metrics", "Accept: application/json\r\n"),
                  "\"messages_per_second\":0"));
}

TEST_F(HealthServerTest, answers_questions_that_come_at_once_in_their_order) {
  start();
  status.set_state(RoleState::Ready);
  Client client{server->port()};
  client.say(
      "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(client.hear()), 200);
  EXPECT_EQ(status_of(client.hear()), 404);
  EXPECT_EQ(status_of(client.hear()), 200);
}

TEST_F(HealthServerTest, answers_head_without_the_body_that_get_has) {
  start();
  status.set_state(RoleState::Ready);
  Client client{server->port()};
  const std::string head = client.ask("HEAD", "/livez");
  EXPECT_EQ(status_of(head), 200);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_FALSE(has(head, "Content-Length: 0\r\n"));
  EXPECT_EQ(status_of(client.ask("GET", "/livez")), 200);
}

TEST_F(HealthServerTest, refuses_what_it_does_not_have) {
  start();
  Client client{server->port()};
  EXPECT_EQ(status_of(client.ask("GET", "/nothing")), 404);
  const std::string answer = client.ask("DELETE", "/health");
  EXPECT_EQ(status_of(answer), 405);
  EXPECT_TRUE(has(answer, "Allow: GET, HEAD\r\n"));
  EXPECT_TRUE(has(answer, "application/problem+json"));
  EXPECT_TRUE(has(client.ask("GET", "/-/drain"), "Allow: POST\r\n"));
  EXPECT_EQ(status_of(client.ask("GET", "/readyz?what=1")), 400);
}

TEST_F(HealthServerTest, refuses_what_is_no_http) {
  start();
  {
    Client client{server->port()};
    client.say("what is this\r\n\r\n");
    const std::string answer = client.hear();
    EXPECT_EQ(status_of(answer), 400);
    EXPECT_TRUE(has(answer, "Connection: close\r\n"));
    EXPECT_TRUE(client.ended());
  }
  Client client{server->port()};
  client.say("GET /health HTTP/1.1\r\nHost: a\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_of(client.hear()), 431);
  Client third{server->port()};
  third.say("POST /-/drain HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
  EXPECT_EQ(status_of(third.hear()), 413);
}

TEST_F(HealthServerTest, passes_on_a_request_that_shows_the_token) {
  start({.requests = static_cast<std::uint32_t>(RoleRequest::Drain)});
  Client client{server->port()};
  EXPECT_EQ(status_of(client.ask("POST", "/-/drain", "Content-Length: 0\r\n")), 401);
  EXPECT_EQ(status_of(client.ask("POST", "/-/drain",
                                 "Authorization: Bearer wrong\r\nContent-Length: 0\r\n")),
            401);
  EXPECT_EQ(status.take_requests(), 0U);
  EXPECT_EQ(woken.load(), 0);
  const std::string answer =
      client.ask("POST", "/-/drain", "Authorization: Bearer secret\r\nContent-Length: 0\r\n");
  EXPECT_EQ(status_of(answer), 202);
  EXPECT_TRUE(has(answer, R"({"requested":"drain"})"));
  EXPECT_EQ(status.take_requests(), static_cast<std::uint32_t>(RoleRequest::Drain));
  EXPECT_EQ(woken.load(), 1);
  EXPECT_EQ(status_of(client.ask("POST", "/-/pause",
                                 "Authorization: Bearer secret\r\nContent-Length: 0\r\n")),
            501);
  EXPECT_EQ(status.take_requests(), 0U);
}

TEST_F(HealthServerTest, answers_while_the_role_does_not_turn) {
  // This thread is the role: it never comes to its loop while the other asks.
  start();
  status.set_state(RoleState::Ready);
  std::vector<int> answers;
  std::thread prober{[&] {
    Client client{server->port()};
    for (int i = 0; i < 100; ++i) answers.push_back(status_of(client.ask("GET", "/readyz")));
  }};
  prober.join();
  EXPECT_EQ(answers, std::vector<int>(100, 200));
}

TEST_F(HealthServerTest, has_room_for_so_many_connections) {
  start({.connections_max = 2});
  Client first{server->port()};
  Client second{server->port()};
  EXPECT_EQ(status_of(first.ask("GET", "/livez")), 200);
  EXPECT_EQ(status_of(second.ask("GET", "/livez")), 200);
  Client third{server->port()};
  const std::string answer = third.hear();
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_TRUE(has(answer, "too_many_connections"));
  EXPECT_EQ(status_of(first.ask("GET", "/livez")), 200);
}

TEST_F(HealthServerTest, ends_what_takes_too_long) {
  start({.request_timeout = milliseconds{50}, .idle_timeout = milliseconds{100}});
  Client slow{server->port()};
  slow.say("GET /livez HT");
  EXPECT_EQ(status_of(slow.hear()), 408);
  Client idle{server->port()};
  EXPECT_TRUE(idle.ended());
}

TEST_F(HealthServerTest, says_why_it_cannot_listen) {
  start();
  Metrics other;
  const auto taken = HealthServer::start(status, other, {.port = server->port()});
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(has(taken.error().message, "is taken")) << taken.error().message;
  const auto wrong = HealthServer::start(status, other, {.host = "nowhere"});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, ErrorCode::BadInput);
}

TEST_F(HealthServerTest, closes_its_port_when_it_stops) {
  start();
  const std::uint16_t port = server->port();
  Client client{port};
  EXPECT_EQ(status_of(client.ask("GET", "/livez")), 200);
  server->stop();
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(Client{port}.connected());
  server->stop();
}

}  // namespace
}  // namespace stoa::ops

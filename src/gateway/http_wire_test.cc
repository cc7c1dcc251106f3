#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "gateway/gateway.h"
#include "gateway/json_body.h"
#include "gateway/test_support.h"

// What comes over the wire and is no proper request.
namespace stoa::gateway::test {
namespace {

using Wire = GatewayTest;

TEST_F(Wire, malformed_requests_are_refused_and_the_connection_ends) {
  start();
  const std::string long_head =
      "GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n";
  const std::string long_target =
      "GET /" + std::string(4'100, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::pair<std::string_view, int> cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/9.9\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n", 413},
      {long_head, 431},
      {long_target, 414},
      {std::string_view{"GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n", 36}, 400},
  };
  for (const auto& [bytes, status] : cases) {
    SCOPED_TRACE(bytes.substr(0, 60));
    HttpClient http = client();
    http.send(bytes);
    HttpAnswer answer = http.read();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.headers["connection"], "close");
    EXPECT_TRUE(http.at_end());
  }
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(Wire, a_request_may_come_byte_by_byte) {
  start();
  HttpClient http = client();
  for (const char c : std::string_view{"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    http.send({&c, 1});
  }
  EXPECT_EQ(http.read().status, 200);
}

TEST_F(Wire, pipelined_requests_are_answered_in_order) {
  start();
  HttpClient http = client();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: " + std::to_string(i) +
           "\r\n\r\n";
  }
  // One that waits for the engine stands between others: the later ones wait behind it.
  all +=
      "POST /api/v1/risk/kill HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: 50\r\n"
      "Authorization: Bearer secret-token\r\nContent-Length: 14\r\n\r\n{\"reason\":\"x\"}";
  all += "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: 51\r\n\r\n";
  http.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(http.read().headers["x-request-id"], std::to_string(i));
  engine.echo(engine.next_command());
  EXPECT_EQ(http.read().headers["x-request-id"], "50");
  EXPECT_EQ(http.read().headers["x-request-id"], "51");
}

/// The kill switch, which waits for the engine, and an order right behind it.
std::string kill_and_order() {
  const std::string_view body =
      R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.01","price":"60000",)"
      R"("client_order_id":"late"})";
  return "POST /api/v1/risk/kill HTTP/1.1\r\nHost: localhost\r\n"
         "Authorization: Bearer secret-token\r\nContent-Length: 14\r\n\r\n{\"reason\":\"x\"}"
         "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\n"
         "Authorization: Bearer secret-token\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}
constexpr std::string_view kHungUp = "stoa_gateway_hung_up_requests_total 1";

TEST_F(Wire, an_order_whose_sender_has_hung_up_is_not_carried_out) {
  start();
  std::optional<HttpClient> http{client()};
  http->send(kill_and_order());
  const Command kill = engine.next_command();
  http.reset();
  engine.echo(kill);  // the order is looked at after this, and the end of its connection has come
  get_until("/metrics", [&](const HttpAnswer& answer) {
    return answer.body.contains(kHungUp) || engine.waiting_commands() > 0;
  });
  EXPECT_EQ(engine.waiting_commands(), 0U);
  EXPECT_EQ(get("/api/v1/orders/late").status, 404);
}

TEST_F(Wire, who_closes_for_sending_is_told_that_nothing_was_done) {
  start();
  HttpClient http = client();
  http.send(kill_and_order());
  const Command kill = engine.next_command();
  ASSERT_EQ(::shutdown(http.fd(), SHUT_WR), 0);
  engine.echo(kill);
  EXPECT_EQ(http.read().status, 200);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "hung_up");
  EXPECT_TRUE(http.at_end());
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(Wire, who_closes_for_sending_may_still_ask) {
  start();
  HttpClient http = client();
  http.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(::shutdown(http.fd(), SHUT_WR), 0);
  EXPECT_EQ(http.read().status, 200);
  EXPECT_TRUE(http.at_end());
}

TEST_F(Wire, a_client_that_asks_first_is_told_to_go_on) {
  start();
  HttpClient http = client();
  http.send(
      "POST /api/v1/risk/kill HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Authorization: Bearer secret-token\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(http.read().status, 100);
  http.send("{}");
  EXPECT_EQ(http.read().code(), "missing_field");
}

TEST_F(Wire, chunked_bodies_are_read_and_connection_close_is_kept) {
  start();
  HttpClient http = client();
  http.send(
      "POST /api/v1/risk/kill HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Authorization: Bearer secret-token\r\nConnection: "
      "close\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
  EXPECT_EQ(http.read().code(), "missing_field");
  EXPECT_TRUE(http.at_end());
}

TEST_F(Wire, a_request_that_does_not_come_to_an_end_is_408) {
  Options options = test_options();
  options.header_timeout = std::chrono::milliseconds{40};
  start(std::move(options));
  HttpClient http = client();
  http.send("GET /health HTTP/1.1\r\n");
  EXPECT_EQ(http.read().status, 408);
  EXPECT_TRUE(http.at_end());
}

TEST_F(Wire, an_idle_connection_is_closed) {
  Options options = test_options();
  options.idle_timeout = std::chrono::milliseconds{40};
  start(std::move(options));
  HttpClient http = client();
  EXPECT_TRUE(http.at_end());
}

TEST_F(Wire, connections_beyond_the_bound_get_503) {
  Options options = test_options();
  options.connections_max = 2;
  start(std::move(options));
  HttpClient first = client();
  HttpClient second = client();
  EXPECT_EQ(first.call("GET", "/health").status, 200);
  EXPECT_EQ(second.call("GET", "/health").status, 200);
  HttpClient third = client();
  EXPECT_EQ(third.read().status, 503);
  EXPECT_TRUE(third.at_end());
  EXPECT_EQ(first.call("GET", "/health").status, 200);
}

/// `STOA_SUITES`, else `shared/suites` beside the project's root, which is the directory above this
/// program that holds CMakePresets.json.
std::filesystem::path suite_dir() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in a test program sets variables
  if (const char* named = std::getenv("STOA_SUITES")) {
    return std::filesystem::path{named} / "json-parsing";
  }
  std::error_code ignored;
  auto root = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  while (root.has_relative_path() && !std::filesystem::exists(root / "CMakePresets.json")) {
    root = root.parent_path();
  }
  return root.parent_path() / "shared/suites/json-parsing";
}

TEST_F(Wire, the_json_parsing_suite_is_refused_file_by_file) {
  const std::filesystem::path dir = suite_dir();
  if (!std::filesystem::is_directory(dir)) GTEST_SKIP() << "no suite at " << dir;
  start();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{dir}) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    SCOPED_TRACE(entry.path().filename());
    std::ifstream in{entry.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const std::string name = entry.path().filename().string();
    HttpClient http = client();
    http.ask("POST", "/api/v1/orders:check", text);
    const HttpAnswer answer = http.read();
    if (name.starts_with("n_") && text.size() <= 65'536) {
      EXPECT_EQ(answer.status, 400);
      EXPECT_EQ(answer.code(), "malformed_json");
    } else {
      EXPECT_GE(answer.status, 400);
      EXPECT_LT(answer.status, 500);
    }
  }
  EXPECT_EQ(files, 318U);
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST(JsonBody, what_the_suite_accepts_parses_and_names_do_not_repeat) {
  const std::filesystem::path dir = suite_dir();
  if (!std::filesystem::is_directory(dir)) GTEST_SKIP() << "no suite at " << dir;
  for (const auto& entry : std::filesystem::directory_iterator{dir}) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("y_") && !name.starts_with("n_")) continue;
    SCOPED_TRACE(name);
    std::ifstream in{entry.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    // A name that stands twice is JSON to the suite; to us it is a mistake that must not be
    // guessed.
    const bool accepted =
        name.starts_with("y_") && name.find("duplicated_key") == std::string::npos;
    EXPECT_EQ(parse_json(text).has_value(), accepted);
  }
}

}  // namespace
}  // namespace stoa::gateway::test

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "gateway/gateway.h"
#include "gateway/test_support.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_test_client.h"
#include "model/execution.h"
#include "model/order.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"
#include "relay/unix_socket.h"

// Two gateways at one port (decision 0014): what clients see of a switch.
namespace stoa::gateway::test {
namespace {

using Mode = ops::OrderDoor::Mode;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::size_t open_fds() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    ++count;
  }
  return count;
}

std::string order(std::string_view id) {
  return R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.01","price":"60000",)"
         R"("client_order_id":")" +
         std::string{id} + "\"}";
}

/// One log that two gateways follow: what a command of either becomes is shown to both.
class TwoGateways : public ::testing::Test {
 protected:
  struct Side {
    FakeEngine engine;
    std::unique_ptr<Gateway> gateway;
  };

  TwoGateways()
      : dir_{std::filesystem::temp_directory_path() /
             ("stoa-pair-" + std::to_string(::getpid()) + "-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name())} {
    std::filesystem::create_directories(dir_);
  }
  ~TwoGateways() override {
    blue.gateway.reset();
    green.gateway.reset();
    std::filesystem::remove_all(dir_);
  }

  void start(Side& side, bool follows, std::uint16_t port = 0) {
    Options options = test_options();
    options.port = port;
    options.next = dir_ / "gateway.next";
    options.follows = follows;
    options.drain_max = drain_max;
    auto started = Gateway::start(std::move(options), side.engine.link());
    ASSERT_TRUE(started.has_value()) << started.error().text();
    side.gateway = std::move(*started);
  }
  void start_both() {
    start(blue, false);
    start(green, true);
    green.engine.status->door.store({.mode = Mode::Closed});
    await(blue, &GatewayPlace::neighbour, true);
    await(green, &GatewayPlace::listener, true);
  }
  /// Bounded by the test's own time limit.
  template <class T>
  static void await(const Side& side, T GatewayPlace::* member, T wanted) {
    while (side.gateway->place().*member != wanted) std::this_thread::yield();
  }
  /// Blue and green as the roles do it; numbers go on.
  void switch_over(Side& from, Side& to) {
    from.gateway->pause();
    await(from, &GatewayPlace::quiet, true);
    settle();
    from.engine.status->door.store({.mode = Mode::Closed});
    to.engine.status->door.store({.mode = Mode::Open, .takes = true});
    to.gateway->lead(next_sequence_);
    from.gateway->follow();
    await(to, &GatewayPlace::neighbour, true);
  }
  /// The core of both: takes every command that waits, and both see what becomes of it.
  std::size_t settle() {
    const std::lock_guard lock{settling_};
    std::size_t count = 0;
    for (Side* side : {&blue, &green}) {
      while (side->engine.waiting_commands() > 0) {
        const Command command = side->engine.next_command();
        EXPECT_EQ(command.view().header().sequence, next_sequence_++);
        const auto id = command.view().as<OrderIntent>().client_order_id;
        const bool fresh = placed_.insert(std::string{id.view()}).second;
        if (!fresh) ++doubled;
        for (Side* each : {&blue, &green}) {
          if (fresh) {
            each->engine.accept(command);
          } else {
            each->engine.decide(each->engine.echo(command), RejectCode::DuplicateClientOrderId);
          }
        }
        ++count;
      }
    }
    return count;
  }

  std::filesystem::path dir_;
  Side blue;
  Side green;
  std::chrono::milliseconds drain_max{5'000};
  std::uint64_t next_sequence_ = 1;
  std::set<std::string> placed_;
  std::size_t doubled = 0;
  std::mutex settling_;
};

TEST_F(TwoGateways, the_one_that_follows_opens_a_port_of_its_own_and_gets_the_listener) {
  start_both();
  EXPECT_NE(green.gateway->own_port(), 0);
  EXPECT_NE(green.gateway->own_port(), blue.gateway->port());
  HttpClient http{green.gateway->own_port()};
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  EXPECT_EQ(http.call("POST", "/api/v1/orders", order("a")).code(), "not_ready");
  EXPECT_EQ(green.gateway->port(), blue.gateway->port());
  struct stat file{};
  ASSERT_EQ(::stat((dir_ / "gateway.next").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
}

TEST_F(TwoGateways, an_idle_connection_goes_to_the_one_that_leads_now) {
  start_both();
  HttpClient http{blue.gateway->port()};
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  switch_over(blue, green);
  const std::uint64_t before = green.engine.waiting_commands();
  http.ask("POST", "/api/v1/orders", order("a"));
  while (green.engine.waiting_commands() == before) std::this_thread::yield();
  settle();
  EXPECT_EQ(http.read().status, 201);
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  await(blue, &GatewayPlace::kept, std::uint32_t{0});
}

TEST_F(TwoGateways, a_request_that_has_begun_to_come_goes_with_its_bytes) {
  start_both();
  HttpClient http{blue.gateway->port()};
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  const std::string body = order("split");
  const std::string request =
      "POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer secret-token\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (const std::size_t cut : {std::size_t{7}, std::size_t{60}, request.size() - 5}) {
    SCOPED_TRACE(cut);
    Side& from =
        blue.gateway->place().kept == 0 && green.engine.status->door.load().mode == Mode::Open
            ? green
            : blue;
    Side& to = &from == &blue ? green : blue;
    std::string text = request;
    text.replace(text.find("split"), 5, "cut" + std::to_string(cut % 90 + 10));
    http.send(std::string_view{text}.substr(0, cut));
    // Another answer on the same loop: what came before has been read.
    HttpClient other{from.gateway->port()};
    EXPECT_EQ(other.call("GET", "/health").status, 200);
    switch_over(from, to);
    http.send(std::string_view{text}.substr(cut));
    while (settle() == 0) std::this_thread::yield();
    EXPECT_EQ(http.read().status, 201);
  }
}

TEST_F(TwoGateways, a_request_in_flight_is_answered_by_the_one_that_took_it) {
  start_both();
  HttpClient http{blue.gateway->port()};
  http.ask("POST", "/api/v1/orders", order("a"));
  const Command command = blue.engine.next_command();
  blue.gateway->pause();
  await(blue, &GatewayPlace::quiet, true);
  green.engine.status->door.store({.mode = Mode::Open, .takes = true});
  green.gateway->lead(2);
  blue.gateway->follow();
  await(blue, &GatewayPlace::kept, std::uint32_t{1});
  blue.engine.accept(command);
  green.engine.accept(command);
  EXPECT_EQ(http.read().status, 201);
  await(blue, &GatewayPlace::kept, std::uint32_t{0});
  EXPECT_EQ(at(http.call("GET", "/api/v1/orders/a").body, "client_order_id"), "a");
}

TEST_F(TwoGateways, a_switch_that_is_called_off_leaves_everything_where_it_was) {
  start_both();
  HttpClient http{blue.gateway->port()};
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  blue.gateway->pause();
  await(blue, &GatewayPlace::quiet, true);
  http.ask("GET", "/health");
  HttpClient waits{blue.gateway->port()};  // connects all the same
  ASSERT_TRUE(waits.connected());
  waits.ask("GET", "/health");
  blue.gateway->lead(1);
  EXPECT_EQ(http.read().status, 200);
  EXPECT_EQ(waits.read().status, 200);
}

TEST_F(TwoGateways, what_nobody_takes_in_time_is_answered_here_for_the_last_time) {
  drain_max = milliseconds{100};
  start(blue, false);
  HttpClient http{blue.gateway->port()};
  EXPECT_EQ(http.call("GET", "/health").status, 200);
  blue.gateway->follow();
  const HttpAnswer last = http.call("GET", "/health");
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(http.at_end());
}

TEST_F(TwoGateways, one_that_starts_to_lead_gets_the_listener_of_one_that_follows) {
  start_both();
  const std::uint16_t port = blue.gateway->port();
  blue.gateway.reset();  // dead: its descriptors are closed
  // Nobody accepts, and nobody is refused.
  HttpClient waits{port};
  ASSERT_TRUE(waits.connected());
  waits.ask("GET", "/health");
  start(blue, false, port);
  EXPECT_EQ(waits.read().status, 200);
  EXPECT_EQ(blue.gateway->port(), port);
}

TEST_F(TwoGateways, a_port_that_a_stranger_has_is_still_refused_where_there_is_no_pair) {
  start(blue, false);
  Options options = test_options();
  options.port = blue.gateway->port();
  const auto refused = Gateway::start(std::move(options), green.engine.link());
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("is taken"), std::string::npos);
}

TEST_F(TwoGateways, what_is_no_gateway_is_hung_up_on_and_the_next_one_is_served) {
  start(blue, false);
  auto link = relay::connect_unix(dir_ / "gateway.next");
  ASSERT_TRUE(link.has_value());
  const std::string nonsense(64, 'x');
  EXPECT_EQ(relay::send(*link, std::as_bytes(std::span{nonsense})).bytes, nonsense.size());
  start(green, true);
  await(green, &GatewayPlace::listener, true);
}

/// Nothing was refused, reset, lost, doubled or left without an answer through many switches, with
/// connections that stay and connections for one request each.
TEST_F(TwoGateways, twenty_switches_and_back_under_load_lose_nothing) {
  start_both();
  const std::uint16_t port = blue.gateway->port();
  std::atomic<bool> stop{false};
  std::atomic<bool> core_stop{false};
  std::atomic<std::size_t> sent{0};
  std::atomic<std::size_t> answered{0};
  std::atomic<std::size_t> refused{0};
  std::atomic<std::size_t> failed{0};
  std::thread core{[&] {
    while (!core_stop.load()) {
      if (settle() == 0) std::this_thread::sleep_for(milliseconds{1});  // leaves the core to others
    }
  }};
  const auto client = [&](int number, bool stays) {
    std::unique_ptr<HttpClient> http;
    for (int i = 0; !stop.load(); ++i) {
      if (!stays || !http) http = std::make_unique<HttpClient>(port);
      if (!http->connected()) {
        ++refused;
        continue;
      }
      ++sent;
      const HttpAnswer answer = http->call(
          "POST", "/api/v1/orders", order("c" + std::to_string(number) + "-" + std::to_string(i)));
      if (answer.status == 201) {
        ++answered;
      } else {
        ++failed;
        ADD_FAILURE() << (stays ? "kept" : "new") << " connection, order " << i << ": "
                      << answer.status << ' ' << answer.body;
      }
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(client, i, i % 2 == 0);
  std::size_t fds_before = 0;
  for (int turn = 0; turn < 20; ++turn) {
    for (auto [from, to] : {std::pair{&blue, &green}, std::pair{&green, &blue}}) {
      const std::size_t before = answered.load();
      switch_over(*from, *to);
      while (answered.load() < before + 5) std::this_thread::yield();
    }
    if (turn == 0) fds_before = open_fds();
  }
  const std::size_t fds_after = open_fds();
  stop = true;
  for (std::thread& each : clients) each.join();
  core_stop = true;
  core.join();
  EXPECT_EQ(refused.load(), 0U);
  EXPECT_EQ(failed.load(), 0U);
  EXPECT_EQ(answered.load(), sent.load());
  EXPECT_EQ(placed_.size(), sent.load());
  EXPECT_EQ(doubled, 0U);
  // Between two requests a client has one connection or is about to close it.
  EXPECT_NEAR(static_cast<double>(fds_after), static_cast<double>(fds_before), 8);
}

TEST_F(TwoGateways, many_idle_connections_go_over_and_back_with_no_descriptor_left) {
  start_both();
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 600; ++i) {
    clients.push_back(std::make_unique<HttpClient>(blue.gateway->port()));
    ASSERT_EQ(clients.back()->call("GET", "/health").status, 200);
  }
  const std::size_t before = open_fds();
  switch_over(blue, green);
  await(blue, &GatewayPlace::kept, std::uint32_t{0});
  for (auto& each : clients) ASSERT_EQ(each->call("GET", "/health").status, 200);
  switch_over(green, blue);
  await(green, &GatewayPlace::kept, std::uint32_t{0});
  for (auto& each : clients) ASSERT_EQ(each->call("GET", "/health").status, 200);
  // Blue has got a port of its own in between.
  EXPECT_LE(open_fds(), before + 2);
}

TEST_F(TwoGateways, a_websocket_client_resumes_where_it_was_told) {
  start_both();
  for (Side* side : {&blue, &green}) side->engine.resting("first");
  WsTestClient ws{blue.gateway->port()};
  ASSERT_EQ(ws.upgrade(), 101);
  ws.say(R"({"op":"subscribe","channels":["orders","positions"]})");
  EXPECT_EQ(at(ws.next_of("orders"), "type"), "snapshot");
  blue.engine.resting("second");
  switch_over(blue, green);
  std::string reason;
  bool told_second = false;
  for (;;) {
    const auto frame = ws.frame();
    ASSERT_NE(frame.opcode, 0xFF);
    if (frame.opcode == 1 && frame.payload.find("second") != std::string::npos) told_second = true;
    if (frame.opcode != 8) continue;
    EXPECT_EQ(frame.close_code(), 1012);
    reason = frame.payload.substr(2);
    break;
  }
  EXPECT_TRUE(told_second);  // what was known before the close came before it
  green.engine.resting("second");
  green.engine.resting("third");
  WsTestClient again{green.gateway->port()};
  ASSERT_EQ(again.upgrade(), 101);
  again.say(R"({"op":"subscribe","channels":["orders","trades.BTCUSDT"],"resume":")" + reason +
            "\"}");
  const std::string snapshot = again.next_of("orders");
  EXPECT_EQ(at(snapshot, "resumed"), "true") << snapshot;
  // No trade was ever seen here: nobody can say that none is missing.
  EXPECT_EQ(at(again.next_of("trades.BTCUSDT"), "resumed"), "false");
  again.say(R"({"op":"subscribe","channels":["orders"],"resume":"nonsense"})");
  EXPECT_EQ(at(again.frame().payload, "code"), "bad_field");
}

}  // namespace
}  // namespace stoa::gateway::test

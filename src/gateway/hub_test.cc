#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/temp_dir.h"
#include "gateway/gateway.h"
#include "gateway/test_support.h"

// Deployments and revisions over the gateway: a hub of the test's own at the other end.
namespace stoa::gateway::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kBob = "Authorization: Bearer bobs-own-token-16\r\n";
constexpr std::string_view kEve = "Authorization: Bearer eves-own-token-16\r\n";

/// Answers every line with `answer`, or with nothing at all; keeps what it was asked.
class FakeHub {
 public:
  explicit FakeHub(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path.native(), &address.sun_path[0]);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
  }

  void answer_with(std::string text, bool silent = false) {
    const std::scoped_lock lock{mutex_};
    answer_ = std::move(text);
    silent_ = silent;
  }
  [[nodiscard]] std::vector<std::string> take_asked() {
    const std::scoped_lock lock{mutex_};
    return std::exchange(asked_, {});
  }

 private:
  void run(const std::stop_token& stop) {
    std::vector<Fd> open;
    while (!stop.stop_requested()) {
      std::vector<pollfd> fds{{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
      for (const Fd& fd : open) fds.push_back({.fd = fd.get(), .events = POLLIN, .revents = 0});
      ::poll(fds.data(), fds.size(), 20);
      for (std::size_t i = open.size(); i > 0; --i) {
        if (fds[i].revents != 0 && !serve(open[i - 1])) {
          open.erase(open.begin() + static_cast<std::ptrdiff_t>(i - 1));
        }
      }
      if (fds[0].revents != 0) open.emplace_back(::accept(listener_.get(), nullptr, nullptr));
    }
  }
  bool serve(const Fd& fd) {
    std::array<char, 65'536> part{};
    const auto got = ::recv(fd.get(), part.data(), part.size(), 0);
    if (got <= 0) return false;
    const std::scoped_lock lock{mutex_};
    std::string line{part.data(), static_cast<std::size_t>(got)};
    line.pop_back();
    asked_.push_back(std::move(line));
    if (silent_) return true;
    const std::string out = answer_ + '\n';
    ::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL);
    return true;
  }

  Fd listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::mutex mutex_;
  std::string answer_ = R"({"ok":true})";
  bool silent_ = false;
  std::vector<std::string> asked_;
  std::jthread thread_;
};

class HubRoutes : public GatewayTest {
 protected:
  [[nodiscard]] Options options() const {
    Options options = test_options();
    options.hub = dir.path() / "hub.sock";
    options.owner = "ann";
    options.holders = {{.name = "bob", .role = TokenRole::Deployer, .token = "bobs-own-token-16"},
                       {.name = "eve", .role = TokenRole::Viewer, .token = "eves-own-token-16"}};
    return options;
  }
  HttpAnswer ask_as(std::string_view headers, std::string_view method, std::string_view target,
                    std::string_view body = {}) const {
    HttpClient http = client();
    http.ask(method, target, body, headers);
    return http.read();
  }
  HttpAnswer post(std::string_view target, std::string_view body) const {
    HttpClient http = client();
    return http.call("POST", target, body);
  }

  TempDir dir;
};

TEST_F(HubRoutes, what_is_asked_reaches_the_hub_and_its_document_comes_back) {
  FakeHub hub{dir.path() / "hub.sock"};
  start(options());
  hub.answer_with(R"({"ok":true,"deployments":[{"id":"7"}],"next_cursor":null})");
  const auto answer = get("/api/v1/deployments?limit=3&cursor=9");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"deployments":[{"id":"7"}],"next_cursor":null})");
  const std::map<std::string, std::string> reads{
      {"/api/v1/deployments/newest", R"({"verb":"deploy.show","user":"ann","id":"0"})"},
      {"/api/v1/deployments/12", R"({"verb":"deploy.show","user":"ann","id":"12"})"},
      {"/api/v1/config/spaces", R"({"verb":"config.space.list","user":"ann"})"},
      {"/api/v1/config/spaces/prod", R"({"verb":"config.status","user":"ann","space":"prod"})"},
      {"/api/v1/config/spaces/prod/units",
       R"({"verb":"config.unit.list","user":"ann","space":"prod"})"},
      {"/api/v1/config/spaces/prod/revisions?limit=5",
       R"({"verb":"config.rev.list","user":"ann","space":"prod","limit":5})"},
      {"/api/v1/config/diff?from=prod@1&to=prod@3",
       R"({"verb":"config.diff","user":"ann","from":"prod@1","to":"prod@3"})"},
      {"/api/v1/config/drift?space=prod", R"({"verb":"config.drift","user":"ann","space":"prod"})"},
      {"/api/v1/config/audit?space=prod&user=bob&limit=2",
       R"({"verb":"config.audit","user":"ann","space":"prod","by":"bob","limit":2})"},
      {"/api/v1/config/audit/verification", R"({"verb":"config.audit.verify","user":"ann"})"}};
  EXPECT_THAT(hub.take_asked(),
              ElementsAre(R"({"verb":"deploy.list","user":"ann","limit":3,"before":"9"})"));
  hub.answer_with(R"({"ok":true})");
  for (const auto& [target, line] : reads) {
    SCOPED_TRACE(target);
    EXPECT_EQ(get(target).body, "{}");
    EXPECT_THAT(hub.take_asked(), ElementsAre(line));
  }
}

TEST_F(HubRoutes, an_act_goes_with_name_reason_step_and_request_id) {
  FakeHub hub{dir.path() / "hub.sock"};
  start(options());
  hub.answer_with(R"({"ok":true,"id":"12","ask":"promote"})");
  const auto answer = ask_as(kBob, "POST", "/api/v1/deployments/12:promote",
                             R"({"reason":"CHG \"42\"","step":"soak","request_id":"r-1"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"id":"12","ask":"promote"})");
  EXPECT_THAT(
      hub.take_asked(),
      ElementsAre(
          R"({"verb":"deploy.act","user":"bob","id":"12","ask":"promote","reason":"CHG \"42\"","step":"soak","request_id":"r-1"})"));
  for (const std::string_view verb : {"approve", "pause", "resume", "abort", "rollback"}) {
    EXPECT_EQ(post("/api/v1/deployments/12:" + std::string{verb}, R"({"reason":"so"})").status,
              200);
    const auto asked = hub.take_asked();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_THAT(asked[0], HasSubstr("\"ask\":\"" + std::string{verb} + '"'));
  }
}

TEST_F(HubRoutes, who_has_no_token_or_another_role_is_refused_before_the_hub_is_asked) {
  FakeHub hub{dir.path() / "hub.sock"};
  start(options());
  const std::string_view reason = R"({"reason":"so"})";
  EXPECT_EQ(ask_as("", "GET", "/api/v1/deployments").status, 401);
  EXPECT_EQ(ask_as("Authorization: Bearer nobodys-token\r\n", "GET", "/api/v1/deployments").code(),
            "token_wrong");
  EXPECT_EQ(ask_as(kEve, "GET", "/api/v1/deployments").status, 200);
  static_cast<void>(hub.take_asked());
  const auto refused = ask_as(kEve, "POST", "/api/v1/deployments/1:promote", reason);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.code(), "not_permitted");
  EXPECT_THAT(refused.body, HasSubstr("eve may look at deployments and not act"));
  EXPECT_EQ(ask_as("", "POST", "/api/v1/deployments/1:promote", reason).status, 401);
  EXPECT_THAT(hub.take_asked(), ElementsAre());
  // Neither trades.
  for (const std::string_view who : {kBob, kEve}) {
    EXPECT_EQ(ask_as(who, "POST", "/api/v1/risk/kill", reason).status, 403);
    EXPECT_EQ(ask_as(who, "DELETE", "/api/v1/orders").code(), "not_permitted");
  }
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(HubRoutes, bad_input_is_named_and_never_asked) {
  FakeHub hub{dir.path() / "hub.sock"};
  start(options());
  const std::map<std::string, std::string> reads{
      {"/api/v1/deployments?limit=0", "bad_parameter"},
      {"/api/v1/deployments?limit=201", "bad_parameter"},
      {"/api/v1/deployments?limit=ten", "bad_parameter"},
      {"/api/v1/deployments?cursor=x", "bad_cursor"},
      {"/api/v1/deployments?depth=1", "bad_parameter"},
      {"/api/v1/deployments/-1", "bad_parameter"},
      {"/api/v1/deployments/1234567890123456789", "bad_parameter"},
      {"/api/v1/config/spaces/a%2Fb", "bad_parameter"},
      {"/api/v1/config/diff?from=prod@1", "bad_parameter"},
      {"/api/v1/config/diff?to=prod%20x", "bad_parameter"},
      {"/api/v1/config/drift", "bad_parameter"},
      {"/api/v1/config/audit?user=", "bad_parameter"}};
  for (const auto& [target, code] : reads) {
    SCOPED_TRACE(target);
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), code);
  }
  const std::string long_reason = R"({"reason":")" + std::string(501, 'x') + "\"}";
  const std::vector<std::pair<std::string, std::string>> bodies{
      {"", "missing_field"},
      {R"({"reason":"  "})", "missing_field"},
      {R"({"reason":7})", "bad_field"},
      {R"({"reason":"so","force":"yes"})", "unknown_field"},
      {R"({"reason":"so","request_id":"a b"})", "bad_field"},
      {"[1]", "bad_field"},
      {"{", "malformed_json"},
      {long_reason, "bad_field"}};
  for (const auto& [body, code] : bodies) {
    SCOPED_TRACE(body);
    const auto answer = post("/api/v1/deployments/1:abort", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), code);
  }
  EXPECT_EQ(post("/api/v1/deployments/1:dance", R"({"reason":"so"})").status, 405);
  EXPECT_THAT(hub.take_asked(), ElementsAre());
}

TEST_F(HubRoutes, production_asks_for_its_name) {
  FakeHub hub{dir.path() / "hub.sock"};
  Options production = options();
  production.environment = "production";
  start(std::move(production));
  const auto refused = post("/api/v1/deployments/1:pause", R"({"reason":"so"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.code(), "unconfirmed");
  EXPECT_EQ(post("/api/v1/deployments/1:pause", R"({"reason":"so","env_name":"staging"})").status,
            400);
  EXPECT_THAT(hub.take_asked(), ElementsAre());
  EXPECT_EQ(
      post("/api/v1/deployments/1:pause", R"({"reason":"so","env_name":"production"})").status,
      200);
}

TEST_F(HubRoutes, refusals_of_the_hub_keep_their_words) {
  FakeHub hub{dir.path() / "hub.sock"};
  start(options());
  const std::vector<std::pair<std::string, std::pair<int, std::string>>> refusals{
      {"bad_input", {400, "bad_field"}},  {"not_found", {404, "not_found"}},
      {"stale", {409, "stale"}},          {"conflict", {409, "state_conflict"}},
      {"denied", {403, "not_permitted"}}, {"unapproved", {409, "unapproved"}},
      {"failed", {500, "hub_failed"}},    {"something new", {500, "hub_failed"}}};
  for (const auto& [code, told] : refusals) {
    SCOPED_TRACE(code);
    hub.answer_with(R"({"ok":false,"code":")" + code + R"(","message":"because of it"})");
    const auto answer = get("/api/v1/deployments/newest");
    EXPECT_EQ(answer.status, told.first);
    EXPECT_EQ(answer.code(), told.second);
    EXPECT_EQ(at(answer.json(), "detail"), "because of it");
  }
  hub.answer_with("no json");
  EXPECT_EQ(get("/api/v1/deployments").code(), "hub_failed");
}

TEST_F(HubRoutes, a_hub_that_is_away_is_said_and_orders_go_on) {
  start(options());
  const auto away = get("/api/v1/deployments");
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.code(), "hub_away");
  EXPECT_THAT(away.body, HasSubstr("orders are not affected"));
  EXPECT_EQ(post("/api/v1/deployments/1:abort", R"({"reason":"so"})").code(), "hub_away");
  EXPECT_EQ(get("/api/v1/orders").status, 200);
}

TEST_F(HubRoutes, a_hub_that_says_nothing_keeps_nobody_else_waiting) {
  FakeHub hub{dir.path() / "hub.sock"};
  hub.answer_with("", /*silent=*/true);
  Options patient = options();
  patient.hub_timeout = std::chrono::minutes{10};
  start(std::move(patient));
  // As many as are asked at once, and one more, which is refused: none of them holds the thread.
  std::vector<HttpClient> asking;
  for (int i = 0; i < 16; ++i) {
    asking.push_back(client());
    asking.back().ask("GET", "/api/v1/deployments");
  }
  for (std::size_t taken = 0; taken < asking.size(); taken += hub.take_asked().size()) {
    ASSERT_EQ(get("/status").status, 200);
  }
  const auto busy = get("/api/v1/deployments/newest");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.code(), "hub_busy");
  EXPECT_EQ(get("/api/v1/orders").status, 200);
}

TEST_F(HubRoutes, patience_ends_and_an_act_is_then_unknown) {
  FakeHub hub{dir.path() / "hub.sock"};
  hub.answer_with("", /*silent=*/true);
  Options hasty = options();
  hasty.hub_timeout = std::chrono::milliseconds{50};
  start(std::move(hasty));
  EXPECT_EQ(get("/api/v1/deployments").status, 503);
  const auto unknown = post("/api/v1/deployments/1:abort", R"({"reason":"so"})");
  EXPECT_EQ(unknown.status, 504);
  EXPECT_EQ(unknown.code(), "outcome_unknown");
}

TEST_F(HubRoutes, one_process_has_no_hub_and_says_how_to_get_one) {
  start();
  const auto answer = get("/api/v1/deployments");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "no_hub");
  EXPECT_THAT(answer.body, HasSubstr("stoa up starts"));
}

}  // namespace
}  // namespace stoa::gateway::test

#include "deploy/deploy_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "deploy/build.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_view_service.h"
#include "deploy/deployer.h"
#include "deploy/fake_target.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/release.h"
#include "deploy/test_support.h"
#include "ops/sha256.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class DeployViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    target.add("execution");
    target.add("risk");
    const auto folder = dir.path() / "2.0.0";
    fs::create_directories(folder);
    const std::string program = "the program";
    write_text(folder / "stoa", program);
    write_text(folder / "manifest.json",
               R"({"name":"2.0.0","version":"2.0.0","commit":"abc",)"
               R"("wire":{"reads_from":1,"reads_to":1,"writes":1},"files":{"stoa":")" +
                   ops::sha256(std::as_bytes(std::span{program})) + "\"}}");
    fs::create_directories(layout.releases());
    ASSERT_TRUE(add_release(folder, layout.releases()));
    wish.settings.soak_s = 5;
    wish.settings.soak_requests = 0;
    wish.settings.warm_s = 4;
    wish.settings.shadow_outputs = 10'000;  // long enough to be looked at
  }
  void begin() {
    const auto begun = deployer.start(wish);
    ASSERT_TRUE(begun) << begun.error().text();
    id = std::to_string(*begun);
  }
  void run(const std::function<bool()>& stop = [] { return false; }) {
    for (int i = 0; i < 20'000 && deployer.poll() && !stop(); ++i) {
      clock.advance_to(clock.now() + milliseconds{20});
    }
  }
  void run_to(std::string_view step) {
    run([&] { return deployer.machine()->step() == step; });
    ASSERT_EQ(deployer.machine()->step(), step);
    deployer.poll();  // begins it
  }
  json::Value ask(const std::string& fields, const std::string& user = "ann") {
    const std::string line = "{" + fields + R"(,"user":")" + user + "\"}";
    const auto answer = answer_line(verbs, line, {});
    auto value = json::Value::parse(answer);
    EXPECT_TRUE(value) << answer;
    return value ? *value : json::Value{};
  }
  json::Value show() { return ask(R"("verb":"deploy.show")")["deployment"]; }
  json::Value act(const std::string& verb, const std::string& more = {},
                  const std::string& user = "ann") {
    return ask(R"("verb":"deploy.act","reason":"because","id":")" + id + R"(","ask":")" + verb +
                   '"' + more,
               user);
  }
  /// "start done, catch up done, …", of the steps that are not pending.
  static std::string steps(const json::Value& deployment) {
    std::string text;
    for (const json::Value& step : deployment["steps"].items()) {
      if (step["state"].text() == "pending") continue;
      text += (text.empty() ? "" : ", ") + std::string{step["back"].is_true() ? "back: " : ""} +
              step["name"].text() + ' ' + step["state"].text();
    }
    return text;
  }
  static std::string why_not(const json::Value& deployment, std::string_view verb) {
    for (const json::Value& each : deployment["asks"].items()) {
      if (each["ask"].text() == verb) return each["why_not"].text();
    }
    return "not told";
  }
  static json::Value figure(const json::Value& deployment, std::string_view name) {
    for (const json::Value& each : deployment["soak"]["figures"].items()) {
      if (each["name"].text() == name) return each;
    }
    return {};
  }

  TempDir dir;
  Layout layout{.data = dir.path() / "data"};
  ManualClock clock{Timestamp::from_ns(1'800'000'000'000'000'000)};
  FakeTarget target{clock};
  Deployer deployer{layout, target, clock};
  HubVerbs verbs = deploy_view_verbs(deployer, target, clock, layout);
  DeployWish wish{.release = "2.0.0", .actor = "ann", .reason = "new limits"};
  std::string id;
};

TEST_F(DeployViewTest, nothing_was_ever_deployed_and_the_roles_are_shown_all_the_same) {
  target.poll();
  const auto shown = ask(R"("verb":"deploy.show")");
  EXPECT_TRUE(shown["ok"].is_true());
  EXPECT_TRUE(shown["deployment"].is_null());
  ASSERT_EQ(shown["platform"]["roles"].items().size(), 2U);
  const auto& instance = shown["platform"]["roles"].items()[0]["instances"].items().at(0);
  EXPECT_EQ(instance["mode"].text(), "leading");
  EXPECT_EQ(instance["epoch"].text(), "1");
  EXPECT_EQ(ask(R"("verb":"deploy.list")")["deployments"].items().size(), 0U);
  EXPECT_EQ(ask(R"("verb":"deploy.show","id":"7")")["code"].text(), "not_found");
}

TEST_F(DeployViewTest, steps_lanes_and_figures_follow_a_deployment_to_its_end) {
  begin();
  run_to("shadow");
  auto shown = show();
  EXPECT_EQ(steps(shown), "make room done, start done, catch up done, shadow running");
  EXPECT_EQ(shown["actor"].text(), "ann");
  EXPECT_EQ(shown["reason"].text(), "new limits");
  EXPECT_EQ(shown["driven_by"].text(), "hub");
  EXPECT_EQ(shown["lanes"].items()[0]["to_release"].text(), "2.0.0");
  EXPECT_EQ(shown["lanes"].items()[0]["switches"].items().size(), 0U);
  EXPECT_EQ(why_not(shown, "promote"), "nothing waits for a person; it is at: shadow");
  EXPECT_EQ(why_not(shown, "rollback"), "nothing is switched yet: abort ends it");
  EXPECT_EQ(why_not(shown, "resume"), "it is not paused");
  EXPECT_EQ(why_not(shown, "approve"), "nobody has to approve it");
  EXPECT_EQ(why_not(shown, "abort"), "");
  EXPECT_TRUE(shown["soak"].is_null());

  run_to("soak");
  clock.advance_to(clock.now() + seconds{1});
  target.poll();
  shown = show();
  EXPECT_THAT(steps(shown), HasSubstr("switch execution done, switch risk done, soak running"));
  const auto& switched = shown["lanes"].items()[0]["switches"].items();
  ASSERT_EQ(switched.size(), 1U);
  EXPECT_EQ(switched[0]["back"].text(), "false");
  EXPECT_EQ(shown["soak"]["over"].text(), "false");
  EXPECT_EQ(shown["soak"]["verdict"].text(), "good");
  EXPECT_EQ(figure(shown, "equal_outputs")["ok"].text(), "true");
  EXPECT_TRUE(figure(shown, "errors")["now"].is_null()) << "nobody told: not 0";
  const auto until = shown["deadline"]["until_ns"].integer();
  ASSERT_TRUE(until);
  EXPECT_GT(*until, clock.now().ns());
  EXPECT_LE(*until, clock.now().ns() + 5'000'000'000);
  EXPECT_EQ(why_not(shown, "promote"), "");
  EXPECT_EQ(why_not(shown, "rollback"), "");

  run_to("warm");
  shown = show();
  EXPECT_THAT(shown["deadline"]["what"].text(), HasSubstr("rollback window"));
  EXPECT_EQ(shown["soak"]["over"].text(), "true");
  run();
  shown = show();
  EXPECT_EQ(shown["outcome"].text(), "committed");
  EXPECT_TRUE(shown["deadline"].is_null());
  EXPECT_EQ(shown["soak"]["verdict"].text(), "good") << "the figures of its end are kept";
  EXPECT_THAT(why_not(shown, "promote"), HasSubstr("is over: committed"));
  EXPECT_EQ(why_not(shown, "rollback"), "");
  const auto list = ask(R"("verb":"deploy.list")");
  ASSERT_EQ(list["deployments"].items().size(), 1U);
  EXPECT_EQ(list["deployments"].items()[0]["outcome"].text(), "committed");
  EXPECT_FALSE(list["deployments"].items()[0]["ended_ns"].is_null());
  EXPECT_TRUE(list["next_cursor"].is_null());
}

TEST_F(DeployViewTest, one_that_computes_something_else_fails_with_its_first_difference) {
  begin();
  run_to("shadow");
  target.side("execution", Colour::Green).computes_otherwise = true;
  run();
  const auto shown = show();
  EXPECT_EQ(shown["outcome"].text(), "rolled_back");
  EXPECT_THAT(shown["failure"].text(), HasSubstr("computes something else"));
  EXPECT_THAT(steps(shown), HasSubstr("shadow failed, gate skipped"));
  EXPECT_THAT(steps(shown), HasSubstr("back: clear done"));
}

TEST_F(DeployViewTest, an_abort_is_shown_as_what_a_person_wanted) {
  begin();
  run_to("soak");
  ASSERT_TRUE(act("abort")["ok"].is_true());
  run();
  const auto shown = show();
  EXPECT_EQ(shown["outcome"].text(), "rolled_back");
  EXPECT_THAT(steps(shown), HasSubstr("soak aborted, warm skipped, stop skipped"));
  EXPECT_THAT(steps(shown), HasSubstr("back: back risk done, back: back execution done"));
  EXPECT_EQ(shown["soak"]["verdict"].text(), "failed");
  EXPECT_EQ(why_not(shown, "rollback"),
            "deployment 1 is rolled_back, so there is nothing to take back");
}

TEST_F(DeployViewTest, a_repeat_is_answered_and_not_done_again) {
  begin();
  run_to("soak");
  const auto first = act("promote", R"(,"request_id":"r-1","step":"soak")");
  ASSERT_TRUE(first["ok"].is_true()) << first.compact();
  run_to("warm");
  const std::size_t records = read_deploys(layout.deploys())->size();
  EXPECT_EQ(act("promote", R"(,"request_id":"r-1","step":"soak")").compact(), first.compact());
  EXPECT_EQ(read_deploys(layout.deploys())->size(), records);
  // Also for a hub that knows nothing of it any more: the step says what was meant.
  const auto stale = act("promote", R"(,"request_id":"r-2","step":"soak")");
  EXPECT_EQ(stale["code"].text(), "stale");
  EXPECT_EQ(stale["message"].text(), "deployment 1 is at: warm by now");
  EXPECT_EQ(read_deploys(layout.deploys())->size(), records);
}

TEST_F(DeployViewTest, what_may_not_be_asked_says_why) {
  wish.settings.approvals = 1;
  begin();
  run([&] { return !deployer.machine()->question().empty(); });
  EXPECT_EQ(act("promote")["message"].text(), "it waits for approvals: stoa deploy approve");
  EXPECT_EQ(act("approve")["message"].text(), "who began a deployment cannot approve it");
  EXPECT_EQ(act("dance")["message"].text(), "dance is nothing that a deployment can be asked");
  EXPECT_EQ(ask(R"("verb":"deploy.act","ask":"pause","id":")" + id + '"')["message"].text(),
            "reason: say why");
  EXPECT_EQ(ask(R"("verb":"deploy.act","ask":"pause","reason":"x","id":"99")")["code"].text(),
            "not_found");
  const auto waiting = show();
  EXPECT_THAT(steps(waiting), HasSubstr("gate waiting"));
  EXPECT_THAT(waiting["question"].text(), HasSubstr("0 of 1 approvals"));
  EXPECT_EQ(why_not(waiting, "approve"), "who began a deployment cannot approve it");
  ASSERT_TRUE(act("pause")["ok"].is_true());
  EXPECT_EQ(act("pause")["message"].text(), "it is paused already");
  ASSERT_TRUE(act("resume")["ok"].is_true());
  ASSERT_TRUE(act("approve", "", "bob")["ok"].is_true());
  EXPECT_EQ(show()["approved_by"].items().at(0).text(), "bob");
}

TEST_F(DeployViewTest, a_committed_one_is_taken_back_by_a_new_deployment) {
  begin();
  run();
  const auto begun = act("rollback");
  ASSERT_TRUE(begun["ok"].is_true()) << begun.compact();
  EXPECT_NE(begun["id"].text(), id);
  EXPECT_EQ(show()["rolls_back"].text(), id);
  EXPECT_EQ(act("rollback")["message"].text(),
            "deployment " + begun["id"].text() + " is under way");
  run();
  const auto list = ask(R"("verb":"deploy.list","limit":1)");
  ASSERT_EQ(list["deployments"].items().size(), 1U);
  EXPECT_EQ(list["deployments"].items()[0]["id"].text(), begun["id"].text());
  const auto older =
      ask(R"("verb":"deploy.list","limit":1,"before":")" + list["next_cursor"].text() + '"');
  EXPECT_EQ(older["deployments"].items().at(0)["id"].text(), id);
  EXPECT_TRUE(older["next_cursor"].is_null());
}

TEST_F(DeployViewTest, one_that_nobody_drives_can_be_resumed_and_nothing_else) {
  {
    Deployer gone{layout, target, clock};
    const auto begun = gone.start(wish);
    ASSERT_TRUE(begun);
    id = std::to_string(*begun);
    EXPECT_THAT(why_not(show(), "abort"), HasSubstr("it is driven by ann on "));
  }
  const auto shown = show();
  EXPECT_EQ(shown["driven_by"].text(), "");
  EXPECT_EQ(why_not(shown, "abort"), "nobody drives it: resume it first");
  EXPECT_EQ(why_not(shown, "resume"), "");
  ASSERT_TRUE(act("resume")["ok"].is_true());
  EXPECT_EQ(show()["driven_by"].text(), "hub");
}

}  // namespace
}  // namespace stoa::deploy

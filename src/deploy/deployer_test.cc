#include "deploy/deployer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/deploy_service.h"
#include "deploy/fake_target.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/release.h"
#include "deploy/switch_machine.h"
#include "deploy/test_support.h"
#include "ops/sha256.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

/// A folder as ./dev release makes it.
fs::path build_release(const fs::path& parent, const std::string& name,
                       const std::string& wire = R"({"reads_from":1,"reads_to":1,"writes":1})") {
  const auto folder = parent / name;
  fs::create_directories(folder);
  const std::string program = "the program of " + name;
  write_text(folder / "stoa", program);
  write_text(folder / "manifest.json",
             R"({"name":")" + name + R"(","version":"2.0.0","commit":"abc","wire":)" + wire +
                 R"(,"built":"2026-11-21T10:00:00+00:00","files":{"stoa":")" +
                 ops::sha256(std::as_bytes(std::span{program})) + "\"}}");
  return folder;
}

class DeployerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    target.add("execution");
    target.add("risk");
    fs::create_directories(layout.releases());
    ASSERT_TRUE(add_release(build_release(dir.path() / "built", "2.0.0"), layout.releases()));
    wish.settings.soak_s = 5;
    wish.settings.soak_requests = 0;
    wish.settings.warm_s = 1;
    wish.settings.shadow_outputs = 10;
  }
  /// Until it is over, or `stop` holds.
  static void run(
      Deployer& deployer, ManualClock& clock,
      const std::function<bool()>& stop = [] { return false; }) {
    for (int i = 0; i < 20'000 && deployer.poll() && !stop(); ++i) {
      clock.advance_to(clock.now() + milliseconds{20});
    }
  }
  /// Time stands still: a real process is waited for, however long it takes.
  void run_real(const std::function<bool()>& over) {
    ASSERT_TRUE(wait_until([&] { return !deployer.poll() || over(); }));
  }

  TempDir dir;
  Layout layout{.data = dir.path() / "data"};
  ManualClock clock{Timestamp::from_ns(1'800'000'000'000'000'000)};
  FakeTarget target{clock};
  Deployer deployer{layout, target, clock};
  DeployWish wish{.release = "2.0.0", .actor = "ann", .reason = "new limits"};
};

TEST_F(DeployerTest, a_deployment_is_driven_to_its_end_and_stands_in_its_log) {
  const auto id = deployer.start(wish);
  ASSERT_TRUE(id) << id.error().text();
  ASSERT_TRUE(DeployLock::holder(layout.deploy_lock()));
  run(deployer, clock);
  EXPECT_EQ(deployer.machine()->outcome(), Outcome::Committed);
  EXPECT_FALSE(DeployLock::holder(layout.deploy_lock())) << "the lock is free again";
  const auto all = read_deploys(layout.deploys());
  ASSERT_TRUE(all);
  EXPECT_EQ(all->front().kind, RecordKind::Began);
  EXPECT_EQ(all->front().deploy, *id);
  EXPECT_EQ(all->back().kind, RecordKind::Over);
  EXPECT_EQ(all->back().verb, "committed");
  EXPECT_EQ(target.find("risk")->placed()->release, "2.0.0");
  const auto next = deployer.start({.release = "current", .actor = "ann"});
  ASSERT_TRUE(next);
  EXPECT_GT(*next, *id);
}

TEST_F(DeployerTest, a_second_deployment_is_told_who_has_the_lock) {
  ASSERT_TRUE(deployer.start(wish));
  Deployer other{layout, target, clock};
  const auto refused = other.start({.release = "2.0.0", .actor = "bob"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("another deployment is under way: ann on "));
  EXPECT_THAT(refused.error().message, HasSubstr("new limits"));
  EXPECT_EQ(other.resume("bob").error().code, ErrorCode::Unavailable) << "its driver lives";
}

TEST_F(DeployerTest, one_whose_driver_is_gone_is_resumed_and_blocks_a_new_one_until_then) {
  auto first = std::make_unique<Deployer>(layout, target, clock);
  const auto id = first->start(wish);
  ASSERT_TRUE(id);
  run(*first, clock, [&] { return first->machine()->step() == "soak"; });
  first.reset();
  EXPECT_THAT(deployer.start(wish).error().message, HasSubstr("was interrupted"));
  const auto resumed = deployer.resume("bob");
  ASSERT_TRUE(resumed);
  EXPECT_EQ(*resumed, *id);
  EXPECT_EQ(deployer.machine()->step(), "soak");
  run(deployer, clock);
  EXPECT_EQ(deployer.machine()->outcome(), Outcome::Committed);
  EXPECT_EQ(deployer.resume("bob").value(), std::nullopt) << "nothing is unfinished";
}

TEST_F(DeployerTest, what_does_not_fit_is_refused_before_anything_is_touched) {
  const auto why = [&](DeployWish each) {
    const auto refused = deployer.start(each);
    return refused ? std::string{"taken"} : refused.error().text();
  };
  EXPECT_THAT(why({.release = "3.0.0"}), HasSubstr("no release here"));
  EXPECT_THAT(why({.release = "2.0.0", .roles = {"nobody"}}), HasSubstr("nobody is no role"));
  target.add("venue", false);
  EXPECT_THAT(why({.release = "2.0.0", .roles = {"venue"}}), HasSubstr("--strategy recreate"));
  write_text(layout.release("2.0.0") / "stoa", "something else");
  EXPECT_THAT(why({.release = "2.0.0"}), HasSubstr("the manifest says"));
  ASSERT_TRUE(add_release(
      build_release(dir.path() / "built", "9", R"({"reads_from":8,"reads_to":9,"writes":9})"),
      layout.releases()));
  EXPECT_THAT(why({.release = "9"}), HasSubstr("reads wire versions 8 to 9"));
  target.supervisor_away = true;
  EXPECT_THAT(why({.release = "current"}), HasSubstr("cannot be reached"));
  EXPECT_THAT(target.actions(), IsEmpty());
  EXPECT_TRUE(read_deploys(layout.deploys())->empty());
}

TEST_F(DeployerTest, a_committed_deployment_is_taken_back_and_one_that_changed_nothing_is_not) {
  const auto id = deployer.start(wish);
  ASSERT_TRUE(id);
  run(deployer, clock);
  const auto back = take_back(*read_deploys(layout.deploys()), *id, target);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->release, "current");
  EXPECT_EQ(back->rolls_back, *id);
  EXPECT_THAT(back->roles, ElementsAre("execution", "risk"));
  clock.advance_to(clock.now() + seconds{1});
  target.feature_on("wide prices");
  const auto refused = take_back(*read_deploys(layout.deploys()), *id, target);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("feature wide prices was turned on"));
  EXPECT_FALSE(take_back({}, 1, target));
}

TEST_F(DeployerTest, a_hook_that_says_no_stops_it_with_its_last_words) {
  fs::create_directories(layout.hooks());
  const auto hook = layout.hooks() / "pre-switch";
  write_text(hook, "#!/bin/sh\necho \"not now: $STOA_HOOK of $STOA_RELEASE\"\nexit 4\n");
  ::chmod(hook.c_str(), 0755);
  write_text(layout.hooks() / "post-switch", "no program");
  EXPECT_THAT(hooks_in(layout.hooks()), ElementsAre("pre-switch")) << "executable ones alone";
  const auto id = deployer.start(wish);
  ASSERT_TRUE(id);
  run(deployer, clock, [&] { return deployer.machine()->step() == "hook pre-switch"; });
  run_real([&] { return deployer.machine()->going_back(); });
  run(deployer, clock);
  EXPECT_EQ(deployer.machine()->outcome(), Outcome::RolledBack);
  EXPECT_EQ(deployer.machine()->failure(), "hook pre-switch: exit 4: not now: pre-switch of 2.0.0");
  EXPECT_THAT(text_of(layout.log("deploy-" + std::to_string(*id))), HasSubstr("not now"));
}

TEST_F(DeployerTest, verbs_over_json_plan_begin_and_ask) {
  const HubVerbs verbs = deploy_verbs(deployer, target, layout);
  const HubPeer ann{.user = "ann"};
  const auto ask = [&](const std::string& line) {
    return json::Value::parse(answer_line(verbs, line, ann)).value();
  };
  const auto planned = ask(R"({"verb":"deploy.plan","release":"2.0.0","settings":{"soak_s":5}})");
  ASSERT_TRUE(planned["ok"].is_true()) << planned.compact();
  EXPECT_EQ(planned["told"].items().front().text(),
            "blue-green: release 2.0.0 of 2.0.0, execution, risk");
  EXPECT_THAT(target.actions(), IsEmpty());
  EXPECT_EQ(ask(R"({"verb":"deploy.start","release":"2.0.0","strategy":"canary"})")["code"].text(),
            "bad_input");
  EXPECT_FALSE(ask(R"({"verb":"deploy.ask","ask":"pause"})")["ok"].is_true());
  const auto begun = ask(R"({"verb":"deploy.start","release":"2.0.0","settings":{"approvals":1}})");
  ASSERT_TRUE(begun["ok"].is_true()) << begun.compact();
  EXPECT_EQ(ask(R"({"verb":"deploy.ask","ask":"approve"})")["message"].text(),
            "who began a deployment cannot approve it");
  EXPECT_EQ(ask(R"({"verb":"deploy.start","release":"2.0.0"})")["code"].text(), "conflict");
  ASSERT_TRUE(ask(R"({"verb":"deploy.ask","ask":"pause"})")["ok"].is_true());
  EXPECT_TRUE(deployer.machine()->paused());
  ASSERT_TRUE(ask(R"({"verb":"deploy.resume"})")["ok"].is_true());
  EXPECT_FALSE(deployer.machine()->paused());
  ASSERT_TRUE(ask(R"({"verb":"deploy.ask","ask":"abort","force":true})")["ok"].is_true());
  EXPECT_EQ(deployer.machine()->outcome(), Outcome::Abandoned);
}

TEST_F(DeployerTest, whoever_is_asked_takes_up_what_was_interrupted_once_it_can_see) {
  auto first = std::make_unique<Deployer>(layout, target, clock);
  ASSERT_TRUE(first->start(wish));
  run(*first, clock, [&] { return first->machine()->step() == "soak"; });
  const HubVerbs verbs = deploy_verbs(deployer, target, layout);
  const auto abort = [&] {
    return json::Value::parse(
               answer_line(verbs, R"({"verb":"deploy.ask","ask":"abort"})", {.user = "bob"}))
        .value();
  };
  EXPECT_THAT(abort()["message"].text(), HasSubstr("another deployment is under way: ann"));
  first.reset();
  target.supervisor_away = true;
  target.poll();
  EXPECT_THAT(abort()["message"].text(), HasSubstr("ask again"));
  target.supervisor_away = false;
  target.poll();
  ASSERT_TRUE(abort()["ok"].is_true());
  EXPECT_TRUE(deployer.machine()->going_back());
  run(deployer, clock);
  EXPECT_EQ(deployer.machine()->outcome(), Outcome::RolledBack);
  EXPECT_THAT(deployer.machine()->failure(), HasSubstr("asked for it"));
}

// ---- releases

TEST(Release, is_added_whole_or_not_at_all) {
  const TempDir dir;
  const auto releases = dir.path() / "releases";
  fs::create_directories(releases);
  const auto folder = build_release(dir.path(), "1.1");
  const auto added = add_release(folder, releases);
  ASSERT_TRUE(added) << added.error().text();
  EXPECT_EQ(added->version, "2.0.0");
  EXPECT_EQ(text_of(releases / "1.1" / "stoa"), "the program of 1.1");
  ASSERT_TRUE(add_release(folder, releases)) << "the same again is fine";
  ASSERT_EQ(list_releases(releases).size(), 1U);
  EXPECT_TRUE(verify_release(releases / "1.1", *added));

  const auto damaged = build_release(dir.path(), "1.2");
  write_text(damaged / "stoa", "cut");
  EXPECT_EQ(add_release(damaged, releases).error().code, ErrorCode::Damaged);
  EXPECT_FALSE(fs::exists(releases / "1.2"));
  fs::remove(damaged / "stoa");
  EXPECT_EQ(add_release(damaged, releases).error().code, ErrorCode::Damaged);

  write_text(releases / "1.1" / "stoa", "changed behind our back");
  const auto broken = verify_release(releases / "1.1", *added);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().source, (releases / "1.1" / "stoa").string());
  ASSERT_TRUE(remove_release(releases, "1.1"));
  EXPECT_TRUE(list_releases(releases).empty());
  EXPECT_EQ(remove_release(releases, "1.1").error().code, ErrorCode::NotFound);
  EXPECT_EQ(remove_release(releases, "../releases").error().code, ErrorCode::NotFound);
}

TEST(Release, a_manifest_that_is_none_is_refused_with_its_field) {
  const TempDir dir;
  const auto why = [&](std::string_view manifest) {
    write_text(dir.path() / "manifest.json", manifest);
    const auto read = read_release(dir.path());
    return read ? std::string{"taken"} : read.error().message;
  };
  EXPECT_EQ(read_release(dir.path()).error().code, ErrorCode::NotFound);
  EXPECT_THAT(why("{"), HasSubstr(""));
  EXPECT_THAT(why(R"({"name":"a/b","files":{"stoa":"1"}})"), HasSubstr("name: expected"));
  EXPECT_THAT(why(R"({"name":"current","files":{"stoa":"1"}})"), HasSubstr("name: expected"));
  EXPECT_THAT(why(R"({"name":"a","files":{}})"), HasSubstr("files: expected the program"));
  EXPECT_THAT(why(R"({"name":"a","files":{"../stoa":"1"}})"), HasSubstr("is no plain name"));
  EXPECT_THAT(why(R"({"name":"a","files":{"stoa":"1"}})"), HasSubstr("expected version and wire"));
}

}  // namespace
}  // namespace stoa::deploy

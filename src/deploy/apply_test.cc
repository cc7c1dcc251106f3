#include "deploy/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "deploy/fake_target.h"
#include "deploy/hub.h"
#include "deploy/hub_record.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "deploy/test_support.h"

namespace stoa::deploy {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A relay, risk behind it, execution behind that, and a gateway that needs nothing new.
class ApplyTest : public ::testing::Test {
 protected:
  ApplyTest() {
    target_.add("relay", false);
    target_.add("risk", true, {"relay"});
    target_.add("execution", true, {"relay", "risk"});
    target_.add("gateway", true, {"execution"});
    ticket_.name = "dev-2";
    ticket_.hash = hash_of("content");
    for (const std::string role : {"relay", "risk", "execution", "gateway"}) {
      ticket_.digests[role] = hash_of(role + " new");
      says(role, role == "gateway" ? "new" : "old");
    }
  }
  void says(const std::string& role, const std::string& what) {
    target_.side(role, Colour::Blue).view.config_digest = hash_of(role + " " + what);
    target_.poll();
  }
  /// Drives it in steps of 100 ms; a role that was told of the revision runs with it, but `sick`.
  void drive(Apply& apply, std::string_view sick = {}) {
    for (int step = 0; step < 10'000 && !apply.poll(); ++step) {
      clock_.advance_to(clock_.now() + 100ms);
      for (const std::string role : {"relay", "risk", "execution"}) {
        auto& side = target_.side(role, Colour::Blue);
        if (side.view.config_revision == "dev-2" && role != sick) {
          side.view.config_digest = hash_of(role + " new");
        }
      }
    }
    ASSERT_TRUE(apply.over());
  }
  Apply begin() {
    return Apply{ticket_,
                 target_,
                 clock_,
                 options_,
                 [this](std::string_view line) { said_.emplace_back(line); },
                 [this](std::string_view roles, std::string_view result) {
                   waves_.push_back(std::string{roles} + ": " + std::string{result});
                 }};
  }

  ManualClock clock_{Timestamp::from_ns(1'000'000'000)};
  FakeTarget target_{clock_};
  ApplyTicket ticket_;
  ApplyOptions options_;
  std::vector<std::string> said_;
  std::vector<std::string> waves_;
};

TEST_F(ApplyTest, roles_restart_wave_by_wave_and_what_needs_nothing_is_left_alone) {
  auto apply = begin();
  drive(apply);
  EXPECT_EQ(apply.result(), "ok");
  EXPECT_THAT(target_.take_actions(),
              ElementsAre("restart relay config dev-2", "restart risk config dev-2",
                          "restart execution config dev-2"));
  EXPECT_THAT(waves_, ElementsAre("relay: ok", "risk: ok", "execution: ok"));
  auto again = begin();
  EXPECT_TRUE(again.over());
  EXPECT_EQ(again.result(), "ok");
  EXPECT_THAT(target_.take_actions(), IsEmpty()) << "a second time does nothing";
}

TEST_F(ApplyTest, a_rollback_goes_in_reverse_order) {
  ticket_.backwards = true;
  auto apply = begin();
  drive(apply);
  EXPECT_THAT(target_.take_actions(),
              ElementsAre("restart execution config dev-2", "restart risk config dev-2",
                          "restart relay config dev-2"));
}

TEST_F(ApplyTest, it_stops_at_the_first_wave_that_is_not_healthy_and_goes_on_from_there) {
  target_.side("risk", Colour::Blue).never_ready = true;
  auto apply = begin();
  const auto began = clock_.now();
  drive(apply);
  EXPECT_THAT(apply.result(), HasSubstr("risk did not become healthy in 4 tries: not healthy "
                                        "within 120 s"));
  // The relay's start, four waits and the pauses of 5, 10 and 20 s between them.
  EXPECT_NEAR(static_cast<double>((clock_.now() - began).count()) / 1e9, 4 * 120 + 35, 3);
  EXPECT_THAT(target_.take_actions(),
              ElementsAre("restart relay config dev-2", "restart risk config dev-2",
                          "restart risk config dev-2", "restart risk config dev-2",
                          "restart risk config dev-2"));
  target_.side("risk", Colour::Blue).never_ready = false;
  auto again = begin();
  drive(again);
  EXPECT_EQ(again.result(), "ok");
  EXPECT_THAT(target_.take_actions(),
              ElementsAre("restart risk config dev-2", "restart execution config dev-2"))
      << "the relay is done";
}

TEST_F(ApplyTest, success_is_what_the_role_says_it_runs_with) {
  options_.pauses = {};
  auto apply = begin();
  drive(apply, "risk");
  EXPECT_THAT(apply.result(), HasSubstr("risk did not become healthy in 1 tries: runs with"));
  EXPECT_THAT(apply.result(), HasSubstr("does a variable or a flag say otherwise?"));
}

TEST_F(ApplyTest, a_supervisor_that_is_away_for_a_moment_costs_a_try) {
  options_.pauses = {1s};
  target_.supervisor_away = true;
  auto apply = begin();
  EXPECT_FALSE(apply.poll());
  target_.supervisor_away = false;
  drive(apply);
  EXPECT_EQ(apply.result(), "ok");
}

TEST_F(ApplyTest, a_supervisor_that_stays_away_ends_it_long_before_the_health_wait) {
  auto apply = begin();
  EXPECT_FALSE(apply.poll());
  target_.supervisor_away = true;
  const auto began = clock_.now();
  drive(apply);
  EXPECT_NE(apply.result(), "ok");
  EXPECT_LT(clock_.now() - began, 11s);
  EXPECT_THAT(waves_, ElementsAre("relay: ok", "risk: " + apply.result()));
}

TEST_F(ApplyTest, a_role_that_is_given_up_costs_a_try_and_not_the_health_wait) {
  options_.pauses = {};
  auto apply = begin();
  EXPECT_FALSE(apply.poll());
  const auto began = clock_.now();
  target_.kill("relay", Colour::Blue);
  drive(apply);
  EXPECT_THAT(apply.result(), HasSubstr("relay did not become healthy in 1 tries: signal 9"));
  EXPECT_LT(clock_.now() - began, 3s);
}

TEST_F(ApplyTest, drift_is_told_by_role) {
  EXPECT_EQ(drift_of(ticket_, *target_.find("gateway")), "");
  EXPECT_THAT(drift_of(ticket_, *target_.find("risk")), HasSubstr("wanted is"));
  target_.kill("risk", Colour::Blue);
  EXPECT_EQ(drift_of(ticket_, *target_.find("risk")), "does not run");
}

TEST(WriteConfig, the_link_names_the_newest_file_which_names_its_revision) {
  const TempDir dir;
  const Layout layout{.data = dir.path()};
  ApplyTicket ticket{.hash = hash_of("x"), .name = "prod-11"};
  for (const std::string name : {"prod-11", "prod-12"}) {
    ticket.name = name;
    ticket.text = "# " + name + " " + ticket.hash + "\n[limits]\n";
    ASSERT_TRUE(write_config(layout, ticket).has_value());
    EXPECT_EQ(revision_of_file(layout.current_config()), name);
    EXPECT_EQ(text_of(layout.current_config()), ticket.text);
  }
  EXPECT_EQ(std::filesystem::read_symlink(layout.current_config()), "prod-12.toml");
  EXPECT_TRUE(std::filesystem::exists(layout.config() / "prod-11.toml"));
  write_text(dir.path() / "own.toml", "# mine\n");
  EXPECT_EQ(revision_of_file(dir.path() / "own.toml"), "");
}

}  // namespace
}  // namespace stoa::deploy

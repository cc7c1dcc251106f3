#include "deploy/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stoa::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PlanOptions options() {
  return {.program = "/usr/bin/stoa", .data = "/var/lib/stoa", .environment = "testing"};
}

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> names;
  for (const Role& role : plan.roles) names.push_back(role.name);
  return names;
}

std::vector<std::string> waits_for(const Plan& plan, std::string_view name) {
  std::vector<std::string> before;
  const auto place = plan.find(name);
  if (!place) return before;
  for (const auto other : plan.roles[*place].after) before.push_back(plan.roles[other].name);
  return before;
}

TEST(Plan, every_role_stands_behind_those_it_waits_for) {
  const auto plan = make_plan(options());
  ASSERT_TRUE(plan);
  EXPECT_THAT(names(*plan),
              ElementsAre("relay-market", "relay-signal", "relay-execution", "venue", "market-data",
                          "risk", "execution", "strategy", "gateway", "hub"));
  EXPECT_THAT(waits_for(*plan, "market-data"), ElementsAre("relay-market", "venue"));
  EXPECT_THAT(waits_for(*plan, "risk"), ElementsAre("relay-execution"));
  EXPECT_THAT(waits_for(*plan, "execution"), ElementsAre("relay-execution", "risk", "venue"));
  EXPECT_THAT(waits_for(*plan, "strategy"),
              ElementsAre("relay-market", "relay-signal", "relay-execution", "execution"));
  EXPECT_EQ(waits_for(*plan, "gateway").size(), 8U);
  for (std::size_t i = 0; i < plan->roles.size(); ++i) {
    for (const auto before : plan->roles[i].after) EXPECT_LT(before, i);
  }
}

TEST(Plan, a_role_is_called_with_what_the_platform_was_told) {
  auto told = options();
  told.base_port = 100;
  told.config_file = "/etc/stoa.toml";
  told.settings = {"market.seed=7"};
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->roles[0].argv,
              ElementsAre("/usr/bin/stoa", "run", "relay", "--domain", "market", "--data",
                          "/var/lib/stoa", "--env", "testing", "--base-port", "100", "--config",
                          "/etc/stoa.toml", "--set", "market.seed=7"));
  EXPECT_EQ(plan->roles[0].port, 8101);
  EXPECT_EQ(plan->roles[0].log_file, "/var/lib/stoa/log/relay-market.log");
}

TEST(Plan, any_base_port_leaves_every_port_to_the_system) {
  auto told = options();
  told.base_port.reset();
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  for (const Role& role : plan->roles) EXPECT_EQ(role.port, 0);
  EXPECT_THAT(plan->roles[0].argv, ::testing::Contains("any"));
}

TEST(Plan, a_port_of_the_configuration_moves_with_the_base_and_0_stays_free) {
  auto told = options();
  told.base_port = 100;
  told.choices = {{.name = "venue", .port = 7000}, {.name = "risk", .port = 0}};
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->roles[*plan->find("venue")].port, 7100);
  EXPECT_EQ(plan->roles[*plan->find("risk")].port, 0);
}

TEST(Plan, nobody_waits_for_a_role_that_is_switched_off) {
  auto told = options();
  told.choices = {{.name = "venue", .enabled = false}};
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->roles.size(), 9U);
  EXPECT_FALSE(plan->find("venue"));
  EXPECT_THAT(waits_for(*plan, "execution"), ElementsAre("relay-execution", "risk"));
}

TEST(Plan, one_role_brings_those_it_waits_for) {
  const auto plan = make_plan(options());
  ASSERT_TRUE(plan);
  const auto risk = plan->with_those_before(std::vector<std::string>{"risk"});
  ASSERT_TRUE(risk);
  EXPECT_THAT(*risk, ElementsAre(*plan->find("relay-execution"), *plan->find("risk")));
  EXPECT_EQ(plan->with_those_before({})->size(), 10U);
}

TEST(Plan, priority_orders_roles_that_could_start_together) {
  auto told = options();
  told.choices = {{.name = "venue", .priority = -1}, {.name = "relay-market", .priority = 5}};
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->roles.front().name, "venue");
  EXPECT_LT(*plan->find("execution"), *plan->find("relay-market"));
}

TEST(Plan, a_misspelt_role_is_answered_with_the_nearest) {
  auto told = options();
  told.choices = {{.name = "gatway"}};
  const auto wrong = make_plan(told);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("gatway is no role; did you mean gateway?"));
  told.choices = {{.name = "venue", .enabled = false}};
  const auto plan = make_plan(told);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->places(std::vector<std::string>{"vneue"}).error().message,
              HasSubstr("did you mean venue?"));
  EXPECT_THAT(plan->with_those_before(std::vector<std::string>{"venue"}).error().message,
              HasSubstr("switched off"));
}

TEST(Plan, a_base_port_leaves_room_for_the_highest_role) {
  EXPECT_EQ(*parse_base_port("0"), BasePort{0});
  EXPECT_EQ(*parse_base_port("56435"), BasePort{56'435});
  EXPECT_FALSE(parse_base_port("56436"));
  EXPECT_FALSE(parse_base_port("-1"));
  EXPECT_FALSE(parse_base_port("1x"));
  EXPECT_FALSE(parse_base_port(""));
  EXPECT_EQ(*parse_base_port("any"), BasePort{});
  EXPECT_EQ(to_string(BasePort{}), "any");
  EXPECT_EQ(to_string(BasePort{7}), "7");
}

}  // namespace
}  // namespace stoa::deploy

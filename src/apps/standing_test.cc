#include "apps/standing.h"

#include <gtest/gtest.h>

#include "ops/role_status.h"

namespace stoa::apps {
namespace {

using ops::RoleState;

TEST(ToldStanding, tells_each_change_once) {
  ToldStanding told;
  EXPECT_TRUE(told.take(waits("for execution"), false));
  EXPECT_EQ(told.last().reason, "waits for execution");
  EXPECT_FALSE(told.take(waits("for execution"), false));
  EXPECT_TRUE(told.take(waits("for the market relay"), false));
  EXPECT_FALSE(told.ready());
  EXPECT_TRUE(told.take({.state = RoleState::Ready}, false));
  EXPECT_TRUE(told.ready());
  EXPECT_FALSE(told.take({.state = RoleState::Ready}, false));
}

TEST(ToldStanding, tells_once_of_a_role_that_drains_and_still_is_ready) {
  ToldStanding told;
  EXPECT_TRUE(told.take({.state = RoleState::Ready}, false));
  EXPECT_TRUE(told.take({.state = RoleState::Ready}, true));
  EXPECT_EQ(told.last().state, RoleState::Draining);
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(told.take({.state = RoleState::Ready}, true));
  }
  EXPECT_FALSE(told.ready());
}

}  // namespace
}  // namespace stoa::apps

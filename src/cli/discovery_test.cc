#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/test_support.h"
#include "ops/registry.h"
#include "ops/role_status.h"

namespace stoa::cli {
namespace {

using ::testing::HasSubstr;

class DiscoveryCommands : public ::testing::Test {
 protected:
  ops::Registration enter(const std::string& service, const std::string& name,
                          ops::CheckResult health, int priority) {
    auto entered = ops::Registration::open(
        registry(), {.service = service,
                     .instance = name,
                     .colour = "green",
                     .epoch = 2,
                     .endpoints = {{.name = "health", .address = "127.0.0.1:5557"}},
                     .priority = priority,
                     .health = health,
                     .since = Timestamp::from_ns(42)});
    EXPECT_TRUE(entered.has_value()) << entered.error().text();
    return std::move(*entered);
  }
  Ran run(const std::string& words) {
    std::istringstream in{"discovery " + words};
    std::vector<std::string> line{std::istream_iterator<std::string>{in}, {}};
    line.insert(line.end(), {"--env", "testing", "--data", dir.path().string()});
    return run_words(line);
  }
  [[nodiscard]] std::filesystem::path registry() const { return ops::services_dir(dir.path()); }

  TempDir dir;
};

TEST_F(DiscoveryCommands, list_shows_who_is_alive) {
  const auto risk = enter("risk", "risk-1", ops::CheckResult::Warn, 10);
  const auto ran = run("list");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "SERVICE  INSTANCE  HEALTH  COLOUR  EPOCH  PRIORITY" +
                         std::string(ran.out.find("PID") - ran.out.find("PRIORITY") - 8, ' ') +
                         "PID  ENDPOINTS\n"
                         "risk     risk-1    warn    green       2        10  " +
                         std::to_string(::getpid()) + "  health=127.0.0.1:5557\n");
  EXPECT_EQ(run("list -o json").out,
            R"({"instances":[{"service":"risk","instance":"risk-1","colour":"green","epoch":2,)"
            R"("priority":10,"health":"warn","since_ns":"42","pid":)" +
                std::to_string(::getpid()) +
                R"(,"endpoints":{"health":"127.0.0.1:5557"}}],"ghosts":0,"damaged":0})"
                "\n");
}

TEST_F(DiscoveryCommands, list_of_nothing_is_no_fault) {
  const auto ran = run("list");
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.err, HasSubstr("no process is registered below"));
  EXPECT_FALSE(std::filesystem::exists(registry()));
}

TEST_F(DiscoveryCommands, list_ends_with_3_beside_a_damaged_entry) {
  const auto risk = enter("risk", "risk-1", ops::CheckResult::Pass, 10);
  std::ofstream{registry() / "risk.risk-1.json"} << "{";
  EXPECT_EQ(run("list").exit, 3);
}

TEST_F(DiscoveryCommands, resolve_says_where_a_healthy_one_answers) {
  const auto sick = enter("risk", "risk-0", ops::CheckResult::Fail, 1);
  const auto first = enter("risk", "risk-1", ops::CheckResult::Pass, 10);
  const auto preferred = enter("risk", "risk-2", ops::CheckResult::Pass, 5);
  EXPECT_EQ(run("resolve risk").out, "risk-1 health 127.0.0.1:5557\n");
  EXPECT_EQ(run("resolve risk --policy priority").out, "risk-2 health 127.0.0.1:5557\n");
  EXPECT_THAT(run("resolve risk -o json").out, HasSubstr("\"instance\":\"risk-1\""));
}

TEST_F(DiscoveryCommands, resolve_ends_with_3_when_none_is_healthy) {
  EXPECT_EQ(run("resolve risk").exit, 3);
  EXPECT_FALSE(std::filesystem::exists(registry()));
  const auto sick = enter("risk", "risk-0", ops::CheckResult::Fail, 1);
  const auto ran = run("resolve risk");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("no healthy risk is registered below"));
}

}  // namespace
}  // namespace stoa::cli

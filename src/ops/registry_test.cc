#include "ops/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/temp_dir.h"
#include "ops/registry_test_support.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const Listing& listing) {
  std::vector<std::string> all;
  for (const Instance& instance : listing.instances) {
    all.push_back(instance.service + "." + instance.instance);
  }
  return all;
}
std::vector<std::string> files_in(const std::filesystem::path& dir) {
  std::vector<std::string> all;
  for (const auto& file : std::filesystem::directory_iterator{dir}) {
    all.push_back(file.path().filename());
  }
  return all;
}

TEST(RegistryEntry, reads_back_what_it_wrote) {
  Instance instance = instance_of("risk", "risk-1", -7, CheckResult::Warn);
  instance.pid = 99;
  const std::string text = to_json(instance);
  EXPECT_EQ(text, R"({"service":"risk","instance":"risk-1","colour":"blue","epoch":3,"endpoints":)"
                  R"({"health":"127.0.0.1:5557","socket":"/tmp/risk.sock"},"priority":-7,)"
                  R"("health":"warn","since_ns":42,"pid":99})"
                  "\n");
  const auto back = instance_from_json(text);
  ASSERT_TRUE(back.has_value()) << back.error().text();
  EXPECT_EQ(*back, instance);
  EXPECT_EQ(back->endpoint("socket")->address, "/tmp/risk.sock");
  EXPECT_EQ(back->endpoint("http"), nullptr);
}

TEST(RegistryEntry, refuses_what_is_none_and_names_the_field) {
  const std::string good = to_json(instance_of("risk", "risk-1"));
  const auto error_of = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    const auto read = instance_from_json(text);
    return read ? std::string{} : read.error().message;
  };
  EXPECT_EQ(error_of("\"risk\"", "\"ri sk\""), "service: expected a name of [a-z0-9-]");
  EXPECT_EQ(error_of("\"risk-1\"", "\"../x\""),
            "instance: expected a name of [a-z0-9-], or two with a dot between");
  EXPECT_EQ(error_of("\"risk-1\"", "7"), "instance: expected a text");
  EXPECT_EQ(error_of("\"pass\"", "\"fine\""), "health: expected pass, warn or fail");
  EXPECT_THAT(error_of("\"epoch\":3", "\"epoch\":-3"), HasSubstr("epoch: expected an integer"));
  EXPECT_THAT(error_of("\"pid\":0", "\"pod\":0"), HasSubstr("pid: expected an integer"));
  EXPECT_THAT(error_of("\"127.0.0.1:5557\"", "5557"), HasSubstr("endpoints:"));
  EXPECT_EQ(error_of("{\"service\"", "\"service\""), "this is no JSON object");
  EXPECT_EQ(instance_from_json("[]").error().message, "this is no JSON object");
  EXPECT_THAT(instance_from_json(std::string(20'000, ' ')).error().message, HasSubstr("longer"));
}

TEST(Registry, lists_who_is_alive_by_service_and_name) {
  const TempDir registry;
  const auto b = Registration::open(registry.path(), instance_of("risk", "risk-b"));
  const auto a = Registration::open(registry.path(), instance_of("risk", "risk-a"));
  const auto gateway = Registration::open(registry.path(), instance_of("gateway", "gateway.green"));
  ASSERT_TRUE(a && b && gateway);
  const auto listing = list_instances(registry.path(), false);
  ASSERT_TRUE(listing.has_value());
  EXPECT_THAT(names(*listing), ElementsAre("gateway.gateway.green", "risk.risk-a", "risk.risk-b"));
  EXPECT_EQ(listing->instances[1].pid, ::getpid());
  EXPECT_EQ(listing->ghosts, 0U);
  EXPECT_EQ(listing->damaged, 0U);
}

TEST(Registry, is_empty_where_nothing_is) {
  const TempDir registry;
  EXPECT_TRUE(list_instances(registry.path(), true)->instances.empty());
  EXPECT_TRUE(list_instances(registry.path() / "absent", true)->instances.empty());
  EXPECT_FALSE(list_instances("/proc/self/exe", true).has_value());
}

TEST(Registry, tells_a_change_of_health_and_writes_only_changes) {
  const TempDir registry;
  auto registration = Registration::open(registry.path(), instance_of("risk", "risk-1"));
  ASSERT_TRUE(registration.has_value());
  const auto file = registry.path() / "risk.risk-1.json";
  const auto written = [&] { return std::filesystem::last_write_time(file); };
  const auto before = written();
  EXPECT_TRUE(registration->set_health(CheckResult::Pass, Timestamp::from_ns(50)));
  EXPECT_EQ(written(), before);
  EXPECT_TRUE(registration->set_health(CheckResult::Fail, Timestamp::from_ns(60)));
  const auto told = list_instances(registry.path(), false);
  EXPECT_EQ(told->instances[0].health, CheckResult::Fail);
  EXPECT_EQ(told->instances[0].since.ns(), 60);
  EXPECT_TRUE(registration->set_epoch(4));
  EXPECT_EQ(list_instances(registry.path(), false)->instances[0].epoch, 4U);
}

TEST(Registry, tries_a_change_again_that_could_not_be_written) {
  const TempDir registry;
  auto registration = Registration::open(registry.path(), instance_of("risk", "risk-1"));
  ASSERT_TRUE(registration.has_value());
  std::filesystem::create_directory(registry.path() / "risk.risk-1.json.new");  // in the way
  EXPECT_FALSE(registration->set_health(CheckResult::Fail, Timestamp::from_ns(60)));
  EXPECT_EQ(list_instances(registry.path(), false)->instances[0].health, CheckResult::Pass);
  std::filesystem::remove(registry.path() / "risk.risk-1.json.new");
  EXPECT_TRUE(registration->set_health(CheckResult::Fail, Timestamp::from_ns(70)));
  EXPECT_EQ(list_instances(registry.path(), false)->instances[0].health, CheckResult::Fail);
}

TEST(Registry, has_one_owner_of_a_name_at_a_time) {
  const TempDir registry;
  auto first = Registration::open(registry.path(), instance_of("risk", "risk-1"));
  ASSERT_TRUE(first.has_value());
  const auto second = Registration::open(registry.path(), instance_of("risk", "risk-1"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(second.error().message,
              HasSubstr("registered by process " + std::to_string(::getpid())));
  {
    const Registration gone = std::move(*first);
  }
  EXPECT_THAT(files_in(registry.path()), ElementsAre());
  EXPECT_TRUE(Registration::open(registry.path(), instance_of("risk", "risk-1")).has_value());
}

TEST(Registry, refuses_names_that_are_no_file_names) {
  const TempDir registry;
  for (const auto* bad : {"a.", ".b", "a.b.c", "a..b"}) {
    EXPECT_FALSE(Registration::open(registry.path(), instance_of("risk", bad))) << bad;
  }
  EXPECT_FALSE(Registration::open(registry.path(), instance_of("a.b", "risk-1")));
  for (const auto* bad : {"", "A", "../x", "an-unreasonably-long-name-of-33-byt"}) {
    EXPECT_FALSE(Registration::open(registry.path(), instance_of("risk", bad))) << bad;
    EXPECT_FALSE(Registration::open(registry.path(), instance_of(bad, "risk-1"))) << bad;
  }
  EXPECT_THAT(files_in(registry.path()), ElementsAre());
}

TEST(Registry, forgets_an_instance_whose_process_was_killed) {
  const TempDir registry;
  Owner owner{registry.path(), instance_of("risk", "risk-1")};
  Owner other{registry.path(), instance_of("risk", "risk-2")};
  ASSERT_TRUE(owner.registered() && other.registered());
  auto listing = list_instances(registry.path(), false);
  EXPECT_THAT(names(*listing), ElementsAre("risk.risk-1", "risk.risk-2"));
  EXPECT_EQ(listing->instances[0].pid, owner.pid());
  owner.kill();
  listing = list_instances(registry.path(), false);
  EXPECT_THAT(names(*listing), ElementsAre("risk.risk-2"));
  EXPECT_EQ(listing->ghosts, 1U);
  EXPECT_TRUE(std::filesystem::exists(registry.path() / "risk.risk-1.json"));
  listing = list_instances(registry.path(), true);
  EXPECT_EQ(listing->ghosts, 1U);
  EXPECT_FALSE(std::filesystem::exists(registry.path() / "risk.risk-1.json"));
  EXPECT_FALSE(std::filesystem::exists(registry.path() / "risk.risk-1.lock"));
  EXPECT_EQ(list_instances(registry.path(), true)->ghosts, 0U);
}

TEST(Registry, lets_a_successor_take_the_name_of_a_killed_process) {
  const TempDir registry;
  for (int i = 0; i < 20; ++i) {
    Owner owner{registry.path(), instance_of("risk", "risk-1")};
    ASSERT_TRUE(owner.registered()) << i;
    const auto listing = list_instances(registry.path(), i % 2 == 0);
    ASSERT_THAT(names(*listing), ElementsAre("risk.risk-1")) << i;
    EXPECT_EQ(listing->instances[0].pid, owner.pid());
    owner.kill();
  }
}

TEST(Registry, keeps_a_live_entry_while_others_sweep) {
  // Sweepers of another process look as fast as they can while names come and go.
  const TempDir registry;
  const int sweeper = ::fork();
  if (sweeper == 0) {
    for (;;) {
      [[maybe_unused]] const auto listing = list_instances(registry.path(), true);
    }
  }
  for (int i = 0; i < 300; ++i) {
    const auto registration = Registration::open(registry.path(), instance_of("risk", "risk-1"));
    ASSERT_TRUE(registration.has_value()) << i << registration.error().text();
    const auto listing = list_instances(registry.path(), false);
    ASSERT_THAT(names(*listing), ElementsAre("risk.risk-1")) << i;
  }
  ::kill(sweeper, SIGKILL);
  ::waitpid(sweeper, nullptr, 0);
}

TEST(Registry, counts_a_file_that_is_no_entry) {
  const TempDir registry;
  const auto registration = Registration::open(registry.path(), instance_of("risk", "risk-1"));
  ASSERT_TRUE(registration.has_value());
  std::ofstream{registry.path() / "risk.risk-1.json"} << "{";
  EXPECT_EQ(list_instances(registry.path(), true)->damaged, 1U);
  std::ofstream{registry.path() / "risk.risk-1.json"}
      << to_json(instance_of("risk", "another-name"));
  EXPECT_EQ(list_instances(registry.path(), true)->damaged, 1U);
}

}  // namespace
}  // namespace stoa::ops

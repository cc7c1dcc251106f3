#include "cli/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/temp_dir.h"
#include "cli/doctor_checks.h"
#include "cli/test_support.h"
#include "cli/validation_scene.h"

namespace stoa::cli {
namespace {

using ::testing::HasSubstr;

constexpr Timestamp kNow = Timestamp::from_ns(1'795'294'800'000'000'000);
constexpr nanoseconds kHour = std::chrono::hours{1};

RoleScene role(std::string name, std::vector<std::string> after, pid_t pid) {
  return {.name = std::move(name),
          .after = std::move(after),
          .planned = true,
          .supervised = true,
          .runs = true,
          .ready = true,
          .state = "ready",
          .port = 5'556,
          .pid = pid,
          .ready_status = 200,
          .answer_time = std::chrono::milliseconds{2},
          .version = "0.4.0",
          .commit = "abcdef0",
          .environment = "production",
          .mode = "PAPER",
          .config_digest = "d1",
          .config_revision = "prod-12",
          .uid = 990,
          .umask = 0027,
          .started = kNow - kHour,
          .registered = true,
          .registered_pid = pid};
}

/// A platform with which all is well.
ValidationScene sound() {
  ValidationScene scene{.asked = "production",
                        .environment = "production",
                        .now = kNow,
                        .data = "/var/lib/stoa",
                        .data_exists = true,
                        .data_writable = true,
                        .data_mode = 0750,
                        .supervised = true,
                        .supervisor_environment = "production",
                        .gateway_host = "127.0.0.1",
                        .page_status = 200,
                        .api_status = 200,
                        .limits_known = true,
                        .socket_mode = 0660};
  scene.roles = {role("relay-execution", {}, 11), role("execution", {"relay-execution"}, 12),
                 role("gateway", {"execution"}, 13)};
  scene.limits = {{.name = "max_order_notional", .value = "1000"},
                  {.name = "max_position_notional", .value = "2000"},
                  {.name = "max_gross_exposure", .value = "5000"},
                  {.name = "max_order_rate", .value = "10"}};
  scene.sockets = {{.path = "/var/lib/stoa/run/execution.sock", .mode = 0660}};
  scene.secrets = {{.path = "/var/lib/stoa/token", .mode = 0600}};
  scene.journals = {{.dir = "/var/lib/stoa/wal", .segments = 2, .records = 10}};
  scene.backups = {{.dir = "/backup", .time = kNow - kHour}};
  scene.certificates = {{.file = "/etc/tls.pem", .ends = kNow + 24 * 60 * kHour}};
  scene.config = ConfigTruth{
      .source = "hub", .digests = {{"execution", "d1"}}, .mend = "stoa config apply dev"};
  scene.machine = {{.id = "disk.space", .found = "80 GiB free", .remedy = "free some space"},
                   {.id = "clock.sync", .found = "synchronised", .remedy = "run chrony"},
                   {.id = "limits.descriptors", .found = "4096 open files", .remedy = "ulimit -n"}};
  return scene;
}

struct Breakage {
  std::string_view id;
  std::string_view subject;
  Outcome outcome;
  std::function<void(ValidationScene&)> apply;
};

const std::vector<Breakage>& breakages() {
  constexpr auto kFailed = Outcome::Failed;
  constexpr auto kWarned = Outcome::Warned;
  static const std::vector<Breakage> kAll{
      {"environment.known", "production", kFailed,
       [](auto& s) { s.config_errors = {"a.toml:1:1: no such key"}; }},
      {"environment.matches", "supervisor", kFailed,
       [](auto& s) { s.supervisor_environment = "staging"; }},
      {"environment.matches", "execution", kFailed,
       [](auto& s) { s.roles[1].environment = "staging"; }},
      {"data.directory", "/var/lib/stoa", kFailed, [](auto& s) { s.data_exists = false; }},
      {"data.directory", "/var/lib/stoa", kFailed, [](auto& s) { s.data_writable = false; }},
      {"data.directory", "/var/lib/stoa", kFailed, [](auto& s) { s.data_mode = 0755; }},
      {"roles.planned", "supervisor", kFailed, [](auto& s) { s.supervised = false; }},
      {"roles.planned", "execution", kFailed, [](auto& s) { s.roles[1].supervised = false; }},
      {"roles.planned", "gateway", kWarned, [](auto& s) { s.roles[2].planned = false; }},
      {"roles.running", "execution", kFailed, [](auto& s) { s.roles[1].runs = false; }},
      {"roles.ready", "execution", kFailed, [](auto& s) { s.roles[1].ready = false; }},
      {"roles.ready", "execution", kFailed, [](auto& s) { s.roles[1].ready_status = 503; }},
      {"roles.dependencies", "gateway", kFailed, [](auto& s) { s.roles[1].ready_status = 503; }},
      {"roles.restarts", "execution", kFailed, [](auto& s) { s.roles[1].state = "failed"; }},
      {"roles.restarts", "execution", kWarned, [](auto& s) { s.roles[1].restarts = 2; }},
      {"endpoints.answer", "gateway", kFailed, [](auto& s) { s.roles[2].ready_status.reset(); }},
      {"endpoints.fast", "gateway", kWarned,
       [](auto& s) { s.roles[2].answer_time = std::chrono::milliseconds{10}; }},
      {"registry.entries", "gateway", kFailed, [](auto& s) { s.roles[2].registered = false; }},
      {"registry.entries", "gateway", kFailed, [](auto& s) { s.roles[2].registered_pid = 99; }},
      {"gateway.reachable", "page", kFailed, [](auto& s) { s.page_status.reset(); }},
      {"gateway.reachable", "API", kFailed, [](auto& s) { s.api_status = 503; }},
      {"limits.set", "", kFailed, [](auto& s) { s.limits_known = false; }},
      {"limits.set", "max_order_rate", kFailed, [](auto& s) { s.limits[3].value = "off"; }},
      {"limits.set", "max_order_rate", kFailed, [](auto& s) { s.limits[3].value = "0"; }},
      {"limits.set", "max_order_notional", kWarned, [](auto& s) { s.limits[0].value = "3000"; }},
      {"config.drift", "execution", kFailed, [](auto& s) { s.roles[1].config_digest = "d0"; }},
      {"config.drift", "prod", kFailed,
       [](auto& s) { s.config = ConfigTruth{.trouble = "does not say", .source = "prod"}; }},
      {"config.drift", "gateway", kFailed,
       [](auto& s) { s.config = ConfigTruth{.source = "a.toml", .changed = kNow}; }},
      {"versions.equal", "gateway", kFailed, [](auto& s) { s.roles[2].commit = "1234567"; }},
      {"sockets.mode", "execution.sock", kFailed, [](auto& s) { s.sockets[0].mode = 0666; }},
      {"secrets.mode", "token", kFailed, [](auto& s) { s.secrets[0].mode = 0640; }},
      {"secrets.mode", "token", kFailed, [](auto& s) { s.secrets.clear(); }},
      {"security.user", "gateway", kFailed, [](auto& s) { s.roles[2].uid = 0; }},
      {"security.umask", "gateway", kWarned, [](auto& s) { s.roles[2].umask = 0022; }},
      {"certificates.valid", "gateway", kFailed,
       [](auto& s) {
         s.gateway_host = "0.0.0.0";
         s.certificates.clear();
       }},
      {"certificates.valid", "/etc/tls.pem", kFailed,
       [](auto& s) { s.certificates[0].ends = kNow; }},
      {"certificates.valid", "/etc/tls.pem", kWarned,
       [](auto& s) { s.certificates[0].ends = kNow + 24 * kHour; }},
      {"certificates.valid", "/etc/tls.pem", kFailed,
       [](auto& s) {
         s.certificates[0].ends.reset();
         s.certificates[0].trouble = "holds no PEM certificate";
       }},
      {"journals.intact", "/var/lib/stoa/wal", kFailed,
       [](auto& s) { s.journals[0].damage = "byte 7"; }},
      {"journals.intact", "", kFailed, [](auto& s) { s.journals.clear(); }},
      {"backups.fresh", "/backup", kFailed, [](auto& s) { s.backups[0].time = kNow - 27 * kHour; }},
      {"backups.fresh", "/backup", kFailed,
       [](auto& s) {
         s.backups[0].time.reset();
         s.backups[0].trouble = "no manifest";
       }},
      {"backups.fresh", "", kFailed, [](auto& s) { s.backups.clear(); }},
      {"machine.disk", "disk.space", kFailed, [](auto& s) { s.machine[0].health = Health::Fail; }},
      {"machine.clock", "clock.sync", kWarned, [](auto& s) { s.machine[1].health = Health::Warn; }},
      {"machine.limits", "limits.descriptors", kFailed,
       [](auto& s) { s.machine[2].health = Health::Fail; }},
  };
  return kAll;
}

TEST(Validation, nothing_is_amiss_with_a_sound_platform) {
  const auto found = validate_scene(sound(), {});
  for (const Validation& each : found) {
    EXPECT_EQ(each.outcome, Outcome::Passed) << each.id << " " << each.subject << " " << each.seen;
    EXPECT_EQ(each.remedy, "");
  }
  const ValidationSums sums = sums_of(found);
  EXPECT_EQ(sums.total, found.size());
  EXPECT_EQ(overall_status(sums), "HEALTHY");
  EXPECT_GE(sums.total, 45U);
}

TEST(Validation, each_check_finds_what_it_looks_for) {
  for (const Breakage& breakage : breakages()) {
    SCOPED_TRACE(std::string{breakage.id} + " of " + std::string{breakage.subject});
    ValidationScene scene = sound();
    breakage.apply(scene);
    const std::vector<std::string> only{std::string{breakage.id}};
    const auto found = validate_scene(scene, only);
    const auto at = std::ranges::find_if(found, [&](const Validation& each) {
      return each.subject == breakage.subject && each.outcome == breakage.outcome;
    });
    ASSERT_NE(at, found.end());
    EXPECT_EQ(at->id, breakage.id);
    EXPECT_NE(at->seen, "");
    EXPECT_NE(at->remedy, "");
  }
}

TEST(Validation, every_check_is_broken_by_a_test_and_has_a_title) {
  std::set<std::string_view> broken;
  for (const Breakage& breakage : breakages()) broken.insert(breakage.id);
  std::set<std::string_view> ids;
  for (const ValidationCheck& check : validation_checks()) {
    EXPECT_TRUE(ids.insert(check.id).second) << check.id << " twice";
    EXPECT_TRUE(broken.contains(check.id)) << check.id << " is never seen to fail";
    EXPECT_NE(check.title, "");
  }
  EXPECT_EQ(ids, broken);
}

TEST(Validation, what_only_production_needs_is_a_warning_elsewhere) {
  ValidationScene scene = sound();
  scene.environment = "development";
  for (RoleScene& each : scene.roles) {
    each.uid = 0;
    each.environment = "development";
  }
  scene.supervisor_environment = "development";
  scene.backups.clear();
  const ValidationSums sums = sums_of(validate_scene(scene, {}));
  EXPECT_EQ(sums.failed, 0U);
  EXPECT_EQ(sums.warned, 3U);
  EXPECT_EQ(overall_status(sums), "DEGRADED");
}

TEST(Validation, a_word_names_every_check_of_its_kind) {
  const std::vector<std::string> kind{"roles"};
  for (const Validation& each : validate_scene(sound(), kind)) {
    EXPECT_TRUE(each.id.starts_with("roles.")) << each.id;
  }
  const std::vector<std::string> part{"role"};
  EXPECT_TRUE(validate_scene(sound(), part).empty());
}

TEST(Validation, the_summary_counts_and_names_the_worst) {
  ValidationScene scene = sound();
  scene.page_status = 503;
  scene.roles[1].restarts = 1;
  const auto found = validate_quickly(scene);
  const ValidationSums sums = sums_of(found);
  EXPECT_EQ(sums.failed, 1U);
  EXPECT_EQ(sums.warned, 1U);
  EXPECT_EQ(sums.total, sums.passed + 2);
  const auto text = health_summary(found);
  EXPECT_THAT(text, HasSubstr("Total checks: " + std::to_string(sums.total)));
  EXPECT_THAT(text, HasSubstr("Warnings: 1 ⚠\nFailed: 1 ✗\n\nOverall status: UNHEALTHY ✗"));
  EXPECT_THAT(validation_json("production", found), HasSubstr(R"("status":"UNHEALTHY")"));
}

TEST(Validation, a_table_says_once_what_many_have) {
  ValidationScene scene = sound();
  for (RoleScene& each : scene.roles) each.umask = 0022;
  const std::vector<std::string> only{"security"};
  const auto found = validate_scene(scene, only);
  EXPECT_EQ(
      validation_table(found, false),
      "CHECK           OF                          RESULT   SEEN                                "
      "REMEDY\n"
      "security.user   relay-execution and 2 more  passed   Nothing runs as root in production\n"
      "security.umask  relay-execution and 2 more  warning  umask 0022                          "
      "others may read what it writes: umask 0027 before stoa up\n");
  EXPECT_THAT(validation_table(found, true), HasSubstr("security.umask  gateway"));
  EXPECT_THAT(validation_summary(found), HasSubstr("Total validations: 6\nPassed: 3 ✓\n"));
  EXPECT_THAT(validation_summary(found), HasSubstr("Success rate: 50.0 %"));
}

// ---- the commands

TEST(Validation, a_platform_that_does_not_run_fails_with_3_and_says_what_to_do) {
  const TempDir dir;
  for (const auto* name : {"validate", "validate-deployment"}) {
    const auto ran = run_words({name, "testing", "--data", dir.path().string(), "--only", "roles"});
    EXPECT_EQ(ran.exit, 3) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("roles.planned"));
    EXPECT_THAT(ran.out, HasSubstr("Validation FAILED ✗"));
  }
  for (const auto* name : {"health", "health-check"}) {
    const auto ran = run_words({name, "testing", "--data", dir.path().string()});
    EXPECT_EQ(ran.exit, 3) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("Overall status: UNHEALTHY ✗"));
  }
}

TEST(Validation, a_configuration_that_cannot_be_read_is_the_only_thing_said) {
  const TempDir dir;
  const auto file = dir.path() / "bad.toml";
  std::ofstream{file} << "[gateway]\nport = 70000\n";
  const auto ran = run_words({"validate", "dev", "--config", file.string(), "-o", "json"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.out, HasSubstr(R"("environment":"development")"));
  EXPECT_THAT(ran.out, HasSubstr("bad.toml:2:8"));
  EXPECT_THAT(ran.out, HasSubstr(R"("total":1,)"));
}

TEST(Validation, refuses_what_is_no_check) {
  EXPECT_EQ(run_words({"validate", "testing", "--only", "nothing"}).exit, 2);
  EXPECT_EQ(run_words({"validate", "testing", "--env", "staging"}).exit, 2);
}

TEST(Validation, a_space_that_no_hub_knows_is_a_fault_of_the_configuration) {
  const TempDir dir;
  const auto ran = run_words({"validate", "testing", "--data", dir.path().string(), "--space",
                              "prod", "--only", "config"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.out, HasSubstr("config.drift  prod  failed"));
}

}  // namespace
}  // namespace stoa::cli

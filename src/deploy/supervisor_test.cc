#include "deploy/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): signal names are POSIX
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "deploy/build.h"
#include "deploy/plan.h"
#include "deploy/process.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ExitStatus kCrash{.number = 1};
constexpr ExitStatus kClean{};
constexpr ExitStatus kKilled{.by_signal = true, .number = SIGKILL};

/// What was asked of processes, in words: "start venue", "TERM venue", "kill venue".
class FakePort final : public ProcessPort {
 public:
  explicit FakePort(const Plan& plan) : plan_{plan} {}

  Result<ProcessId> start(std::size_t role, const Build& build) override {
    said.push_back("start " + plan_.roles[role].name + of(build));
    if (broken.contains(role)) return bad_input("no such program", "/nowhere");
    return ProcessId{.pid = static_cast<pid_t>(++next_), .start_ticks = 7};
  }
  void signal(std::size_t role, int number) override {
    if (number == SIGCONT) return;
    said.push_back(std::string{number == SIGTERM ? "TERM " : "ABRT "} + plan_.roles[role].name);
  }
  void kill(std::size_t role) override { said.push_back("kill " + plan_.roles[role].name); }
  Result<ProcessId> start_successor(std::size_t role, const Build& build) override {
    said.push_back("start successor of " + plan_.roles[role].name + of(build));
    if (broken.contains(role)) return bad_input("no such program", "/nowhere");
    return ProcessId{.pid = static_cast<pid_t>(++next_), .start_ticks = 7};
  }
  void promote(std::size_t role) override { said.push_back("promote " + plan_.roles[role].name); }
  Result<ProcessId> start_beside(std::size_t role, const Build& build) override {
    said.push_back("start beside " + plan_.roles[role].name + of(build));
    if (broken.contains(role)) return bad_input("no such program", "/nowhere");
    return ProcessId{.pid = static_cast<pid_t>(++next_), .start_ticks = 7};
  }
  void signal_beside(std::size_t role, int number) override {
    if (number != SIGCONT) said.push_back("TERM beside " + plan_.roles[role].name);
  }
  void kill_beside(std::size_t role) override {
    said.push_back("kill beside " + plan_.roles[role].name);
  }
  std::string last_lines(std::size_t role) override { return lines[role]; }
  std::string last_lines_beside(std::size_t role) override { return lines[role]; }

  std::vector<std::string> take() { return std::exchange(said, {}); }

  std::vector<std::string> said;
  std::set<std::size_t> broken;
  std::map<std::size_t, std::string> lines;

 private:
  static std::string of(const Build& build) {
    if (build == Build{}) return "";
    return ' ' + std::string{to_string(build.colour)} +
           (build.release.empty() ? "" : ' ' + build.release);
  }

  const Plan& plan_;
  int next_ = 100;
};

/// relay <- {venue, risk} <- execution: the platform's graph in small.
Plan diamond() {
  return {.roles = {{.name = "relay", .hands_over = true},
                    {.name = "venue"},
                    {.name = "risk", .after = {0}, .switches = true},
                    {.name = "execution", .after = {0, 1, 2}}}};
}
constexpr std::size_t kRelay = 0;
constexpr std::size_t kVenue = 1;
constexpr std::size_t kRisk = 2;
constexpr std::size_t kExecution = 3;

class SupervisorTest : public ::testing::Test {
 protected:
  static std::vector<std::size_t> all() { return {kRelay, kVenue, kRisk, kExecution}; }

  /// Time passes in steps that a real loop would take.
  void pass(nanoseconds time) {
    const Timestamp end = clock.now() + time;
    while (clock.now() < end) {
      clock.advance_to(std::min(end, clock.now() + milliseconds{100}));
      supervisor.poll();
    }
  }
  /// The same, while these keep saying that they live.
  void pass_alive(nanoseconds time, const std::vector<std::size_t>& roles) {
    for (nanoseconds gone{0}; gone < time; gone += seconds{1}) {
      for (const auto role : roles) supervisor.on_notice(role, {.watchdog = true});
      pass(seconds{1});
    }
  }
  void ready(std::size_t role) {
    supervisor.on_notice(role, {.ready = true});
    supervisor.poll();
  }
  void exit(std::size_t role, const ExitStatus& status) {
    supervisor.on_exit(role, status);
    supervisor.poll();
  }
  void up_and_ready() {
    ASSERT_TRUE(supervisor.up(all()));
    supervisor.poll();
    for (const auto role : all()) ready(role);
    ASSERT_TRUE(supervisor.operation().over);
    ASSERT_TRUE(supervisor.operation().ok);
    port.take();
    static_cast<void>(supervisor.take_events());
  }
  [[nodiscard]] RoleState state(std::size_t role) const { return supervisor.view(role).state; }
  /// Seconds until the role is started again; 0 when that does not happen within a minute.
  double pause_of(std::size_t role) {
    port.take();
    const auto from = clock.now();
    for (int i = 0; i < 600 && state(role) != RoleState::Starting; ++i) pass(milliseconds{100});
    if (state(role) != RoleState::Starting) return 0;
    return static_cast<double>((clock.now() - from).count()) / 1e9;
  }

  ManualClock clock{Timestamp::from_ns(1'800'000'000'000'000'000)};
  Plan plan = diamond();
  FakePort port{plan};
  Supervisor supervisor{plan, {}, port, clock};
};

TEST_F(SupervisorTest, a_role_starts_once_those_before_it_are_ready) {
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("start relay", "start venue"));
  ready(kVenue);
  EXPECT_THAT(port.take(), IsEmpty());
  ready(kRelay);
  EXPECT_THAT(port.take(), ElementsAre("start risk"));
  EXPECT_FALSE(supervisor.operation().over);
  ready(kRisk);
  EXPECT_THAT(port.take(), ElementsAre("start execution"));
  ready(kExecution);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_TRUE(supervisor.operation().ok);
}

TEST_F(SupervisorTest, the_critical_path_names_what_the_start_waited_for) {
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  pass(milliseconds{100});
  ready(kVenue);
  pass(milliseconds{200});
  ready(kRelay);
  pass(milliseconds{300});
  ready(kRisk);
  pass(milliseconds{400});
  ready(kExecution);
  const auto path = supervisor.critical_path();
  ASSERT_EQ(path.size(), 3U);
  EXPECT_EQ(path[0].role, kRelay);
  EXPECT_EQ(path[1].role, kRisk);
  EXPECT_EQ(path[2].role, kExecution);
  EXPECT_EQ(path[0].ready_after, milliseconds{300});
  EXPECT_EQ(path[1].started_after, milliseconds{300});
  EXPECT_EQ(path[1].ready_after, milliseconds{600});
  EXPECT_EQ(path[2].ready_after, milliseconds{1'000});
}

TEST_F(SupervisorTest, up_on_a_running_platform_changes_nothing_and_says_done) {
  up_and_ready();
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_TRUE(supervisor.operation().ok);
  EXPECT_THAT(supervisor.operation().roles, IsEmpty());
  EXPECT_THAT(port.take(), IsEmpty());
}

TEST_F(SupervisorTest, up_starts_what_is_missing_and_leaves_the_rest) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay, kRisk}));
  supervisor.poll();
  ready(kRelay);
  ready(kRisk);
  EXPECT_TRUE(supervisor.operation().over);
  port.take();
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("start venue"));
  EXPECT_THAT(supervisor.operation().roles, ElementsAre(kVenue, kExecution));
}

TEST_F(SupervisorTest, a_second_up_joins_the_first) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay}));
  supervisor.poll();
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("start relay", "start venue"));
  ready(kRelay);
  EXPECT_FALSE(supervisor.operation().over);
}

TEST_F(SupervisorTest, a_start_that_fails_half_way_is_taken_back_in_reverse) {
  port.lines[kExecution] = "the last line";
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  for (const auto role : {kRelay, kVenue, kRisk}) ready(role);
  port.take();
  exit(kExecution, kCrash);
  EXPECT_THAT(port.take(), ElementsAre("TERM venue", "TERM risk"));
  EXPECT_FALSE(supervisor.operation().over);
  exit(kRisk, kClean);
  EXPECT_THAT(port.take(), ElementsAre("TERM relay"));
  exit(kVenue, kClean);
  exit(kRelay, kClean);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_FALSE(supervisor.operation().ok);
  EXPECT_EQ(supervisor.operation().message, "execution did not become ready: exit 1");
  EXPECT_TRUE(supervisor.at_rest());
  EXPECT_EQ(state(kExecution), RoleState::Failed);
  EXPECT_EQ(state(kRelay), RoleState::Down);
  const auto events = supervisor.take_events();
  const auto given_up = std::ranges::find(events, Event::Kind::GivenUp, &Event::kind);
  ASSERT_NE(given_up, events.end());
  EXPECT_EQ(given_up->text, "exit 1\nthe last line");
}

TEST_F(SupervisorTest, a_failed_start_of_a_missing_role_leaves_those_that_ran_before) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay, kRisk}));
  supervisor.poll();
  ready(kRelay);
  ready(kRisk);
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  port.take();
  exit(kVenue, kCrash);
  EXPECT_FALSE(supervisor.operation().ok);
  EXPECT_EQ(state(kRelay), RoleState::Ready);
  EXPECT_EQ(state(kRisk), RoleState::Ready);
  EXPECT_EQ(state(kExecution), RoleState::Down);
  EXPECT_THAT(port.take(), IsEmpty());
}

TEST_F(SupervisorTest, a_role_that_is_not_ready_in_time_fails_the_start) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay}));
  supervisor.poll();
  supervisor.on_notice(kRelay, {.status = "reading segment 3"});
  pass(milliseconds{59'900});
  EXPECT_THAT(port.take(), ElementsAre("start relay"));
  pass(milliseconds{100});
  pass(milliseconds{100});
  EXPECT_THAT(port.take(), ElementsAre("TERM relay"));
  exit(kRelay, kClean);
  EXPECT_EQ(supervisor.operation().message,
            "relay did not become ready: not ready within 60 s, it says: reading segment 3");
  EXPECT_EQ(state(kRelay), RoleState::Failed);
}

TEST_F(SupervisorTest, a_role_may_ask_for_more_time) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay}));
  supervisor.poll();
  pass(seconds{59});
  supervisor.on_notice(kRelay, {.extend = seconds{30}});
  pass(seconds{29});
  EXPECT_EQ(state(kRelay), RoleState::Starting);
  pass(seconds{2});
  EXPECT_EQ(state(kRelay), RoleState::Stopping);
}

TEST_F(SupervisorTest, a_program_that_cannot_be_started_fails_the_start) {
  port.broken.insert(kVenue);
  ASSERT_TRUE(supervisor.up(std::vector{kVenue}));
  supervisor.poll();
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_EQ(supervisor.operation().message,
            "venue did not become ready: /nowhere: no such program");
}

TEST_F(SupervisorTest, a_crash_is_started_again_after_a_pause_that_doubles) {
  up_and_ready();
  double expected = 0.2;
  for (int crash = 0; crash < 5; ++crash) {
    exit(kVenue, kCrash);
    EXPECT_EQ(state(kVenue), RoleState::Backoff);
    const double pause = pause_of(kVenue);
    EXPECT_GE(pause, expected * 0.8 - 0.001) << crash;
    EXPECT_LE(pause, expected + 0.1) << crash;
    expected *= 2;
    ready(kVenue);
  }
  EXPECT_EQ(supervisor.view(kVenue).restarts, 5U);
  EXPECT_EQ(state(kExecution), RoleState::Ready) << "others stay";
}

TEST_F(SupervisorTest, the_pause_never_passes_its_bound) {
  SupervisorOptions options;
  options.restart_max = 100;
  Supervisor patient{plan, options, port, clock};
  ASSERT_TRUE(patient.up(std::vector{kVenue}));
  patient.poll();
  patient.on_notice(kVenue, {.ready = true});
  patient.poll();
  double longest = 0;
  for (int crash = 0; crash < 12; ++crash) {
    patient.on_exit(kVenue, kCrash);
    const auto from = clock.now();
    while (patient.view(kVenue).state != RoleState::Starting) {
      clock.advance_to(clock.now() + milliseconds{100});
      patient.poll();
    }
    longest = std::max(longest, static_cast<double>((clock.now() - from).count()) / 1e9);
    patient.on_notice(kVenue, {.ready = true});
  }
  EXPECT_GT(longest, 20);
  EXPECT_LE(longest, 30.2);
}

TEST_F(SupervisorTest, without_a_pause_it_is_started_again_at_once_every_time) {
  SupervisorOptions options;
  options.restart_max = 100;
  options.backoff_max = seconds{0};
  Supervisor restless{plan, options, port, clock};
  ASSERT_TRUE(restless.up(std::vector{kVenue}));
  for (int crash = 0; crash < 12; ++crash) {
    restless.poll();
    restless.on_notice(kVenue, {.ready = true});
    restless.poll();
    restless.on_exit(kVenue, kCrash);
    for (int round = 0; round < 2; ++round) restless.poll();  // no time passes
    EXPECT_EQ(restless.view(kVenue).state, RoleState::Starting) << crash;
  }
}

TEST_F(SupervisorTest, a_minute_of_health_forgets_the_back_off) {
  up_and_ready();
  for (int crash = 0; crash < 3; ++crash) {
    exit(kVenue, kCrash);
    EXPECT_GT(pause_of(kVenue), 0);
    ready(kVenue);
  }
  pass_alive(seconds{61}, all());
  exit(kVenue, kCrash);
  EXPECT_LE(pause_of(kVenue), 1.2);
}

TEST_F(SupervisorTest, the_sixth_crash_in_five_minutes_is_the_last) {
  up_and_ready();
  for (int crash = 0; crash < 5; ++crash) {
    exit(kVenue, kCrash);
    ASSERT_GT(pause_of(kVenue), 0) << crash;
    ready(kVenue);
  }
  static_cast<void>(supervisor.take_events());
  exit(kVenue, kKilled);
  EXPECT_EQ(state(kVenue), RoleState::Failed);
  EXPECT_THAT(supervisor.view(kVenue).last_error, HasSubstr("after 5 restarts within 300 s"));
  const auto events = supervisor.take_events();
  EXPECT_EQ(std::ranges::count(events, Event::Kind::GivenUp, &Event::kind), 1);
  port.take();
  pass_alive(seconds{60}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  // A person may ask again.
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("start venue"));
}

TEST_F(SupervisorTest, a_role_given_up_while_others_start_takes_the_start_back) {
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  for (int crash = 0; crash <= 5; ++crash) {
    ready(kVenue);
    exit(kVenue, kCrash);
    if (crash < 5) {
      ASSERT_GT(pause_of(kVenue), 0) << crash;
    }
  }
  EXPECT_EQ(state(kVenue), RoleState::Failed);
  exit(kRelay, kClean);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_THAT(supervisor.operation().message, HasSubstr("after 5 restarts"));
  EXPECT_TRUE(supervisor.at_rest());
}

TEST_F(SupervisorTest, a_start_behind_a_role_that_was_given_up_meanwhile_fails) {
  ASSERT_TRUE(supervisor.up(std::vector{kRelay}));
  supervisor.poll();
  ready(kRelay);
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  for (int crash = 0; crash <= 5; ++crash) {
    exit(kRelay, kCrash);
    for (int i = 0; i < 400 && state(kRelay) == RoleState::Backoff; ++i) pass(milliseconds{100});
    if (state(kRelay) == RoleState::Starting) ready(kRelay);
    if (state(kRisk) == RoleState::Starting) exit(kRisk, kCrash);
    if (supervisor.operation().over) break;
  }
  for (const auto role : all()) exit(role, kClean);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_FALSE(supervisor.operation().ok);
}

TEST_F(SupervisorTest, crashes_that_are_far_apart_are_never_given_up) {
  up_and_ready();
  for (int crash = 0; crash < 12; ++crash) {
    exit(kVenue, kCrash);
    ASSERT_GT(pause_of(kVenue), 0) << crash;
    ready(kVenue);
    pass_alive(seconds{90}, all());
  }
  EXPECT_EQ(state(kVenue), RoleState::Ready);
}

TEST_F(SupervisorTest, a_role_silent_for_less_than_the_watchdog_lives_on) {
  up_and_ready();
  pass_alive(seconds{19}, {kRelay, kRisk, kExecution});
  EXPECT_THAT(port.take(), IsEmpty());
  supervisor.on_notice(kVenue, {.watchdog = true});
  pass_alive(seconds{19}, {kRelay, kRisk, kExecution});
  EXPECT_THAT(port.take(), IsEmpty());
}

TEST_F(SupervisorTest, a_role_silent_for_longer_is_aborted_then_killed_and_started_again) {
  up_and_ready();
  pass_alive(seconds{21}, {kRelay, kRisk, kExecution});
  EXPECT_THAT(port.take(), ElementsAre("ABRT venue"));
  pass_alive(seconds{3}, {kRelay, kRisk, kExecution});
  EXPECT_THAT(port.take(), ElementsAre("kill venue"));
  exit(kVenue, kKilled);
  EXPECT_THAT(supervisor.view(kVenue).last_error, HasSubstr("after it was silent"));
  EXPECT_GT(pause_of(kVenue), 0);
}

TEST_F(SupervisorTest, a_pause_of_the_supervisor_itself_ends_nobody) {
  up_and_ready();
  clock.advance_to(clock.now() + seconds{120});
  supervisor.poll();
  EXPECT_THAT(port.take(), IsEmpty());
  pass(seconds{19});
  EXPECT_THAT(port.take(), IsEmpty());
  pass(seconds{3});
  EXPECT_FALSE(port.take().empty()) << "the watchdog is on again";
}

TEST_F(SupervisorTest, what_a_role_said_before_we_looked_counts) {
  up_and_ready();
  pass_alive(seconds{19}, {kRelay, kRisk, kExecution});
  clock.advance_to(clock.now() + seconds{2});
  for (const auto role : all()) supervisor.on_notice(role, {.watchdog = true});
  supervisor.poll();
  EXPECT_THAT(port.take(), IsEmpty());
}

TEST_F(SupervisorTest, down_stops_in_reverse_and_independent_ones_together) {
  up_and_ready();
  supervisor.down({});
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM execution"));
  exit(kExecution, kClean);
  EXPECT_THAT(port.take(), ElementsAre("TERM venue", "TERM risk"));
  exit(kVenue, kClean);
  EXPECT_THAT(port.take(), IsEmpty());
  exit(kRisk, kClean);
  EXPECT_THAT(port.take(), ElementsAre("TERM relay"));
  exit(kRelay, kClean);
  EXPECT_TRUE(supervisor.at_rest());
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_TRUE(supervisor.operation().ok);
}

TEST_F(SupervisorTest, a_role_that_does_not_end_is_killed_after_its_time) {
  up_and_ready();
  supervisor.down({});
  supervisor.poll();
  port.take();
  pass(milliseconds{29'900});
  EXPECT_THAT(port.take(), IsEmpty());
  pass(milliseconds{200});
  EXPECT_THAT(port.take(), ElementsAre("kill execution"));
  exit(kExecution, kKilled);
  EXPECT_THAT(port.take(), ElementsAre("TERM venue", "TERM risk"));
}

TEST_F(SupervisorTest, force_kills_all_at_once) {
  up_and_ready();
  supervisor.down({.force = true});
  EXPECT_THAT(port.take(), ElementsAre("kill relay", "kill venue", "kill risk", "kill execution"));
  for (const auto role : all()) exit(role, kKilled);
  EXPECT_TRUE(supervisor.operation().over);
}

TEST_F(SupervisorTest, force_ends_a_stop_that_waits) {
  up_and_ready();
  supervisor.down({});
  supervisor.poll();
  port.take();
  supervisor.down({.force = true});
  EXPECT_THAT(port.take(), ElementsAre("kill relay", "kill venue", "kill risk", "kill execution"));
}

TEST_F(SupervisorTest, down_during_a_start_ends_the_start) {
  ASSERT_TRUE(supervisor.up(all()));
  supervisor.poll();
  ready(kRelay);
  port.take();
  supervisor.down({});
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM venue", "TERM risk"));
  exit(kVenue, kClean);
  exit(kRisk, kClean);
  exit(kRelay, kClean);
  EXPECT_TRUE(supervisor.at_rest());
  EXPECT_EQ(state(kExecution), RoleState::Down);
}

TEST_F(SupervisorTest, nothing_starts_while_the_platform_is_being_stopped) {
  up_and_ready();
  supervisor.down({});
  supervisor.poll();
  const auto refused = supervisor.up(all());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  exit(kVenue, kCrash);
  port.take();
  pass(seconds{29});
  EXPECT_THAT(port.take(), IsEmpty());
}

TEST_F(SupervisorTest, restart_stops_and_starts_one_role_and_no_other) {
  up_and_ready();
  ASSERT_TRUE(supervisor.restart(std::vector{kRisk}));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM risk"));
  exit(kRisk, kClean);
  EXPECT_THAT(port.take(), ElementsAre("start risk"));
  EXPECT_FALSE(supervisor.operation().over);
  ready(kRisk);
  EXPECT_TRUE(supervisor.operation().ok);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_EQ(supervisor.view(kRisk).restarts, 0U) << "it was asked for";
}

TEST_F(SupervisorTest, restart_of_all_stops_in_reverse_and_starts_in_order) {
  up_and_ready();
  ASSERT_TRUE(supervisor.restart(all()));
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM execution"));
  exit(kExecution, kClean);
  EXPECT_THAT(port.take(), ElementsAre("TERM venue", "TERM risk"));
  exit(kVenue, kClean);
  EXPECT_THAT(port.take(), ElementsAre("start venue"));
  exit(kRisk, kClean);
  EXPECT_THAT(port.take(), ElementsAre("TERM relay"));
  exit(kRelay, kClean);
  EXPECT_THAT(port.take(), ElementsAre("start relay"));
  ready(kVenue);
  ready(kRelay);
  EXPECT_THAT(port.take(), ElementsAre("start risk"));
  ready(kRisk);
  ready(kExecution);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_TRUE(supervisor.operation().ok);
}

TEST_F(SupervisorTest, a_restart_that_fails_says_so_and_goes_on_trying) {
  up_and_ready();
  ASSERT_TRUE(supervisor.restart(std::vector{kRisk}));
  supervisor.poll();
  exit(kRisk, kClean);
  exit(kRisk, kCrash);
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_FALSE(supervisor.operation().ok);
  EXPECT_THAT(supervisor.operation().message, HasSubstr("it is tried again"));
  EXPECT_EQ(state(kRisk), RoleState::Backoff);
  EXPECT_EQ(state(kExecution), RoleState::Ready);
}

TEST_F(SupervisorTest, a_restart_behind_a_role_that_is_gone_does_not_wait_for_ever) {
  ASSERT_TRUE(supervisor.restart(std::vector{kRisk}));
  supervisor.poll();
  EXPECT_TRUE(supervisor.operation().over);
  EXPECT_EQ(supervisor.operation().message, "risk waits for relay, which is down");
}

TEST_F(SupervisorTest, an_adopted_role_is_not_started_twice_and_stops_with_the_rest) {
  Supervisor next{plan, {}, port, clock};
  next.adopt(kRelay, {.pid = 42, .start_ticks = 1}, {}, true);
  ASSERT_TRUE(next.up(std::vector{kRelay, kRisk}));
  next.poll();
  EXPECT_THAT(port.take(), ElementsAre("start risk"));
  next.on_notice(kRisk, {.ready = true});
  next.down({});
  next.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM risk"));
  next.on_exit(kRisk, kClean);
  next.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM relay"));
}

TEST_F(SupervisorTest, it_says_when_it_wants_to_be_called_again) {
  up_and_ready();
  EXPECT_EQ(supervisor.idle_time(), seconds{1});
  pass_alive(seconds{5}, all());
  pass(milliseconds{18'500});
  EXPECT_LE(supervisor.idle_time(), milliseconds{600});
  EXPECT_GT(supervisor.idle_time(), nanoseconds{0});
}

/// Any order of events leaves a platform that can be stopped: a walk of random steps, then down.
TEST_F(SupervisorTest, whatever_happens_down_ends_in_rest) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    Supervisor walked{plan, {.seed = seed}, port, clock};
    std::set<std::pair<std::size_t, pid_t>> alive;
    std::set<std::pair<std::size_t, pid_t>> besides;
    const auto look = [&] {
      for (const auto role : all()) {
        const RoleView& view = walked.view(role);
        if (view.process) alive.insert({role, view.process->pid});
        if (view.beside && view.beside->process) besides.insert({role, view.beside->process->pid});
      }
      // Never two processes in one place.
      for (const auto role : all()) {
        EXPECT_LE(std::ranges::count(alive, role, &std::pair<std::size_t, pid_t>::first), 1);
        EXPECT_LE(std::ranges::count(besides, role, &std::pair<std::size_t, pid_t>::first), 1);
      }
    };
    const auto end_beside = [&](std::size_t role, const ExitStatus& status) {
      const auto found = std::ranges::find(besides, role, &std::pair<std::size_t, pid_t>::first);
      if (found == besides.end()) return;
      besides.erase(found);
      walked.on_exit_beside(role, status);
    };
    const auto end = [&](std::size_t role, const ExitStatus& status) {
      const auto found = std::ranges::find(alive, role, &std::pair<std::size_t, pid_t>::first);
      if (found == alive.end()) return;
      alive.erase(found);
      walked.on_exit(role, status);
    };
    for (int step = 0; step < 200; ++step) {
      const auto role = static_cast<std::size_t>(random.below(4));
      switch (random.below(12)) {
        case 0: {
          [[maybe_unused]] const auto begun = walked.up(std::vector{role});
          break;
        }
        case 1: {
          [[maybe_unused]] const auto begun = walked.restart(std::vector{role});
          break;
        }
        case 2:
          if (random.one_in(4)) walked.down({.force = random.one_in(2)});
          break;
        case 3:
          end(role, kCrash);
          break;
        case 4:
          walked.on_notice(role, {.ready = true});
          break;
        case 5: {
          const Colour colour = random.one_in(2) ? Colour::Green : Colour::Blue;
          [[maybe_unused]] const auto begun = walked.beside_start(role, {.colour = colour});
          break;
        }
        case 6: {
          const Colour colour = random.one_in(2) ? Colour::Green : Colour::Blue;
          const auto own = walked.view(role).process;
          const auto beside = walked.view(role).beside;
          if (!walked.beside_promote(role, colour) || walked.view(role).process == own) break;
          // They have changed places, and so have their ends.
          if (own) alive.erase({role, own->pid});
          if (own) besides.insert({role, own->pid});
          besides.erase({role, beside->process->pid});
          alive.insert({role, beside->process->pid});
          break;
        }
        case 7:
          if (random.one_in(2)) walked.beside_stop(role);
          break;
        case 8:
          end_beside(role, kCrash);
          break;
        case 9:
          walked.on_notice_beside(role, {.ready = true});
          break;
        default:
          clock.advance_to(clock.now() + milliseconds{random.between(1, 4'000)});
          break;
      }
      walked.poll();
      look();
    }
    walked.down({.force = true});
    for (const auto role : all()) end(role, kKilled);
    for (const auto role : all()) end_beside(role, kKilled);
    walked.poll();
    ASSERT_TRUE(walked.at_rest());
    ASSERT_TRUE(walked.operation().over);
    ASSERT_TRUE(alive.empty());
  }
}

// ---- a process that stands beside

const Build kGreen{.colour = Colour::Green, .release = "2.0.0", .program = "/r/2.0.0/stoa"};

class BesideTest : public SupervisorTest {
 protected:
  void SetUp() override { up_and_ready(); }
  void stand() {
    ASSERT_TRUE(supervisor.beside_start(kRisk, kGreen));
    supervisor.on_notice_beside(kRisk, {.ready = true});
    supervisor.poll();
    port.take();
    static_cast<void>(supervisor.take_events());
  }
  void exit_beside(const ExitStatus& status) {
    supervisor.on_exit_beside(kRisk, status);
    supervisor.poll();
  }
  [[nodiscard]] const RoleView& risk() const { return supervisor.view(kRisk); }
};

TEST_F(BesideTest, it_is_started_from_its_build_and_watched) {
  const auto own = risk().process;
  ASSERT_TRUE(supervisor.beside_start(kRisk, kGreen));
  EXPECT_THAT(port.take(), ElementsAre("start beside risk green 2.0.0"));
  EXPECT_EQ(risk().beside->state, RoleState::Starting);
  supervisor.on_notice_beside(kRisk, {.ready = true, .status = "follows"});
  EXPECT_EQ(risk().beside->state, RoleState::Ready);
  EXPECT_EQ(risk().beside->status, "follows");
  EXPECT_EQ(risk().beside->build, kGreen);
  EXPECT_EQ(risk().process, own);
  EXPECT_EQ(risk().build, Build{}) << "the role's own is what it was";
  pass_alive(seconds{19}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  pass_alive(seconds{2}, all());
  EXPECT_THAT(port.take(), ElementsAre("kill beside risk"));
  exit_beside(kKilled);
  EXPECT_THAT(risk().beside->last_exit, HasSubstr("no sign of life for 20 s: signal 9"));
}

TEST_F(BesideTest, one_that_dies_is_told_and_not_started_again) {
  stand();
  port.lines[kRisk] = "error: cannot read";
  exit_beside(kCrash);
  EXPECT_EQ(risk().beside->state, RoleState::Failed);
  EXPECT_FALSE(risk().beside->process);
  EXPECT_THAT(risk().beside->last_exit, HasSubstr("exit 1 at "));
  EXPECT_THAT(risk().beside->last_exit, HasSubstr("error: cannot read"));
  pass_alive(seconds{60}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  const auto events = supervisor.take_events();
  EXPECT_EQ(std::ranges::count(events, Event::Kind::BesideEnded, &Event::kind), 1);
  ASSERT_TRUE(supervisor.beside_start(kRisk, kGreen)) << "who wants it may ask again";
  EXPECT_THAT(port.take(), ElementsAre("start beside risk green 2.0.0"));
}

TEST_F(BesideTest, one_that_is_not_ready_in_time_is_ended) {
  ASSERT_TRUE(supervisor.beside_start(kRisk, kGreen));
  port.take();
  supervisor.on_notice_beside(kRisk, {.status = "reading", .extend = seconds{80}});
  pass_alive(seconds{79}, all());
  EXPECT_THAT(port.take(), IsEmpty()) << "it said how long it takes";
  pass_alive(seconds{2}, all());
  EXPECT_THAT(port.take(), ElementsAre("kill beside risk"));
  exit_beside(kKilled);
  EXPECT_THAT(risk().beside->last_exit, HasSubstr("not ready within 60 s, it says: reading"));
}

TEST_F(BesideTest, after_a_promotion_a_crash_restarts_the_promoted_build_and_the_other_stays_warm) {
  stand();
  const auto blue = risk().process;
  const auto green = risk().beside->process;
  ASSERT_TRUE(supervisor.beside_promote(kRisk, Colour::Green));
  EXPECT_THAT(port.take(), ElementsAre("promote risk"));
  EXPECT_EQ(risk().process, green);
  EXPECT_EQ(risk().build, kGreen);
  EXPECT_EQ(state(kRisk), RoleState::Ready);
  EXPECT_EQ(risk().beside->process, blue);
  EXPECT_EQ(risk().beside->build, Build{});
  EXPECT_EQ(risk().beside->state, RoleState::Ready);
  ASSERT_TRUE(supervisor.beside_promote(kRisk, Colour::Green)) << "already so is fine";
  EXPECT_THAT(port.take(), IsEmpty());
  exit(kRisk, kCrash);
  EXPECT_EQ(state(kRisk), RoleState::Backoff);
  pass(seconds{1});
  EXPECT_THAT(port.take(), ElementsAre("start risk green 2.0.0"));
  EXPECT_EQ(risk().beside->process, blue) << "nobody touched it";
}

TEST_F(BesideTest, a_promotion_back_makes_everything_as_it_was) {
  stand();
  const auto blue = risk().process;
  ASSERT_TRUE(supervisor.beside_promote(kRisk, Colour::Green));
  ASSERT_TRUE(supervisor.beside_promote(kRisk, Colour::Blue));
  EXPECT_EQ(risk().process, blue);
  EXPECT_EQ(risk().build, Build{});
  EXPECT_EQ(risk().beside->build, kGreen);
  port.take();
  exit(kRisk, kCrash);
  pass(seconds{1});
  EXPECT_THAT(port.take(), ElementsAre("start risk"));
}

TEST_F(BesideTest, the_one_beside_takes_the_place_of_one_that_is_dead) {
  stand();
  exit(kRisk, kKilled);
  ASSERT_EQ(state(kRisk), RoleState::Backoff);
  ASSERT_TRUE(supervisor.beside_promote(kRisk, Colour::Green));
  EXPECT_EQ(state(kRisk), RoleState::Ready);
  EXPECT_EQ(risk().beside->state, RoleState::Failed);
  EXPECT_THAT(risk().beside->last_exit, HasSubstr("signal 9"));
  port.take();
  pass_alive(seconds{10}, all());
  EXPECT_THAT(port.take(), IsEmpty()) << "the dead one is not started again";
}

TEST_F(BesideTest, it_ends_when_asked_and_is_killed_when_it_does_not) {
  stand();
  supervisor.beside_stop(kRisk);
  EXPECT_THAT(port.take(), ElementsAre("TERM beside risk"));
  EXPECT_EQ(supervisor.beside_start(kRisk, kGreen).error().message,
            "beside risk ends green, release 2.0.0; stop it first");
  pass_alive(seconds{29}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  pass_alive(seconds{2}, all());
  EXPECT_THAT(port.take(), ElementsAre("kill beside risk"));
  exit_beside(kKilled);
  EXPECT_FALSE(risk().beside);
  supervisor.beside_stop(kRisk);
  EXPECT_THAT(port.take(), IsEmpty()) << "none there is fine";
}

TEST_F(BesideTest, what_cannot_be_is_refused_with_a_reason) {
  EXPECT_EQ(supervisor.beside_start(kVenue, kGreen).error().code, ErrorCode::BadInput);
  EXPECT_EQ(supervisor.beside_start(kRisk, {}).error().message,
            "risk is blue itself; beside it stands green");
  EXPECT_EQ(supervisor.beside_promote(kRisk, Colour::Green).error().message,
            "no green process stands beside risk");
  port.broken.insert(kRisk);
  EXPECT_EQ(supervisor.beside_start(kRisk, kGreen).error().text(), "/nowhere: no such program");
  EXPECT_FALSE(risk().beside);
  port.broken.clear();
  stand();
  ASSERT_TRUE(supervisor.beside_start(kRisk, kGreen)) << "the same again is fine";
  EXPECT_THAT(port.take(), IsEmpty());
  EXPECT_EQ(supervisor.beside_start(kRisk, {.colour = Colour::Green}).error().message,
            "beside risk stands green, release 2.0.0; stop it first");
}

TEST_F(BesideTest, down_stops_it_too_and_waits_for_it) {
  stand();
  supervisor.down({});
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("TERM beside risk", "TERM execution"));
  for (const auto role : {kExecution, kVenue, kRisk, kRelay}) exit(role, kClean);
  EXPECT_FALSE(supervisor.at_rest());
  exit_beside(kClean);
  EXPECT_TRUE(supervisor.at_rest());
}

TEST_F(BesideTest, a_successor_of_the_supervisor_takes_both_over) {
  Supervisor next{plan, {}, port, clock};
  next.set_build(kVenue, {.release = "1.5.0"});
  next.adopt(kRisk, {.pid = 42, .start_ticks = 1}, kGreen, true);
  next.adopt_beside(kRisk, {.pid = 43, .start_ticks = 1}, {}, true);
  EXPECT_EQ(next.view(kRisk).build, kGreen);
  EXPECT_EQ(next.view(kRisk).beside->state, RoleState::Ready);
  ASSERT_TRUE(next.up(all()));
  next.poll();
  EXPECT_THAT(port.take(), ElementsAre("start relay", "start venue blue 1.5.0"));
  ASSERT_FALSE(next.beside_promote(kRisk, Colour::Blue)) << "a start is under way";
}

// ---- hand-over

/// A relay that is being handed over: its successor runs and has said nothing yet.
class HandOver : public SupervisorTest {
 protected:
  void SetUp() override {
    up_and_ready();
    before = *supervisor.view(kRelay).process;
    ASSERT_TRUE(supervisor.hand_over(kRelay));
    supervisor.poll();
    ASSERT_THAT(port.take(), ElementsAre("start successor of relay"));
  }
  void successor_ready() {
    supervisor.on_notice_beside(kRelay, {.ready = true});
    supervisor.poll();
  }
  void exit_beside(const ExitStatus& status) {
    supervisor.on_exit_beside(kRelay, status);
    supervisor.poll();
  }
  [[nodiscard]] pid_t pid() const { return supervisor.view(kRelay).process->pid; }
  [[nodiscard]] bool over() const { return supervisor.operation().over; }

  ProcessId before;
};

TEST_F(HandOver, the_successor_becomes_the_roles_process_and_the_end_of_the_other_is_no_crash) {
  pass(milliseconds{300});
  EXPECT_EQ(pid(), before.pid);
  successor_ready();
  EXPECT_THAT(port.take(), ElementsAre("promote relay"));
  EXPECT_EQ(state(kRelay), RoleState::Ready);
  EXPECT_EQ(pid(), before.pid + 4);
  EXPECT_FALSE(over()) << "the one before still runs";
  exit_beside(kClean);
  EXPECT_TRUE(over());
  EXPECT_TRUE(supervisor.operation().ok);
  EXPECT_EQ(supervisor.view(kRelay).restarts, 0U);
  EXPECT_EQ(supervisor.view(kRelay).last_exit, "");
  const auto events = supervisor.take_events();
  const auto handed = std::ranges::find(events, Event::Kind::HandedOver, &Event::kind);
  ASSERT_NE(handed, events.end());
  EXPECT_EQ(handed->took, milliseconds{300});
  EXPECT_EQ(handed->text, "(pid 101 -> 105)");
  EXPECT_EQ(std::ranges::count(events, Event::Kind::Exited, &Event::kind), 0);
  pass(seconds{5});
  EXPECT_THAT(port.take(), IsEmpty()) << "nobody else was touched";
}

TEST_F(HandOver, the_one_before_may_be_gone_before_the_successor_speaks) {
  exit(kRelay, kClean);
  EXPECT_THAT(port.take(), ElementsAre("promote relay"));
  EXPECT_EQ(pid(), before.pid + 4);
  EXPECT_EQ(state(kRelay), RoleState::Starting);
  EXPECT_FALSE(over());
  ready(kRelay);
  EXPECT_EQ(state(kRelay), RoleState::Ready);
  EXPECT_TRUE(over());
  EXPECT_TRUE(supervisor.operation().ok);
  EXPECT_EQ(supervisor.view(kRelay).restarts, 0U);
}

TEST_F(HandOver, a_successor_that_dies_changes_nothing) {
  port.lines[kRelay] = "error: the log is damaged";
  exit_beside(kCrash);
  EXPECT_TRUE(over());
  EXPECT_FALSE(supervisor.operation().ok);
  EXPECT_EQ(supervisor.operation().message,
            "relay was not handed over: exit 1\nerror: the log is damaged");
  EXPECT_EQ(state(kRelay), RoleState::Ready);
  EXPECT_EQ(pid(), before.pid);
  ASSERT_TRUE(supervisor.hand_over(kRelay)) << "it can be tried again";
}

TEST_F(HandOver, a_successor_that_is_not_ready_in_time_is_killed) {
  supervisor.on_notice_beside(kRelay, {.status = "reading segment 3"});
  pass_alive(seconds{59}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  pass_alive(seconds{2}, all());
  EXPECT_THAT(port.take(), ElementsAre("kill beside relay"));
  successor_ready();
  EXPECT_EQ(pid(), before.pid) << "too late";
  EXPECT_FALSE(over());
  exit_beside(kKilled);
  EXPECT_TRUE(over());
  EXPECT_EQ(supervisor.operation().message,
            "relay was not handed over: its successor was not ready within 60 s, it says: reading "
            "segment 3");
  EXPECT_EQ(state(kRelay), RoleState::Ready);
}

TEST_F(HandOver, a_successor_that_says_how_long_it_takes_has_that_time) {
  pass_alive(seconds{50}, all());
  supervisor.on_notice_beside(kRelay, {.extend = seconds{30}});
  pass_alive(seconds{25}, all());
  EXPECT_THAT(port.take(), IsEmpty());
  successor_ready();
  EXPECT_THAT(port.take(), ElementsAre("promote relay"));
}

TEST_F(HandOver, a_crash_of_the_one_before_is_a_crash) {
  exit(kRelay, kKilled);
  EXPECT_THAT(port.take(), ElementsAre("kill beside relay"));
  EXPECT_EQ(state(kRelay), RoleState::Backoff);
  pass(seconds{5});
  EXPECT_THAT(port.take(), IsEmpty()) << "not beside a successor that still runs";
  exit_beside(kKilled);
  EXPECT_TRUE(over());
  EXPECT_EQ(supervisor.operation().message,
            "relay was not handed over: the process before it ended: signal 9 (SIGKILL)");
  pass(seconds{1});
  EXPECT_THAT(port.take(), ElementsAre("start relay"));
  ready(kRelay);
  EXPECT_EQ(supervisor.view(kRelay).restarts, 1U);
}

TEST_F(HandOver, silence_of_the_one_before_is_heard_meanwhile) {
  pass_alive(seconds{21}, {kVenue, kRisk, kExecution});
  EXPECT_THAT(port.take(), ElementsAre("ABRT relay"));
  exit(kRelay, kClean);
  EXPECT_THAT(port.take(), ElementsAre("kill beside relay"));
  EXPECT_EQ(state(kRelay), RoleState::Backoff);
}

TEST_F(HandOver, the_successors_silence_is_heard_once_it_has_taken_over) {
  successor_ready();
  exit_beside(kClean);
  pass_alive(seconds{19}, {kVenue, kRisk, kExecution});
  EXPECT_THAT(port.take(), ElementsAre("promote relay"));
  pass_alive(seconds{2}, {kVenue, kRisk, kExecution});
  EXPECT_THAT(port.take(), ElementsAre("ABRT relay"));
}

TEST_F(HandOver, a_successor_that_dies_after_it_took_over_starts_again) {
  exit(kRelay, kClean);
  port.take();
  exit(kRelay, kCrash);
  EXPECT_TRUE(over());
  EXPECT_EQ(supervisor.operation().message,
            "relay did not become ready: exit 1; it is tried again");
  pass(seconds{1});
  EXPECT_THAT(port.take(), ElementsAre("start relay"));
}

TEST_F(HandOver, one_that_handed_over_and_does_not_end_is_killed) {
  successor_ready();
  pass_alive(seconds{29}, all());
  EXPECT_THAT(port.take(), ElementsAre("promote relay"));
  pass_alive(seconds{2}, all());
  EXPECT_THAT(port.take(), ElementsAre("kill beside relay"));
  exit_beside(kKilled);
  EXPECT_TRUE(over());
  EXPECT_TRUE(supervisor.operation().ok);
  EXPECT_EQ(pid(), before.pid + 4);
}

TEST_F(HandOver, down_ends_it_and_waits_for_both) {
  supervisor.down({});
  supervisor.poll();
  EXPECT_THAT(port.take(), ElementsAre("kill beside relay", "TERM execution"));
  for (const auto role : {kExecution, kVenue, kRisk, kRelay}) exit(role, kClean);
  EXPECT_FALSE(supervisor.at_rest());
  exit_beside(kKilled);
  EXPECT_TRUE(supervisor.at_rest());
  EXPECT_TRUE(supervisor.operation().ok);
}

TEST_F(HandOver, nothing_else_is_begun_meanwhile) {
  EXPECT_EQ(supervisor.hand_over(kRelay).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(supervisor.restart(std::vector{kVenue}).error().code, ErrorCode::Unavailable);
}

TEST_F(SupervisorTest, only_a_role_that_can_and_is_ready_is_handed_over) {
  EXPECT_EQ(supervisor.hand_over(kRelay).error().message,
            "relay is down, and only a role that is ready can be handed over");
  up_and_ready();
  EXPECT_EQ(supervisor.hand_over(kVenue).error().code, ErrorCode::BadInput);
  port.broken.insert(kRelay);
  ASSERT_TRUE(supervisor.hand_over(kRelay));
  EXPECT_EQ(supervisor.operation().message, "relay was not handed over: /nowhere: no such program");
  EXPECT_EQ(state(kRelay), RoleState::Ready);
}

}  // namespace
}  // namespace stoa::deploy

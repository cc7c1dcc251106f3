#include "deploy/switch_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/act.h"
#include "deploy/build.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/fake_target.h"
#include "deploy/target.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

/// One deployment on a platform in memory, driven as the hub drives it. `restart` is a kill -9 of
/// whoever drives: the platform and the log stay.
class Deployment {
 public:
  explicit Deployment(Strategy strategy = Strategy::BlueGreen) {
    target.add("execution");
    target.add("risk");
    target.add("strategy");
    plan.id = 7;
    plan.release = "2.0.0";
    plan.version = "2.0.0";
    plan.strategy = strategy;
    plan.actor = "ann";
    plan.reason = "new limits";
    plan.digest = "abcdef0123456789";
    for (const std::string name : {"execution", "risk", "strategy"}) {
      plan.roles.push_back({.name = name, .epoch = 1});
    }
    plan.settings.soak_s = 30;
    plan.settings.soak_requests = 0;
    plan.settings.warm_s = 10;
    plan.settings.shadow_s = 5;
    plan.settings.shadow_outputs = 7'000;  // two seconds behind the steady five
  }

  void begin() {
    machine = std::make_unique<SwitchMachine>(plan);
    append(
        {.deploy = plan.id, .kind = RecordKind::Began, .at = clock.now(), .info = to_json(plan)});
  }
  /// A new process reads the log and goes on.
  void restart() {
    const auto first = record_from_json(log.front());
    const auto frozen = plan_from_json(json::Value::parse(first->info).value());
    ASSERT_TRUE(frozen);
    ASSERT_EQ(*frozen, plan);
    machine = std::make_unique<SwitchMachine>(*frozen);
    for (const std::string& line : log) {
      const auto record = record_from_json(line);
      ASSERT_TRUE(record);
      machine->take(*record);
    }
    hook_runs.clear();
  }
  /// Until it is over, waits for a person, `stop` holds or five minutes beyond its soak are gone.
  void run(const std::function<bool()>& stop = [] { return false; }, std::size_t records = kNever) {
    const Timestamp end = clock.now() + seconds{plan.settings.soak_s + 300};
    while (machine->outcome() == Outcome::Running && clock.now() < end && !stop()) {
      clock.advance_to(clock.now() + milliseconds{20});
      tick();
      target.poll();
      if (machine->going_back() && !turned_back) turned_back = clock.now();
      for (int rounds = 0; rounds < 50; ++rounds) {
        if (log.size() >= records || stop()) return;
        Next next = machine->next(seen());
        if (next.record) {
          append(*next.record);
          continue;
        }
        if (next.action) perform(*next.action);
        break;
      }
      if (!machine->question().empty() && !goes_on_waiting) return;
    }
  }
  [[nodiscard]] Seen seen() {
    Seen seen{.target = &target, .now = clock.now()};
    const std::string step = machine->step();
    if (!step.starts_with("hook ")) return seen;
    const auto run = hook_runs.find(step.substr(5));
    if (run != hook_runs.end()) seen.hook = run->second;
    return seen;
  }
  Result<void> ask(std::string_view verb, const std::string& actor = "bob", bool force = false) {
    auto asked = machine->ask(verb, actor, "because", force, seen());
    if (!asked) return std::unexpected(asked.error());
    append(*asked);
    return {};
  }
  [[nodiscard]] Colour leader(const std::string& role) {
    target.poll();
    const InstanceView* const leads = target.find(role)->leading();
    EXPECT_NE(leads, nullptr) << role << " has no leader";
    return leads == nullptr ? Colour::Blue : leads->colour;
  }
  [[nodiscard]] Colour placed(const std::string& role) {
    return target.find(role)->placed()->colour;
  }
  void expect_all(Colour colour) {
    for (const DeployRole& role : plan.roles) {
      EXPECT_EQ(leader(role.name), colour) << role.name;
      EXPECT_EQ(placed(role.name), colour) << role.name;
    }
  }
  [[nodiscard]] std::vector<std::string> orders() const {
    std::vector<std::string> found;
    for (const std::string& action : target.actions()) {
      if (action.starts_with("order ")) found.push_back(action);
    }
    return found;
  }
  [[nodiscard]] bool at(std::string_view step) const { return machine->step() == step; }

  ManualClock clock{Timestamp::from_ns(1'800'000'000'000'000'000)};
  FakeTarget target{clock};
  DeployPlan plan;
  std::vector<std::string> log;
  std::unique_ptr<SwitchMachine> machine;
  std::map<std::string, HookView> hook_runs;  // run by this process
  std::map<std::string, HookView> hooks;      // how each ends
  std::vector<std::string> hooks_called;
  std::function<void()> tick = [] {};
  std::optional<Timestamp> turned_back;
  bool goes_on_waiting = false;

 private:
  void append(const DeployRecord& record) {
    log.push_back(to_json(record));
    machine->take(record);
  }
  void perform(const Action& action) {
    if (const auto* const hook = std::get_if<RunHook>(&action)) {
      hooks_called.push_back(hook->name);
      hook_runs[hook->name] =
          hooks.contains(hook->name) ? hooks.at(hook->name) : HookView{true, 0, ""};
      return;
    }
    const auto done = act(target, action);
    if (!done && done.error().code != ErrorCode::Unavailable) {
      append(machine->refused(done.error().text(), clock.now()));
    }
  }
};

TEST(SwitchMachine, a_blue_green_deployment_switches_each_role_and_ends_committed) {
  Deployment d;
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed) << d.log.back();
  d.expect_all(Colour::Green);
  EXPECT_THAT(d.orders(), ElementsAre("order execution green 2", "order risk green 2",
                                      "order strategy green 2"));
  for (const TargetRole& role : d.target.roles()) {
    EXPECT_EQ(role.instances.size(), 1U) << "the old one has gone";
    EXPECT_EQ(role.placed()->release, "2.0.0");
  }
  ASSERT_EQ(d.machine->switched().size(), 3U);
  for (const auto& switched : d.machine->switched()) {
    EXPECT_GT(switched.hold, nanoseconds{0});
    EXPECT_LT(switched.hold, milliseconds{50});
    EXPECT_GE(switched.whole, switched.hold);
  }
}

TEST(SwitchMachine, nothing_is_ordered_before_every_follower_is_close_and_equal) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("catch up"); });
  EXPECT_THAT(d.orders(), IsEmpty());
  const Timestamp from = d.clock.now();
  d.run([&] { return d.at("shadow"); });
  EXPECT_GE(d.clock.now() - from, seconds{5}) << "close for five seconds without a break";
  d.run([&] { return d.at("switch execution"); });
  EXPECT_GE(d.target.find("execution")->of(Colour::Green)->switching->compared, 7'000U);
  EXPECT_THAT(d.orders(), IsEmpty());
}

TEST(SwitchMachine, rolling_switches_one_role_before_the_next_has_a_second_process) {
  Deployment d{Strategy::Rolling};
  d.begin();
  d.run([&] { return d.at("start risk"); });
  EXPECT_EQ(d.leader("execution"), Colour::Green);
  EXPECT_EQ(d.target.find("risk")->instances.size(), 1U);
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
  d.expect_all(Colour::Green);
}

TEST(SwitchMachine, recreate_stops_and_starts_and_its_rollback_does_so_again) {
  Deployment d{Strategy::Recreate};
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
  EXPECT_THAT(d.target.take_actions(), ElementsAre("restart execution 2.0.0", "restart risk 2.0.0",
                                                   "restart strategy 2.0.0"));
  EXPECT_EQ(d.target.find("risk")->placed()->version, "2.0.0");

  Deployment failing{Strategy::Recreate};
  failing.begin();
  failing.run([&] { return failing.at("recreate strategy"); });
  failing.target.side("strategy", Colour::Blue).never_ready = true;
  failing.run([&] { return failing.machine->going_back(); });
  failing.target.side("strategy", Colour::Blue).never_ready = false;
  failing.run();
  EXPECT_EQ(failing.machine->outcome(), Outcome::RolledBack) << failing.log.back();
  EXPECT_EQ(failing.target.find("risk")->placed()->release, "");
}

// ---- every failure, and what it leads to

struct Failure {
  std::string_view name;
  std::string_view at;  // the step during which it happens
  std::function<void(Deployment&)> happens;
  std::string_view why;  // part of the reason
  Outcome outcome = Outcome::RolledBack;
};

std::vector<Failure> failures() {
  const auto green = [](Deployment& d, const std::string& role) -> FakeTarget::Side& {
    return d.target.side(role, Colour::Green);
  };
  return {
      {"never ready", "start", [=](Deployment& d) { green(d, "risk").never_ready = true; },
       "not ready within 60 s: risk.green"},
      {"dies at once", "start", [=](Deployment& d) { green(d, "risk").dies_when_ready = true; },
       "risk.green has ended: exit 1"},
      {"another version", "start", [](Deployment& d) { d.target.new_version = "1.9.9"; },
       "says that it is version 1.9.9"},
      {"never close", "catch up",
       [=](Deployment& d) { green(d, "execution").never_catches_up = true; },
       "it does not catch up: execution.green is following, 50000 records behind"},
      {"dies behind", "catch up", [](Deployment& d) { d.target.kill("strategy", Colour::Green); },
       "strategy.green has ended: signal 9"},
      {"computes otherwise", "shadow",
       [=](Deployment& d) { green(d, "execution").computes_otherwise = true; },
       "computes something else from record 1 on: RiskDecision 1: accepted, here refused"},
      {"dies in shadow", "shadow", [](Deployment& d) { d.target.kill("risk", Colour::Green); },
       "risk.green has ended"},
      {"never opens", "switch execution",
       [=](Deployment& d) { green(d, "execution").never_opens = true; },
       "execution was not opened in time, and the one before leads again (epoch 2)"},
      {"never closes", "switch risk",
       [](Deployment& d) { d.target.side("risk", Colour::Blue).never_closes = true; },
       "nobody opened epoch 2 within 10 s"},
      {"dies before its order", "switch risk",
       [](Deployment& d) { d.target.kill("risk", Colour::Green); }, "risk.green has ended"},
      {"dies as it leads", "soak", [](Deployment& d) { d.target.kill("risk", Colour::Green); },
       "risk.green has ended: signal 9"},
      {"crashes and comes back", "soak",
       [=](Deployment& d) { ++green(d, "execution").view.restarts; }, "execution crashed"},
      {"the follower differs", "soak",
       [](Deployment& d) { d.target.side("risk", Colour::Blue).computes_otherwise = true; },
       "risk computes something else"},
      {"gaps", "soak", [=](Deployment& d) { green(d, "strategy").view.counters.gaps = 3; },
       "3 gaps"},
      {"dies while the other is warm", "warm",
       [](Deployment& d) { d.target.kill("execution", Colour::Green); },
       "execution.green has ended"},
  };
}

TEST(SwitchMachine, every_failure_at_every_step_leads_back_to_what_ran_before) {
  for (const Failure& failure : failures()) {
    SCOPED_TRACE(failure.name);
    Deployment d;
    for (auto& role : d.plan.roles) {
      d.target.side(role.name, Colour::Blue).view.counters.gaps = 0;
    }
    d.begin();
    d.run([&] {
      return d.at(failure.at) &&
             (failure.at != "start" || d.target.find("strategy")->beside() != nullptr);
    });
    for (auto& role : d.plan.roles) {
      if (!d.target.side(role.name, Colour::Green).view.counters.gaps) {
        d.target.side(role.name, Colour::Green).view.counters.gaps = 0;
      }
    }
    // The step has begun before it goes wrong.
    d.run([&] { return !d.log.empty() && d.log.back().find("\"begun\"") != std::string::npos; });
    failure.happens(d);
    d.run();
    EXPECT_EQ(d.machine->outcome(), failure.outcome) << d.log.back();
    EXPECT_THAT(d.machine->failure(), HasSubstr(failure.why));
    // A leader that was paused wakes up, reads the order, finds nobody to follow it and goes on.
    for (const DeployRole& role : d.plan.roles) {
      d.target.side(role.name, Colour::Blue).never_closes = false;
    }
    for (int i = 0; i < 4; ++i) {
      d.clock.advance_to(d.clock.now() + seconds{1});
      d.target.poll();
    }
    for (const DeployRole& role : d.plan.roles) {
      EXPECT_EQ(d.placed(role.name), Colour::Blue) << role.name;
      EXPECT_EQ(d.leader(role.name), Colour::Blue) << role.name;
      EXPECT_EQ(d.target.find(role.name)->instances.size(), 1U) << "the new build is gone";
    }
  }
}

TEST(SwitchMachine, a_rollback_with_both_alive_takes_less_than_a_second) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("soak"); });
  ASSERT_TRUE(d.ask("rollback"));
  const Timestamp from = d.clock.now();
  d.run([&] { return d.at("clear"); });
  EXPECT_LT(d.clock.now() - from, seconds{1});
  d.expect_all(Colour::Blue);
  EXPECT_THAT(d.orders(),
              ElementsAre("order execution green 2", "order risk green 2", "order strategy green 2",
                          "order strategy blue 3", "order risk blue 3", "order execution blue 3"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack);
  EXPECT_THAT(d.machine->failure(), HasSubstr("bob asked for it: because"));
}

TEST(SwitchMachine, a_leader_that_is_dead_is_not_waited_for) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("switch risk"); });
  d.target.kill("risk", Colour::Blue);
  d.run([&] { return d.at("soak"); });
  EXPECT_EQ(d.leader("risk"), Colour::Green);
  EXPECT_THAT(d.orders(), Contains("order risk green 2 at once"));
}

TEST(SwitchMachine, a_leader_that_dies_between_order_and_close_is_not_waited_for_either) {
  Deployment d;
  d.begin();
  d.target.side("risk", Colour::Blue).never_closes = true;
  d.run([&] { return std::ranges::count(d.orders(), "order risk green 2") == 1; });
  d.target.kill("risk", Colour::Blue);
  d.run([&] { return d.at("soak"); });
  EXPECT_EQ(d.leader("risk"), Colour::Green);
}

TEST(SwitchMachine, a_rollback_starts_the_old_build_again_when_it_is_gone) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("soak"); });
  d.target.kill("risk", Colour::Blue);
  ASSERT_TRUE(d.ask("abort"));
  const Timestamp from = d.clock.now();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack) << d.log.back();
  EXPECT_LT(d.clock.now() - from, seconds{30});
  d.expect_all(Colour::Blue);
}

TEST(SwitchMachine, a_leader_that_crashed_and_came_back_with_the_next_epoch_is_still_taken_back) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("soak"); });
  d.target.side("risk", Colour::Green).never_closes = true;
  ASSERT_TRUE(d.ask("abort"));
  d.run([&] { return std::ranges::count(d.orders(), "order risk blue 3") == 1; });
  // Started anew it finds an order that nobody has answered: void to it.
  d.target.open_by_itself("risk", Colour::Green, 3);
  d.target.side("risk", Colour::Green).never_closes = false;
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack) << d.log.back();
  EXPECT_EQ(std::ranges::count(d.orders(), "order risk blue 4"), 1);
  d.expect_all(Colour::Blue);
}

TEST(SwitchMachine, a_leader_that_neither_closes_nor_goes_on_is_not_waited_for_on_the_way_back) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("soak"); });
  d.target.side("risk", Colour::Green).never_closes = true;
  ASSERT_TRUE(d.ask("abort"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack) << d.log.back();
  EXPECT_EQ(std::ranges::count(d.orders(), "order risk blue 3 at once"), 1);
  d.expect_all(Colour::Blue);
}

TEST(SwitchMachine, a_rollback_that_fails_for_one_role_says_so_and_brings_back_the_others) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("soak"); });
  d.target.side("risk", Colour::Blue).never_opens = true;
  ASSERT_TRUE(d.ask("rollback"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::RollbackFailed);
  EXPECT_EQ(d.leader("risk"), Colour::Green) << "who leads is not stopped";
  EXPECT_EQ(d.leader("execution"), Colour::Blue);
  EXPECT_EQ(d.leader("strategy"), Colour::Blue);
}

TEST(SwitchMachine, an_order_that_nobody_obeyed_does_not_confuse_the_next_deployment) {
  Deployment d;
  d.target.side("execution", Colour::Blue).never_closes = true;
  d.begin();
  d.run();
  ASSERT_EQ(d.machine->outcome(), Outcome::RolledBack);
  // Nothing has woken it: the order lies in the log, and the epoch is still the first.
  d.target.kill("execution", Colour::Blue);
  ASSERT_TRUE(d.target.restart("execution", {}));
  d.target.side("execution", Colour::Blue).never_closes = false;
  d.target.role("execution").ordered.reset();
  d.log.clear();
  d.plan.id = 8;
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed) << d.log.back();
  d.expect_all(Colour::Green);
}

// ---- whoever drives may be killed anywhere

void killed_everywhere(Strategy strategy, bool fails) {
  const auto prepare = [&](Deployment& d) {
    d.plan.hooks = {"pre-start", "post-switch", "post-commit", "pre-rollback"};
    if (fails) {
      d.tick = [&d] {
        const bool begun = d.log.back().find("\"begun\"") != std::string::npos;
        if (d.at("soak") && begun) d.target.side("risk", Colour::Green).view.restarts = 1;
      };
    }
    d.begin();
  };
  Deployment whole{strategy};
  prepare(whole);
  whole.run();
  const Outcome expected = fails ? Outcome::RolledBack : Outcome::Committed;
  ASSERT_EQ(whole.machine->outcome(), expected);
  ASSERT_GT(whole.log.size(), 20U);
  for (std::size_t records = 1; records < whole.log.size(); ++records) {
    for (const bool after_action : {false, true}) {
      SCOPED_TRACE(testing::Message() << "killed behind record " << records << ": "
                                      << whole.log[records - 1] << (after_action ? ", acted" : ""));
      Deployment d{strategy};
      prepare(d);
      d.run([] { return false; }, records);
      ASSERT_EQ(d.log.size(), records);
      if (after_action) {
        // The action was done, and nothing was written about it.
        const Next next = d.machine->next(d.seen());
        if (next.action && !std::holds_alternative<RunHook>(*next.action)) {
          ASSERT_TRUE(act(d.target, *next.action));
        }
      }
      d.restart();
      d.run();
      EXPECT_EQ(d.machine->outcome(), expected) << d.log.back();
      d.expect_all(fails ? Colour::Blue : Colour::Green);
      EXPECT_EQ(d.orders().size(), whole.orders().size()) << "no order is given twice";
    }
  }
}

TEST(SwitchMachine, killed_at_any_record_it_goes_on_and_ends_the_same) {
  killed_everywhere(Strategy::BlueGreen, false);
  killed_everywhere(Strategy::Rolling, false);
}

TEST(SwitchMachine, killed_at_any_record_of_a_rollback_it_goes_on_and_ends_the_same) {
  killed_everywhere(Strategy::BlueGreen, true);
}

TEST(SwitchMachine, a_rollback_from_every_step_ends_with_what_ran_before) {
  Deployment whole;
  whole.begin();
  whole.run();
  for (std::size_t records = 1; records + 1 < whole.log.size(); ++records) {
    SCOPED_TRACE(testing::Message()
                 << "behind record " << records << ": " << whole.log[records - 1]);
    Deployment d;
    d.begin();
    d.run([] { return false; }, records);
    const auto asked = d.ask("abort");
    if (!asked) {
      EXPECT_THAT(asked.error().message, HasSubstr("it is committed"));
      continue;
    }
    d.run();
    EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack) << d.log.back();
    d.expect_all(Colour::Blue);
    for (const TargetRole& role : d.target.roles()) EXPECT_EQ(role.instances.size(), 1U);
  }
}

TEST(SwitchMachine, abort_by_force_ends_it_at_every_step) {
  Deployment whole;
  whole.begin();
  whole.run();
  for (std::size_t records = 1; records + 1 < whole.log.size(); ++records) {
    Deployment d;
    d.begin();
    d.run([] { return false; }, records);
    d.target.supervisor_away = d.target.log_away = true;
    ASSERT_TRUE(d.ask("abort", "bob", true)) << whole.log[records - 1];
    EXPECT_EQ(d.machine->outcome(), Outcome::Abandoned);
  }
}

// ---- what waits for a person

TEST(SwitchMachine, too_little_to_judge_waits_for_a_person_and_does_not_roll_back) {
  Deployment d;
  d.plan.settings.soak_requests = 20;
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Running);
  EXPECT_EQ(d.machine->question(), "nobody tells how many requests there were");
  d.goes_on_waiting = true;
  d.run([&, from = d.clock.now()] { return d.clock.now() - from > seconds{120}; });
  EXPECT_EQ(d.machine->outcome(), Outcome::Running);
  d.expect_all(Colour::Green);
  d.restart();
  EXPECT_EQ(d.machine->question(), "nobody tells how many requests there were");
  ASSERT_TRUE(d.ask("promote"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, nothing_to_compare_waits_for_a_person) {
  Deployment d;
  d.target.compared_per_second = 0;
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->question(), "no output of execution came to be compared within 5 s");
  EXPECT_THAT(d.orders(), IsEmpty());
  ASSERT_TRUE(d.ask("promote"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, approvals_come_from_others_than_who_began_it) {
  Deployment d;
  d.plan.settings.approvals = 2;
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->question(), "0 of 2 approvals of digest abcdef012345");
  EXPECT_TRUE(d.machine->unapproved());
  EXPECT_EQ(d.ask("approve", "ann").error().message, "who began a deployment cannot approve it");
  EXPECT_FALSE(d.ask("promote", "ann")) << "no way around it";
  ASSERT_TRUE(d.ask("approve", "bob"));
  ASSERT_TRUE(d.ask("approve", "bob"));
  d.run();
  EXPECT_TRUE(d.machine->unapproved()) << "the same person twice is one";
  ASSERT_TRUE(d.ask("approve", "cid"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, paused_it_begins_no_further_step) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("shadow"); });
  ASSERT_TRUE(d.ask("pause"));
  d.goes_on_waiting = true;
  d.run([&, from = d.clock.now()] { return d.clock.now() - from > seconds{60}; });
  EXPECT_THAT(d.orders(), IsEmpty());
  d.restart();
  EXPECT_TRUE(d.machine->paused());
  ASSERT_TRUE(d.ask("resume"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, a_bad_look_that_passes_is_no_reason) {
  Deployment d;
  for (auto& role : d.plan.roles) d.target.side(role.name, Colour::Blue).view.counters.gaps = 0;
  d.begin();
  d.run([&] { return d.at("switch execution"); });
  for (auto& role : d.plan.roles) d.target.side(role.name, Colour::Green).view.counters.gaps = 0;
  d.run([&] { return d.at("soak"); });
  d.run([&] { return d.log.back().find("\"begun\"") != std::string::npos; });
  d.target.side("risk", Colour::Green).view.counters.gaps = 9;
  d.run([&, from = d.clock.now()] { return d.clock.now() - from > seconds{1}; });
  d.target.side("risk", Colour::Green).view.counters.gaps = 0;
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, after_a_feature_was_turned_on_a_rollback_is_refused_before_it_begins) {
  Deployment d;
  d.target.feature_on("old and known");
  d.clock.advance_to(d.clock.now() + seconds{1});
  d.begin();
  d.run([&] { return d.at("soak"); });
  d.clock.advance_to(d.clock.now() + seconds{1});
  d.target.feature_on("wide prices");
  const auto refused = d.ask("rollback");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("feature wide prices was turned on"));
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

TEST(SwitchMachine, a_supervisor_or_log_that_is_away_is_waited_for) {
  Deployment d;
  d.begin();
  d.run([&] { return d.at("switch risk"); });
  d.target.log_away = true;
  d.run([&, from = d.clock.now()] { return d.clock.now() - from > seconds{5}; });
  EXPECT_TRUE(d.at("switch risk"));
  d.target.log_away = false;
  d.run([&] { return d.at("soak"); });
  d.target.supervisor_away = true;
  d.run([&, from = d.clock.now()] { return d.clock.now() - from > seconds{20}; });
  EXPECT_FALSE(d.machine->going_back()) << "not to be seen is not bad";
  d.target.supervisor_away = false;
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
}

// ---- hooks

TEST(SwitchMachine, hooks_are_called_around_each_stage_and_one_that_says_no_stops_it) {
  Deployment d;
  d.plan.hooks = {"pre-start", "post-start", "pre-shadow",  "post-shadow",
                  "validate",  "pre-switch", "post-switch", "pre-soak",
                  "post-soak", "pre-commit", "post-commit", "pre-rollback"};
  d.begin();
  d.run();
  EXPECT_EQ(d.machine->outcome(), Outcome::Committed);
  std::vector<std::string> expected = d.plan.hooks;
  expected.pop_back();
  EXPECT_EQ(d.hooks_called, expected);

  for (const std::string hook : {"pre-start", "pre-switch", "post-switch", "post-soak"}) {
    SCOPED_TRACE(hook);
    Deployment no;
    no.plan.hooks = {hook, "pre-rollback"};
    no.hooks[hook] = {.ended = true, .exit = 3, .output = "not on a Friday"};
    no.hooks["pre-rollback"] = {.ended = true, .exit = 1};
    no.begin();
    no.run();
    EXPECT_EQ(no.machine->outcome(), Outcome::RolledBack);
    EXPECT_EQ(no.machine->failure(), "hook " + hook + ": exit 3: not on a Friday");
    no.expect_all(Colour::Blue);
  }
  Deployment late;
  late.plan.hooks = {"post-commit"};
  late.hooks["post-commit"] = {.ended = true, .exit = 1};
  late.begin();
  late.run();
  EXPECT_EQ(late.machine->outcome(), Outcome::Committed) << "too late to say no";
}

TEST(SwitchMachine, a_hook_that_does_not_end_is_a_no) {
  Deployment d;
  d.plan.hooks = {"pre-switch"};
  d.hooks["pre-switch"] = {.ended = false};
  d.begin();
  d.run([&] { return d.at("hook pre-switch"); });
  const Timestamp from = d.clock.now();
  d.run();
  EXPECT_GE(d.clock.now() - from, seconds{300});
  EXPECT_EQ(d.machine->outcome(), Outcome::RolledBack);
  EXPECT_EQ(d.machine->failure(), "hook pre-switch: it did not end within 300 s");
}

// ---- what is written down

TEST(DeployRecord, survives_its_line) {
  const DeployRecord record{.deploy = 7,
                            .kind = RecordKind::Ended,
                            .at = Timestamp::from_ns(1'800'000'000'123'456'789),
                            .item = 4,
                            .step = "switch \"risk\"",
                            .verb = "v",
                            .actor = "a\nb",
                            .text = "t",
                            .info = R"({"epoch":"2","n":[1,2]})"};
  const auto read = record_from_json(to_json(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, record);
  for (const std::string_view bad :
       {"", "{}", "[]", R"({"deploy":"0","kind":"begun","at_ns":"1","item":0})",
        R"({"deploy":"1","kind":"begins","at_ns":"1","item":0})",
        R"({"deploy":"1","kind":"begun","at_ns":"1","item":-1})"}) {
    EXPECT_FALSE(record_from_json(bad)) << bad;
  }
}

TEST(DeployPlan, survives_its_text_and_names_what_is_wrong_with_a_setting) {
  DeployPlan plan{.id = 3, .release = "2", .roles = {{.name = "risk", .from = Colour::Green}}};
  plan.settings.soak_s = 17;
  plan.hooks = {"pre-start"};
  const auto read = plan_from_json(json::Value::parse(to_json(plan)).value());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, plan);
  DeploySettings settings;
  ASSERT_TRUE(set(settings, "soak_s=5"));
  EXPECT_EQ(settings.soak_s, 5);
  EXPECT_EQ(set(settings, "sok_s=5").error().message,
            "sok_s is no setting of a deployment; did you mean soak_s?");
  EXPECT_FALSE(set(settings, "soak_s=-1"));
  EXPECT_FALSE(set(settings, "soak_s"));
  EXPECT_THAT(parse_strategy("canary").error().message, HasSubstr("one leader"));
  EXPECT_THAT(switch_order(std::vector<std::string>{"gateway", "venue", "risk", "execution"}),
              ElementsAre("execution", "risk", "gateway", "venue"));
}

// ---- analysis

TEST(Soak, errors_refusals_gaps_and_latency_are_compared_with_before) {
  const auto sample = [](std::uint64_t requests, std::uint64_t errors, std::uint64_t rejects,
                         std::uint64_t gaps, milliseconds p99) {
    Sample of;
    of.roles["gateway"].counters = {
        .requests = requests,
        .errors = errors,
        .rejects = rejects,
        .gaps = gaps,
        .within = {{nanoseconds{p99}.count(), (requests * 99 + 99) / 100},
                   {1'000'000'000, requests}}};
    return of;
  };
  const Sample none = sample(0, 0, 0, 0, milliseconds{0});
  const Sample before = sample(1'000, 10, 100, 0, milliseconds{8});
  const DeploySettings settings;
  struct Case {
    Sample now;
    SoakVerdict verdict;
    std::string_view finding;
  };
  const Case cases[] = {
      {sample(1'000, 20, 200, 0, milliseconds{16}), SoakVerdict::Good, ""},
      {sample(1'000, 21, 100, 0, milliseconds{8}), SoakVerdict::Bad,
       "errors 21 of 1000 requests (2.10 %), before 1.00 %"},
      {sample(1'000, 0, 201, 0, milliseconds{8}), SoakVerdict::Bad, "refusals 201 of 1000"},
      {sample(1'000, 0, 0, 1, milliseconds{8}), SoakVerdict::Bad, "1 gaps"},
      {sample(1'000, 0, 0, 0, milliseconds{17}), SoakVerdict::Bad, "p99 17.00 ms, before 8.00 ms"},
      {sample(19, 0, 0, 0, milliseconds{8}), SoakVerdict::Inconclusive, "only 19 requests"},
      {none, SoakVerdict::Inconclusive, "only 0 requests"},
      {{}, SoakVerdict::Inconclusive, "nobody tells"},
  };
  for (const Case& each : cases) {
    const auto judged = judge(none, before, none, each.now, settings);
    EXPECT_EQ(judged.verdict, each.verdict) << each.finding;
    if (each.finding.empty()) continue;
    ASSERT_FALSE(judged.findings.empty());
    EXPECT_THAT(judged.findings.front(), HasSubstr(each.finding));
  }
  const auto again = sample_from_json(json::Value::parse(to_json(before)).value());
  EXPECT_EQ(again, before);
  // A process that began anew counts from 0: that says nothing, and its crash is seen elsewhere.
  EXPECT_EQ(judge(none, before, before, none, settings).verdict, SoakVerdict::Inconclusive);
}

}  // namespace
}  // namespace stoa::deploy

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "gateway/app.h"
#include "gateway/gateway.h"
#include "gateway/hold_watch.h"
#include "gateway/http_message.h"
#include "gateway/test_support.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"

namespace stoa::gateway::test {
namespace {

using Mode = ops::OrderDoor::Mode;
using std::chrono::milliseconds;
using std::chrono::seconds;

// ---- when the door is open, held, closed

struct Look {
  milliseconds at;
  bool relay;
  bool execution;
  milliseconds heard;  // its last word of readiness
  ops::OrderDoor door;
};
ops::OrderDoor open() { return {.mode = Mode::Open, .takes = true}; }
ops::OrderDoor closed() { return {.mode = Mode::Closed}; }
ops::OrderDoor held(bool takes, milliseconds until) {
  return {.mode = Mode::Held, .takes = takes, .until_ns = nanoseconds{until}.count()};
}

void expect(const std::vector<Look>& looks) {
  HoldWatch watch{seconds{2}};
  for (const Look& look : looks) {
    SCOPED_TRACE(look.at.count());
    EXPECT_EQ(watch.look(look.at, {.relay = look.relay,
                                   .execution = look.execution,
                                   .execution_heard = look.heard}),
              look.door);
  }
}

TEST(HoldWatch, a_platform_that_was_never_ready_holds_nothing) {
  expect({{milliseconds{10}, true, false, milliseconds{0}, closed()},
          {milliseconds{9'999}, false, true, milliseconds{9'000}, closed()}});
}

TEST(HoldWatch, a_lost_relay_holds_from_its_loss_and_takes_nothing) {
  expect(
      {{milliseconds{100}, true, true, milliseconds{50}, open()},
       {milliseconds{1'000}, false, true, milliseconds{900}, held(false, milliseconds{3'000})},
       {milliseconds{2'999}, false, true, milliseconds{900}, held(false, milliseconds{3'000})},
       {milliseconds{3'000}, false, true, milliseconds{900}, closed()},
       {milliseconds{3'001}, true, true, milliseconds{3'000}, open()},
       {milliseconds{3'002}, false, true, milliseconds{3'000}, held(false, milliseconds{5'002})}});
}

TEST(HoldWatch, execution_is_away_from_its_last_word_of_readiness_and_the_relay_takes) {
  expect({{milliseconds{100}, true, true, milliseconds{90}, open()},
          {milliseconds{300}, true, false, milliseconds{290}, held(true, milliseconds{2'290})},
          {milliseconds{2'289}, true, false, milliseconds{290}, held(true, milliseconds{2'290})},
          {milliseconds{2'290}, true, false, milliseconds{290}, closed()}});
}

TEST(HoldWatch, one_outage_after_the_other_is_one_until_all_is_there) {
  expect({{milliseconds{100}, true, true, milliseconds{90}, open()},
          {milliseconds{1'000}, false, true, milliseconds{900}, held(false, milliseconds{3'000})},
          {milliseconds{1'500}, true, false, milliseconds{900}, held(true, milliseconds{3'000})},
          {milliseconds{3'000}, true, false, milliseconds{900}, closed()}});
}

TEST(HoldWatch, a_silence_that_is_noticed_as_late_as_a_hold_lasts_is_not_held_for) {
  expect({{milliseconds{100}, true, true, milliseconds{90}, open()},
          {milliseconds{2'090}, true, false, milliseconds{90}, closed()}});
}

// ---- what the desk does with it, in the test's own thread and time

std::string order(std::string_view id) {
  return R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.01","price":"60000",)"
         R"("client_order_id":")" +
         std::string{id} + "\"}";
}

class Hold : public ::testing::Test {
 protected:
  struct Answer {
    std::optional<Response> came;
    [[nodiscard]] int status() const { return came ? came->status : 0; }
    [[nodiscard]] std::string code() const { return came ? at(came->body, "code") : ""; }
    [[nodiscard]] std::string header(std::string_view name) const {
      if (!came) return {};
      for (const auto& [key, value] : came->headers) {
        if (key == name) return std::string{value};
      }
      return {};
    }
  };

  Hold() { make(test_options()); }
  void make(Options options) {
    Link link = engine.link();
    link.clock = &clock;
    app = std::make_unique<App>(std::move(options), link);
    set({.mode = Mode::Open, .takes = true});
  }
  void set(const ops::OrderDoor& door) {
    engine.status->ready.set(door.mode == Mode::Open ? 1 : 0);
    engine.status->door.store(door);
    app->poll(1'000);
  }
  void away(bool takes) {
    set({.mode = Mode::Held, .takes = takes, .until_ns = (clock.monotonic() + seconds{2}).count()});
  }
  void pass(milliseconds time) {
    clock.advance_to(clock.now() + time);
    app->desk.expire(clock.monotonic());
  }
  /// Asks; the answer comes into what is returned, now or later.
  std::shared_ptr<Answer> ask(Method method, std::string_view target, std::string_view body = {}) {
    auto answer = std::make_shared<Answer>();
    app->handle({.method = method,
                 .target = target,
                 .body = body,
                 .host = "127.0.0.1",
                 .authorization = "Bearer secret-token"},
                [answer](Response&& response) { answer->came = std::move(response); });
    return answer;
  }
  /// The same, by somebody who hangs up once `gone` says so.
  std::shared_ptr<Answer> ask(std::string_view target, std::string_view body, const bool& gone) {
    auto answer = std::make_shared<Answer>();
    app->handle({.method = Method::Post,
                 .target = target,
                 .body = body,
                 .host = "127.0.0.1",
                 .authorization = "Bearer secret-token"},
                Reply{[answer](Response&& response) { answer->came = std::move(response); },
                      [&gone] { return gone; }});
    return answer;
  }
  std::shared_ptr<Answer> place(std::string_view id) {
    return ask(Method::Post, "/api/v1/orders", order(id));
  }
  void decide_next(std::uint64_t sequence) {
    const Command command = engine.next_command();
    EXPECT_EQ(command.view().header().sequence, sequence);
    engine.accept(command);
    app->poll(1'000);
  }
  [[nodiscard]] std::int64_t held_now() const { return app->desk.held_orders().value(); }

  FakeEngine engine;
  ManualClock clock{Timestamp::from_ns(kStartNs)};
  std::unique_ptr<App> app;
};

TEST_F(Hold, an_order_that_comes_while_the_relay_is_away_goes_when_it_is_back) {
  away(false);
  const auto first = place("a");
  const auto second = place("b");
  EXPECT_EQ(engine.waiting_commands(), 0U);
  EXPECT_EQ(first->status(), 0);
  EXPECT_EQ(held_now(), 2);
  pass(milliseconds{1'900});
  EXPECT_EQ(first->status(), 0);

  set({.mode = Mode::Open, .takes = true});
  ASSERT_EQ(engine.waiting_commands(), 2U);
  decide_next(1);
  EXPECT_EQ(first->status(), 201);
  EXPECT_EQ(held_now(), 1);
  decide_next(2);
  EXPECT_EQ(second->status(), 201);
  EXPECT_EQ(held_now(), 0);
  EXPECT_EQ(app->desk.hold_ns().count(), 2U);
  EXPECT_GE(app->desk.hold_ns().max(), 1'900'000'000U);
  EXPECT_EQ(app->requests_by_status[503], 0U);
}

TEST_F(Hold, an_order_goes_to_the_relay_while_only_execution_is_away) {
  away(true);
  const auto answer = place("a");
  ASSERT_EQ(engine.waiting_commands(), 1U);
  EXPECT_EQ(answer->status(), 0);
  EXPECT_EQ(held_now(), 1);
  set({.mode = Mode::Closed});  // the hold is over, and this one is with the relay
  pass(milliseconds{3'000});
  EXPECT_EQ(answer->status(), 0);
  EXPECT_EQ(place("b")->code(), "not_ready");
  set({.mode = Mode::Open, .takes = true});
  decide_next(1);
  EXPECT_EQ(answer->status(), 201);
  EXPECT_EQ(held_now(), 0);
}

TEST_F(Hold, what_is_with_the_relay_times_out_as_ever_and_is_not_sent_again) {
  away(true);
  const auto answer = place("a");
  pass(milliseconds{4'999});
  EXPECT_EQ(answer->status(), 0);
  pass(milliseconds{1});
  EXPECT_EQ(answer->status(), 504);
  EXPECT_EQ(answer->code(), "outcome_unknown");
  EXPECT_EQ(held_now(), 0);
  set({.mode = Mode::Open, .takes = true});
  EXPECT_EQ(engine.waiting_commands(), 1U);
}

TEST_F(Hold, nobody_is_told_that_there_is_no_order_while_one_is_on_its_way) {
  away(false);
  const auto held = place("a");
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->code(), "outcome_unknown");
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/b")->code(), "unknown_order");
  set({.mode = Mode::Open, .takes = true});
  ASSERT_EQ(engine.waiting_commands(), 1U);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 504);
  pass(milliseconds{5'000});
  EXPECT_EQ(held->code(), "outcome_unknown") << "who sent it has stopped waiting";
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 504) << "it may still count";
  decide_next(1);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 200);
  away(false);
  const auto refused = place("c");
  pass(milliseconds{2'001});
  EXPECT_EQ(refused->code(), "not_ready");
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/c")->status(), 404) << "nothing was done";
}

TEST_F(Hold, who_hangs_up_while_it_is_held_has_placed_nothing) {
  bool gone = false;
  away(false);
  const auto lost = ask("/api/v1/orders", order("a"), gone);
  const auto kept = place("b");
  gone = true;
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 504) << "it is not dropped yet";
  set({.mode = Mode::Open, .takes = true});
  ASSERT_EQ(engine.waiting_commands(), 1U);
  decide_next(1);
  EXPECT_EQ(kept->status(), 201);
  EXPECT_EQ(lost->code(), "hung_up");
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 404);
  EXPECT_EQ(app->desk.hung_up().value(), 1U);
  EXPECT_EQ(held_now(), 0);
  EXPECT_EQ(app->desk.waiting(), 0U);
}

TEST_F(Hold, who_hangs_up_once_its_order_is_on_its_way_has_placed_it) {
  bool gone = false;
  away(true);
  ask("/api/v1/orders", order("a"), gone);
  gone = true;
  set({.mode = Mode::Open, .takes = true});
  decide_next(1);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 200);
  EXPECT_EQ(app->desk.hung_up().value(), 0U);
}

TEST_F(Hold, the_kill_switch_goes_on_without_its_sender_and_its_release_does_not) {
  bool gone = false;
  away(false);
  ask("/api/v1/risk/kill", R"({"reason":"x"})", gone);
  gone = true;
  ask("/api/v1/risk/kill", R"({"reason":"y"})", gone);
  set({.mode = Mode::Open, .takes = true});
  ASSERT_EQ(engine.waiting_commands(), 2U);
  for (int i = 0; i < 2; ++i) engine.echo(engine.next_command());
  app->poll(1'000);
  const auto resumed = ask("/api/v1/risk/resume", R"({"reason":"x","actor":"y"})", gone);
  EXPECT_EQ(resumed->code(), "hung_up");
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(Hold, an_order_that_the_log_has_and_nobody_has_decided_is_not_told_as_absent) {
  away(true);
  const auto sent = place("a");
  const Command command = engine.next_command();
  const std::uint64_t lsn = engine.echo(command);
  app->poll(1'000);
  pass(milliseconds{5'000});
  EXPECT_EQ(sent->code(), "outcome_unknown");
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->code(), "outcome_unknown");
  EXPECT_EQ(ask(Method::Delete, "/api/v1/orders/a")->code(), "outcome_unknown");
  engine.decide(lsn);
  app->poll(1'000);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 504) << "its state is not there yet";
  engine.output(engine.order_of(command, lsn));
  app->poll(1'000);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 200);
}

TEST_F(Hold, a_second_order_of_an_id_hides_neither_the_first_nor_its_absence) {
  place("a");
  const Command first = engine.next_command();
  engine.accept(first);
  const std::uint64_t second = engine.echo(first);
  app->poll(1'000);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 200) << "the first is known";
  engine.decide(second, RejectCode::DuplicateClientOrderId);
  app->poll(1'000);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/a")->status(), 200);

  place("b");
  const std::uint64_t alone = engine.echo(engine.next_command());
  engine.decide(alone, RejectCode::DuplicateClientOrderId);
  app->poll(1'000);
  EXPECT_EQ(ask(Method::Get, "/api/v1/orders/b")->status(), 404) << "no order came of it";
}

TEST_F(Hold, past_the_hold_what_was_kept_here_is_refused_and_uses_no_sequence) {
  away(false);
  const auto answer = place("a");
  pass(milliseconds{1'999});
  EXPECT_EQ(answer->status(), 0);
  pass(milliseconds{1});
  EXPECT_EQ(answer->status(), 503);
  EXPECT_EQ(answer->code(), "not_ready");
  EXPECT_EQ(answer->header("Retry-After"), "1");
  EXPECT_EQ(place("b")->code(), "not_ready");
  EXPECT_EQ(held_now(), 0);
  set({.mode = Mode::Open, .takes = true});
  EXPECT_EQ(engine.waiting_commands(), 0U);
  const auto later = place("c");
  decide_next(1);
  EXPECT_EQ(later->status(), 201);
}

TEST_F(Hold, who_comes_after_those_who_are_held_goes_after_them) {
  away(false);
  place("a");
  engine.status->door.store({.mode = Mode::Open, .takes = true});  // not looked at yet
  place("b");
  EXPECT_EQ(engine.waiting_commands(), 0U);
  app->poll(1'000);
  EXPECT_EQ(engine.next_command().view().as<OrderIntent>().client_order_id.view(), "a");
  EXPECT_EQ(engine.next_command().view().as<OrderIntent>().client_order_id.view(), "b");
}

TEST_F(Hold, the_kill_switch_goes_before_orders_that_came_earlier) {
  away(false);
  place("a");
  ask(Method::Post, "/api/v1/risk/kill", R"({"reason":"enough"})");
  set({.mode = Mode::Open, .takes = true});
  const Command first = engine.next_command();
  EXPECT_TRUE(first.view().is<KillSwitch>());
  EXPECT_EQ(first.view().header().sequence, 1U);
  const Command second = engine.next_command();
  EXPECT_TRUE(second.view().is<OrderIntent>());
  EXPECT_EQ(second.view().header().sequence, 2U);
}

TEST_F(Hold, with_the_kill_switch_on_an_order_is_refused_at_once_and_a_cancel_is_held) {
  engine.resting("resting");
  app->poll(1'000);
  engine.status->kill_active.set(1);
  for (const bool takes : {false, true}) {
    away(takes);
    const auto answer = place("a");
    EXPECT_EQ(answer->status(), 422) << takes;
    EXPECT_EQ(answer->code(), "KillSwitch") << takes;
  }
  away(false);
  const auto canceled = ask(Method::Delete, "/api/v1/orders/resting");
  EXPECT_EQ(canceled->status(), 0);
  EXPECT_EQ(held_now(), 1);
}

TEST_F(Hold, no_more_are_held_than_there_may_be) {
  Options options = test_options();
  options.held_max = 2;
  make(std::move(options));
  away(true);
  const auto first = place("a");
  away(false);
  const auto second = place("b");
  const auto third = place("c");
  EXPECT_EQ(first->status() + second->status(), 0);
  EXPECT_EQ(third->status(), 503);
  EXPECT_EQ(third->code(), "held_full");
  EXPECT_EQ(third->header("Retry-After"), "1");
  set({.mode = Mode::Open, .takes = true});
  decide_next(1);
  decide_next(2);
  EXPECT_EQ(second->status(), 201);
}

TEST_F(Hold, a_question_is_answered_at_once_as_ever) {
  away(true);
  EXPECT_EQ(ask(Method::Post, "/api/v1/orders:check", order("a"))->code(), "not_ready");
  EXPECT_EQ(held_now(), 0);
}

TEST_F(Hold, without_a_door_readiness_decides_alone) {
  engine.status->door.store({});
  engine.status->ready.set(0);
  EXPECT_EQ(place("a")->code(), "not_ready");
  engine.status->ready.set(1);
  const auto answer = place("b");
  decide_next(1);
  EXPECT_EQ(answer->status(), 201);
  EXPECT_EQ(app->desk.hold_ns().count(), 0U);
}

TEST_F(Hold, a_ring_that_nobody_empties_ends_the_hold_of_those_it_has_no_room_for) {
  FakeEngine small{1'024};
  Link link = small.link();
  link.clock = &clock;
  app = std::make_unique<App>(test_options(), link);
  small.status->door.store(
      {.mode = Mode::Held, .until_ns = (clock.monotonic() + seconds{2}).count()});
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(place("a-" + std::to_string(i)));
  small.status->door.store({.mode = Mode::Open, .takes = true});
  app->poll(1'000);
  const std::int64_t before = held_now();
  EXPECT_EQ(before, 10);
  pass(milliseconds{4'999});
  EXPECT_EQ(answers.back()->status(), 0);
  pass(milliseconds{1});
  EXPECT_EQ(answers.back()->code(), "engine_busy");
  EXPECT_EQ(answers.front()->code(), "outcome_unknown");
  EXPECT_EQ(held_now(), 0);
}

}  // namespace
}  // namespace stoa::gateway::test

#include "ops/health_answer.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A role at noon of some day, with a clock that stands.
class HealthAnswer : public ::testing::Test {
 protected:
  HealthReply ask(std::string_view path, std::string_view query = {},
                  std::string_view accept = {}) {
    const auto reply =
        answer_health(status, metrics, {.path = path, .query = query, .accept = accept});
    return reply ? *reply : HealthReply{.status = 404};
  }
  /// What a JSON pointer finds, as text.
  static std::string at(const HealthReply& reply, std::string_view pointer) {
    simdjson::dom::parser parser;
    simdjson::dom::element found;
    if (parser.parse(reply.body).at_pointer(pointer).get(found) != simdjson::SUCCESS) return "?";
    std::string_view text;
    if (found.get(text) == simdjson::SUCCESS) return std::string{text};
    return simdjson::minify(found);
  }
  void pass(nanoseconds time) { clock.advance_to(clock.now() + time); }

  ManualClock clock{Timestamp::from_ns(1'723'164'853'000'000'000)};
  RoleStatus status{{.service = "execution",
                     .instance = "execution-1",
                     .colour = "blue",
                     .environment = "testing",
                     .version = "0.1.0",
                     .commit = "abc1234",
                     .started = Timestamp::from_ns(1'723'164'843'500'000'000)},
                    clock};
  Metrics metrics;
};

TEST_F(HealthAnswer, is_not_ready_before_it_has_been_told) {
  status.set_state(RoleState::Recovering, "replays the log");
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(at(ask("/readyz"), "/output"), "role:state: recovering: replays the log");
  EXPECT_EQ(ask("/startupz").status, 503);
  EXPECT_EQ(ask("/livez").status, 200);
  EXPECT_EQ(ask("/health").status, 200);
  EXPECT_EQ(at(ask("/health"), "/status"), "warn");
  EXPECT_EQ(at(ask("/health"), "/ready"), "false");
}

TEST_F(HealthAnswer, says_who_it_is_and_that_all_is_well) {
  status.set_state(RoleState::Ready);
  const HealthReply reply = ask("/health");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/health+json");
  EXPECT_EQ(reply.body, R"({"status":"pass","version":"0.1.0","releaseId":"abc1234",)"
                        R"("serviceId":"execution-1","service":"execution","colour":"blue",)"
                        R"("environment":"testing","mode":"PAPER","state":"ready","ready":true,)"
                        R"("uptime_s":9.5})");
}

TEST_F(HealthAnswer, has_every_name_of_a_probe) {
  for (const std::string_view path : {"/health", "/ready", "/livez", "/readyz", "/startupz",
                                      "/health/live", "/health/ready", "/health/startup"}) {
    status.set_state(RoleState::Ready);
    EXPECT_EQ(ask(path).status, 200) << path;
    status.set_state(RoleState::Stopped, "gone");
    const bool keeps = path == "/livez" || path == "/health/live" || path == "/startupz" ||
                       path == "/health/startup";
    EXPECT_EQ(ask(path).status, keeps ? 200 : 503) << path;
  }
  EXPECT_EQ(ask("/status").status, 200);
  EXPECT_EQ(ask("/metrics").status, 200);
  EXPECT_EQ(ask("/healthz").status, 404);
  EXPECT_EQ(ask("/health/").status, 404);
}

TEST_F(HealthAnswer, loses_its_life_only_with_its_own_loop) {
  const CheckId relay = status.add_check("relay:connected", Probe::Both);
  status.set_state(RoleState::Ready);
  status.set(relay, CheckResult::Fail, 0, "no relay");
  EXPECT_EQ(ask("/livez").status, 200);
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(ask("/health").status, 503);
  pass(kSilenceMax);
  EXPECT_EQ(ask("/livez").status, 200);
  pass(milliseconds{1});
  EXPECT_EQ(ask("/livez").status, 503);
  EXPECT_EQ(at(ask("/livez"), "/output"), "loop:heartbeat: the loop has not turned for 10001 ms");
  status.beat(clock.monotonic());
  EXPECT_EQ(ask("/livez").status, 200);
}

TEST_F(HealthAnswer, serves_on_with_a_warning) {
  const CheckId disk = status.add_check("disk:free", Probe::Ready, "bytes");
  status.set_state(RoleState::Ready);
  status.set(disk, CheckResult::Warn, 4'096, "nearly full");
  EXPECT_EQ(ask("/readyz").status, 200);
  EXPECT_EQ(at(ask("/readyz"), "/status"), "warn");
  EXPECT_EQ(at(ask("/readyz"), "/output"), "disk:free: nearly full");
  EXPECT_EQ(ask("/health").status, 200);
  EXPECT_EQ(at(ask("/startupz"), "/status"), "pass");  // the check is none of the start-up
}

TEST_F(HealthAnswer, shows_each_check_when_it_is_asked_to) {
  const CheckId disk = status.add_check("disk:free", Probe::Ready, "bytes");
  status.set_state(RoleState::Ready);
  pass(seconds{1});
  status.set(disk, CheckResult::Fail, 0, "full");
  const HealthReply reply = ask("/readyz", "verbose");
  EXPECT_EQ(at(reply, "/checks/loop:heartbeat/0/observedValue"), "1000");
  EXPECT_EQ(at(reply, "/checks/loop:heartbeat/0/observedUnit"), "ms");
  EXPECT_EQ(at(reply, "/checks/role:state/0/status"), "pass");
  EXPECT_EQ(at(reply, "/checks/disk:free/0/status"), "fail");
  EXPECT_EQ(at(reply, "/checks/disk:free/0/output"), "full");
  EXPECT_EQ(at(reply, "/checks/disk:free/0/time"), "2024-08-09T00:54:14.000000000Z");
  EXPECT_EQ(at(reply, "/checks/disk:free/0/since"), "2024-08-09T00:54:14.000000000Z");
  EXPECT_EQ(at(ask("/readyz"), "/checks"), "?");
  EXPECT_EQ(at(ask("/livez", "verbose"), "/checks/disk:free/0/status"), "?");
  EXPECT_EQ(at(ask("/readyz", "verbose=0"), "/checks"), "?");
}

TEST_F(HealthAnswer, leaves_out_what_it_is_told_to) {
  const CheckId disk = status.add_check("disk:free", Probe::Ready);
  const CheckId relay = status.add_check("relay:connected", Probe::Ready);
  status.set_state(RoleState::Ready);
  status.set(disk, CheckResult::Fail);
  EXPECT_EQ(at(ask("/readyz"), "/output"), "disk:free fail");
  EXPECT_EQ(ask("/readyz", "exclude=disk:free").status, 200);
  EXPECT_EQ(ask("/readyz", "exclude=disk%3Afree&verbose").status, 200);
  status.set(relay, CheckResult::Fail);
  EXPECT_EQ(ask("/readyz", "exclude=disk:free").status, 503);
  EXPECT_EQ(ask("/readyz", "exclude=disk:free&exclude=relay:connected").status, 200);
}

TEST_F(HealthAnswer, notes_an_exclusion_that_names_nothing) {
  status.set_state(RoleState::Ready);
  const HealthReply reply = ask("/readyz", "exclude=dosk");
  EXPECT_EQ(reply.status, 200);  // a check that was renamed must not end a probe
  EXPECT_EQ(at(reply, "/notes/0"), "exclude names no check of this answer: dosk");
}

TEST_F(HealthAnswer, refuses_a_parameter_that_it_does_not_know) {
  const HealthReply reply = ask("/readyz", "verbos");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_EQ(at(reply, "/detail"), "unknown parameter: verbos");
  EXPECT_EQ(ask("/readyz", "format=json").status, 400);
  EXPECT_EQ(ask("/metrics", "verbose").status, 400);
  EXPECT_EQ(ask("/metrics", "format=xml").status, 400);
  EXPECT_EQ(ask("/readyz", "&&verbose&").status, 200 + 303);  // not ready, but understood
}

TEST_F(HealthAnswer, gives_metrics_as_text_or_json) {
  EXPECT_EQ(ask("/metrics").content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(ask("/metrics", "format=json").content_type, "application/json");
  EXPECT_EQ(ask("/metrics", "", "application/json").content_type, "application/json");
  EXPECT_EQ(ask("/metrics", "format=text", "application/json").content_type,
            "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(HealthAnswer, tells_the_whole_status_also_when_it_fails) {
  static_cast<void>(status.add_check("disk:free", Probe::Ready));
  status.set_state(RoleState::Draining, "asked to");
  pass(seconds{60});
  const HealthReply reply = ask("/status");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(at(reply, "/status"), "fail");
  EXPECT_EQ(at(reply, "/state"), "draining");
  EXPECT_EQ(at(reply, "/reason"), "asked to");
  EXPECT_EQ(at(reply, "/ready"), "false");
  EXPECT_EQ(at(reply, "/heartbeat_age_ms"), "60000");
  EXPECT_EQ(at(reply, "/started_ns"), "1723164843500000000");
  EXPECT_EQ(at(reply, "/checks/disk:free/0/status"), "pass");
}

TEST_F(HealthAnswer, says_where_the_process_stands_in_the_switch_of_its_role) {
  EXPECT_EQ(at(ask("/status"), "/switch"), "?");
  SwitchView place{.mode = SwitchMode::Following,
                   .epoch = 7,
                   .lsn = 1'200,
                   .compared = 900,
                   .differs_at = 1'100,
                   .lag_records = 3,
                   .hash = 0xab,
                   .colour = Text<24>::cut("green"),
                   .release = Text<24>::cut("0.2.0"),
                   .difference = Text<480>::cut("record 1100: said \"no\"")};
  status.set_place(place);
  EXPECT_EQ(at(ask("/status"), "/switch"),
            R"({"mode":"following","colour":"green","release":"0.2.0","epoch":7,"lsn":"1200",)"
            R"("compared":"900","differs_at":"1100","difference":"record 1100: said \"no\"",)"
            R"("lag_records":"3","hash":"00000000000000ab"})");
  // It lives and has started, but what it would serve is another's.
  status.set_state(RoleState::Ready);
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(at(ask("/readyz"), "/output"), "role:state: follows the one that leads");
  EXPECT_EQ(ask("/startupz").status, 200);
  EXPECT_EQ(at(ask("/health"), "/status"), "pass");
  place.mode = SwitchMode::Leading;
  status.set_place(place);
  EXPECT_EQ(at(ask("/status"), "/switch/mode"), "leading");
  EXPECT_EQ(ask("/readyz").status, 200);
}

}  // namespace
}  // namespace stoa::ops

#include "ops/role_status.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"

namespace stoa::ops {
namespace {

using std::chrono::seconds;

TEST(RoleStatus, starts_unready_with_its_heart_beating_now) {
  ManualClock clock{Timestamp::from_ns(5'000)};
  const RoleStatus status{{.service = "risk"}, clock};
  const StatusView view = status.view();
  EXPECT_EQ(view.state, RoleState::Starting);
  EXPECT_FALSE(view.started);
  EXPECT_EQ(view.heartbeat.count(), 5'000);
  EXPECT_EQ(status.identity().service, "risk");
}

TEST(RoleStatus, stays_started_once_it_was_ready) {
  ManualClock clock{Timestamp::from_ns(1)};
  RoleStatus status{{}, clock};
  status.set_state(RoleState::Recovering, "replays 10 records");
  EXPECT_FALSE(status.view().started);
  EXPECT_EQ(status.view().reason.view(), "replays 10 records");
  status.set_state(RoleState::Ready);
  EXPECT_TRUE(status.view().started);
  EXPECT_EQ(status.view().reason.view(), "");
  status.set_state(RoleState::Draining, "asked to");
  EXPECT_TRUE(status.view().started);
  EXPECT_EQ(status.state(), RoleState::Draining);
}

TEST(RoleStatus, dates_a_check_by_its_last_change_of_result) {
  ManualClock clock{Timestamp::from_ns(100)};
  RoleStatus status{{}, clock};
  const CheckId log = status.add_check("log:writable", Probe::Ready, "records");
  EXPECT_EQ(status.view().checks[0].since.ns(), 100);
  clock.advance_to(Timestamp::from_ns(200));
  status.set(log, CheckResult::Pass, 7);
  EXPECT_EQ(status.view().checks[0].since.ns(), 100);
  EXPECT_EQ(status.view().checks[0].observed, 7);
  status.set(log, CheckResult::Fail, 7, "disk full");
  EXPECT_EQ(status.view().checks[0].since.ns(), 200);
  EXPECT_EQ(status.view().checks[0].text.view(), "disk full");
  clock.advance_to(Timestamp::from_ns(300));
  status.set(log, CheckResult::Fail, 8, "disk still full");
  EXPECT_EQ(status.view().checks[0].since.ns(), 200);
  EXPECT_EQ(status.view().checks[0].text.view(), "disk still full");
}

TEST(RoleStatus, cuts_a_text_that_is_too_long) {
  ManualClock clock{Timestamp::from_ns(1)};
  RoleStatus status{{}, clock};
  const CheckId check = status.add_check("a", Probe::Both);
  status.set(check, CheckResult::Warn, 0, std::string(500, 'x'));
  EXPECT_EQ(status.view().checks[0].text.view(), std::string(RoleStatus::kTextBytes, 'x'));
}

TEST(RoleStatus, hands_each_request_over_once) {
  ManualClock clock{Timestamp::from_ns(1)};
  RoleStatus status{{}, clock};
  EXPECT_EQ(status.take_requests(), 0U);
  status.ask(RoleRequest::Drain);
  status.ask(RoleRequest::Reload);
  EXPECT_EQ(status.take_requests(), 3U);
  EXPECT_EQ(status.take_requests(), 0U);
}

TEST(RoleStatus, is_seen_whole_while_it_is_written) {
  // Number and text of a check are written as one: no reader may see parts of two.
  const SystemClock clock;
  RoleStatus status{{}, clock};
  const CheckId check = status.add_check("pair", Probe::Ready);
  status.set(check, CheckResult::Pass, 0, "0");
  std::atomic<bool> stop{false};
  std::uint64_t torn = 0;
  std::uint64_t seen = 0;
  std::int64_t last = 0;
  std::thread reader{[&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const StatusView view = status.view();
      const CheckView& pair = view.checks[0];
      if (pair.text.view() != std::to_string(pair.observed)) ++torn;
      if (pair.observed != last) ++seen;
      last = pair.observed;
    }
  }};
  for (std::int64_t i = 1; i <= 200'000; ++i) {
    status.set(check, CheckResult::Pass, i, std::to_string(i));
  }
  stop.store(true, std::memory_order_relaxed);
  reader.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace stoa::ops

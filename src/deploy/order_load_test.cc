#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/temp_dir.h"
#include "deploy/load_account.h"
#include "deploy/load_plan.h"
#include "deploy/logged_orders.h"
#include "journal/writer.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kUnitE8 = 100'000'000;

// ---- the plan

LoadPlan plan_of(std::uint64_t seed, double rate = 200) {
  return LoadPlan{{{.symbol = "BTCUSDT", .qty = "0.001", .tick_e8 = 1'000'000},
                   {.symbol = "ETHUSDT", .qty = "0.01", .tick_e8 = 1'000'000}},
                  rate,
                  .5,
                  seed};
}

std::string text_of(const LoadPlan& plan, std::uint64_t number) {
  const PlannedOrder order = plan.order(number);
  const LoadMarket& market = plan.markets()[order.market];
  return load_order_json(order, market, load_order_id("load", number),
                         load_price_e8(order, market, 60'000 * kUnitE8));
}

TEST(LoadPlan, the_same_seed_sends_the_same_orders_in_any_order_of_asking) {
  const LoadPlan plan = plan_of(7);
  const LoadPlan again = plan_of(7);
  const LoadPlan other = plan_of(8);
  std::size_t same = 0;
  for (std::uint64_t i = 1'000; i-- > 0;) {
    EXPECT_EQ(text_of(plan, i), text_of(again, i));
    same += text_of(plan, i) == text_of(other, i) ? 1U : 0U;
  }
  EXPECT_LT(same, 50U);
}

TEST(LoadPlan, moments_do_not_wait_for_answers) {
  const LoadPlan plan = plan_of(1, 400);
  EXPECT_EQ(plan.due(0), nanoseconds{0});
  EXPECT_EQ(plan.due(1), nanoseconds{2'500'000});
  EXPECT_EQ(plan.due(400), nanoseconds{seconds{1}});
  EXPECT_EQ(plan.order(400).due, nanoseconds{seconds{1}});
}

TEST(LoadPlan, both_markets_both_sides_and_both_kinds_come) {
  const LoadPlan plan = plan_of(3);
  std::size_t buys = 0;
  std::size_t rests = 0;
  std::size_t second = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const PlannedOrder order = plan.order(i);
    buys += order.buy ? 1U : 0U;
    rests += order.rests ? 1U : 0U;
    second += order.market;
    const std::int64_t least = order.rests ? 100 : -10;
    const std::int64_t most = order.rests ? 300 : 50;
    EXPECT_GE(order.away_bp, least);
    EXPECT_LE(order.away_bp, most);
  }
  for (const std::size_t count : {buys, rests, second}) {
    EXPECT_GT(count, 420U);
    EXPECT_LT(count, 580U);
  }
}

TEST(LoadPlan, a_price_is_whole_ticks_on_its_own_side_of_the_market) {
  const LoadMarket market{.symbol = "BTCUSDT", .qty = "0.001", .tick_e8 = 1'000'000};
  const PlannedOrder buy{.buy = true, .rests = true, .away_bp = 100};
  const PlannedOrder sell{.buy = false, .rests = true, .away_bp = 100};
  EXPECT_EQ(load_price_e8(buy, market, 60'000 * kUnitE8), 59'400 * kUnitE8);
  EXPECT_EQ(load_price_e8(sell, market, 60'000 * kUnitE8), 60'600 * kUnitE8);
  EXPECT_EQ(load_price_e8(buy, market, 1), market.tick_e8);  // never zero
  EXPECT_EQ(load_order_json(buy, market, "a-1", 59'400 * kUnitE8 + 1'000'000),
            R"({"client_order_id":"a-1","symbol":"BTCUSDT","side":"buy","type":"limit",)"
            R"("quantity":"0.001","price":"59400.01","time_in_force":"GTC"})");
}

// ---- what answers say

TEST(Verdict, only_what_is_proven_is_a_refusal) {
  EXPECT_EQ(verdict_on_order(201, ""), Verdict::Taken);
  EXPECT_EQ(verdict_on_order(422, "order_rate"), Verdict::Refused);
  EXPECT_EQ(verdict_on_order(400, "bad_field"), Verdict::Refused);
  EXPECT_EQ(verdict_on_order(503, "engine_busy"), Verdict::Refused);
  EXPECT_EQ(verdict_on_order(409, "duplicate_client_order_id"), Verdict::Unclear);
  EXPECT_EQ(verdict_on_order(503, "other"), Verdict::Unclear);
  EXPECT_EQ(verdict_on_order(504, "outcome_unknown"), Verdict::Unclear);
  EXPECT_EQ(verdict_on_repeat(201), Verdict::Taken);
  EXPECT_EQ(verdict_on_repeat(409), Verdict::Taken);
  EXPECT_EQ(verdict_on_repeat(422), Verdict::Refused);
  EXPECT_EQ(verdict_on_repeat(503), Verdict::Unclear);
  EXPECT_EQ(verdict_on_question(200), Verdict::Taken);
  EXPECT_EQ(verdict_on_question(404), Verdict::Absent);
  EXPECT_EQ(verdict_on_question(503), Verdict::Unclear);
}

// ---- the account

TEST(LoadAccount, every_order_ends_in_one_fate) {
  LoadAccount account;
  account.begin(seconds{100});
  for (int i = 0; i < 6; ++i) account.due();
  for (int i = 0; i < 5; ++i) account.sent();
  account.acknowledged(0, seconds{100}, seconds{100} + milliseconds{3});
  account.refused(1, "order_rate");
  account.unknown(2);
  account.unknown(3);
  account.unknown(4);
  EXPECT_EQ(account.open_questions(), 3U);
  account.found(2, false, seconds{101});
  account.absent(3);
  account.unsent(5);
  account.end(seconds{102});
  const LoadReport report = account.report();
  EXPECT_EQ(account.fates(), (std::vector{Fate::Taken, Fate::Refused, Fate::Taken, Fate::Absent,
                                          Fate::Open, Fate::Unsent}));
  EXPECT_EQ(report.due, 6U);
  EXPECT_EQ(report.sent, 5U);
  EXPECT_EQ(report.taken(), 2U);
  EXPECT_EQ(report.refused_count(), 1U);
  EXPECT_EQ(report.refused.at("order_rate"), 1U);
  EXPECT_EQ(report.resolved_absent, 1U);
  EXPECT_EQ(report.unresolved, 1U);
  EXPECT_EQ(report.due, report.taken() + report.refused_count() + report.resolved_absent +
                            report.unresolved + report.unsent);
}

TEST(LoadAccount, latency_counts_from_the_planned_moment_and_a_hold_is_seen) {
  LoadAccount account;
  account.begin(nanoseconds{0});
  for (std::uint64_t i = 0; i < 100; ++i) account.due();
  for (std::uint64_t i = 0; i < 99; ++i) {
    account.acknowledged(i, milliseconds{i}, milliseconds{i} + std::chrono::microseconds{200});
  }
  // Due at 99 ms, and held for 2.4 s: a client that waits for answers would never have asked.
  account.acknowledged(99, milliseconds{99}, milliseconds{2'499});
  account.end(milliseconds{2'500});
  const LoadReport report = account.report();
  EXPECT_NEAR(static_cast<double>(report.p50_us), 200, 8);
  EXPECT_EQ(report.max_us, 2'400'000U);
  EXPECT_EQ(report.slower_than_2s, 1U);
  EXPECT_EQ(report.longest_silence_ms, 2'400U);
  EXPECT_NEAR(report.longest_silence_at_s, .098, .001);
  ASSERT_EQ(report.by_second.size(), 3U);
  EXPECT_EQ(report.by_second[0].acknowledged, 99U);
  EXPECT_EQ(report.by_second[1].acknowledged, 0U);
  EXPECT_EQ(report.by_second[2].max_us, 2'400'000U);
}

// ---- the logs

/// A log of a few orders, written by hand.
class LoggedOrdersTest : public testing::Test {
 protected:
  template <class M>
  std::uint64_t put(std::vector<std::vector<std::byte>>& log, const M& body) {
    std::vector<std::byte> bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode(bytes,
                                {.domain = native::Domain::Execution,
                                 .source = 1,
                                 .sequence = log.size() + 1,
                                 .timestamp = Timestamp::from_ns(1)},
                                body));
    log.push_back(std::move(bytes));
    return log.size();
  }
  std::uint64_t intent(std::string_view id) {
    return put(log_, OrderIntent{.client_order_id = ClientOrderId::cut(id),
                                 .instrument = InstrumentId{1},
                                 .px = Price::from_e8(kUnitE8),
                                 .qty = Qty::from_e8(kUnitE8)});
  }
  void decide(std::uint64_t lsn, bool accepted) {
    put(log_, RiskDecision{.intent = ClOrdId{lsn},
                           .instrument = InstrumentId{1},
                           .accepted = static_cast<std::uint8_t>(accepted ? 1 : 0),
                           .code = accepted ? RejectCode::None : RejectCode::OrderRate});
  }
  void send(std::uint64_t lsn) {
    put(log_, OrderSend{.cl_ord_id = ClOrdId{lsn},
                        .px = Price::from_e8(kUnitE8),
                        .qty = Qty::from_e8(kUnitE8)});
  }
  void answer(std::uint64_t lsn) {
    put(venue_, ExecutionReport{.cl_ord_id = ClOrdId{lsn}, .exec_type = ExecType::New});
  }
  /// Taken, sent and at the venue.
  void whole(std::string_view id) {
    const auto lsn = intent(id);
    decide(lsn, true);
    send(lsn);
    answer(lsn);
  }
  LoggedOrders look(const std::vector<Fate>& fates) {
    write("wal", log_);
    write("venue", venue_);
    auto found = find_orders({.execution = dir_ / "wal", .venue = dir_ / "venue"}, "load", fates);
    EXPECT_TRUE(found.has_value()) << found.error().text();
    return found.value_or(LoggedOrders{});
  }

  std::vector<std::vector<std::byte>> log_;
  std::vector<std::vector<std::byte>> venue_;
  TempDir dir_;

 private:
  void write(std::string_view name, const std::vector<std::vector<std::byte>>& messages) {
    auto writer = journal::Writer::open(
        dir_ / name, {.sync = journal::SyncPolicy::None, .prepare_ahead = false});
    ASSERT_TRUE(writer.has_value()) << writer.error().text();
    for (const auto& bytes : messages) ASSERT_TRUE(writer->append(bytes).has_value());
    ASSERT_TRUE(writer->commit().has_value());
  }
};

TEST_F(LoggedOrdersTest, counts_what_is_there_once) {
  whole("load-0");
  whole("other-1");
  decide(intent("load-1"), false);
  whole("load-2");
  decide(intent("load-2"), false);  // asked for again under the same id, and refused as there
  const auto found = look({Fate::Taken, Fate::Refused, Fate::Taken, Fate::Absent, Fate::Unsent});
  EXPECT_EQ(found.in_log, 2U);
  EXPECT_EQ(found.refused, 1U);
  EXPECT_EQ(found.at_venue, 2U);
  EXPECT_EQ(found.lost, 0U) << found.first;
  EXPECT_EQ(found.doubled, 0U) << found.first;
  EXPECT_EQ(found.records, log_.size());
}

TEST_F(LoggedOrdersTest, finds_an_acknowledged_order_that_the_log_does_not_have) {
  whole("load-0");
  const auto found = look({Fate::Taken, Fate::Taken});
  EXPECT_EQ(found.lost, 1U);
  EXPECT_EQ(found.first, "load-1: acknowledged, and not in the log");
}

TEST_F(LoggedOrdersTest, finds_an_order_that_never_came_to_the_venue) {
  const auto lsn = intent("load-0");
  decide(lsn, true);
  send(lsn);
  const auto found = look({Fate::Taken});
  EXPECT_EQ(found.lost, 1U);
  EXPECT_EQ(found.first, "load-0: in the log, and not at the venue");
}

TEST_F(LoggedOrdersTest, an_order_that_ended_before_it_was_sent_is_not_lost) {
  const auto lsn = intent("load-0");
  decide(lsn, true);
  put(log_, OrderUpdate{.status = OrdStatus::Canceled, .intent = ClOrdId{lsn}});
  EXPECT_EQ(look({Fate::Taken}).lost, 0U);
}

TEST_F(LoggedOrdersTest, finds_an_order_that_was_accepted_twice) {
  whole("load-0");
  whole("load-0");
  const auto found = look({Fate::Taken});
  EXPECT_EQ(found.doubled, 1U);
  EXPECT_EQ(found.first, "load-0: accepted twice");
}

TEST_F(LoggedOrdersTest, finds_an_order_that_was_sent_twice) {
  whole("load-0");
  send(1);
  EXPECT_EQ(look({Fate::Taken}).first, "load-0: sent to the venue twice");
}

TEST_F(LoggedOrdersTest, a_resend_that_the_venue_asked_for_is_no_double) {
  whole("load-0");
  put(log_, OrderSend{.cl_ord_id = ClOrdId{1},
                      .resend = 1,
                      .px = Price::from_e8(kUnitE8),
                      .qty = Qty::from_e8(kUnitE8)});
  EXPECT_EQ(look({Fate::Taken}).doubled, 0U);
}

TEST_F(LoggedOrdersTest, finds_an_order_that_the_venue_has_twice) {
  whole("load-0");
  answer(1);
  EXPECT_EQ(look({Fate::Taken}).first, "load-0: at the venue twice");
}

TEST_F(LoggedOrdersTest, finds_an_order_that_a_client_was_told_is_not_there) {
  whole("load-0");
  const auto found = look({Fate::Absent});
  EXPECT_EQ(found.doubled, 1U);
  EXPECT_EQ(found.first, "load-0: told that it is not there, and accepted");
}

TEST_F(LoggedOrdersTest, a_log_that_is_not_there_is_an_error) {
  const std::vector<Fate> fates{Fate::Taken};
  EXPECT_FALSE(find_orders({.execution = dir_ / "none"}, "load", fates).has_value());
}

}  // namespace
}  // namespace stoa::deploy

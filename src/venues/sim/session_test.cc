#include "venues/sim/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/state_hash.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/venue_port.h"

namespace stoa::venues::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kStart = Timestamp::from_ns(1'700'000'000'000'000'000);

/// A plain book fed by deltas, and everything that must hold of what it is fed.
struct Watched {
  std::map<Price, Qty, std::greater<>> bids;
  std::map<Price, Qty> asks;
  std::uint64_t update_id = 0;
  bool whole = false;
  bool quoted = false;
  Quote quote;
  std::uint64_t books_count = 0;
  std::uint64_t trades_count = 0;
  double spread_seconds = 0;  // ticks x seconds
  double seconds_quoted = 0;
};

class Watcher final : public oms::MarketSink {
 public:
  void on_trade(const Trade& trade, Timestamp /*ts_recv*/) override {
    Watched& market = markets_[trade.instrument];
    ++market.trades_count;
    EXPECT_TRUE(market.whole);
    EXPECT_GT(trade.qty, Qty{});
    EXPECT_TRUE(trade_ids_.insert(trade.trade_id).second);
    qty_by_trade[trade.trade_id] = trade.qty;
    hash_.add(trade);
  }

  void on_quote(const Quote& quote, Timestamp /*ts_recv*/) override {
    Watched& market = markets_[quote.instrument];
    EXPECT_EQ(quote.update_id, market.update_id);
    expect_top(market.bids, quote.bid_px, quote.bid_qty);
    expect_top(market.asks, quote.ask_px, quote.ask_qty);
    if (market.quoted) {
      const double time =
          static_cast<double>((quote.ts_event - market.quote.ts_event).count()) * 1e-9;
      const Price spread = market.quote.ask_px - market.quote.bid_px;
      market.spread_seconds += static_cast<double>(spread.e8()) * 1e-6 * time;
      market.seconds_quoted += time;
    }
    market.quote = quote;
    market.quoted = true;
    hash_.add(quote);
  }

  void on_book(const BookView& book, Timestamp /*ts_recv*/) override {
    Watched& market = markets_[book.head.instrument];
    ++market.books_count;
    EXPECT_EQ(book.head.bid_count, book.bids.size());
    EXPECT_EQ(book.head.ask_count, book.asks.size());
    if (book.snapshot) {
      market.bids.clear();
      market.asks.clear();
      market.whole = true;
    } else {
      EXPECT_TRUE(market.whole);
      EXPECT_EQ(book.head.first_update_id, market.update_id + 1);
    }
    market.update_id = book.head.last_update_id;
    set_levels(market.bids, book.bids);
    set_levels(market.asks, book.asks);
    if (!market.bids.empty() && !market.asks.empty()) {
      EXPECT_LT(market.bids.begin()->first, market.asks.begin()->first);
    }
    hash_.add(book.head);
    for (const Level& level : book.bids) hash_.add(level);
    for (const Level& level : book.asks) hash_.add(level);
  }

  void on_feed_state(const FeedState& state, Timestamp /*ts_recv*/) override {
    EXPECT_EQ(state.status, FeedStatus::Live);
    EXPECT_FALSE(markets_[state.instrument].whole);
    hash_.add(state);
  }

  [[nodiscard]] const Watched& market(std::uint32_t id) { return markets_[InstrumentId{id}]; }
  [[nodiscard]] std::uint64_t hash() const { return hash_.value(); }

  std::map<TradeId, Qty> qty_by_trade;

 private:
  template <class Side>
  static void set_levels(Side& side, std::span<const Level> levels) {
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const bool best_first = i == 0 || side.key_comp()(levels[i - 1].px, levels[i].px);
      EXPECT_TRUE(best_first);
      if (levels[i].qty.is_zero()) {
        side.erase(levels[i].px);
      } else {
        side[levels[i].px] = levels[i].qty;
      }
    }
  }
  template <class Side>
  static void expect_top(const Side& side, Price px, Qty qty) {
    EXPECT_EQ(qty.is_zero(), side.empty());
    if (side.empty()) return;
    EXPECT_EQ(px, side.begin()->first);
    EXPECT_EQ(qty, side.begin()->second);
  }

  std::map<InstrumentId, Watched> markets_;
  std::set<TradeId> trade_ids_;
  StateHash hash_;
};

SimVenue::Options options(std::uint64_t seed) {
  SimVenue::Options result;
  result.seed = seed;
  result.start = kStart;
  return result;
}

/// Steps a venue as a simulation does: to whatever is due next, the feed first.
class Stepper {
 public:
  explicit Stepper(const SimVenue::Options& with) : venue{with}, now{with.start} {}

  void run_until(Timestamp end) {
    while (true) {
      Timestamp next = end;
      if (const auto due = venue.next_due(); due && *due < next) next = *due;
      if (const auto due = venue.next_report_due(); due && *due < next) next = *due;
      now = std::max(now, next);
      venue.poll(now, watcher, 1'000);
      std::array<ExecutionReport, 8> out;
      for (std::size_t n = out.size(); n == out.size();) {
        n = venue.poll_reports(now, out);
        for (std::size_t i = 0; i < n; ++i) {
          reports.push_back(out.at(i));
          delivered.push_back(now);
        }
      }
      if (next >= end) return;
    }
  }
  void run_for(nanoseconds time) { run_until(now + time); }

  SimVenue venue;
  Timestamp now;
  Watcher watcher;
  std::vector<ExecutionReport> reports;
  std::vector<Timestamp> delivered;
};

OrderSend limit(std::uint64_t id, Side side, Price px, std::int64_t qty_e8) {
  return {.cl_ord_id = ClOrdId{id},
          .instrument = InstrumentId{1},
          .side = side,
          .px = px,
          .qty = Qty::from_e8(qty_e8)};
}
Price usd(std::int64_t dollars) { return Price::from_e8(dollars * 100'000'000); }

TEST(SimVenue, one_seed_is_one_market_however_it_is_polled) {
  Stepper stepped{options(5)};
  stepped.run_for(seconds{60});
  Watcher at_once;
  SimVenue venue{options(5)};
  venue.poll(kStart + seconds{60}, at_once, ~std::size_t{0});
  EXPECT_EQ(at_once.hash(), stepped.watcher.hash());
  Watcher in_bites;
  SimVenue again{options(5)};
  while (again.poll(kStart + seconds{60}, in_bites, 7) > 0) {
  }
  EXPECT_EQ(in_bites.hash(), at_once.hash());
  Watcher other;
  SimVenue other_seed{options(6)};
  other_seed.poll(kStart + seconds{60}, other, ~std::size_t{0});
  EXPECT_NE(other.hash(), at_once.hash());
}

TEST(SimVenue, an_instrument_added_changes_no_others_market) {
  SimVenue::Options alone = options(5);
  alone.instruments.resize(1);
  Stepper one{alone};
  Stepper three{options(5)};
  one.run_for(seconds{20});
  three.run_for(seconds{20});
  ASSERT_TRUE(one.watcher.market(1).quoted && three.watcher.market(1).quoted);
  EXPECT_EQ(one.watcher.market(1).bids, three.watcher.market(1).bids);
  EXPECT_EQ(one.watcher.market(1).trades_count, three.watcher.market(1).trades_count);
}

TEST(SimVenue, the_first_poll_tells_a_full_book_of_each_instrument) {
  SimVenue venue{options(1)};
  Watcher watcher;
  EXPECT_EQ(venue.next_due(), kStart);
  EXPECT_EQ(venue.poll(kStart - nanoseconds{1}, watcher, 100), 0U);
  EXPECT_EQ(venue.poll(kStart, watcher, 100), 3U);
  for (const std::uint32_t id : {1U, 2U, 3U}) {
    SCOPED_TRACE(id);
    EXPECT_GE(watcher.market(id).bids.size(), 50U);
    EXPECT_GE(watcher.market(id).asks.size(), 50U);
    EXPECT_TRUE(watcher.market(id).quoted);
  }
}

// The watcher holds every message against a plain book of its own; here are the figures of a market
// that a trader believes.
TEST(SimVenue, ten_minutes_look_like_a_market) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    SimVenue venue{options(seed)};
    Watcher watcher;
    for (int second = 0; second <= 600; ++second) {
      venue.poll(kStart + seconds{second}, watcher, ~std::size_t{0});
      for (const std::uint32_t id : {1U, 2U, 3U}) {
        ASSERT_GE(watcher.market(id).bids.size(), 10U);
        ASSERT_GE(watcher.market(id).asks.size(), 10U);
      }
    }
    const std::array<std::int64_t, 3> start = {60'000, 3'000, 150};
    for (std::uint32_t id = 1; id <= 3; ++id) {
      SCOPED_TRACE(id);
      const Watched& market = watcher.market(id);
      const double spread = market.spread_seconds / market.seconds_quoted;
      EXPECT_GE(spread, 1.0);
      EXPECT_LE(spread, 5.0);
      EXPECT_GE(market.books_count, 600U * 20);
      EXPECT_LE(market.books_count, 600U * 100);
      EXPECT_GE(market.trades_count, 600U * 2);
      ASSERT_TRUE(market.quoted);
      const double moved = static_cast<double>((market.quote.bid_px - usd(start.at(id - 1))).e8()) /
                           static_cast<double>(usd(start.at(id - 1)).e8());
      EXPECT_LT(std::abs(moved), 0.03);
      EXPECT_NE(moved, 0);
    }
  }
}

TEST(SimVenue, latency_is_kept_to_the_nanosecond) {
  SimVenue::Options with = options(1);
  with.agents = false;
  with.jitter_max = nanoseconds{0};
  with.order_latency = milliseconds{2};
  with.report_latency = milliseconds{1};
  Stepper run{with};
  run.run_for(milliseconds{10});
  const Timestamp sent = run.now;
  run.venue.send(limit(1, Side::Buy, usd(100), 100'000'000), sent);
  EXPECT_EQ(run.venue.next_due(), sent + milliseconds{2});
  run.run_until(sent + milliseconds{3} - nanoseconds{1});
  EXPECT_TRUE(run.reports.empty());
  EXPECT_EQ(run.venue.next_report_due(), sent + milliseconds{3});
  run.run_until(sent + milliseconds{3});
  ASSERT_EQ(run.reports.size(), 1U);
  EXPECT_EQ(run.reports[0].ts_event, sent + milliseconds{2});
  EXPECT_EQ(run.watcher.market(1).bids.size(), 1U);
}

TEST(SimVenue, jitter_stays_in_its_bounds_and_nothing_overtakes) {
  SimVenue::Options with = options(9);
  with.agents = false;
  with.order_latency = milliseconds{2};
  with.report_latency = milliseconds{1};
  with.jitter_max = microseconds{500};
  Stepper run{with};
  std::vector<Timestamp> sent;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    run.run_for(microseconds{100});
    sent.push_back(run.now);
    run.venue.send(limit(id, Side::Buy, usd(100), 100'000'000), run.now);
  }
  run.run_for(milliseconds{10});
  ASSERT_EQ(run.reports.size(), 200U);
  bool jittered = false;
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(run.reports[i].cl_ord_id.value(), i + 1);
    EXPECT_GE(run.reports[i].ts_event, sent[i] + milliseconds{2});
    EXPECT_LE(run.delivered[i], sent[i] + milliseconds{4});
    EXPECT_GE(run.delivered[i], run.reports[i].ts_event + milliseconds{1});
    jittered = jittered || run.reports[i].ts_event != sent[i] + milliseconds{2};
  }
  EXPECT_TRUE(jittered);
}

TEST(SimVenue, an_order_at_the_touch_is_filled_within_seconds) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    SCOPED_TRACE(seed);
    Stepper run{options(seed)};
    run.run_for(seconds{2});
    run.venue.send(limit(1, Side::Buy, run.watcher.market(1).quote.bid_px, 1'000'000), run.now);
    run.run_for(seconds{20});
    ASSERT_GE(run.reports.size(), 2U);
    EXPECT_EQ(run.reports[1].exec_type, ExecType::Trade);
  }
}

TEST(SimVenue, a_large_order_moves_the_market) {
  Stepper quiet{options(3)};
  Stepper moved{options(3)};
  for (Stepper* run : {&quiet, &moved}) run->run_for(seconds{1});
  moved.venue.send(limit(1, Side::Buy, usd(61'000), 2'000'000'000), moved.now);
  for (Stepper* run : {&quiet, &moved}) run->run_for(seconds{1});
  EXPECT_GT(moved.watcher.market(1).quote.bid_px, quiet.watcher.market(1).quote.bid_px + usd(1));
}

/// What reports say of one order.
struct Told {
  Qty order_qty;
  Qty filled;
  bool ended = false;
};

/// Sends, cancels and replaces around the touch for a minute, as several strategies would.
void trade_at_random(Stepper& run, Random& random, std::map<std::uint64_t, Told>& orders) {
  std::uint64_t id = 0;
  for (int i = 0; i < 3'000; ++i) {
    run.run_for(milliseconds{20});
    const Quote quote = run.watcher.market(1).quote;
    const auto lots = random.between(100, 20'000);
    const Side side = random.one_in(2) ? Side::Buy : Side::Sell;
    const Price touch = side == Side::Buy ? quote.bid_px : quote.ask_px;
    OrderSend order =
        limit(++id, side, touch + Price::from_e8(random.between(-5, 5) * 1'000'000), lots * 1'000);
    if (random.below(10) < 5 || orders.empty()) {
      order.time_in_force = static_cast<TimeInForce>(random.below(kTimesInForce));
      if (random.one_in(10) && order.time_in_force != TimeInForce::Gtx)
        order.type = OrderType::Market;
      orders[id].order_qty = order.qty;
      run.venue.send(order, run.now);
      continue;
    }
    const ClOrdId meant{1 + random.below(id)};
    if (random.one_in(2)) {
      run.venue.cancel({.cl_ord_id = ClOrdId{id},
                        .orig_cl_ord_id = meant,
                        .order_id = {},
                        .instrument = InstrumentId{1}},
                       run.now);
    } else {
      orders[id].order_qty = order.qty;
      run.venue.replace({.cl_ord_id = ClOrdId{id},
                         .orig_cl_ord_id = meant,
                         .order_id = {},
                         .instrument = InstrumentId{1},
                         .px = order.px,
                         .qty = order.qty},
                        run.now);
    }
  }
  run.run_for(milliseconds{20});
}

TEST(SimVenue, our_fills_are_public_trades_and_add_up) {
  for (const std::uint64_t seed : {21U, 22U}) {
    SCOPED_TRACE(seed);
    Stepper run{options(seed)};
    run.run_for(seconds{1});
    Random random{seed};
    std::map<std::uint64_t, Told> orders;
    trade_at_random(run, random, orders);
    std::set<ExecId> exec_ids;
    std::size_t trades_count = 0;
    for (const ExecutionReport& report : run.reports) {
      Told& order = orders[report.cl_ord_id.value()];
      if (report.exec_type == ExecType::Replaced) {
        order.filled = orders[report.orig_cl_ord_id.value()].filled;
      }
      if (report.exec_type == ExecType::Trade) {
        ++trades_count;
        EXPECT_TRUE(exec_ids.insert(report.exec_id).second);
        EXPECT_EQ(run.watcher.qty_by_trade.at(TradeId{report.exec_id.value()}), report.last_qty);
        order.filled += report.last_qty;
        EXPECT_EQ(order.filled, report.cum_qty);
        EXPECT_EQ(report.leaves_qty, order.order_qty - order.filled);
        const std::int32_t rate = report.liquidity == Liquidity::Maker ? 200 : 500;
        EXPECT_EQ(report.fee.e8(),
                  apply_rate_e6(notional(report.last_px, report.last_qty, Rounding::Up), rate,
                                Rounding::Up)
                      .saturated_e8());
        EXPECT_FALSE(order.ended);
      }
      const bool canceled = report.exec_type == ExecType::Canceled;
      Told& meant = orders[canceled ? report.orig_cl_ord_id.value() : report.cl_ord_id.value()];
      if (canceled || report.exec_type == ExecType::Rejected) {
        EXPECT_FALSE(meant.ended);
        meant.ended = true;
      }
    }
    EXPECT_GT(trades_count, 200U);
  }
}

TEST(SimVenue, restored_orders_rest_behind_the_others_and_trade) {
  Stepper run{options(4)};
  OrderUpdate order{.client_order_id = {},
                    .instrument = InstrumentId{1},
                    .status = OrdStatus::PartiallyFilled,
                    .intent = ClOrdId{41},
                    .cl_ord_id = ClOrdId{42},
                    .order_id = {},
                    .px = usd(59'900),
                    .order_qty = Qty::from_e8(100'000'000),
                    .cum_qty = Qty::from_e8(40'000'000)};
  run.venue.restore(order);
  order.cl_ord_id = ClOrdId{43};
  order.side = Side::Sell;
  order.px = usd(59'000);  // passed by the market in the meantime: trades at once
  run.venue.restore(order);
  order.cl_ord_id = ClOrdId{44};
  order.status = OrdStatus::Filled;
  run.venue.restore(order);
  run.run_for(milliseconds{5});
  ASSERT_FALSE(run.reports.empty());
  for (const ExecutionReport& report : run.reports) {
    EXPECT_EQ(report.cl_ord_id, ClOrdId{43});
    EXPECT_EQ(report.exec_type, ExecType::Trade);
  }
  EXPECT_EQ(run.reports.back().cum_qty, order.order_qty);
  EXPECT_GE(run.watcher.market(1).bids.at(usd(59'900)), Qty::from_e8(60'000'000));
  const std::size_t before = run.reports.size();
  for (const std::uint64_t id : {42U, 43U, 44U}) {
    run.venue.query({.cl_ord_id = ClOrdId{id}, .order_id = {}, .instrument = InstrumentId{1}},
                    run.now);
  }
  run.run_for(milliseconds{10});
  ASSERT_EQ(run.reports.size(), before + 3);
  EXPECT_EQ(run.reports[before].exec_type, ExecType::OrderStatus);
  EXPECT_EQ(run.reports[before].leaves_qty, Qty::from_e8(60'000'000));
  EXPECT_EQ(run.reports[before + 1].leaves_qty, Qty{});
  EXPECT_EQ(run.reports[before + 2].exec_type, ExecType::NotFound);
}

TEST(SimVenue, ids_of_two_runs_do_not_meet) {
  std::set<ExecId> seen;
  std::size_t trades_count = 0;
  for (int run_number = 0; run_number < 3; ++run_number) {
    SimVenue::Options with = options(4);
    with.start = kStart + milliseconds{run_number};
    Stepper run{with};
    run.run_for(milliseconds{100});
    for (std::uint64_t id = 1; id <= 20; ++id) {
      OrderSend order = limit(id, id % 2 == 0 ? Side::Buy : Side::Sell, {}, 1'000'000);
      order.type = OrderType::Market;
      run.venue.send(order, run.now);
    }
    run.run_for(milliseconds{20});
    for (const ExecutionReport& report : run.reports) {
      if (report.exec_type != ExecType::Trade) continue;
      ++trades_count;
      EXPECT_TRUE(seen.insert(report.exec_id).second);
      EXPECT_LT(report.exec_id.value(), std::uint64_t{1} << 53);
    }
  }
  EXPECT_GE(trades_count, 60U);
}

TEST(SimVenue, requests_beyond_the_bound_are_refused_by_report) {
  SimVenue::Options with = options(1);
  with.agents = false;
  with.requests_max = 2;
  Stepper run{with};
  run.run_for(milliseconds{1});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    run.venue.send(limit(id, Side::Buy, usd(100), 100'000'000), run.now);
  }
  run.venue.cancel({.cl_ord_id = ClOrdId{4},
                    .orig_cl_ord_id = ClOrdId{1},
                    .order_id = {},
                    .instrument = InstrumentId{1}},
                   run.now);
  run.run_for(milliseconds{10});
  ASSERT_EQ(run.reports.size(), 4U);
  EXPECT_EQ(run.reports[0].cl_ord_id, ClOrdId{3});
  EXPECT_EQ(run.reports[0].exec_type, ExecType::Rejected);
  EXPECT_EQ(run.reports[0].code, RejectCode::OrderRate);
  EXPECT_EQ(run.reports[1].exec_type, ExecType::CancelRejected);
  EXPECT_EQ(run.reports[2].exec_type, ExecType::New);
  EXPECT_EQ(run.reports[3].exec_type, ExecType::New);
}

TEST(SimVenue, the_market_waits_for_a_reader_of_reports_and_loses_none) {
  SimVenue::Options with = options(1);
  with.reports_max = SimVenue::kReportsPerEvent;  // room for one event's only: one report stops it
  SimVenue venue{with};
  Watcher watcher;
  venue.poll(kStart, watcher, 100);
  venue.send(limit(1, Side::Buy, usd(100), 100'000'000), kStart);
  venue.send(limit(2, Side::Buy, usd(100), 100'000'000), kStart);
  const Timestamp later = kStart + seconds{5};
  venue.poll(later, watcher, ~std::size_t{0});
  EXPECT_EQ(venue.poll(later, watcher, ~std::size_t{0}), 0U);
  EXPECT_LT(venue.next_due().value_or(Timestamp{}), later);
  std::array<ExecutionReport, 4> out;
  ASSERT_EQ(venue.poll_reports(later, out), 1U);
  EXPECT_EQ(out[0].cl_ord_id, ClOrdId{1});
  EXPECT_GT(venue.poll(later, watcher, ~std::size_t{0}), 0U);
  ASSERT_EQ(venue.poll_reports(later, out), 1U);
  EXPECT_EQ(out[0].cl_ord_id, ClOrdId{2});
  venue.poll(later, watcher, ~std::size_t{0});
  EXPECT_GT(venue.next_due().value_or(Timestamp{}), later);
}

TEST(SimVenue, unknown_instruments_are_refused_and_halted_ones_too) {
  SimVenue::Options with = options(1);
  with.instruments[1].rules.tradable = 0;
  Stepper run{with};
  OrderSend order = limit(1, Side::Buy, usd(100), 100'000'000);
  order.instrument = InstrumentId{9};
  run.venue.send(order, run.now);
  order.cl_ord_id = ClOrdId{2};
  order.instrument = InstrumentId{2};
  run.venue.send(order, run.now);
  run.run_for(milliseconds{10});
  ASSERT_EQ(run.reports.size(), 2U);
  EXPECT_EQ(run.reports[0].code, RejectCode::UnknownInstrument);
  EXPECT_EQ(run.reports[1].code, RejectCode::NotTradable);
}

}  // namespace
}  // namespace stoa::venues::sim

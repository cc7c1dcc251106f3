#include "oms/execution_core.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/text.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/order_table.h"
#include "oms/replay.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::oms {
namespace {

constexpr std::int64_t kOne = 100'000'000;
using Words = std::vector<std::string>;

Price px(std::int64_t units) { return Price::from_e8(units * kOne); }
Qty qty(std::int64_t units) { return Qty::from_e8(units * kOne); }

/// A core with one instrument, a market at 100 and plenty of cash; inputs go in by name, outputs
/// come out as words.
class Desk {
 public:
  explicit Desk(ExecutionCore::Capacity capacity = {.orders = 1'024})
      : core_{std::make_unique<ExecutionCore>(capacity)} {
    Instrument rules{.instrument = InstrumentId{1}, .tick = px(1), .lot = qty(1)};
    rules.symbol = Symbol::cut("ABC");
    rules.venue = Text<16>::cut("sim");
    apply(rules);
    apply(CashMovement{.amount = px(1'000'000)});
    apply(Mark{.instrument = InstrumentId{1}, .bid = px(99), .ask = px(101), .last = px(100)});
  }

  template <class M>
  Lsn apply(const M& message) {
    std::array<std::byte, native::kSmallMessageBytes> bytes;
    const std::size_t size = native::encode(bytes,
                                            {.domain = native::Domain::Execution,
                                             .source = 1,
                                             .sequence = ++inputs_,
                                             .timestamp = now_},
                                            message);
    return apply_bytes({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  Lsn apply_bytes(const std::vector<std::byte>& bytes) {
    log_.push_back(bytes);
    const Lsn lsn{log_.size()};
    core_->apply(lsn, native::MessageView::trusted(log_.back()));
    said_.clear();
    core_->outputs().drain([&](std::span<const std::byte> output) {
      log_.emplace_back(output.begin(), output.end());
      said_.push_back(words(native::MessageView::trusted(output)));
    });
    return lsn;
  }

  ClOrdId order(std::string_view id, Side side, std::int64_t units, std::int64_t at,
                StrategyId strategy = StrategyId{}) {
    const Lsn lsn = apply(OrderIntent{.client_order_id = ClientOrderId::cut(id),
                                      .instrument = InstrumentId{1},
                                      .strategy = strategy,
                                      .side = side,
                                      .px = px(at),
                                      .qty = qty(units)});
    return ClOrdId{lsn.value()};
  }
  void report(ClOrdId id, ExecType type, ClOrdId orig = {}, RejectCode code = RejectCode::None) {
    apply(ExecutionReport{.cl_ord_id = id,
                          .orig_cl_ord_id = orig,
                          .order_id = OrderId{id.value() + 1'000},
                          .instrument = InstrumentId{1},
                          .exec_type = type,
                          .code = code});
  }
  void trade(ClOrdId id, std::int64_t units, std::int64_t at, std::uint64_t exec_id,
             std::int64_t fee_e8 = 0) {
    apply(ExecutionReport{.cl_ord_id = id,
                          .order_id = OrderId{id.value() + 1'000},
                          .exec_id = ExecId{exec_id},
                          .instrument = InstrumentId{1},
                          .exec_type = ExecType::Trade,
                          .liquidity = Liquidity::Maker,
                          .last_px = px(at),
                          .last_qty = qty(units),
                          .fee = Price::from_e8(fee_e8)});
  }

  [[nodiscard]] const Words& said() const { return said_; }
  [[nodiscard]] ExecutionCore& core() { return *core_; }
  [[nodiscard]] const std::vector<std::vector<std::byte>>& log() const { return log_; }
  [[nodiscard]] std::string status(std::string_view id) {
    const Order* order = core_->find(ClientOrderId::cut(id));
    return order == nullptr ? "none" : std::string{to_string(order->state.status)};
  }
  void wait(std::int64_t ns) { now_ = now_ + nanoseconds{ns}; }

 private:
  static std::string words(const native::MessageView& m) {
    if (m.is<RiskDecision>())
      return fmt::format("decision {}", to_string(m.as<RiskDecision>().code));
    if (m.is<OrderSend>())
      return fmt::format("send {}", m.as<OrderSend>().resend != 0 ? "again" : "new");
    if (m.is<CancelSend>()) return "send cancel";
    if (m.is<ReplaceSend>()) return "send replace";
    if (m.is<OrderQuery>()) return "ask";
    if (m.is<Fill>())
      return fmt::format("fill {}", DecimalText{m.as<Fill>().realized_pnl.e8()}.view());
    if (m.is<AccountUpdate>()) return "account";
    if (m.is<PositionUpdate>()) {
      const auto p = m.as<PositionUpdate>();
      return fmt::format("{} {}", p.strategy_book != 0 ? "book" : "position",
                         DecimalText{p.qty.e8()}.view());
    }
    if (m.is<OrderUpdate>()) {
      const auto u = m.as<OrderUpdate>();
      return fmt::format("{} {}/{}", to_string(u.status), DecimalText{u.cum_qty.e8()}.view(),
                         DecimalText{u.order_qty.e8()}.view());
    }
    return "other";
  }

  std::unique_ptr<ExecutionCore> core_;
  std::vector<std::vector<std::byte>> log_;
  Words said_;
  std::uint64_t inputs_ = 0;
  Timestamp now_ = Timestamp::from_ns(1'700'000'000'000'000'000);
};

TEST(ExecutionCore, follows_an_order_from_intent_to_fill) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  EXPECT_EQ(desk.said(), (Words{"decision None", "pending_new 0/10", "send new"}));
  desk.report(id, ExecType::New);
  EXPECT_EQ(desk.said(), (Words{"new 0/10"}));
  desk.trade(id, 4, 100, 1);
  EXPECT_EQ(desk.said(), (Words{"fill 0", "partially_filled 4/10", "position 4", "account"}));
  desk.trade(id, 6, 99, 2);
  EXPECT_EQ(desk.said(), (Words{"fill 0", "filled 10/10", "position 10", "account"}));
  EXPECT_EQ(desk.core().find(ClientOrderId::cut("a"))->state.avg_px.e8(),
            99 * kOne + 4 * kOne / 10);
}

TEST(ExecutionCore, derives_the_venue_id_from_the_place_in_the_log) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 1, 100);
  EXPECT_EQ(desk.core().find(id)->state.client_order_id.view(), "a");
  const Lsn nameless =
      desk.apply(OrderIntent{.instrument = InstrumentId{1}, .px = px(100), .qty = qty(1)});
  EXPECT_EQ(desk.core().find(ClOrdId{nameless.value()})->state.client_order_id.view(),
            fmt::format("S-{}", nameless.value()));
}

TEST(ExecutionCore, answers_a_second_use_of_a_client_order_id_without_an_order) {
  Desk desk;
  desk.order("a", Side::Buy, 1, 100);
  desk.order("a", Side::Buy, 2, 100);
  EXPECT_EQ(desk.said(), (Words{"decision DuplicateClientOrderId"}));
  EXPECT_EQ(desk.core().open_orders(), 1U);
}

TEST(ExecutionCore, counts_a_fill_that_comes_twice_once) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.trade(id, 4, 100, 7);
  desk.trade(id, 4, 100, 7);
  EXPECT_TRUE(desk.said().empty());
  EXPECT_EQ(desk.core().position(InstrumentId{1}).qty, qty(4));
}

TEST(ExecutionCore, counts_a_fill_that_crossed_the_cancel) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const Lsn cancel = desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("a")});
  EXPECT_EQ(desk.said(), (Words{"decision None", "pending_cancel 0/10", "send cancel"}));
  desk.report(ClOrdId{cancel.value()}, ExecType::Canceled, id);
  EXPECT_EQ(desk.said(), (Words{"canceled 0/10"}));
  desk.trade(id, 3, 100, 1);
  EXPECT_EQ(desk.said(), (Words{"fill 0", "canceled 3/10", "position 3", "account"}));
}

TEST(ExecutionCore, goes_back_to_where_it_was_when_a_cancel_comes_too_late) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const Lsn cancel = desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("a")});
  desk.trade(id, 4, 100, 1);
  EXPECT_EQ(desk.status("a"), "pending_cancel");
  desk.report(ClOrdId{cancel.value()}, ExecType::CancelRejected, id, RejectCode::TooLate);
  EXPECT_EQ(desk.status("a"), "partially_filled");
}

TEST(ExecutionCore, asks_when_the_venue_does_not_know_an_open_order) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const Lsn cancel = desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("a")});
  desk.report(ClOrdId{cancel.value()}, ExecType::CancelRejected, id, RejectCode::UnknownOrder);
  EXPECT_EQ(desk.said(), (Words{"in_doubt 0/10", "ask"}));
}

TEST(ExecutionCore, refuses_to_cancel_what_has_ended_or_never_was) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::Rejected, {}, RejectCode::VenueRejected);
  desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("a")});
  EXPECT_EQ(desk.said(), (Words{"decision TooLate"}));
  desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("b")});
  EXPECT_EQ(desk.said(), (Words{"decision UnknownOrder"}));
}

TEST(ExecutionCore, replaces_price_and_quantity_and_knows_the_order_by_both_ids) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const Lsn replace = desk.apply(
      ReplaceIntent{.client_order_id = ClientOrderId::cut("a"), .px = px(98), .qty = qty(12)});
  EXPECT_EQ(desk.said(), (Words{"decision None", "pending_replace 0/10", "send replace"}));
  desk.trade(id, 2, 100, 1);  // crossed the replace
  desk.report(ClOrdId{replace.value()}, ExecType::Replaced, id);
  EXPECT_EQ(desk.said(), (Words{"partially_filled 2/12"}));
  desk.trade(ClOrdId{replace.value()}, 10, 98, 2);
  EXPECT_EQ(desk.status("a"), "filled");
  EXPECT_EQ(desk.core().position(InstrumentId{1}).qty, qty(12));
}

TEST(ExecutionCore, counts_the_larger_of_old_and_new_while_a_replace_is_open) {
  Desk desk;
  desk.apply(LimitSet{.kind = LimitKind::MaxPositionNotional, .value_e8 = 2'000 * kOne});
  const ClOrdId id = desk.order("a", Side::Buy, 15, 100);
  desk.report(id, ExecType::New);
  desk.apply(ReplaceIntent{.client_order_id = ClientOrderId::cut("a"), .qty = qty(2)});
  desk.order("b", Side::Buy, 6, 100);
  EXPECT_EQ(desk.said().front(), "decision PositionLimit");
  desk.report(ClOrdId{id.value() + 5}, ExecType::Replaced, id);
  desk.order("c", Side::Buy, 6, 100);
  EXPECT_EQ(desk.said().front(), "decision None");
}

TEST(ExecutionCore, a_second_answer_to_a_replace_does_not_touch_the_next_one) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const ReplaceIntent up{.client_order_id = ClientOrderId::cut("a"), .px = px(101)};
  const ClOrdId first{desk.apply(up).value()};
  // The answer to a query from before it has the replace sent again, so it is answered twice.
  desk.apply(ExecutionReport{.cl_ord_id = id,
                             .order_id = OrderId{id.value() + 1'000},
                             .instrument = InstrumentId{1},
                             .exec_type = ExecType::OrderStatus,
                             .leaves_qty = qty(10)});
  EXPECT_EQ(desk.said(), (Words{"send replace"}));
  desk.report(first, ExecType::Replaced, id);
  EXPECT_EQ(desk.said(), (Words{"new 0/10"}));

  const ReplaceIntent down{.client_order_id = ClientOrderId::cut("a"), .px = px(99)};
  const ClOrdId second{desk.apply(down).value()};
  desk.report(first, ExecType::ReplaceRejected, id, RejectCode::DuplicateClientOrderId);
  desk.report(first, ExecType::Replaced, id);
  EXPECT_EQ(desk.said(), Words{});
  EXPECT_EQ(desk.status("a"), "pending_replace");
  desk.report(second, ExecType::Replaced, first);
  const Order* order = desk.core().find(ClientOrderId::cut("a"));
  EXPECT_EQ(order->state.cl_ord_id, second);
  EXPECT_EQ(order->state.px, px(99));
}

TEST(ExecutionCore, a_replace_that_was_faster_leaves_the_cancel_pending) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  const Lsn replace = desk.apply(
      ReplaceIntent{.client_order_id = ClientOrderId::cut("a"), .px = px(98), .qty = qty(12)});
  const Lsn cancel = desk.apply(CancelIntent{.client_order_id = ClientOrderId::cut("a")});
  desk.report(ClOrdId{replace.value()}, ExecType::Replaced, id);
  EXPECT_EQ(desk.said(), (Words{"pending_cancel 0/12"}));
  desk.report(ClOrdId{cancel.value()}, ExecType::Canceled, id);
  EXPECT_EQ(desk.status("a"), "canceled");
}

TEST(ExecutionCore, kill_switch_cancels_everything_and_lets_nothing_in_until_resumed) {
  Desk desk;
  desk.report(desk.order("a", Side::Buy, 1, 100), ExecType::New);
  desk.report(desk.order("b", Side::Sell, 1, 100), ExecType::New);
  desk.apply(KillSwitch{.active = 1});
  EXPECT_EQ(desk.said(), (Words{"pending_cancel 0/1", "send cancel", "pending_cancel 0/1",
                                "send cancel", "account"}));
  desk.order("c", Side::Buy, 1, 100);
  EXPECT_EQ(desk.said(), (Words{"decision KillSwitch", "rejected 0/1"}));
  desk.apply(KillSwitch{.active = 0});
  desk.order("d", Side::Buy, 1, 100);
  EXPECT_EQ(desk.said().front(), "decision None");
}

TEST(ExecutionCore, after_a_restart_asks_and_sends_again_only_what_the_venue_never_had) {
  Desk desk;
  const ClOrdId lost = desk.order("lost", Side::Buy, 1, 100);
  const ClOrdId resting = desk.order("resting", Side::Buy, 1, 100);
  desk.report(resting, ExecType::New);
  VenueSession session{.up = 1};
  session.venue = Text<16>::cut("sim");
  desk.apply(session);
  EXPECT_EQ(desk.said(), (Words{"in_doubt 0/1", "ask", "ask"}));
  desk.report(lost, ExecType::NotFound);
  EXPECT_EQ(desk.said(), (Words{"pending_new 0/1", "send again"}));
  desk.apply(ExecutionReport{.cl_ord_id = resting,
                             .instrument = InstrumentId{1},
                             .exec_type = ExecType::OrderStatus,
                             .leaves_qty = qty(1)});
  EXPECT_EQ(desk.said(), (Words{"new 0/1"}));
}

TEST(ExecutionCore, ends_an_acknowledged_order_that_the_venue_has_lost) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 1, 100);
  desk.report(id, ExecType::New);
  desk.apply(ExecutionReport{
      .cl_ord_id = id, .instrument = InstrumentId{1}, .exec_type = ExecType::NotFound});
  EXPECT_EQ(desk.said(), (Words{"canceled 0/1"}));
}

TEST(ExecutionCore, stays_in_doubt_while_the_venue_has_fills_that_it_has_not) {
  Desk desk;
  const ClOrdId id = desk.order("a", Side::Buy, 10, 100);
  desk.report(id, ExecType::New);
  desk.apply(ExecutionReport{.cl_ord_id = id,
                             .instrument = InstrumentId{1},
                             .exec_type = ExecType::OrderStatus,
                             .cum_qty = qty(10)});
  EXPECT_EQ(desk.said(), (Words{"in_doubt 0/10"}));
  desk.trade(id, 10, 100, 1);
  EXPECT_EQ(desk.status("a"), "filled");
}

TEST(ExecutionCore, keeps_a_book_per_strategy_beside_the_account) {
  Desk desk;
  desk.apply(StrategyCommand{.strategy = StrategyId{1}, .action = StrategyAction::Start});
  desk.apply(StrategyCommand{.strategy = StrategyId{2}, .action = StrategyAction::Start});
  desk.trade(desk.order("a", Side::Buy, 5, 100, StrategyId{1}), 5, 100, 1);
  desk.trade(desk.order("b", Side::Sell, 3, 100, StrategyId{2}), 3, 101, 2);
  EXPECT_EQ(desk.said(), (Words{"fill 3", "filled 3/3", "position 2", "book -3", "account"}));
  EXPECT_EQ(desk.core().strategy_position(StrategyId{1}, InstrumentId{1}).qty, qty(5));
  EXPECT_EQ(desk.core().strategy_position(StrategyId{2}, InstrumentId{1}).qty, qty(-3));
}

TEST(ExecutionCore, refuses_orders_of_a_strategy_that_does_not_run) {
  Desk desk;
  desk.order("a", Side::Buy, 1, 100, StrategyId{1});
  EXPECT_EQ(desk.said().front(), "decision StrategyStopped");
  desk.apply(StrategyCommand{.strategy = StrategyId{1}, .action = StrategyAction::Start});
  desk.order("b", Side::Buy, 1, 100, StrategyId{1});
  EXPECT_EQ(desk.said().front(), "decision None");
  desk.apply(StrategyCommand{.strategy = StrategyId{1}, .action = StrategyAction::Fault});
  desk.order("c", Side::Buy, 1, 100, StrategyId{1});
  EXPECT_EQ(desk.said().front(), "decision StrategyStopped");
}

TEST(ExecutionCore, refuses_when_every_slot_holds_an_open_order) {
  Desk desk{{.orders = 2}};
  desk.order("a", Side::Buy, 1, 100);
  desk.order("b", Side::Buy, 1, 100);
  desk.order("c", Side::Buy, 1, 100);
  EXPECT_EQ(desk.said(), (Words{"decision TableFull"}));
}

TEST(ExecutionCore, money_adds_up_after_every_fill) {
  Desk desk;
  Random random{5};
  for (std::uint64_t i = 1; i <= 500; ++i) {
    const Side side = random.one_in(2) ? Side::Buy : Side::Sell;
    const ClOrdId id = desk.order(fmt::format("o{}", i), side, 3, 100);
    desk.trade(id, random.between(1, 3), random.between(95, 105), i, random.between(0, 1'000'000));
    const AccountUpdate account = desk.core().account();
    const std::int64_t equity = 1'000'000 * kOne + account.realized_pnl.e8() +
                                account.unrealized_pnl.e8() - account.fees.e8();
    ASSERT_EQ(account.equity.e8(), equity) << "fill " << i;
  }
}

TEST(ExecutionCore, a_replay_of_its_log_derives_every_output_and_the_same_hash) {
  Desk desk;
  Random random{9};
  std::vector<ClOrdId> ids;
  for (std::uint64_t i = 1; i <= 6'000; ++i) {
    desk.wait(static_cast<std::int64_t>(random.below(50'000'000)));
    switch (random.below(5)) {
      case 0:
      case 1:
        ids.push_back(desk.order(fmt::format("o{}", i), random.one_in(2) ? Side::Buy : Side::Sell,
                                 random.between(1, 9), random.between(95, 105)));
        break;
      case 2:
        if (!ids.empty()) desk.trade(ids[random.below(ids.size())], 1, 100, i, 5);
        break;
      case 3:
        if (!ids.empty()) desk.apply(CancelIntent{.orig_cl_ord_id = ids[random.below(ids.size())]});
        break;
      default:
        desk.apply(Mark{
            .instrument = InstrumentId{1}, .bid = px(99), .ask = px(random.between(100, 103))});
    }
  }
  ExecutionCore again{{.orders = 1'024}};
  ReplayCheck check{again};
  for (std::size_t i = 0; i < desk.log().size(); ++i) {
    check.take(Lsn{i + 1}, native::MessageView::trusted(desk.log()[i]));
  }
  EXPECT_EQ(check.mismatches(), 0U) << check.first_mismatch();
  EXPECT_GT(check.compared(), 6'000U);
  EXPECT_EQ(again.state_hash(), desk.core().state_hash());
}

TEST(ReplayCheck, names_the_first_output_that_is_not_what_the_core_derives) {
  Desk desk;
  desk.order("a", Side::Buy, 1, 100);
  auto log = desk.log();
  std::vector<std::byte>& update = log[log.size() - 2];
  const std::size_t at = update.size() - sizeof(OrderUpdate) + offsetof(OrderUpdate, instrument);
  update[at] ^= std::byte{1};
  ExecutionCore again{{.orders = 1'024}};
  ReplayCheck check{again};
  for (std::size_t i = 0; i < log.size(); ++i)
    check.take(Lsn{i + 1}, native::MessageView::trusted(log[i]));
  EXPECT_EQ(check.mismatches(), 1U);
  EXPECT_EQ(
      check.first_mismatch(),
      fmt::format("record {}: OrderUpdate, output {}, differs at byte {}: recorded OrderUpdate "
                  "{{\"instrument\":0}}, derived OrderUpdate {{\"instrument\":1}}",
                  log.size() - 1, native::MessageView::trusted(update).header().sequence, at));
}

}  // namespace
}  // namespace stoa::oms

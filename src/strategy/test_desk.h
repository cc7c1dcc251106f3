#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "protocol/native/codec.h"
#include "strategy/registry.h"
#include "strategy/runner.h"
#include "strategy/strategy.h"

// For tests only: strategies in a runner, with a toy market, log and venue around them.
namespace stoa::strategy {

inline Price px(std::string_view text) { return Price::parse(text).value(); }
inline Qty qty(std::string_view text) { return Qty::parse(text).value(); }

/// BTCUSDT as Binance has it.
inline Instrument btcusdt() {
  return {.instrument = InstrumentId{1},
          .symbol = Symbol::cut("BTCUSDT"),
          .base = Text<8>::cut("BTC"),
          .quote = Text<8>::cut("USDT"),
          .venue = Text<16>::cut("sim"),
          .tick = px("0.01"),
          .lot = qty("0.00001"),
          .min_notional = px("5"),
          .maker_fee_e6 = 1'000,
          .taker_fee_e6 = 1'000};
}

inline std::string text_of(Price value) { return std::string{DecimalText{value.e8()}.view()}; }
inline std::string text_of(Qty value) { return std::string{DecimalText{value.e8()}.view()}; }

/// Keeps what strategies hand in, in order, and says it in words.
class RecordingSink final : public oms::IntentSink {
 public:
  bool full = false;
  std::vector<OrderIntent> orders;
  std::vector<CancelIntent> cancels;
  std::vector<ReplaceIntent> replaces;
  std::vector<CancelAllIntent> cancel_alls;
  std::vector<StrategyCommand> commands;
  std::string said;  // "buy 0.1 @ 5 GTX | cancel mm-1-1"

  bool submit(const OrderIntent& intent) override {
    return keep(orders, intent,
                std::string{to_string(intent.side)} + " " + text_of(intent.qty) + " @ " +
                    text_of(intent.px) + " " + std::string{to_string(intent.time_in_force)});
  }
  bool submit(const CancelIntent& intent) override {
    return keep(cancels, intent, "cancel " + std::string{intent.client_order_id.view()});
  }
  bool submit(const ReplaceIntent& intent) override {
    return keep(replaces, intent,
                "replace " + std::string{intent.client_order_id.view()} + " " +
                    text_of(intent.qty) + " @ " + text_of(intent.px));
  }
  bool submit(const CancelAllIntent& intent) override {
    return keep(cancel_alls, intent,
                "cancel all of " + std::to_string(intent.strategy.value()) +
                    (intent.reason == CancelReason::StrategyStopped ? " (stopped)" : ""));
  }
  bool submit(const StrategyCommand& command) override {
    std::string text{to_string(command.action)};
    if (!command.reason.empty()) text.append(": ").append(command.reason.view());
    return keep(commands, command, text);
  }

  void forget() {
    orders.clear();
    cancels.clear();
    replaces.clear();
    cancel_alls.clear();
    commands.clear();
    said.clear();
  }

 private:
  template <class Intent>
  bool keep(std::vector<Intent>& into, const Intent& intent, const std::string& text) {
    if (full) return false;
    into.push_back(intent);
    if (!said.empty()) said += " | ";
    said += text;
    return true;
  }
};

/// A runner, the messages that reach it, and a venue that does as it is told. Everything that goes
/// to the execution log is kept as bytes, so that a second runner can replay it.
class TestDesk {
 public:
  using Bytes = std::vector<std::byte>;

  TestDesk(const Registry& registry, std::span<const StrategyConfig> configs,
           std::span<const Instrument> instruments) {
    auto created = Runner::create(registry, configs, instruments, sink);
    if (!created) throw std::invalid_argument(created.error().text());
    runner = std::move(*created);
  }
  /// One strategy of a built-in type on BTCUSDT, running. `parameters` as a configuration has them.
  explicit TestDesk(std::string type,
                    std::vector<std::pair<std::string, std::string>> parameters = {})
      : TestDesk(built_in_strategies(),
                 std::array{StrategyConfig{.id = StrategyId{1},
                                           .name = "s",
                                           .type = std::move(type),
                                           .instrument = InstrumentId{1},
                                           .parameters = std::move(parameters)}},
                 std::array{btcusdt()}) {
    go_live();
  }

  RecordingSink sink;
  std::unique_ptr<Runner> runner;
  Timestamp now = Timestamp::from_ns(1'700'000'000'000'000'000);
  std::vector<std::pair<Lsn, Bytes>> log;
  std::uint64_t market_seq = 0;

  /// First run on the log: whatever is enabled starts through its logged command.
  void go_live(std::uint64_t run = 1) {
    execution(RunStarted{.run = run});
    runner->set_live(true, now);
    take_commands();
    sink.forget();
  }

  // --- market
  void book(std::string_view bid_px, std::string_view bid_qty, std::string_view ask_px,
            std::string_view ask_qty, InstrumentId instrument = InstrumentId{1}) {
    const std::array bids{Level{.px = px(bid_px), .qty = qty(bid_qty)}};
    const std::array asks{Level{.px = px(ask_px), .qty = qty(ask_qty)}};
    book_of(bids, asks, instrument);
  }
  void book_of(std::span<const Level> bids, std::span<const Level> asks,
               InstrumentId instrument = InstrumentId{1}, bool snapshot = true) {
    Bytes bytes(native::kMaxMessageBytes);
    const BookView view{.head = {.instrument = instrument, .ts_event = now},
                        .snapshot = snapshot,
                        .bids = bids,
                        .asks = asks};
    bytes.resize(native::encode_book(bytes, stamp(native::Domain::Market), view));
    market(bytes);
  }
  void trade(std::string_view at_px, std::string_view of_qty, Side taker) {
    market(encoded(native::Domain::Market, Trade{.instrument = InstrumentId{1},
                                                 .taker_side = taker,
                                                 .trade_id = TradeId{market_seq + 1},
                                                 .px = px(at_px),
                                                 .qty = qty(of_qty),
                                                 .ts_event = now}));
  }
  void feed(FeedStatus status, InstrumentId instrument = InstrumentId{1}) {
    market(encoded(native::Domain::Market, FeedState{.instrument = instrument, .status = status}));
  }

  // --- time
  void wait(nanoseconds span) {
    now = now + span;
    runner->poll(now);
  }

  // --- execution log
  template <class M>
  void execution(const M& message) {
    log.emplace_back(Lsn{log.size() + 1}, encoded(native::Domain::Execution, message));
    runner->on_execution(log.back().first, native::MessageView::trusted(log.back().second));
  }
  void command(StrategyAction action, std::string_view reason = {},
               StrategyId strategy = StrategyId{1}) {
    execution(
        StrategyCommand{.strategy = strategy, .action = action, .reason = Text<120>::cut(reason)});
  }
  void set(std::string_view parameter, std::string_view value) {
    const std::array changes{std::pair{std::string{parameter}, std::string{value}}};
    const auto commands = runner->parameter_commands("s", changes, "test");
    if (!commands) throw std::invalid_argument(commands.error().text());
    for (const StrategyCommand& each : *commands) execution(each);
  }
  /// Commands that the runner handed in come back through the log.
  void take_commands() {
    const std::vector<StrategyCommand> handed_in = std::exchange(sink.commands, {});
    for (const StrategyCommand& each : handed_in) execution(each);
  }

  // --- venue
  /// Everything handed in is durable, accepted and done: orders rest, replaces and cancels have
  /// happened.
  void acknowledge() {
    for (const OrderIntent& intent : std::exchange(sink.orders, {})) accept(intent);
    for (const ReplaceIntent& intent : std::exchange(sink.replaces, {})) {
      OrderUpdate& order = orders.at(std::string{intent.client_order_id.view()});
      if (is_terminal(order.status)) continue;
      tell(order, OrdStatus::PendingReplace);
      order.px = intent.px;
      order.order_qty = intent.qty;
      tell(order, OrdStatus::New);
    }
    for (const CancelIntent& intent : std::exchange(sink.cancels, {})) {
      cancel(orders.at(std::string{intent.client_order_id.view()}));
    }
    if (!std::exchange(sink.cancel_alls, {}).empty()) {
      for (auto& [id, order] : orders) cancel(order);
    }
    sink.said.clear();
  }
  void refuse(RejectCode code) {
    for (const OrderIntent& intent : std::exchange(sink.orders, {})) {
      OrderUpdate order = update_of(intent);
      order.code = code;
      tell(order, OrdStatus::Rejected);
    }
    sink.said.clear();
  }
  /// A trade of one resting order: fill, order and position follow, as the core tells them.
  void fill(const std::string& id, Qty filled) {
    OrderUpdate& order = orders.at(id);
    execution(Fill{.client_order_id = order.client_order_id,
                   .instrument = order.instrument,
                   .px = order.px,
                   .qty = filled,
                   .strategy = order.strategy,
                   .side = order.side});
    order.cum_qty += filled;
    tell(order, order.cum_qty == order.order_qty ? OrdStatus::Filled : OrdStatus::PartiallyFilled);
    hold(order.strategy, held[order.strategy] + (order.side == Side::Buy ? filled : -filled));
  }
  void hold(StrategyId strategy, Qty position) {
    held[strategy] = position;
    execution(PositionUpdate{
        .instrument = InstrumentId{1}, .strategy = strategy, .strategy_book = 1, .qty = position});
  }

  [[nodiscard]] StrategyStatus status(std::size_t place = 0) const { return runner->status(place); }

  std::map<std::string, OrderUpdate> orders;  // by client order id
  std::map<StrategyId, Qty> held;

 private:
  [[nodiscard]] native::Stamp stamp(native::Domain domain) const {
    return {.domain = domain, .sequence = 1, .timestamp = now};
  }
  template <class M>
  [[nodiscard]] Bytes encoded(native::Domain domain, const M& message) const {
    Bytes bytes(native::kSmallMessageBytes);
    bytes.resize(native::encode(bytes, stamp(domain), message));
    return bytes;
  }
  void market(const Bytes& bytes) {
    runner->on_market(native::MessageView::trusted(bytes), ++market_seq);
  }

  [[nodiscard]] OrderUpdate update_of(const OrderIntent& intent) const {
    return {.client_order_id = intent.client_order_id,
            .instrument = intent.instrument,
            .strategy = intent.strategy,
            .side = intent.side,
            .type = intent.type,
            .time_in_force = intent.time_in_force,
            .intent = ClOrdId{log.size() + 1},
            .px = intent.px,
            .order_qty = intent.qty,
            .ts_created = now};
  }
  void accept(const OrderIntent& intent) {
    execution(intent);
    OrderUpdate& order = orders[std::string{intent.client_order_id.view()}] = update_of(intent);
    tell(order, OrdStatus::PendingNew);
    tell(order, OrdStatus::New);
  }
  void cancel(OrderUpdate& order) {
    if (is_terminal(order.status)) return;
    tell(order, OrdStatus::PendingCancel);
    tell(order, OrdStatus::Canceled);
  }
  void tell(OrderUpdate& order, OrdStatus status) {
    order.status = status;
    execution(order);
  }
};

}  // namespace stoa::strategy

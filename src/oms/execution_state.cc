#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/execution_core.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/state_hash.h"
#include "oms/order_table.h"
#include "oms/position.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"
#include "risk/pre_trade.h"

// What the core knows and says of money: the gate's situation, positions, account, reserves, hash.
// What happens to orders is in execution_core.cc.
namespace stoa::oms {

risk::Situation ExecutionCore::situation(const OrderIntent& intent, const Order* replaced) {
  risk::Situation at{.kill_active = kill_active_,
                     .equity = money_from_e16(equity_e16()),
                     .day_pnl = money_from_e16(equity_e16() - day_start_equity_e16_),
                     .open_orders = static_cast<std::int64_t>(orders_.open_count()) -
                                    (replaced != nullptr ? 1 : 0),
                     .now = now_};
  if (intent.strategy.value() < kStrategiesMax) at.rate = rates_[intent.strategy.value()];
  for (const InstrumentState& each : instruments_) {
    if (each.rules.instrument != intent.instrument) {
      at.other_exposure += worst_exposure(each);
      continue;
    }
    at.instrument = &each.rules;
    at.mark = each.mark;
    at.position = each.position.qty;
    at.open_buy = each.open_buy;
    at.open_sell = each.open_sell;
    if (replaced != nullptr)
      (intent.side == Side::Buy ? at.open_buy : at.open_sell) -= replaced->reserved;
  }
  return at;
}

PositionUpdate ExecutionCore::update_of(const Position& position,
                                        const InstrumentState& at) noexcept {
  const Price mark = risk::mark_price(at.mark);
  return {.instrument = at.rules.instrument,
          .qty = position.qty,
          .avg_px = position.average_price(),
          .realized_pnl = amount_from_e16(position.realized_e16),
          .fees = amount_from_e16(position.fees_e16),
          .bought_qty = position.bought,
          .sold_qty = position.sold,
          .mark_px = mark,
          .unrealized_pnl = amount_from_e16(position.unrealized_e16(mark))};
}

void ExecutionCore::tell_position(const InstrumentState& at) {
  outputs_.emit(update_of(at.position, at));
}

void ExecutionCore::tell_strategy_position(StrategyId strategy, const InstrumentState& at) {
  PositionUpdate update = update_of(strategy_book(strategy, at), at);
  update.strategy = strategy;
  update.strategy_book = 1;
  outputs_.emit(update);
}

void ExecutionCore::tell_all(std::vector<std::byte>& to) const {
  const auto say = [&]<native::Message M>(const M& message, Timestamp time, std::uint8_t flags) {
    const std::size_t used = to.size();
    to.resize(used + native::kSmallMessageBytes);
    to.resize(used + native::encode(std::span{to}.subspan(used),
                                    {.domain = native::Domain::Execution,
                                     .source = static_cast<std::uint8_t>(relay::Source::Core),
                                     .flags = flags,
                                     .sequence = outputs_.sequence(),
                                     .timestamp = time},
                                    message));
  };
  for (const InstrumentState& at : instruments_) say(at.rules, now_, 0);
  orders_.for_each_open(
      [&](const Order& order) { say(order.state, order.state.ts_updated, native::kFlagOutput); });
  const auto traded = [](const Position& position) {
    return !position.bought.is_zero() || !position.sold.is_zero();
  };
  for (std::size_t place = 0; place < instruments_.size(); ++place) {
    const InstrumentState& at = instruments_[place];
    if (!traded(at.position)) continue;
    say(update_of(at.position, at), now_, native::kFlagOutput);
    for (std::uint16_t id = 1; id < kStrategiesMax; ++id) {
      const Position& book = strategy_books_[id * kInstrumentsMax + place];
      if (!traded(book)) continue;
      PositionUpdate update = update_of(book, at);
      update.strategy = StrategyId{id};
      update.strategy_book = 1;
      say(update, now_, native::kFlagOutput);
    }
  }
  if (inputs_ > 0) say(account(), now_, native::kFlagOutput);
}

AccountUpdate ExecutionCore::account() const noexcept {
  int128 realized = 0;
  int128 unrealized = 0;
  int128 fees = 0;
  Money gross;
  Money net;
  for (const InstrumentState& at : instruments_) {
    const Price mark = risk::mark_price(at.mark);
    realized += at.position.realized_e16;
    unrealized += at.position.unrealized_e16(mark);
    fees += at.position.fees_e16;
    const Money value = notional(mark, at.position.qty, Rounding::HalfEven);
    gross += abs(value);
    net += value;
  }
  return {.kill_active = static_cast<std::uint8_t>(kill_active_ ? 1 : 0),
          .cash = amount_from_e16(cash_e16_),
          .equity = amount_from_e16(equity_e16()),
          .realized_pnl = amount_from_e16(realized),
          .unrealized_pnl = amount_from_e16(unrealized),
          .fees = amount_from_e16(fees),
          .day_pnl = amount_from_e16(equity_e16() - day_start_equity_e16_),
          .gross_exposure = Price::from_e8(gross.saturated_e8()),
          .net_exposure = Price::from_e8(net.saturated_e8()),
          .open_orders = orders_.open_count()};
}

void ExecutionCore::update_reserve(Order& order) noexcept {
  InstrumentState* at = state_of(order.state.instrument);
  if (at == nullptr) return;
  Qty wanted{};
  if (order.is_open()) {
    wanted = std::max(order.leaves(), Qty{});
    // Until the venue has decided, the larger of old and new counts.
    if (order.state.status == OrdStatus::PendingReplace) {
      wanted = std::max(wanted, order.replace_qty - order.state.cum_qty);
    }
  }
  (order.state.side == Side::Buy ? at->open_buy : at->open_sell) += wanted - order.reserved;
  order.reserved = wanted;
}

Order* ExecutionCore::order_of(const ClientOrderId& client, ClOrdId id) noexcept {
  return id.value() != 0 ? orders_.find(id) : orders_.find(client);
}

ExecutionCore::InstrumentState* ExecutionCore::state_of(InstrumentId id) noexcept {
  return const_cast<InstrumentState*>(std::as_const(*this).state_of(id));
}

const ExecutionCore::InstrumentState* ExecutionCore::state_of(InstrumentId id) const noexcept {
  const auto at = std::ranges::find_if(
      instruments_, [&](const InstrumentState& each) { return each.rules.instrument == id; });
  return at == instruments_.end() ? nullptr : &*at;
}

Position& ExecutionCore::strategy_book(StrategyId strategy, const InstrumentState& at) noexcept {
  const auto place = static_cast<std::size_t>(&at - instruments_.data());
  return strategy_books_[strategy.value() * kInstrumentsMax + place];
}

int128 ExecutionCore::equity_e16() const noexcept {
  int128 equity = cash_e16_;
  for (const InstrumentState& at : instruments_) {
    equity += int128{risk::mark_price(at.mark).e8()} * at.position.qty.e8();
  }
  return equity;
}

Money ExecutionCore::worst_exposure(const InstrumentState& at) noexcept {
  const Price mark = risk::mark_price(at.mark);
  return std::max(risk::exposure(at.position.qty + at.open_buy, mark),
                  risk::exposure(at.position.qty - at.open_sell, mark));
}

const Instrument* ExecutionCore::instrument(InstrumentId id) const noexcept {
  const InstrumentState* at = state_of(id);
  return at == nullptr ? nullptr : &at->rules;
}

Mark ExecutionCore::mark(InstrumentId id) const noexcept {
  const InstrumentState* at = state_of(id);
  return at == nullptr ? Mark{} : at->mark;
}

Position ExecutionCore::position(InstrumentId id) const noexcept {
  const InstrumentState* at = state_of(id);
  return at == nullptr ? Position{} : at->position;
}

Position ExecutionCore::strategy_position(StrategyId strategy, InstrumentId id) const noexcept {
  const InstrumentState* at = state_of(id);
  if (at == nullptr || strategy.value() >= kStrategiesMax) return {};
  return strategy_books_[strategy.value() * kInstrumentsMax +
                         static_cast<std::size_t>(at - instruments_.data())];
}

std::uint64_t ExecutionCore::state_hash() const noexcept {
  StateHash hash = outputs_.rolling();
  hash.add(inputs_);
  hash.add(outputs_.sequence());
  hash.add(cash_e16_);
  hash.add(day_start_equity_e16_);
  hash.add(static_cast<std::uint8_t>(kill_active_ ? 1 : 0));
  hash.add(orders_.open_count());
  for (const InstrumentState& at : instruments_) {
    hash.add(at.position.qty);
    hash.add(at.position.cost_e16);
    hash.add(at.position.realized_e16);
    hash.add(at.position.fees_e16);
    hash.add(at.open_buy);
    hash.add(at.open_sell);
    hash.add(at.mark);
  }
  for (const risk::OrderRate& rate : rates_) hash.add(rate.full_until_ns());
  return hash.value();
}

bool ExecutionCore::ExecIds::insert(ExecId id) {
  const auto hash_of = [](std::uint64_t value) {
    StateHash hash;
    hash.add(value);
    return hash.value();
  };
  const std::uint64_t hash = hash_of(id.value());
  const auto same = [&](std::uint32_t slot) { return ids_[slot] == id.value(); };
  if (index_.find(hash, same) != FlatIndex::kNone) return false;
  const auto slot = static_cast<std::uint32_t>(count_ % kRemembered);
  if (count_ >= kRemembered) index_.erase(hash_of(ids_[slot]), slot);
  ids_[slot] = id.value();
  index_.insert(hash, slot);
  ++count_;
  return true;
}

}  // namespace stoa::oms

#include "gateway/account_board.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "gateway/gateway.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {

std::string_view to_string(StrategyState state) noexcept {
  static constexpr std::array<std::string_view, 3> kNames{"stopped", "running", "faulted"};
  return kNames[static_cast<std::size_t>(state)];
}

AccountBoard::AccountBoard(const std::vector<StrategyInfo>& strategies,
                           const std::array<std::uint64_t, kRejectCodes>& rejects)
    : rejects_{rejects} {
  for (const StrategyInfo& info : strategies) {
    StrategyCard card{.info = info,
                      .orders = info.orders,
                      .fills = info.fills,
                      .rejects = info.rejects,
                      .last_decision = info.last_decision};
    for (const StrategyParam& param : info.params) card.params_e8.push_back(param.default_e8);
    strategies_.push_back(std::move(card));
  }
}

void AccountBoard::apply(std::uint64_t lsn, const native::MessageView& message) {
  if (message.is<RiskDecision>()) {
    on_decision(message.as<RiskDecision>());
  } else if (message.is<PositionUpdate>()) {
    on_position(message.as<PositionUpdate>());
  } else if (message.is<AccountUpdate>()) {
    account_ = message.as<AccountUpdate>();
    changes_.positions = changes_.risk = true;
  } else if (message.is<OrderIntent>()) {
    const auto intent = message.as<OrderIntent>();
    if (StrategyCard* strategy = card(intent.strategy)) {
      strategy->last_decision = intent.note.view();
      changes_.strategies = true;
    }
  } else if (message.is<OrderUpdate>() && lsn != 0) {
    const auto update = message.as<OrderUpdate>();
    if (StrategyCard* strategy = card(update.strategy)) {
      if (update.status == OrdStatus::PendingNew) ++strategy->orders;
      if (update.status == OrdStatus::Rejected && update.cum_qty.is_zero()) ++strategy->rejects;
      changes_.strategies = true;
    }
  } else if (message.is<Fill>()) {
    if (StrategyCard* strategy = card(message.as<Fill>().strategy)) {
      ++strategy->fills;
      changes_.strategies = true;
    }
  } else if (message.is<LimitSet>()) {
    const auto limit = message.as<LimitSet>();
    limits_e8_[static_cast<std::size_t>(limit.kind)] = limit.value_e8;
    changes_.control = true;
  } else if (message.is<KillSwitch>()) {
    on_kill(message.as<KillSwitch>(), message.header().timestamp);
  } else if (message.is<StrategyCommand>()) {
    on_command(lsn, message);
  }
}

void AccountBoard::on_decision(const RiskDecision& decision) {
  if (decision.accepted != 0) return;
  ++rejects_[static_cast<std::size_t>(decision.code)];
  changes_.risk = true;
}

void AccountBoard::on_position(const PositionUpdate& position) {
  if (position.strategy_book != 0) {
    strategy_positions_[{position.strategy, position.instrument}] = position;
    changes_.strategies = true;
  } else {
    positions_[position.instrument] = position;
    changes_.positions = changes_.risk = true;
  }
}

void AccountBoard::on_kill(const KillSwitch& kill, Timestamp timestamp) {
  kill_ = KillState{.active = kill.active != 0,
                    .actor = std::string{kill.actor.view()},
                    .reason = std::string{kill.reason.view()},
                    .since = timestamp};
  changes_.control = true;
}

void AccountBoard::on_command(std::uint64_t lsn, const native::MessageView& message) {
  const auto command = message.as<StrategyCommand>();
  StrategyCard* strategy = card(command.strategy);
  if (strategy == nullptr) return;
  changes_.strategies = true;
  switch (command.action) {
    case StrategyAction::Start:
      if (strategy->state != StrategyState::Running || lsn == 0) {
        strategy->running_since = message.header().timestamp;
      }
      strategy->state = StrategyState::Running;
      strategy->error.clear();
      return;
    case StrategyAction::Stop:
      strategy->state = StrategyState::Stopped;
      strategy->error.clear();
      return;
    case StrategyAction::Fault:
      strategy->state = StrategyState::Faulted;
      strategy->error = command.reason.view();
      return;
    case StrategyAction::SetParameter:
      for (std::size_t i = 0; i < strategy->info.params.size(); ++i) {
        if (strategy->info.params[i].name == command.parameter.view()) {
          strategy->params_e8[i] = command.value_e8;
        }
      }
      return;
  }
}

StrategyCard* AccountBoard::card(StrategyId id) noexcept {
  if (id == StrategyId{}) return nullptr;
  const auto at =
      std::ranges::find(strategies_, id, [](const StrategyCard& c) { return c.info.id; });
  return at == strategies_.end() ? nullptr : &*at;
}

const StrategyCard* AccountBoard::find_strategy(StrategyId id) const noexcept {
  const auto at =
      std::ranges::find(strategies_, id, [](const StrategyCard& c) { return c.info.id; });
  return at == strategies_.end() || id == StrategyId{} ? nullptr : &*at;
}

const StrategyCard* AccountBoard::find_strategy(std::string_view name) const noexcept {
  for (const StrategyCard& strategy : strategies_) {
    if (strategy.info.name == name) return &strategy;
  }
  return nullptr;
}

}  // namespace stoa::gateway

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "gateway/gateway.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {

/// The kill switch as the log left it.
struct KillState {
  bool active = false;
  std::string actor{};
  std::string reason{};
  Timestamp since{};  // of the last change; zero: never touched
};

enum class StrategyState : std::uint8_t { Stopped, Running, Faulted };
[[nodiscard]] std::string_view to_string(StrategyState state) noexcept;

/// One strategy: what is known of it from the start, and what the log says.
struct StrategyCard {
  StrategyInfo info{};
  StrategyState state = StrategyState::Stopped;
  Timestamp running_since{};
  std::vector<std::int64_t> params_e8{};  // by place in info.params
  std::uint64_t orders = 0;
  std::uint64_t fills = 0;
  std::uint64_t rejects = 0;
  std::string last_decision{};
  std::string error{};
};

/// Positions, account, limits, kill switch and strategies as the execution log says. Gateway
/// thread.
class AccountBoard {
 public:
  /// `rejects`: refusals before the first record that comes, by RejectCode.
  explicit AccountBoard(const std::vector<StrategyInfo>& strategies,
                        const std::array<std::uint64_t, kRejectCodes>& rejects = {});

  /// Takes one record of the log, in log order; one of lsn 0 says how things stand at a start and
  /// counts as no event.
  void apply(std::uint64_t lsn, const native::MessageView& message);

  /// Of the account, by instrument.
  [[nodiscard]] const std::map<InstrumentId, PositionUpdate>& positions() const noexcept {
    return positions_;
  }
  /// One strategy's own positions.
  [[nodiscard]] const std::map<std::pair<StrategyId, InstrumentId>, PositionUpdate>&
  strategy_positions() const noexcept {
    return strategy_positions_;
  }
  [[nodiscard]] const AccountUpdate& account() const noexcept { return account_; }
  [[nodiscard]] const KillState& kill() const noexcept { return kill_; }
  /// By LimitKind; nothing for a limit that was never set.
  [[nodiscard]] const std::array<std::optional<std::int64_t>, kLimitKinds>& limits_e8()
      const noexcept {
    return limits_e8_;
  }
  /// Refusals since the log began, by RejectCode.
  [[nodiscard]] const std::array<std::uint64_t, kRejectCodes>& rejects() const noexcept {
    return rejects_;
  }
  [[nodiscard]] const std::vector<StrategyCard>& strategies() const noexcept { return strategies_; }
  [[nodiscard]] const StrategyCard* find_strategy(std::string_view name) const noexcept;
  [[nodiscard]] const StrategyCard* find_strategy(StrategyId id) const noexcept;

  /// What changed since the flags were last cleared.
  struct Changes {
    bool positions = false;
    bool strategies = false;
    bool risk = false;     // figures that move with trading
    bool control = false;  // kill switch or limits: people are told at once
  };
  [[nodiscard]] Changes take_changes() noexcept { return std::exchange(changes_, {}); }

 private:
  [[nodiscard]] StrategyCard* card(StrategyId id) noexcept;
  void on_decision(const RiskDecision& decision);
  void on_position(const PositionUpdate& position);
  void on_kill(const KillSwitch& kill, Timestamp timestamp);
  void on_command(std::uint64_t lsn, const native::MessageView& message);

  std::map<InstrumentId, PositionUpdate> positions_;
  std::map<std::pair<StrategyId, InstrumentId>, PositionUpdate> strategy_positions_;
  AccountUpdate account_{};
  KillState kill_;
  std::array<std::optional<std::int64_t>, kLimitKinds> limits_e8_{};
  std::array<std::uint64_t, kRejectCodes> rejects_{};
  std::vector<StrategyCard> strategies_;
  Changes changes_;
};

}  // namespace stoa::gateway

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/text.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::apps {

/// A message and when the log took it.
template <class M>
struct Said {
  Timestamp time{};
  M what{};
};

/// What has become of one strategy's orders over the life of the log.
struct StrategyTally {
  StrategyId id{};
  std::uint64_t created = 0;  // orders, refused ones included
  std::uint64_t pending = 0;  // OrderUpdates that say pending_new
  std::uint64_t fills = 0;
  std::uint64_t rejects = 0;  // by risk or venue
  Note last_decision{};       // of the newest intent
};

/// What the parts of an engine must know of a log besides the core's state: the last word on
/// everything that is said once and holds on, and counts over its whole life. Follows from the
/// records alone, and does not depend on how inputs of a round lie between each other's outputs:
/// the engine notes them in the order in which they count, a replay in the order of the file.
struct LogFacts {
  std::uint64_t runs = 0;              // engines that have run on it
  std::uint64_t gateway_sequence = 0;  // last number of Source::Gateway
  Timestamp last_time{};               // of the newest record: time in a log never goes back
  std::vector<Said<StrategyCommand>> strategies;      // what last changed each name's state
  std::vector<Said<StrategyCommand>> parameters;      // last value of each name's parameter
  std::vector<LimitSet> limits;                       // last setting of each kind
  std::vector<Mark> marks;                            // last market of each instrument
  Said<KillSwitch> kill{};                            // time 0: never touched
  std::vector<StrategyTally> tallies;                 // by id
  std::array<std::uint64_t, kRejectCodes> rejects{};  // refusals by the gate
  Price equity{};                                     // as last told
  Price peak_equity{};              // since the beginning, or since a person resumed trading
  std::uint8_t halted = 0;          // the account's word on the kill switch
  ClOrdId last_decided{};           // by the newest RiskDecision
  std::uint64_t last_decision = 0;  // output number of that
  RoleLeads leads = fresh_leads();  // who leads the roles that can be switched

  void note(const native::MessageView& message);
  [[nodiscard]] StrategyTally tally(StrategyId id) const noexcept;  // zeros when there is none

  /// Appends the last words to `to` as encoded messages, each with its own time: run, limits, kill
  /// switch, states and parameters of strategies. For readers that join here.
  void tell_all(std::vector<std::byte>& to) const;

  void save(std::vector<std::byte>& to) const;
  /// Into fresh facts; of no use after an error.
  ///
  /// errors  Damaged: cut short, of another version, or no facts
  [[nodiscard]] Result<void> load(std::span<const std::byte> from);
};

}  // namespace stoa::apps

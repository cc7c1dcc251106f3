#include "apps/log_facts.h"

#include <bits/ranges_algo.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/state_io.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/enums_known.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

namespace stoa::apps {
namespace {

constexpr std::uint32_t kFactsMagic = 0x54434146;  // "FACT" in memory
/// Version 3 also says who leads. It is written once somebody has been told to: until then a log is
/// as readable to the release before.
constexpr std::uint32_t kFactsVersion = 3;
constexpr std::uint32_t kFactsVersionBefore = 2;

/// Puts `item` in the place of the one with the same key, or behind the others.
template <class T, class Key>
void keep_last(std::vector<T>& items, const T& item, Key key) {
  const auto at = std::ranges::find(items, std::invoke(key, item), key);
  if (at == items.end()) {
    items.push_back(item);
  } else {
    *at = item;
  }
}

StrategyTally& tally_of(LogFacts& facts, StrategyId id) {
  const auto at = std::ranges::lower_bound(facts.tallies, id, {}, &StrategyTally::id);
  if (at != facts.tallies.end() && at->id == id) return *at;
  return *facts.tallies.insert(at, {.id = id});
}

void note_command(LogFacts& facts, const Said<StrategyCommand>& said) {
  if (said.what.action == StrategyAction::SetParameter) {
    return keep_last(facts.parameters, said, [](const Said<StrategyCommand>& each) {
      return std::pair{each.what.name, each.what.parameter};
    });
  }
  const auto name = [](const Said<StrategyCommand>& each) { return each.what.name; };
  const auto at = std::ranges::find(facts.strategies, said.what.name, name);
  // A start of what runs changes nothing: it has been running since the one before.
  if (at != facts.strategies.end() && at->what.action == StrategyAction::Start &&
      said.what.action == StrategyAction::Start) {
    return;
  }
  keep_last(facts.strategies, said, name);
}

void note_update(LogFacts& facts, const OrderUpdate& update, std::uint64_t output) {
  if (update.strategy.value() == 0) return;
  StrategyTally& tally = tally_of(facts, update.strategy);
  // An order is told for the first time right behind the decision on its intent.
  if (update.intent == facts.last_decided && output == facts.last_decision + 1) ++tally.created;
  if (update.status == OrdStatus::PendingNew) ++tally.pending;
  // A fill that comes after all tells a rejected order again: that is no second rejection.
  if (update.status == OrdStatus::Rejected && update.cum_qty.is_zero()) ++tally.rejects;
}

template <class M>
void say(std::vector<std::byte>& to, Timestamp time, const M& message) {
  const std::size_t used = to.size();
  to.resize(used + native::kSmallMessageBytes);
  to.resize(used + native::encode(std::span{to}.subspan(used),
                                  {.domain = native::Domain::Execution,
                                   .source = static_cast<std::uint8_t>(relay::Source::System),
                                   .timestamp = time},
                                  message));
}

// A list of messages in a saved state: how many, then each. `Said` has no padding of its own: its
// parts are put one by one.

template <class M>
void put(StateWriter& to, const Said<M>& said) {
  to.put(said.time);
  to.put(said.what);
}
template <PlainValue T>
void put(StateWriter& to, const T& value) {
  to.put(value);
}
void put(StateWriter& to, const StrategyTally& tally) {
  to.put(tally.id);
  to.put(tally.created);
  to.put(tally.pending);
  to.put(tally.fills);
  to.put(tally.rejects);
  to.put(tally.last_decision);
}
template <class T>
void put_all(StateWriter& to, const std::vector<T>& items) {
  to.put(std::uint64_t{items.size()});
  for (const T& item : items) put(to, item);
}

template <class M>
bool take(StateReader& from, Said<M>& said) {
  from.take(said.time);
  from.take(said.what);
  return oms::enums_known(said.what);
}
template <native::Message M>
bool take(StateReader& from, M& message) {
  from.take(message);
  return oms::enums_known(message);
}
bool take(StateReader& from, StrategyTally& tally) {
  from.take(tally.id);
  from.take(tally.created);
  from.take(tally.pending);
  from.take(tally.fills);
  from.take(tally.rejects);
  from.take(tally.last_decision);
  return true;
}
/// False: an item is of no kind that this build knows.
template <class T>
bool take_all(StateReader& from, std::vector<T>& items) {
  const auto count = from.take<std::uint64_t>();
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    T item;
    if (!take(from, item)) return false;
    if (from.ok()) items.push_back(item);
  }
  return true;
}

}  // namespace

void LogFacts::note(const native::MessageView& message) {
  using native::Wire;
  const native::Header& header = message.header();
  if (header.source == static_cast<std::uint8_t>(relay::Source::Gateway)) {
    gateway_sequence = std::max(gateway_sequence, header.sequence);
  }
  last_time = std::max(last_time, header.timestamp);
  switch (message.type()) {
    case Wire<RunStarted>::kType:
      runs = message.as<RunStarted>().run;
      return;
    case Wire<Mark>::kType:
      return keep_last(marks, message.as<Mark>(), &Mark::instrument);
    case Wire<LimitSet>::kType:
      return keep_last(limits, message.as<LimitSet>(), &LimitSet::kind);
    case Wire<KillSwitch>::kType:
      kill = {.time = header.timestamp, .what = message.as<KillSwitch>()};
      return;
    case Wire<AccountUpdate>::kType: {
      const auto account = message.as<AccountUpdate>();
      // Whoever resumes knows of the loss: the next drawdown counts from there.
      const bool resumed = halted != 0 && account.kill_active == 0;
      peak_equity = resumed ? account.equity : std::max(peak_equity, account.equity);
      equity = account.equity;
      halted = account.kill_active;
      return;
    }
    case Wire<StrategyCommand>::kType:
      return note_command(*this, {.time = header.timestamp, .what = message.as<StrategyCommand>()});
    case Wire<OrderIntent>::kType: {
      const auto intent = message.as<OrderIntent>();
      if (intent.strategy.value() != 0)
        tally_of(*this, intent.strategy).last_decision = intent.note;
      return;
    }
    case Wire<RiskDecision>::kType: {
      const auto decision = message.as<RiskDecision>();
      last_decided = decision.intent;
      last_decision = header.sequence;
      if (decision.accepted == 0) ++rejects[static_cast<std::size_t>(decision.code)];
      return;
    }
    case Wire<OrderUpdate>::kType:
      return note_update(*this, message.as<OrderUpdate>(), header.sequence);
    case Wire<Fill>::kType: {
      const StrategyId strategy = message.as<Fill>().strategy;
      if (strategy.value() != 0) ++tally_of(*this, strategy).fills;
      return;
    }
    case Wire<SwitchOrder>::kType:
    case Wire<EpochClose>::kType:
    case Wire<EpochOpen>::kType:
      for (RoleLead& lead : leads) lead.note(message);
      return;
    default:
      return;
  }
}

StrategyTally LogFacts::tally(StrategyId id) const noexcept {
  const auto at = std::ranges::lower_bound(tallies, id, {}, &StrategyTally::id);
  return at != tallies.end() && at->id == id ? *at : StrategyTally{.id = id};
}

void LogFacts::tell_all(std::vector<std::byte>& to) const {
  if (runs > 0) say(to, last_time, RunStarted{.run = runs});
  for (const LimitSet& limit : limits) say(to, last_time, limit);
  if (kill.time != Timestamp{}) say(to, kill.time, kill.what);
  for (const auto& said : strategies) say(to, said.time, said.what);
  for (const auto& said : parameters) say(to, said.time, said.what);
}

void LogFacts::save(std::vector<std::byte>& to) const {
  StateWriter out{to};
  out.put(kFactsMagic);
  const bool led = leads != fresh_leads();
  out.put(led ? kFactsVersion : kFactsVersionBefore);
  out.put(runs);
  out.put(gateway_sequence);
  out.put(last_time);
  put(out, kill);
  out.put(rejects);
  out.put(equity);
  out.put(peak_equity);
  out.put(halted);
  out.put(last_decided);
  out.put(last_decision);
  put_all(out, strategies);
  put_all(out, parameters);
  put_all(out, limits);
  put_all(out, marks);
  put_all(out, tallies);
  if (!led) return;
  for (const RoleLead& lead : leads) out.put(lead);
}

Result<void> LogFacts::load(std::span<const std::byte> from) {
  const auto refuse = [](std::string message) {
    return std::unexpected(
        Error{.code = ErrorCode::Damaged, .message = std::move(message), .source = "log facts"});
  };
  StateReader in{from};
  if (in.take<std::uint32_t>() != kFactsMagic) return refuse("these bytes are no facts of a log");
  const auto version = in.take<std::uint32_t>();
  if (version != kFactsVersion && version != kFactsVersionBefore) {
    return refuse(fmt::format("they are of version {}, this build reads {} and {}; replay the log",
                              version, kFactsVersionBefore, kFactsVersion));
  }
  in.take(runs);
  in.take(gateway_sequence);
  in.take(last_time);
  bool known = take(in, kill);
  in.take(rejects);
  in.take(equity);
  in.take(peak_equity);
  in.take(halted);
  in.take(last_decided);
  in.take(last_decision);
  known = known && take_all(in, strategies) && take_all(in, parameters) && take_all(in, limits) &&
          take_all(in, marks) && take_all(in, tallies);
  if (version == kFactsVersion) {
    for (std::uint8_t i = 0; i < kSwitchRoles; ++i) {
      in.take(leads[i]);
      known = known && leads[i].role == static_cast<SwitchRole>(i);
    }
  }
  if (!in.ok()) return refuse(fmt::format("they end early, at byte {}", in.offset()));
  if (!known) return refuse("an enumerator is not known to this build");
  if (in.left() != 0) return refuse(fmt::format("{} bytes follow them", in.left()));
  return {};
}

}  // namespace stoa::apps

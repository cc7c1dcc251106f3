#include "apps/run_start.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <span>
#include <string_view>

#include "apps/log_facts.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/price.h"
#include "base/text.h"
#include "model/instrument.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/execution_agent.h"
#include "ops/config.h"
#include "relay/source.h"
#include "risk/limits.h"

namespace stoa::apps {
namespace {

Result<void> set_limits(oms::ExecutionAgent& agent, const LogFacts& facts,
                        const ops::Config& config, Timestamp now) {
  const Note configured = Note::cut("config");
  for (std::uint8_t i = 0; i < kLimitKinds; ++i) {
    const auto kind = static_cast<LimitKind>(i);
    std::int64_t wanted_e8 = config.limit_e8(kind);
    if (kind == LimitKind::MaxOrderQty && wanted_e8 == 0) wanted_e8 = risk::Limits::kUnlimited;
    const auto known = std::ranges::find(facts.limits, kind, &LimitSet::kind);
    if (known != facts.limits.end() &&
        (known->value_e8 == wanted_e8 || known->actor != configured)) {
      continue;
    }
    const LimitSet set{.kind = kind,
                       .value_e8 = wanted_e8,
                       .actor = configured,
                       .reason = Note::cut(config.environment)};
    if (auto done = agent.append(relay::Source::System, now, set); !done) return done;
  }
  return {};
}

Result<void> add_instruments(oms::ExecutionAgent& agent, std::span<const Instrument> instruments,
                             Timestamp now) {
  for (const Instrument& each : instruments) {
    const Instrument* known = agent.core().instrument(each.instrument);
    if (known != nullptr && std::memcmp(known, &each, sizeof each) == 0) continue;
    if (auto done = agent.append(relay::Source::System, now, each); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> continue_run(oms::ExecutionAgent& agent, const LogFacts& facts,
                          std::span<const Instrument> instruments, const ops::Config& config,
                          Timestamp now) {
  if (auto done = add_instruments(agent, instruments, now); !done) return done;
  return set_limits(agent, facts, config, now);
}

Result<void> begin_run(oms::ExecutionAgent& agent, const LogFacts& facts,
                       std::span<const Instrument> instruments, const ops::Config& config,
                       std::string_view version, Timestamp now) {
  RunStarted run{.run = facts.runs + 1, .seed = config.market.seed};
  run.version = Text<24>::cut(version);
  run.environment = Text<16>::cut(config.environment);
  run.market_source = Text<16>::cut(to_string(config.market.source));
  auto done = agent.append(relay::Source::System, now, run);
  if (done) done = add_instruments(agent, instruments, now);
  if (done && facts.runs == 0) {
    done = agent.append(relay::Source::System, now,
                        CashMovement{.amount = Price::from_e8(config.paper.initial_cash_e8),
                                     .reason = Note::cut("initial paper cash")});
  }
  if (done) done = set_limits(agent, facts, config, now);
  if (done && !instruments.empty()) done = agent.open_session(instruments.front().venue, now);
  return done;
}

}  // namespace stoa::apps

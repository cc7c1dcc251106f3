#include "apps/strategies.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/log_facts.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "model/instrument.h"
#include "model/system.h"
#include "oms/strategy_port.h"
#include "ops/config.h"
#include "strategy/parameter.h"
#include "strategy/registry.h"
#include "strategy/runner.h"

namespace stoa::apps {
namespace {

std::optional<InstrumentId> find_symbol(std::span<const Instrument> instruments,
                                        std::string_view symbol) {
  const auto at = std::ranges::find_if(
      instruments, [&](const Instrument& each) { return each.symbol.view() == symbol; });
  if (at == instruments.end()) return std::nullopt;
  return at->instrument;
}

/// Ids of names that the log knows, then the free ones in order.
class StrategyIds {
 public:
  explicit StrategyIds(std::span<const Said<StrategyCommand>> known) noexcept : known_{known} {
    for (const auto& said : known) next_ = std::max(next_, said.what.strategy.value());
  }
  StrategyId of(std::string_view name) noexcept {
    const auto at = std::ranges::find_if(
        known_, [&](const auto& each) { return each.what.name.view() == name; });
    if (at != known_.end()) return at->what.strategy;
    return StrategyId{++next_};
  }

 private:
  std::span<const Said<StrategyCommand>> known_;
  std::uint16_t next_ = 0;
};

std::vector<std::pair<std::string, std::string>> parameters_of(const ops::StrategyConfig& config) {
  std::vector<std::pair<std::string, std::string>> parameters;
  parameters.reserve(config.params.size());
  parameters.reserve(config.params.size());
  for (const ops::StrategyParam& param : config.params)
    parameters.emplace_back(param.name, param.value);
  return parameters;
}

gateway::ParamKind kind_of(strategy::ParameterKind kind) noexcept {
  switch (kind) {
    case strategy::ParameterKind::Integer:
      return gateway::ParamKind::Integer;
    case strategy::ParameterKind::Decimal:
      return gateway::ParamKind::Decimal;
    case strategy::ParameterKind::Boolean:
      return gateway::ParamKind::Boolean;
  }
  return gateway::ParamKind::Decimal;
}

}  // namespace

Result<std::unique_ptr<strategy::Runner>> make_strategies(
    const ops::Config& config, std::span<const Said<StrategyCommand>> known,
    std::span<const Instrument> instruments, oms::IntentSink& sink) {
  StrategyIds ids{known};
  std::vector<strategy::StrategyConfig> configs;
  for (const ops::StrategyConfig& each : config.strategies) {
    const StrategyId id = ids.of(each.name);
    const auto instrument = find_symbol(instruments, each.symbol);
    if (!instrument) {
      log::warn(
          "strategy_left_out",
          {{"strategy", each.name}, {"reason", "symbol not traded here"}, {"symbol", each.symbol}});
      continue;
    }
    configs.push_back({.id = id,
                       .name = each.name,
                       .type = each.type,
                       .instrument = *instrument,
                       .parameters = parameters_of(each),
                       .enabled = each.enabled});
  }
  return strategy::Runner::create(strategy::built_in_strategies(), configs, instruments, sink);
}

std::vector<gateway::StrategyInfo> strategy_infos(const strategy::Runner& runner,
                                                  std::span<const Instrument> instruments) {
  std::vector<gateway::StrategyInfo> infos;
  for (std::size_t place = 0; place < runner.size(); ++place) {
    const strategy::StrategyStatus status = runner.status(place);
    gateway::StrategyInfo info{.id = status.id,
                               .name = std::string{status.name},
                               .type = std::string{status.type},
                               .symbol = {},
                               .schema_json = strategy::json_schema(status.parameters->specs()),
                               .params = {}};
    const auto at = std::ranges::find(instruments, status.instrument, &Instrument::instrument);
    if (at != instruments.end()) info.symbol = std::string{at->symbol.view()};
    const auto specs = status.parameters->specs();
    info.params.reserve(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
      info.params.push_back({.name = std::string{specs[i].name},
                             .kind = kind_of(specs[i].kind),
                             .default_e8 = status.parameters->value_e8(i),
                             .min_e8 = specs[i].min_e8,
                             .max_e8 = specs[i].max_e8,
                             .step_e8 = specs[i].step_e8});
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<void> check_strategy(const ops::StrategyConfig& config) {
  const auto type = strategy::built_in_strategies().find(config.type);
  if (!type) return bad_input(type.error().message, config.source);
  strategy::Parameters parameters{type->parameters};
  for (const ops::StrategyParam& param : config.params) {
    const auto value = parameters.parse(param.name, param.value);
    if (!value) return bad_input(value.error().message, param.source);
    if (const auto set = parameters.set(param.name, *value); !set)
      return bad_input(set.error().message, param.source);
  }
  if (type->complaint != nullptr) {
    if (const auto complaint = type->complaint(parameters); !complaint.empty()) {
      return bad_input(std::string{complaint}, config.source);
    }
  }
  return {};
}

}  // namespace stoa::apps

#include "strategy/registry.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "strategy/ma_cross/ma_cross.h"
#include "strategy/market_maker/market_maker.h"
#include "strategy/nearest.h"
#include "strategy/parameter.h"

namespace stoa::strategy {

Result<void> Registry::add(const StrategyType& type) {
  const std::string name{type.name};
  if (std::ranges::find(types_, type.name, &StrategyType::name) != types_.end()) {
    return bad_input("strategy type " + name + " is there already");
  }
  try {
    [[maybe_unused]] const Parameters defaults{type.parameters};
  } catch (const std::invalid_argument& error) {
    return bad_input("strategy type " + name + ": " + error.what());
  }
  types_.push_back(type);
  return {};
}

Result<StrategyType> Registry::find(std::string_view name) const {
  const auto at = std::ranges::find(types_, name, &StrategyType::name);
  if (at != types_.end()) return *at;
  std::vector<std::string_view> names;
  names.reserve(types_.size());
  for (const StrategyType& type : types_) names.push_back(type.name);
  return bad_input("there is no strategy type " + std::string{name} + suggestion(name, names));
}

Registry built_in_strategies() {
  Registry registry;
  for (const StrategyType& type : {market_maker_type(), ma_cross_type()}) {
    check(registry.add(type).has_value(), "built-in strategies have names and tables of their own");
  }
  return registry;
}

}  // namespace stoa::strategy

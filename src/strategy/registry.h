#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "strategy/parameter.h"
#include "strategy/strategy.h"

namespace stoa::strategy {

/// A kind of strategy: what it is called, what can be set on it, and how one is made.
struct StrategyType {
  std::string_view name{};         // "market_maker"
  std::string_view description{};  // one sentence
  std::span<const ParameterSpec> parameters{};
  std::unique_ptr<Strategy> (*make)() = nullptr;
  /// What no range can say of one parameter alone ("fast_s below slow_s"); nullptr: nothing.
  /// Answers the complaint, or an empty text.
  std::string_view (*complaint)(const Parameters&) = nullptr;
};

/// The kinds that configurations may name.
class Registry {
 public:
  /// errors  a name that is there already, a table of parameters that breaks its own rules
  [[nodiscard]] Result<void> add(const StrategyType& type);
  /// errors  an unknown name, with the nearest one
  [[nodiscard]] Result<StrategyType> find(std::string_view name) const;
  [[nodiscard]] std::span<const StrategyType> types() const noexcept { return types_; }

 private:
  std::vector<StrategyType> types_;
};

/// What ships with the program: market_maker, ma_cross.
[[nodiscard]] Registry built_in_strategies();

/// One strategy to run.
struct StrategyConfig {
  StrategyId id{};     // > 0, never given to another: it stands in the log
  std::string name{};  // 1 to 16 of [A-Za-z0-9_.:]; begins each of its client order ids
  std::string type{};  // a name of the Registry
  InstrumentId instrument{};
  std::vector<std::pair<std::string, std::string>>
      parameters{};     // name, value as written; the rest by default
  bool enabled = true;  // runs until a logged command says otherwise
};

}  // namespace stoa::strategy

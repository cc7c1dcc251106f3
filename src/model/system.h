#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "model/types.h"

namespace stoa {

enum class StrategyAction : std::uint8_t { Start, Stop, SetParameter, Fault };
inline constexpr std::uint8_t kStrategyActions = 4;
[[nodiscard]] std::string_view to_string(StrategyAction value) noexcept;  // "start"

/// A person or the runner changed a strategy: an input, so that a restart finds it as it was left.
struct StrategyCommand {
  StrategyId strategy{};
  StrategyAction action = StrategyAction::Start;
  std::array<std::uint8_t, 5> reserved{};
  std::int64_t value_e8 = 0;  // SetParameter
  Text<24> name{};            // the strategy's name
  Text<24> parameter{};       // SetParameter
  Note actor{};
  Text<120> reason{};  // Fault: what went wrong
};

/// First record of every run of an engine on a log: an input. Nothing in it depends on the wall
/// clock.
struct RunStarted {
  std::uint64_t run = 0;  // 1, 2, 3 … over the life of the log
  std::uint64_t seed = 0;
  Text<24> version{};
  Text<16> environment{};
  Text<16> market_source{};
};

/// Digest of the core's state after the record at `lsn`: an output, each 4,096 inputs; evidence for
/// replays.
struct StateDigest {
  Lsn lsn{};
  std::uint64_t hash = 0;
};

}  // namespace stoa

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "deploy/deploy_plan.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

// Is the new build as good as the old one? Three answers: that there is too little to say so is one
// of its own, and neither good nor bad.
namespace stoa::deploy {

enum class SoakVerdict : std::uint8_t { Good, Bad, Inconclusive };
[[nodiscard]] std::string_view to_string(SoakVerdict verdict) noexcept;  // "inconclusive"

/// Counters of each role's leader at one moment, with how often it has been started.
struct Sample {
  struct Of {
    InstanceCounters counters{};
    std::uint64_t restarts = 0;
    friend bool operator==(const Of&, const Of&) = default;
  };
  std::map<std::string, Of> roles{};
  friend bool operator==(const Sample&, const Sample&) = default;
};
/// Of each role's instance that has the place; of every role, as the gateway tells of requests also
/// when another role is switched.
[[nodiscard]] Sample sample_of(const Target& target);
[[nodiscard]] std::string to_json(const Sample& sample);
[[nodiscard]] Sample sample_from_json(const json::Value& value);

struct Judgement {
  SoakVerdict verdict = SoakVerdict::Good;
  std::vector<std::string> findings{};  // one sentence each; of what decided
};
/// Compares what happened between `before_from` and `before_to` under the old build with what
/// happened since `from` under the new one.
[[nodiscard]] Judgement judge(const Sample& before_from, const Sample& before_to,
                              const Sample& from, const Sample& now,
                              const DeploySettings& settings);

/// The figures behind a judgement; what nobody tells is absent.
struct SoakFigures {
  std::optional<std::int64_t> requests_before{};
  std::optional<std::int64_t> requests{};
  std::optional<std::int64_t> errors_before{};
  std::optional<std::int64_t> errors{};
  std::optional<std::int64_t> rejects_before{};
  std::optional<std::int64_t> rejects{};
  std::optional<std::int64_t> gaps{};
  std::optional<nanoseconds> p99_before{};
  std::optional<nanoseconds> p99{};
  std::optional<nanoseconds> p99_allowed{};
};
/// As `judge`.
[[nodiscard]] SoakFigures figures_of(const Sample& before_from, const Sample& before_to,
                                     const Sample& from, const Sample& now,
                                     const DeploySettings& settings);

}  // namespace stoa::deploy

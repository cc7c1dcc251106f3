#include "deploy/soak.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "deploy/deploy_plan.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

/// What one counter grew by over all roles that tell it; nothing when none does, or when one fell:
/// its process began anew.
std::optional<std::int64_t> grown(const Sample& from, const Sample& to,
                                  std::optional<std::uint64_t> InstanceCounters::* counter) {
  std::optional<std::int64_t> sum;
  for (const auto& [name, now] : to.roles) {
    const auto value = now.counters.*counter;
    const auto before = from.roles.find(name);
    if (!value || before == from.roles.end()) continue;
    const auto first = before->second.counters.*counter;
    if (!first) continue;
    if (*value < *first) return std::nullopt;
    sum = sum.value_or(0) + static_cast<std::int64_t>(*value - *first);
  }
  return sum;
}

/// The p99 of the requests that one role answered between two samples, even within each bound;
/// the largest bound when it lies beyond. Nothing without requests.
std::optional<nanoseconds> p99_of(const InstanceCounters& from, const InstanceCounters& to) {
  const auto requests = to.requests.value_or(0);
  const auto first = from.requests.value_or(0);
  if (requests <= first || to.within.empty()) return std::nullopt;
  const double rank = 0.99 * static_cast<double>(requests - first);
  std::int64_t lower = 0;
  double below = 0;
  for (const auto& [bound, count] : to.within) {
    const auto before = from.within.find(bound);
    const std::uint64_t known = before == from.within.end() ? 0 : before->second;
    const auto here = static_cast<double>(count - std::min(count, known));
    if (here >= rank) {
      const double part = here > below ? (rank - below) / (here - below) : 1.0;
      return nanoseconds{lower + static_cast<std::int64_t>(static_cast<double>(bound - lower) *
                                                           std::clamp(part, 0.0, 1.0))};
    }
    lower = bound;
    below = here;
  }
  return nanoseconds{lower};
}

std::optional<nanoseconds> slowest(const Sample& from, const Sample& to) {
  std::optional<nanoseconds> slowest;
  for (const auto& [name, of] : to.roles) {
    const auto before = from.roles.find(name);
    if (before == from.roles.end()) continue;
    if (const auto p99 = p99_of(before->second.counters, of.counters)) {
      slowest = std::max(slowest.value_or(nanoseconds{0}), *p99);
    }
  }
  return slowest;
}

nanoseconds p99_allowed(nanoseconds before, const DeploySettings& settings) {
  return std::max<nanoseconds>(before * (100 + settings.latency_percent) / 100,
                               std::chrono::microseconds{settings.latency_floor_us});
}

/// Bad when a part of the requests grew by more than `allowed`.
void judge_ratio(Judgement& judgement, std::string_view what, std::optional<std::int64_t> before,
                 std::optional<std::int64_t> requests_before, std::optional<std::int64_t> now,
                 std::int64_t requests_now, std::int64_t allowed_ppm) {
  if (!now || requests_now == 0) return;
  const bool known = before && requests_before && *requests_before > 0;
  const std::int64_t ratio_before = known ? *before * kMillion / *requests_before : 0;
  const std::int64_t ratio = *now * kMillion / requests_now;
  if (ratio <= ratio_before + allowed_ppm) return;
  judgement.verdict = SoakVerdict::Bad;
  judgement.findings.push_back(fmt::format("{} {} of {} requests ({:.2f} %), before {:.2f} %", what,
                                           *now, requests_now, static_cast<double>(ratio) / 1e4,
                                           static_cast<double>(ratio_before) / 1e4));
}

}  // namespace

std::string_view to_string(SoakVerdict verdict) noexcept {
  switch (verdict) {
    case SoakVerdict::Good:
      return "good";
    case SoakVerdict::Bad:
      return "bad";
    case SoakVerdict::Inconclusive:
      return "inconclusive";
  }
  return "unknown";
}

Sample sample_of(const Target& target) {
  Sample sample;
  for (const TargetRole& role : target.roles()) {
    const InstanceView* const placed = role.placed();
    if (placed == nullptr) continue;
    sample.roles[role.name] = {.counters = placed->counters, .restarts = placed->restarts};
  }
  return sample;
}

std::string to_json(const Sample& sample) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  for (const auto& [name, of] : sample.roles) {
    json.text_key(name);
    json.begin_object();
    const auto number = [&](std::string_view field, const std::optional<std::uint64_t>& value) {
      if (value) json.digits_field(field, *value);
    };
    number("requests", of.counters.requests);
    number("errors", of.counters.errors);
    number("rejects", of.counters.rejects);
    number("gaps", of.counters.gaps);
    if (!of.counters.within.empty()) {
      json.key("within");
      json.begin_object();
      for (const auto& [bound, count] : of.counters.within) {
        json.text_key(std::to_string(bound));
        json.digits(count);
      }
      json.end_object();
    }
    json.digits_field("restarts", of.restarts);
    json.end_object();
  }
  json.end_object();
  return text;
}

Sample sample_from_json(const json::Value& value) {
  const auto number = [](const json::Value& field) -> std::optional<std::uint64_t> {
    const auto read = field.integer();
    if (!read || *read < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*read);
  };
  Sample sample;
  for (const auto& [name, of] : value.members()) {
    Sample::Of& role = sample.roles[name];
    role.counters.requests = number(of["requests"]);
    role.counters.errors = number(of["errors"]);
    role.counters.rejects = number(of["rejects"]);
    role.counters.gaps = number(of["gaps"]);
    for (const auto& [bound, count] : of["within"].members()) {
      std::int64_t ns = 0;
      std::from_chars(bound.data(), bound.data() + bound.size(), ns);
      role.counters.within[ns] = number(count).value_or(0);
    }
    role.restarts = number(of["restarts"]).value_or(0);
  }
  return sample;
}

Judgement judge(const Sample& before_from, const Sample& before_to, const Sample& from,
                const Sample& now, const DeploySettings& settings) {
  using C = InstanceCounters;
  Judgement judgement;
  const auto requests = grown(from, now, &C::requests);
  const auto requests_before = grown(before_from, before_to, &C::requests);
  judge_ratio(judgement, "errors", grown(before_from, before_to, &C::errors), requests_before,
              grown(from, now, &C::errors), requests.value_or(0), settings.error_ratio_ppm);
  judge_ratio(judgement, "refusals", grown(before_from, before_to, &C::rejects), requests_before,
              grown(from, now, &C::rejects), requests.value_or(0), settings.reject_ratio_ppm);
  if (const auto gaps = grown(from, now, &C::gaps); gaps && *gaps > settings.gaps) {
    judgement.verdict = SoakVerdict::Bad;
    judgement.findings.push_back(fmt::format("{} gaps", *gaps));
  }
  const auto latency = slowest(from, now);
  const auto latency_before = slowest(before_from, before_to);
  if (latency && latency_before && requests.value_or(0) > 0) {
    if (*latency > p99_allowed(*latency_before, settings)) {
      judgement.verdict = SoakVerdict::Bad;
      judgement.findings.push_back(fmt::format("p99 {:.2f} ms, before {:.2f} ms",
                                               static_cast<double>(latency->count()) / 1e6,
                                               static_cast<double>(latency_before->count()) / 1e6));
    }
  }
  if (judgement.verdict == SoakVerdict::Bad) return judgement;
  if (requests.value_or(0) < settings.soak_requests) {
    judgement.verdict = SoakVerdict::Inconclusive;
    judgement.findings.push_back(
        requests ? fmt::format("only {} requests in the soak, {} are needed to say anything",
                               *requests, settings.soak_requests)
                 : std::string{"nobody tells how many requests there were"});
  }
  return judgement;
}

SoakFigures figures_of(const Sample& before_from, const Sample& before_to, const Sample& from,
                       const Sample& now, const DeploySettings& settings) {
  using C = InstanceCounters;
  SoakFigures figures{.requests_before = grown(before_from, before_to, &C::requests),
                      .requests = grown(from, now, &C::requests),
                      .errors_before = grown(before_from, before_to, &C::errors),
                      .errors = grown(from, now, &C::errors),
                      .rejects_before = grown(before_from, before_to, &C::rejects),
                      .rejects = grown(from, now, &C::rejects),
                      .gaps = grown(from, now, &C::gaps),
                      .p99_before = slowest(before_from, before_to),
                      .p99 = slowest(from, now)};
  if (figures.p99_before) figures.p99_allowed = p99_allowed(*figures.p99_before, settings);
  return figures;
}

}  // namespace stoa::deploy

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/table.h"
#include "cli/validation.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr std::string_view kRule = "======================================\n";

std::string_view title_of(std::string_view id) {
  const auto checks = validation_checks();
  const auto at = std::ranges::find(checks, id, &ValidationCheck::id);
  return at == checks.end() ? std::string_view{} : at->title;
}

/// What passed is one row of its check, and so is a fault that many have.
bool alike(const Validation& a, const Validation& b) {
  if (a.id != b.id || a.outcome != b.outcome) return false;
  return a.outcome == Outcome::Passed || (a.seen == b.seen && a.remedy == b.remedy);
}

/// Per mille of a whole, for one decimal of a percentage; 1000 of nothing.
std::string percent(std::size_t part, std::size_t whole) {
  const std::size_t tenths = whole == 0 ? 1'000 : part * 1'000 / whole;
  return fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

}  // namespace

std::string validation_table(std::span<const Validation> found, bool all) {
  Table table{{"CHECK"}, {"OF"}, {"RESULT"}, {"SEEN"}, {"REMEDY"}};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Validation& each = found[i];
    const auto same = [&](const Validation& other) { return !all && alike(each, other); };
    if (std::ranges::any_of(found.first(i), same)) continue;
    const auto more = std::ranges::count_if(found.subspan(i + 1), same);
    std::string of = each.subject.empty() ? "-" : each.subject;
    if (more > 0) of += fmt::format(" and {} more", more);
    const bool sums = more > 0 && each.outcome == Outcome::Passed;
    table.row({std::string{each.id}, std::move(of), std::string{to_string(each.outcome)},
               sums ? std::string{title_of(each.id)} : each.seen, each.remedy});
  }
  return table.text();
}

std::string validation_summary(std::span<const Validation> found) {
  const ValidationSums sums = sums_of(found);
  const std::string text = fmt::format(
      "{}Validation Summary\n{}Total validations: {}\nPassed: {} ✓\nWarnings: {} ⚠\nFailed: {} "
      "✗\nSuccess rate: {}\n\n",
      kRule, kRule, sums.total, sums.passed, sums.warned, sums.failed,
      percent(sums.passed, sums.total));
  if (sums.failed > 0) return text + "Validation FAILED ✗\n";
  return text + (sums.warned > 0 ? "No validation failed; some want a look ⚠\n"
                                 : "All validations passed! ✓\n");
}

std::string_view overall_status(const ValidationSums& sums) noexcept {
  if (sums.failed > 0) return "UNHEALTHY";
  return sums.warned > 0 ? "DEGRADED" : "HEALTHY";
}

std::string health_summary(std::span<const Validation> found) {
  const ValidationSums sums = sums_of(found);
  const auto overall = overall_status(sums);
  const std::string_view words = sums.failed > 0 ? "✗\nSomething does not work.\n"
                                 : sums.warned > 0
                                     ? "⚠\nAll services are running but with warnings.\n"
                                     : "✓\nAll services are running.\n";
  return fmt::format(
      "{}Health Check Summary\n{}Total checks: {}\nPassed: {} ✓\nWarnings: {} ⚠\nFailed: {} "
      "✗\n\nOverall status: {} {}",
      kRule, kRule, sums.total, sums.passed, sums.warned, sums.failed, overall, words);
}

std::string validation_json(std::string_view environment, std::span<const Validation> found) {
  const ValidationSums sums = sums_of(found);
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("environment", environment);
  json.field("status", overall_status(sums));
  json.field("total", sums.total);
  json.field("passed", sums.passed);
  json.field("warnings", sums.warned);
  json.field("failed", sums.failed);
  json.key("checks");
  json.begin_array();
  for (const Validation& each : found) {
    json.begin_object();
    json.field("id", each.id);
    json.field("of", std::string_view{each.subject});
    json.field("result", to_string(each.outcome));
    json.field("seen", std::string_view{each.seen});
    json.field("remedy", std::string_view{each.remedy});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

}  // namespace stoa::cli

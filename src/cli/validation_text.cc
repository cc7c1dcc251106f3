#include <fmt/core.h>

#include <span>
#include <string>
#include <string_view>

#include "cli/table.h"
#include "cli/validation.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr std::string_view kRule = "======================================\n";

/// Per mille of a whole, for one decimal of a percentage; 1000 of nothing.
std::string percent(std::size_t part, std::size_t whole) {
  const std::size_t tenths = whole == 0 ? 1'000 : part * 1'000 / whole;
  return fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

}  // namespace

std::string validation_table(std::span<const Validation> found) {
  Table table{{"CHECK"}, {"OF"}, {"RESULT"}, {"SEEN"}, {"REMEDY"}};
  for (const Validation& each : found) {
    table.row({std::string{each.id}, each.subject.empty() ? "-" : each.subject,
               std::string{to_string(each.outcome)}, each.seen, each.remedy});
  }
  return table.text();
}

std::string validation_summary(std::span<const Validation> found) {
  const ValidationSums sums = sums_of(found);
  std::string text = fmt::format(
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

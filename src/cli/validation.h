#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/validation_scene.h"

// Is what runs what was meant to run, and can it be left alone? The same list is asked before a
// release and after it.
namespace stoa::cli {

enum class Outcome : std::uint8_t { Passed, Warned, Failed, Skipped };
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;  // "passed"

/// One thing that was looked at.
struct Validation {
  std::string_view id{};  // of its check: "roles.ready"
  std::string subject{};  // "execution", a path; empty: the platform
  Outcome outcome = Outcome::Passed;
  std::string seen{};    // with units
  std::string remedy{};  // what to do; empty when all is well
};

/// What a check finds; each call is one validation.
class Validations {
 public:
  Validations(std::string_view id, Outcome worst) : id_{id}, worst_{worst} {}

  void pass(std::string subject, std::string seen);
  /// As grave as the check is.
  void fault(std::string subject, std::string seen, std::string remedy);
  void warn(std::string subject, std::string seen, std::string remedy);
  /// Cannot be seen from here, or has no meaning here; counts for nothing.
  void skip(std::string subject, std::string why);
  /// Passed when `holds`, else a fault.
  void expect(bool holds, std::string subject, std::string seen, std::string remedy);

  [[nodiscard]] std::vector<Validation> take() { return std::move(found_); }

 private:
  void add(Outcome outcome, std::string subject, std::string seen, std::string remedy);

  std::string_view id_;
  Outcome worst_;
  std::vector<Validation> found_;
};

/// One function with what it is called, how grave it is and what it is about. Reads the scene only.
struct ValidationCheck {
  std::string_view id{};
  Outcome worst = Outcome::Failed;  // of a fault: Failed or Warned
  std::string_view title{};         // "Every role is ready"
  bool quick = false;               // also part of `stoa health ENV`
  void (*look)(const ValidationScene& scene, Validations& found) = nullptr;
};
/// In the order in which a person would ask.
[[nodiscard]] std::span<const ValidationCheck> validation_checks() noexcept;

/// Every check, or the named ones (ids, or their first word: "roles").
[[nodiscard]] std::vector<Validation> validate_scene(const ValidationScene& scene,
                                                     std::span<const std::string> only);
[[nodiscard]] std::vector<Validation> validate_quickly(const ValidationScene& scene);

struct ValidationSums {
  std::size_t total = 0;  // but for what was skipped
  std::size_t passed = 0;
  std::size_t warned = 0;
  std::size_t failed = 0;
};
[[nodiscard]] ValidationSums sums_of(std::span<const Validation> found) noexcept;

// What people and programs read.
/// A row for each, or, unless `all`, one for what passed of a check and one for each fault, however
/// many have it.
[[nodiscard]] std::string validation_table(std::span<const Validation> found, bool all);
[[nodiscard]] std::string validation_summary(std::span<const Validation> found);
/// "HEALTHY", "DEGRADED" (warnings only), "UNHEALTHY".
[[nodiscard]] std::string_view overall_status(const ValidationSums& sums) noexcept;
[[nodiscard]] std::string health_summary(std::span<const Validation> found);
[[nodiscard]] std::string validation_json(std::string_view environment,
                                          std::span<const Validation> found);

}  // namespace stoa::cli

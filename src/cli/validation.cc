#include "cli/validation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/validation_scene.h"

namespace stoa::cli {
namespace {

void look(const ValidationCheck& check, const ValidationScene& scene,
          std::vector<Validation>& into) {
  // Without a configuration nothing says what there should be.
  if (!scene.config_errors.empty() && check.id != validation_checks().front().id) return;
  Validations found{check.id, check.worst};
  check.look(scene, found);
  std::ranges::move(found.take(), std::back_inserter(into));
}

/// "roles.ready" is named by itself and by "roles".
bool named(std::string_view id, std::span<const std::string> only) {
  return only.empty() || std::ranges::any_of(only, [id](const std::string& word) {
           return id == word || (id.starts_with(word) && id[word.size()] == '.');
         });
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"passed", "warning", "failed", "skipped"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

void Validations::add(Outcome outcome, std::string subject, std::string seen, std::string remedy) {
  found_.push_back({.id = id_,
                    .subject = std::move(subject),
                    .outcome = outcome,
                    .seen = std::move(seen),
                    .remedy = std::move(remedy)});
}

void Validations::pass(std::string subject, std::string seen) {
  add(Outcome::Passed, std::move(subject), std::move(seen), {});
}
void Validations::fault(std::string subject, std::string seen, std::string remedy) {
  add(worst_, std::move(subject), std::move(seen), std::move(remedy));
}
void Validations::warn(std::string subject, std::string seen, std::string remedy) {
  add(Outcome::Warned, std::move(subject), std::move(seen), std::move(remedy));
}
void Validations::skip(std::string subject, std::string why) {
  add(Outcome::Skipped, std::move(subject), std::move(why), {});
}
void Validations::expect(bool holds, std::string subject, std::string seen, std::string remedy) {
  if (holds) {
    pass(std::move(subject), std::move(seen));
  } else {
    fault(std::move(subject), std::move(seen), std::move(remedy));
  }
}

std::vector<Validation> validate_scene(const ValidationScene& scene,
                                       std::span<const std::string> only) {
  std::vector<Validation> found;
  for (const ValidationCheck& check : validation_checks()) {
    if (named(check.id, only)) look(check, scene, found);
  }
  return found;
}

std::vector<Validation> validate_quickly(const ValidationScene& scene) {
  std::vector<Validation> found;
  for (const ValidationCheck& check : validation_checks()) {
    if (check.quick) look(check, scene, found);
  }
  return found;
}

ValidationSums sums_of(std::span<const Validation> found) noexcept {
  const auto count = [&](Outcome outcome) {
    return static_cast<std::size_t>(std::ranges::count(found, outcome, &Validation::outcome));
  };
  ValidationSums sums{.passed = count(Outcome::Passed),
                      .warned = count(Outcome::Warned),
                      .failed = count(Outcome::Failed)};
  sums.total = sums.passed + sums.warned + sums.failed;
  return sums;
}

}  // namespace stoa::cli

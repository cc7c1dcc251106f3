#include "strategy/parameter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/error.h"
#include "protocol/json/writer.h"
#include "strategy/nearest.h"

namespace stoa::strategy {
namespace {

std::string text_of(const ParameterSpec& spec, std::int64_t value_e8) {
  if (spec.kind == ParameterKind::Boolean) return value_e8 != 0 ? "true" : "false";
  return std::string{DecimalText{value_e8}.view()};
}

std::string range_of(const ParameterSpec& spec) {
  std::string text;
  switch (spec.kind) {
    case ParameterKind::Boolean:
      return "true or false";
    case ParameterKind::Integer:
      text = "a whole number";
      break;
    case ParameterKind::Decimal:
      text = "a decimal";
      break;
  }
  text += " from " + text_of(spec, spec.min_e8) + " to " + text_of(spec, spec.max_e8);
  if (spec.kind == ParameterKind::Decimal && spec.step_e8 > 1) {
    text += " in steps of " + text_of(spec, spec.step_e8);
  }
  if (!spec.unit.empty()) text.append(" (").append(spec.unit).append(")");
  return text;
}

std::unexpected<Error> not_in_range(const ParameterSpec& spec, std::string_view given) {
  return bad_input(std::string{spec.name} + " must be " + range_of(spec) + ", not " +
                   std::string{given});
}

bool in_range(const ParameterSpec& spec, std::int64_t value_e8) noexcept {
  return value_e8 >= spec.min_e8 && value_e8 <= spec.max_e8 &&
         (value_e8 - spec.min_e8) % spec.step_e8 == 0;
}

void check_table(std::span<const ParameterSpec> specs) {
  if (specs.size() > Parameters::kMax) throw std::invalid_argument("too many parameters");
  for (const ParameterSpec& spec : specs) {
    const std::string name{spec.name};
    if (spec.name.empty()) throw std::invalid_argument("a parameter without a name");
    if (spec.step_e8 <= 0 || !in_range(spec, spec.default_e8) || !in_range(spec, spec.max_e8)) {
      throw std::invalid_argument("parameter " + name + ": default and maximum are on its steps");
    }
    if (std::ranges::count(specs, spec.name, &ParameterSpec::name) != 1) {
      throw std::invalid_argument("parameter " + name + " is declared twice");
    }
  }
}

void add_value(json::Writer& json, const ParameterSpec& spec, std::int64_t value_e8) {
  switch (spec.kind) {
    case ParameterKind::Boolean:
      return json.value(value_e8 != 0);
    case ParameterKind::Integer:
      return json.value(value_e8 / kOneE8);
    case ParameterKind::Decimal:
      return json.decimal_e8(value_e8);
  }
}

void add_range(json::Writer& json, const ParameterSpec& spec) {
  switch (spec.kind) {
    case ParameterKind::Boolean:
      return;
    case ParameterKind::Integer:
      json.field("minimum", spec.min_e8 / kOneE8);
      json.field("maximum", spec.max_e8 / kOneE8);
      json.field("multipleOf", spec.step_e8 / kOneE8);
      return;
    case ParameterKind::Decimal:
      json.field("pattern", "^-?[0-9]+([.][0-9]{1,8})?$");
      json.key("x-minimum");
      json.decimal_e8(spec.min_e8);
      json.key("x-maximum");
      json.decimal_e8(spec.max_e8);
      json.key("x-step");
      json.decimal_e8(spec.step_e8);
      return;
  }
}

void add_property(json::Writer& json, const ParameterSpec& spec) {
  static constexpr std::array<std::string_view, 3> kTypes{"integer", "string", "boolean"};
  json.key(spec.name);
  json.begin_object();
  json.field("type", kTypes[static_cast<std::size_t>(spec.kind)]);
  json.field("description", spec.description);
  add_range(json, spec);
  if (!spec.unit.empty()) json.field("x-unit", spec.unit);
  json.key("default");
  add_value(json, spec, spec.default_e8);
  json.end_object();
}

}  // namespace

Parameters::Parameters(std::span<const ParameterSpec> specs) : specs_{specs} {
  check_table(specs);
  std::ranges::transform(specs, values_e8_.begin(), &ParameterSpec::default_e8);
}

Result<std::size_t> Parameters::place_of(std::string_view name) const {
  const auto at = std::ranges::find(specs_, name, &ParameterSpec::name);
  if (at != specs_.end()) return static_cast<std::size_t>(at - specs_.begin());
  std::vector<std::string_view> names;
  for (const ParameterSpec& spec : specs_) names.push_back(spec.name);
  return bad_input("there is no parameter " + std::string{name} + suggestion(name, names));
}

Result<void> Parameters::set(std::string_view name, std::int64_t value_e8) {
  const auto place = place_of(name);
  if (!place) return std::unexpected(place.error());
  const ParameterSpec& spec = specs_[*place];
  if (!in_range(spec, value_e8)) return not_in_range(spec, DecimalText{value_e8}.view());
  values_e8_[*place] = value_e8;
  return {};
}

Result<std::int64_t> Parameters::parse(std::string_view name, std::string_view text) const {
  const auto place = place_of(name);
  if (!place) return std::unexpected(place.error());
  const ParameterSpec& spec = specs_[*place];
  if (spec.kind == ParameterKind::Boolean) {
    if (text == "true") return kOneE8;
    if (text == "false") return 0;
    return not_in_range(spec, text);
  }
  const auto value_e8 = parse_e8(text);
  if (!value_e8 || !in_range(spec, *value_e8)) return not_in_range(spec, text);
  return *value_e8;
}

std::string Parameters::to_json() const {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    json.key(specs_[i].name);
    add_value(json, specs_[i], values_e8_[i]);
  }
  json.end_object();
  return text;
}

std::string json_schema(std::span<const ParameterSpec> specs) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("type", "object");
  json.field("additionalProperties", false);
  json.key("properties");
  json.begin_object();
  for (const ParameterSpec& spec : specs) add_property(json, spec);
  json.end_object();
  json.end_object();
  return text;
}

}  // namespace stoa::strategy

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

// What people may turn on a strategy while it runs. A strategy declares its parameters once, as a
// constexpr table; validation, the page's form and the values all follow from that table.
namespace stoa::strategy {

enum class ParameterKind : std::uint8_t { Integer, Decimal, Boolean };

/// Every value travels as value x 1e8, whatever its kind: the integer 5 is 500'000'000, true is
/// 100'000'000 (StrategyCommand::value_e8).
inline constexpr std::int64_t kOneE8 = 100'000'000;

/// One parameter as its strategy declares it.
struct ParameterSpec {
  std::string_view name{};         // snake_case, unit last: "half_spread_bps"
  std::string_view description{};  // one sentence for the form
  std::string_view unit{};         // "bps", "ticks", "quote currency"; may be empty
  ParameterKind kind = ParameterKind::Decimal;
  std::int64_t default_e8 = 0;
  std::int64_t min_e8 = 0;   // smallest value accepted
  std::int64_t max_e8 = 0;   // largest value accepted
  std::int64_t step_e8 = 1;  // values are min + n steps; > 0
};

// How tables are written: decimals in units of 1e-8 are hard to read, so these scale integers, and
// hundredths.
[[nodiscard]] constexpr std::int64_t whole(std::int64_t value) noexcept { return value * kOneE8; }
[[nodiscard]] constexpr std::int64_t hundredths(std::int64_t value) noexcept {
  return value * (kOneE8 / 100);
}

[[nodiscard]] constexpr ParameterSpec integer_parameter(std::string_view name,
                                                        std::string_view description,
                                                        std::string_view unit,
                                                        std::int64_t default_value,
                                                        std::int64_t min, std::int64_t max) {
  return {name,       description, unit,  ParameterKind::Integer, whole(default_value),
          whole(min), whole(max),  kOneE8};
}
[[nodiscard]] constexpr ParameterSpec boolean_parameter(std::string_view name,
                                                        std::string_view description,
                                                        bool default_value) {
  return {name, description, "",    ParameterKind::Boolean, default_value ? kOneE8 : 0,
          0,    kOneE8,      kOneE8};
}

/// A parameter's place in its table, with its kind as a type, so that reading it is one load and
/// cannot mistake a boolean for a spread.
template <ParameterKind kKind>
struct ParameterHandle {
  std::uint8_t place = 0;
};
using IntegerParameter = ParameterHandle<ParameterKind::Integer>;
using DecimalParameter = ParameterHandle<ParameterKind::Decimal>;
using BooleanParameter = ParameterHandle<ParameterKind::Boolean>;

/// `constexpr auto kSkew = handle<ParameterKind::Decimal>(kTable, "skew_bps");` A name that the
/// table lacks, or of another kind, does not compile.
template <ParameterKind kKind, std::size_t N>
[[nodiscard]] consteval ParameterHandle<kKind> handle(const std::array<ParameterSpec, N>& table,
                                                      std::string_view name) {
  const auto at = std::ranges::find(table, name, &ParameterSpec::name);
  if (at == table.end() || at->kind != kKind) throw "no such parameter of this kind";
  return {static_cast<std::uint8_t>(at - table.begin())};
}

/// The values of one strategy. Always within their ranges: `set` is the only way in.
class Parameters {
 public:
  static constexpr std::size_t kMax = 32;

  /// The defaults of `specs`, which must outlive this (tables are constants). Throws
  /// std::invalid_argument when the table breaks its own rules: a default out of range, two of one
  /// name.
  explicit Parameters(std::span<const ParameterSpec> specs);

  [[nodiscard]] std::int64_t get(IntegerParameter handle) const noexcept {
    return values_e8_[handle.place] / kOneE8;
  }
  /// units   value x 1e8
  [[nodiscard]] std::int64_t get(DecimalParameter handle) const noexcept {
    return values_e8_[handle.place];
  }
  [[nodiscard]] bool get(BooleanParameter handle) const noexcept {
    return values_e8_[handle.place] != 0;
  }

  /// errors  an unknown name (with the nearest one), a value outside its range or off its step;
  /// nothing is changed
  [[nodiscard]] Result<void> set(std::string_view name, std::int64_t value_e8);
  /// Reads what a person wrote ("0.5", "20", "true") by the kind of the parameter, checks it, and
  /// gives back value x 1e8 for a StrategyCommand. Nothing is changed.
  ///
  /// errors  as `set`, and texts that are no value of the kind
  [[nodiscard]] Result<std::int64_t> parse(std::string_view name, std::string_view text) const;

  [[nodiscard]] std::span<const ParameterSpec> specs() const noexcept { return specs_; }
  [[nodiscard]] std::int64_t value_e8(std::size_t place) const noexcept {
    return values_e8_[place];
  }
  /// `{"half_spread_bps":"1","requote_ticks":1,"post_only":true}`: decimals are strings.
  [[nodiscard]] std::string to_json() const;

 private:
  [[nodiscard]] Result<std::size_t> place_of(std::string_view name) const;

  std::span<const ParameterSpec> specs_;
  std::array<std::int64_t, kMax> values_e8_{};
};

/// The table as a JSON Schema object, in the table's order; the page builds its form from it.
///
/// integer  {"type":"integer","minimum":1,"maximum":9,"default":3,"multipleOf":1}
/// decimal
/// {"type":"string","pattern":"^-?[0-9]+([.][0-9]{1,8})?$","x-minimum":"0","x-maximum":"500","x-step":"0.01",
///          "default":"1"}: strings, because JSON's own numbers lose decimals on the way; the page
///          compares x-minimum and x-maximum as decimals
/// boolean  {"type":"boolean","default":true}
/// each also with "description", and "x-unit" where there is one; "additionalProperties" is false
[[nodiscard]] std::string json_schema(std::span<const ParameterSpec> specs);

}  // namespace stoa::strategy

#include "strategy/parameter.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "base/error.h"
#include "strategy/registry.h"

namespace stoa::strategy {
namespace {

constexpr std::array kTable{
    ParameterSpec{"edge_bps", "Distance \"from\" fair", "bps", ParameterKind::Decimal, whole(1),
                  hundredths(50), whole(10), hundredths(25)},
    integer_parameter("ticks", "Least distance", "ticks", 2, -3, 9),
    boolean_parameter("post_only", "Refuse to take", true),
};
constexpr auto kEdge = handle<ParameterKind::Decimal>(kTable, "edge_bps");
constexpr auto kTicks = handle<ParameterKind::Integer>(kTable, "ticks");
constexpr auto kPostOnly = handle<ParameterKind::Boolean>(kTable, "post_only");

struct ParseCase {
  std::string_view name;
  std::string_view text;
  std::string_view error;  // empty: accepted
  std::int64_t value_e8 = 0;
};

// Each pair stands on both sides of one edge.
constexpr std::string_view kEdgeRange =
    "edge_bps must be a decimal from 0.5 to 10 in steps of 0.25 (bps), not ";
constexpr std::string_view kTicksRange = "ticks must be a whole number from -3 to 9 (ticks), not ";
constexpr ParseCase kParseCases[] = {
    {"edge_bps", "0.5", "", 50'000'000},
    {"edge_bps", "0.25", kEdgeRange},
    {"edge_bps", "10", "", 1'000'000'000},
    {"edge_bps", "10.25", kEdgeRange},
    {"edge_bps", "0.75", "", 75'000'000},
    {"edge_bps", "0.76", kEdgeRange},
    {"edge_bps", "", kEdgeRange},
    {"edge_bps", "1e1", kEdgeRange},
    {"ticks", "9", "", 900'000'000},
    {"ticks", "10", kTicksRange},
    {"ticks", "-3", "", -300'000'000},
    {"ticks", "-4", kTicksRange},
    {"ticks", "2.5", kTicksRange},
    {"ticks", "99999999999999999999", kTicksRange},
    {"post_only", "true", "", 100'000'000},
    {"post_only", "false", "", 0},
    {"post_only", "1", "post_only must be true or false, not "},
    {"tick", "1", "there is no parameter tick; did you mean ticks?"},
    {"colour", "1", "there is no parameter colour; there are edge_bps, ticks, post_only"},
};

TEST(Parameters, accept_what_is_in_range_and_name_the_range_otherwise) {
  const Parameters parameters{kTable};
  for (const ParseCase& c : kParseCases) {
    SCOPED_TRACE(std::string{c.name} + " " + std::string{c.text});
    const auto value = parameters.parse(c.name, c.text);
    ASSERT_EQ(value.has_value(), c.error.empty());
    if (value) {
      EXPECT_EQ(*value, c.value_e8);
    } else {
      const bool names_the_text = c.error.ends_with("not ");
      EXPECT_EQ(value.error().message,
                std::string{c.error} + (names_the_text ? std::string{c.text} : ""));
    }
  }
}

TEST(Parameters, give_values_by_typed_handles) {
  Parameters parameters{kTable};
  EXPECT_EQ(parameters.get(kEdge), kOneE8);
  EXPECT_EQ(parameters.get(kTicks), 2);
  EXPECT_TRUE(parameters.get(kPostOnly));
  ASSERT_TRUE(parameters.set("ticks", whole(-3)));
  ASSERT_TRUE(parameters.set("post_only", 0));
  EXPECT_EQ(parameters.get(kTicks), -3);
  EXPECT_FALSE(parameters.get(kPostOnly));
  EXPECT_EQ(parameters.to_json(), R"({"edge_bps":"1","ticks":-3,"post_only":false})");
}

TEST(Parameters, a_refused_value_changes_nothing) {
  Parameters parameters{kTable};
  EXPECT_FALSE(parameters.set("ticks", whole(10)));
  EXPECT_FALSE(parameters.set("ticks", whole(1) + 1));
  EXPECT_FALSE(parameters.set("post_only", 1));
  EXPECT_FALSE(parameters.set("nothing", 0));
  EXPECT_EQ(parameters.to_json(), Parameters{kTable}.to_json());
}

TEST(Parameters, a_table_that_breaks_its_own_rules_is_refused) {
  static constexpr std::array kTwice{integer_parameter("a", "", "", 1, 0, 2),
                                     integer_parameter("a", "", "", 1, 0, 2)};
  static constexpr std::array kOutside{integer_parameter("a", "", "", 3, 0, 2)};
  static constexpr std::array kNoStep{
      ParameterSpec{"a", "", "", ParameterKind::Decimal, 0, 0, 0, 0}};
  EXPECT_THROW(Parameters{kTwice}, std::invalid_argument);
  EXPECT_THROW(Parameters{kOutside}, std::invalid_argument);
  EXPECT_THROW(Parameters{kNoStep}, std::invalid_argument);
}

// The page's form is built from this text.
TEST(JsonSchema, says_everything_a_form_needs) {
  EXPECT_EQ(
      json_schema(kTable),
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("edge_bps":{"type":"string","description":"Distance \"from\" fair","pattern":"^-?[0-9]+([.][0-9]{1,8})?$",)"
      R"("x-minimum":"0.5","x-maximum":"10","x-step":"0.25","x-unit":"bps","default":"1"},)"
      R"("ticks":{"type":"integer","description":"Least distance","minimum":-3,"maximum":9,"multipleOf":1,)"
      R"("x-unit":"ticks","default":2},)"
      R"("post_only":{"type":"boolean","description":"Refuse to take","default":true}}})");
}

TEST(Registry, names_the_nearest_type) {
  const Registry registry = built_in_strategies();
  EXPECT_TRUE(registry.find("market_maker"));
  EXPECT_TRUE(registry.find("ma_cross"));
  EXPECT_EQ(registry.find("market_marker").error().message,
            "there is no strategy type market_marker; did you mean market_maker?");
  EXPECT_EQ(registry.find("grid").error().message,
            "there is no strategy type grid; there are market_maker, ma_cross");
}

TEST(Registry, refuses_a_second_type_of_one_name) {
  Registry registry = built_in_strategies();
  EXPECT_FALSE(registry.add(registry.types().front()));
}

}  // namespace
}  // namespace stoa::strategy

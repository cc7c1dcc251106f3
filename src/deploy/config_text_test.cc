#include "deploy/config_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "deploy/config_filter.h"
#include "deploy/config_units.h"
#include "deploy/plan.h"
#include "ops/config.h"

namespace stoa::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kText = R"(# bounds of the desk
[limits]
max_order_rate = 100  # per second
max_daily_loss = "5.5"

[gateway]
port = 8080
)";

TEST(ConfigText, an_edit_keeps_comments_order_and_what_it_does_not_touch) {
  const auto text = edit_text(kText, {{"limits.max_order_rate", "250"},
                                      {"limits.max_open_orders", "9"},
                                      {"gateway.port", std::nullopt},
                                      {"log.level", "\"debug\""}});
  ASSERT_TRUE(text.has_value()) << text.error().text();
  EXPECT_EQ(*text, R"(# bounds of the desk
[limits]
max_order_rate = 250  # per second
max_daily_loss = "5.5"
max_open_orders = 9

[gateway]

[log]
level = "debug"
)");
}

TEST(ConfigText, what_cannot_be_edited_by_line_is_written_plainly_with_the_same_values) {
  const auto text = edit_text("limits = { max_order_rate = 1, max_daily_loss = 2 }\n",
                              {{"limits.max_daily_loss", std::nullopt}});
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text, "[limits]\nmax_order_rate = 1\n");
}

TEST(ConfigText, strategies_are_paths_by_their_name) {
  const std::string_view text =
      "[[strategy]]\nname = \"mm\"\ntype = \"market_maker\"\nsymbol = \"BTCUSDT\"\n"
      "params = { half_spread_ticks = 4, on = true, text = \"x\", real = 1.5 }\n";
  const auto document = read_document(text, "strategies");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->values.at("strategy.mm.params.half_spread_ticks"), "4");
  EXPECT_EQ(document->values.at("strategy.mm.params.text"), "\"x\"");
  EXPECT_EQ(document->values.at("strategy.mm.enabled"), "true");
  const auto edited = edit_text(text, {{"strategy.mm.params.half_spread_ticks", "5"}});
  ASSERT_TRUE(edited.has_value());
  EXPECT_THAT(*edited, HasSubstr("params = { half_spread_ticks = 5, on = true"));
  const auto dotted =
      read_document("[[strategy]]\nname = \"a.b\"\ntype = \"t\"\nsymbol = \"S\"\n", "strategies");
  ASSERT_FALSE(dotted.has_value());
  EXPECT_THAT(dotted.error().message, HasSubstr("has a dot"));
}

TEST(ConfigText, a_document_reads_back_as_it_was_rendered) {
  Random random{5};
  for (int round = 0; round < 500; ++round) {
    Document document;
    for (int i = 0; i < 6; ++i) {
      const std::string table = "t" + std::to_string(random.below(3));
      const std::string value = random.below(2) == 0 ? std::to_string(random.below(100))
                                                     : "\"a # \\\" b\\n" + std::to_string(i) + "\"";
      document.values.insert_or_assign(table + ".k" + std::to_string(random.below(4)), value);
    }
    const auto again = read_document(render_document(document), "again");
    ASSERT_TRUE(again.has_value()) << again.error().text();
    ASSERT_EQ(again->values, document.values);
    Edits edits;
    for (const auto& [path, value] : document.values) {
      if (random.below(2) == 0) edits.emplace(path, std::nullopt);
    }
    edits.emplace("t9.new", "1");
    const auto text = edit_text(render_document(document), edits);
    ASSERT_TRUE(text.has_value());
    ASSERT_EQ(read_document(*text, "edited")->values, edited(document, edits).values);
  }
}

TEST(ConfigText, a_value_of_a_command_line_gets_the_quotes_that_its_key_takes) {
  EXPECT_EQ(literal_of("limits.max_order_rate", "5"), "5");
  EXPECT_EQ(literal_of("log.level", "debug"), "\"debug\"");
  EXPECT_EQ(literal_of("gateway.host", "1.2.3.4"), "\"1.2.3.4\"");
  EXPECT_EQ(literal_of("service.risk.enabled", "false"), "false");
  EXPECT_EQ(literal_of("market.recordings", "a,b"), "[\"a\", \"b\"]");
  EXPECT_EQ(literal_of("strategy.mm.symbol", "BTCUSDT"), "\"BTCUSDT\"");
  EXPECT_EQ(literal_of("strategy.mm.params.ticks", "4"), "4");
}

TEST(ConfigUnits, every_key_belongs_to_a_unit_that_there_is) {
  for (const ops::Key& key : ops::keys()) {
    EXPECT_NE(find_unit_kind(owner_of(key.name)), nullptr) << key.name;
  }
  EXPECT_EQ(owner_of("strategy.mm.type"), "strategies");
  EXPECT_EQ(owner_of("nonsense.key"), "");
}

TEST(ConfigUnits, every_role_has_a_unit_and_stands_behind_those_it_waits_for) {
  for (const RoleKind& kind : role_kinds()) {
    ASSERT_NE(find_unit_kind(kind.name), nullptr) << kind.name;
    const auto order = [](std::string_view role) {
      return std::stoi(labels_of(*find_unit_kind(role), "dev").at("order"));
    };
    for (const auto before : kind.after) EXPECT_LT(order(before), order(kind.name)) << kind.name;
  }
}

TEST(ConfigUnits, a_key_is_read_by_whom_it_concerns) {
  EXPECT_THAT(readers_of("limits.max_order_rate").roles, ElementsAre("execution"));
  EXPECT_THAT(readers_of("service.risk.port").roles, ElementsAre("risk"));
  EXPECT_TRUE(readers_of("service.risk.enabled").platform);
  EXPECT_EQ(readers_of("log.level").roles.size(), role_kinds().size());
  EXPECT_TRUE(readers_of("market.symbol").roles.empty());
}

struct FilterCase {
  std::string_view filter;
  bool fits;
};
constexpr FilterCase kFilterCases[] = {
    {"", true},
    {"service=execution", true},
    {"service=execution and order<3", true},
    {"service=execution and order<2", false},
    {"order>=2 and order<=2", true},
    {"service!=execution or layer=trade", true},
    {"not service=execution", false},
    {"not (service=risk or service=venue)", true},
    {"layer=\"trade\"", true},
    {"nothing=1", false},
    {"order>10", false},  // as numbers: 2 is not above 10, though the text is
};

TEST(LabelFilter, asks_labels_what_it_says) {
  const Labels labels{{"service", "execution"}, {"order", "2"}, {"layer", "trade"}};
  for (const auto& each : kFilterCases) {
    const auto filter = LabelFilter::parse(each.filter);
    ASSERT_TRUE(filter.has_value()) << each.filter;
    EXPECT_EQ(filter->fits(labels), each.fits) << each.filter;
  }
}

TEST(LabelFilter, what_cannot_be_read_is_refused_with_its_column) {
  for (const std::string_view text :
       {"service", "service=a and", "(service=a", "=a", "a=b c=d", "not", "a=b)"}) {
    const auto filter = LabelFilter::parse(text);
    ASSERT_FALSE(filter.has_value()) << text;
    EXPECT_THAT(filter.error().message, HasSubstr("column")) << text;
  }
}

}  // namespace
}  // namespace stoa::deploy

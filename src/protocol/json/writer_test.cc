#include "protocol/json/writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include "base/price.h"
#include "base/qty.h"

namespace stoa::json {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

TEST(JsonWriter, puts_commas_between_values_and_nowhere_else) {
  std::string out;
  Writer json{out};
  json.begin_object();
  json.field("a", 1);
  json.key("list");
  json.begin_array();
  json.begin_array();
  json.end_array();
  json.value("x");
  json.begin_object();
  json.end_object();
  json.end_array();
  json.null_field("none");
  json.field("yes", true);
  json.raw_field("raw", R"({"k":[]})");
  json.end_object();
  EXPECT_EQ(out, R"({"a":1,"list":[[],"x",{}],"none":null,"yes":true,"raw":{"k":[]}})");
}

TEST(JsonWriter, writes_decimals_as_exact_strings) {
  std::string out;
  Writer json{out};
  json.begin_array();
  json.value(Price::from_e8(6'183'763'000'000));
  json.value(Qty::from_e8(-1));
  json.value(Price::from_e8(std::numeric_limits<std::int64_t>::min()));
  json.value(std::optional<Price>{});
  json.digits(std::numeric_limits<std::uint64_t>::max());
  json.milli(1'500);
  json.milli(-7);
  json.end_array();
  EXPECT_EQ(out, R"(["61837.63","-0.00000001","-92233720368.54775808",null,)"
                 R"("18446744073709551615",1.5,-0.007])");
}

struct EscapeCase {
  std::string_view text;
  std::string_view json;
};

TEST(JsonWriter, escapes_what_must_be_and_replaces_what_is_not_utf8) {
  using namespace std::string_view_literals;
  constexpr EscapeCase kCases[] = {
      {"plain", R"("plain")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\n\r\t\x01\x1f"sv, R"("\n\r\t\u0001\u001f")"},
      {"\0"sv, R"("\u0000")"},
      {"é€😀", R"("é€😀")"},
      {"\xC0\xAF"sv, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong
      {"\xED\xA0\x80"sv, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // surrogate
      {"x\xE2\x82"sv, "\"x\xEF\xBF\xBD\xEF\xBF\xBD\""},                // cut short
      {"\xF4\x90\x80\x80"sv, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (const auto& [text, json] : kCases) {
    SCOPED_TRACE(json);
    EXPECT_EQ(quoted(text), json);
  }
}

}  // namespace
}  // namespace stoa::json

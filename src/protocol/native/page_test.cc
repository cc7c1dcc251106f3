// docs/formats/native.md tells every byte. Its tables come from the registry; this test fails when
// they are stale, and GOLDEN_UPDATE=1 build/dev/protocol_test --gtest_filter='NativePage.*'
// writes them anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "protocol/native/sample_messages.h"

namespace stoa::native {
namespace {

constexpr std::string_view kPage = "docs/formats/native.md";
constexpr std::string_view kBegin =
    "<!-- generated from src/protocol/native/registry.h: begin -->\n";
constexpr std::string_view kEnd = "<!-- generated: end -->\n";

using EnumName = std::string_view (*)(std::uint8_t);

/// Enumerations in the order in which fields first need them, called by that field:
/// "Trade.taker_side".
class Enumerations {
 public:
  std::string name_of(std::string_view message, const Field& field) {
    const auto at = std::ranges::find(known_, field.enum_name, &Known::enum_name);
    if (at != known_.end()) return at->name;
    known_.push_back(
        {field.enum_name, field.enum_count, std::string{message} + "." + std::string{field.name}});
    return known_.back().name;
  }
  [[nodiscard]] std::string table() const {
    std::string text = "| enumeration | values |\n|---|---|\n";
    for (const Known& each : known_) {
      text += "| `" + each.name + "` |";
      for (std::uint8_t value = 0; value < each.count; ++value) {
        text += (value == 0 ? " " : " · ") + std::to_string(value) + " " +
                std::string{each.enum_name(value)};
      }
      text += " |\n";
    }
    return text;
  }

 private:
  struct Known {
    EnumName enum_name;
    std::uint8_t count;
    std::string name;
  };
  std::vector<Known> known_;
};

std::string kind_of(std::string_view message, const Field& field, Enumerations& enumerations) {
  const std::string bits = std::to_string(8 * field.size);
  switch (field.kind) {
    case FieldKind::Unsigned:
      return "u" + bits;
    case FieldKind::Signed:
      return "i" + bits;
    case FieldKind::Decimal:
      return "i64, 1e-8";
    case FieldKind::Time:
      return "i64, ns UTC since 1970";
    case FieldKind::Text:
      return "text, zero-padded";
    case FieldKind::Enum:
      return "u8, `" + enumerations.name_of(message, field) + "`";
    case FieldKind::Bool:
      return "u8, 0 or 1";
    case FieldKind::Reserved:
      return "zero";
    case FieldKind::Count:
      return "u16, items that follow";
    case FieldKind::Hex:
      return "bytes";
    case FieldKind::Wide:
      return "u256";
    case FieldKind::Amount:
      return "token amount";
  }
  return {};
}

std::string fields_table(std::string_view message, std::span<const Field> fields,
                         Enumerations& enumerations) {
  std::string text = "| at | size | field | kind |\n|---:|---:|---|---|\n";
  for (const Field& field : fields) {
    text += "| " + std::to_string(field.offset) + " | " + std::to_string(field.size) + " | " +
            std::string{field.name} + " | " + kind_of(message, field, enumerations) + " |\n";
  }
  return text;
}

std::string_view domain_name(std::uint8_t type) {
  switch (domain_of(type)) {
    case Domain::Market:
      return "market";
    case Domain::Signal:
      return "signal";
    case Domain::Execution:
      return "execution";
    case Domain::System:
      return "system";
  }
  return {};
}

std::string generated() {
  std::string index = "| type | message | domain | bytes | |\n|---:|---|---|---:|---|\n";
  std::string details;
  Enumerations enumerations;
  for (const MessageInfo& info : messages()) {
    const std::string name{info.name};
    std::string size = std::to_string(info.size);
    if (info.item_size > 0) size += " + n × " + std::to_string(info.item_size);
    index += "| " + std::to_string(info.type) + " | " + name + " | " +
             std::string{domain_name(info.type)} + " | " + size + " | " +
             std::string{info.purpose} + " |\n";
    details += "\n### " + std::to_string(info.type) + " " + name + ", " + size + " bytes\n\n" +
               fields_table(name, info.fields, enumerations);
    if (info.item_size > 0) {
      details += "\nEach item behind it:\n\n" +
                 fields_table(name + " item", info.item_fields, enumerations);
    }
  }
  return "\n" + index + details + "\n### Enumerations\n\n" + enumerations.table() + "\n";
}

TEST(NativePage, its_tables_are_those_of_the_registry) {
  const auto path = in_source_tree(kPage);
  std::string page = text_of_file(path);
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << path;
  const std::size_t from = begin + kBegin.size();
  if (update_golden()) {
    page.replace(from, end - from, generated());
    std::ofstream{path, std::ios::binary} << page;
  }
  const std::string text = text_of_file(path);
  EXPECT_EQ(text.substr(from, text.find(kEnd) - from), generated())
      << "the command at the top of page_test.cc writes it anew";
}

// The page's worked example, read from the page.
TEST(NativePage, its_example_decodes_to_what_it_says) {
  const std::string page = text_of_file(in_source_tree(kPage));
  const std::string_view fence = "```hex\n";
  const std::size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = page.find("```", begin + fence.size());
  std::string hex;
  // A line is its bytes, then two spaces and what they are.
  std::string_view rest =
      std::string_view{page}.substr(begin + fence.size(), end - begin - fence.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    for (const char c : line.substr(0, line.find("  "))) {
      if (c != ' ') hex += c;
    }
  }
  const Bytes bytes = bytes_of(hex);
  const auto view = decode(bytes);
  ASSERT_TRUE(view) << to_string(view.error().error) << " at " << view.error().offset;
  ASSERT_TRUE(view->is<Trade>());
  EXPECT_EQ(view->header().source, 5);
  EXPECT_EQ(view->header().sequence, 7U);
  const Trade trade = view->as<Trade>();
  EXPECT_EQ(trade.instrument, InstrumentId{1});
  EXPECT_EQ(trade.taker_side, Side::Sell);
  EXPECT_EQ(trade.px, Price::from_e8(6'183'763'000'000));
  EXPECT_EQ(trade.qty, Qty::from_e8(50'000));
  EXPECT_EQ(trade.trade_id, TradeId{3'735'693'016});
}

}  // namespace
}  // namespace stoa::native

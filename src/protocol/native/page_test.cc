// docs/formats/native.md tells every byte. Its tables come from the registry, and what fields mean
// from the comments of the structs in src/model; this test fails when they are stale, and
// GOLDEN_UPDATE=1 build/dev/protocol_test --gtest_filter='NativePage.*' writes them anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <map>
#include <regex>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/portfolio.h"
#include "model/risk.h"
#include "model/signal.h"
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

/// What the comments in src/model say of structs and their fields.
class Comments {
 public:
  Comments() {
    for (const auto& entry : std::filesystem::directory_iterator{in_source_tree("src/model")}) {
      if (entry.path().extension() == ".h") read(text_of_file(entry.path()));
    }
  }
  /// The sentences above a struct.
  [[nodiscard]] std::string of(const std::string& structure) const { return find(structure); }
  [[nodiscard]] std::string of(const std::string& structure, std::string_view field) const {
    return find(structure + "." + std::string{field});
  }

 private:
  static void join(std::string& text, std::string_view more) {
    if (!text.empty()) text += ' ';
    for (const char c : more) {
      if (c == '|') text += '\\';  // it would end the cell
      text += c;
    }
  }
  void read(const std::string& header) {
    static const std::regex kStruct{R"(struct (\w+) \{)"};
    static const std::regex kMember{R"( +[\w:<>, ]+ (\w+)(?:\{.*\}| = [^;]+)?;(?: +// (.*))?)"};
    std::istringstream lines{header};
    std::string above;
    std::string structure;
    std::string last;
    for (std::string line; std::getline(lines, line);) {
      const std::string_view words =
          std::string_view{line}.substr(std::min(line.find_first_not_of(' '), line.size()));
      std::smatch match;
      if (structure.empty() && words.starts_with("/// ")) {
        join(above, words.substr(4));
      } else if (std::regex_match(line, match, kStruct)) {
        structure = match[1];
        comments_[structure] = above;
        last.clear();
      } else if (structure.empty()) {
        above.clear();
      } else if (line == "};") {
        structure.clear();
        above.clear();
      } else if (words.starts_with("// ") && !last.empty()) {
        join(comments_[last], words.substr(3));
      } else if (std::regex_match(line, match, kMember)) {
        last = structure + "." + match[1].str();
        join(comments_[last], match[2].str());
      }
    }
  }
  [[nodiscard]] std::string find(const std::string& key) const {
    const auto at = comments_.find(key);
    return at == comments_.end() ? "" : at->second;
  }

  std::map<std::string, std::string> comments_;
};

/// The structs behind the types that do not bear their names.
std::string struct_of(const MessageInfo& info) {
  return info.type == kBookSnapshotType || info.type == kBookDeltaType ? "BookUpdate"
                                                                       : std::string{info.name};
}
std::string item_struct_of(const MessageInfo& info) {
  switch (info.type) {
    case Wire<RiskDecision>::kType:
      return "CheckResult";
    case Wire<ArbitrageSignal>::kType:
      return "ArbitrageLeg";
    case Wire<Portfolio>::kType:
      return "PortfolioPosition";
    default:
      return "Level";
  }
}

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

std::string fields_table(std::string_view message, const std::string& structure,
                         std::span<const Field> fields, Enumerations& enumerations,
                         const Comments& comments) {
  std::string text = "| at | size | field | kind | |\n|---:|---:|---|---|---|\n";
  for (const Field& field : fields) {
    text += "| " + std::to_string(field.offset) + " | " + std::to_string(field.size) + " | " +
            std::string{field.name} + " | " + kind_of(message, field, enumerations) + " | " +
            comments.of(structure, field.name) + " |\n";
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
  const Comments comments;
  for (const MessageInfo& info : messages()) {
    const std::string name{info.name};
    std::string size = std::to_string(info.size);
    if (info.item_size > 0) size += " + n × " + std::to_string(info.item_size);
    index += "| " + std::to_string(info.type) + " | " + name + " | " +
             std::string{domain_name(info.type)} + " | " + size + " | " +
             std::string{info.purpose} + " |\n";
    const std::string structure = struct_of(info);
    details += "\n### " + std::to_string(info.type) + " " + name + ", " + size + " bytes\n\n" +
               comments.of(structure) + "\n\n" +
               fields_table(name, structure, info.fields, enumerations, comments);
    if (info.item_size > 0) {
      const std::string item = item_struct_of(info);
      details += "\nEach item behind it: " + comments.of(item) + "\n\n" +
                 fields_table(name + " item", item, info.item_fields, enumerations, comments);
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

TEST(NativePage, every_message_has_a_sentence_on_the_page) {
  const Comments comments;
  for (const MessageInfo& info : messages()) {
    EXPECT_NE(comments.of(struct_of(info)), "") << info.name;
    if (info.item_size > 0) {
      EXPECT_NE(comments.of(item_struct_of(info)), "") << info.name;
    }
  }
  EXPECT_EQ(comments.of("Trade"), "One public trade.");
  EXPECT_EQ(comments.of("PoolSwap", "sqrt_price_x96"),
            "after the swap: sqrt(token1 / token0) x 2^96; 0 for constant product");
}

TEST(NativePage, names_every_answer_and_flag) {
  const std::string page = text_of_file(in_source_tree(kPage));
  for (std::uint8_t error = 0; error < kDecodeErrors; ++error) {
    const auto words = to_string(static_cast<DecodeError>(error));
    EXPECT_NE(page.find("| " + std::string{words} + " |"), std::string::npos) << words;
  }
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

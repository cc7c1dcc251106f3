#include "cli/strategy_table.h"

#include <fmt/core.h>

#include <string>

#include "cli/json_value.h"

namespace stoa::cli {

std::string strategy_line(const JsonValue& strategy) {
  auto text = fmt::format("{}  {} {}  {}", strategy["name"].text(), strategy["type"].text(),
                          strategy["symbol"].text(), strategy["state"].text());
  for (const auto& [name, value] : strategy["params"].members()) {
    text += fmt::format("  {}={}", name,
                        value.kind() == JsonValue::Kind::Text ? value.text() : value.compact());
  }
  return text + "\n";
}

}  // namespace stoa::cli

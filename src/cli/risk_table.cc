#include "cli/risk_table.h"

#include <fmt/core.h>

#include <string>

#include "cli/json_value.h"
#include "cli/table.h"

namespace stoa::cli {

std::string risk_text(const JsonValue& risk) {
  std::string text = "kill switch: off\n\n";
  if (const JsonValue& kill = risk["kill_switch"]; kill["active"].is_true()) {
    text = fmt::format("kill switch: ACTIVE since {}, by {}: {}\n\n",
                       time_cell(kill["since_ns"].text()), kill["actor"].text_or("?"),
                       kill["reason"].text_or("no reason given"));
  }
  Table limits{{"LIMIT"}, {"VALUE", kRight}, {"USED", kRight}, {"UNIT"}};
  for (const JsonValue& limit : risk["limits"].items()) {
    // The gate keeps "no limit" as the largest quantity there is.
    const bool off = limit["limit"].text() == "92233720368.54775807";
    limits.row({limit["name"].text(), off ? "off" : limit["limit"].text(),
                limit["used"].text_or("-"), limit["unit"].text()});
  }
  text += limits.text();
  Table rejects{{"REFUSED FOR"}, {"COUNT", kRight}};
  for (const auto& [code, count] : risk["rejects"].members()) rejects.row({code, count.text()});
  if (rejects.rows() > 0) text += "\n" + rejects.text();
  return text;
}

}  // namespace stoa::cli

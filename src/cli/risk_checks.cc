#include "cli/risk_checks.h"

#include <string>

#include "cli/json_value.h"
#include "cli/table.h"

namespace stoa::cli {

std::string checks_table(const JsonValue& checks) {
  Table table{{"CHECK"}, {"OK"}, {"VALUE", kRight}, {"LIMIT", kRight}, {"HEADROOM", kRight}};
  for (const JsonValue& check : checks.items()) {
    table.row({check["check"].text(), check["ok"].is_true() ? "yes" : "NO",
               check["value"].text_or("-"), check["limit"].text_or("-"),
               check["headroom"].text_or("-")});
  }
  return table.text();
}

}  // namespace stoa::cli

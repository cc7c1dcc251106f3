#include "deploy/drift.h"

#include <fmt/core.h>

#include "deploy/config_text.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "ops/config_file.h"

namespace stoa::deploy {

void find_file_drift(const Layout& layout, const ApplyTicket& ticket, DriftFindings& findings) {
  const auto file = layout.current_config();
  const auto text = ops::read_text_file(file);
  if (!text) {
    findings.emplace_back("file", text.error().text());
    return;
  }
  if (*text == ticket.text) return;
  const auto now = read_document(*text, file.string());
  const auto wanted = read_document(ticket.text, ticket.name);
  if (!now || !wanted) {
    findings.emplace_back("file", now ? "cannot be compared" : now.error().text());
    return;
  }
  const auto edits = difference(wanted->values, now->values);
  for (const auto& [path, value] : edits) {
    const auto had = wanted->values.find(path);
    findings.emplace_back("file",
                          fmt::format("{} is {}, wanted is {}", path, value.value_or("not set"),
                                      had == wanted->values.end() ? "not set" : had->second));
  }
  if (edits.empty()) findings.emplace_back("file", "differs in its comments or its revision");
}

}  // namespace stoa::deploy

#include <fmt/core.h>

#include <iterator>
#include <string>
#include <string_view>

#include "ops/config.h"

namespace stoa::ops {

std::string keys_as_markdown() {
  std::string text =
      "| key | type | default | range | variable | meaning |\n|---|---|---|---|---|---|\n";
  auto out = std::back_inserter(text);
  const auto code = [](std::string_view value) {
    return value.empty() ? std::string{} : fmt::format("`{}`", value);
  };
  for (const Key& key : keys()) {
    fmt::format_to(out, "| `{}` | {} | {} | {} | {} | {} |\n", key.name, key.type_text(),
                   code(key.default_value), key.range_text(), code(key.variable),
                   key.awaits.empty() ? std::string{key.doc}
                                      : fmt::format("{} Awaits {}.", key.doc, key.awaits));
  }
  text += "\nVariables that are no settings:\n\n| variable | meaning |\n|---|---|\n";
  for (const OtherVariable& other : other_variables()) {
    fmt::format_to(out, "| `{}` | {} |\n", other.name, other.doc);
  }
  return text;
}

}  // namespace stoa::ops

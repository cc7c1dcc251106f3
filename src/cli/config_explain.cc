#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/config_json.h"
#include "cli/exit.h"
#include "cli/table.h"
#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "KEY", .help = "a key, gateway.port, or its variable"}});
constexpr auto kExamples = std::to_array<std::string_view>({"stoa config explain gateway.port"});

std::string explanation(const ops::Setting& setting) {
  const ops::Key& key = *setting.key;
  Table says{{"FROM"}, {"VALUE"}, {""}};
  for (const ops::Say& say : setting.says) {
    says.row({say.where, say.value, &say == &setting.winner() ? "this one counts" : ""});
  }
  return fmt::format(
      "{} = {}\n\n{}\n{}{}{}{}\n\n{}", key.name, setting.value, key.doc,
      key.awaits.empty() ? "" : fmt::format("Nothing reads it yet: it awaits {}.\n", key.awaits),
      key.type_text(), key.range_text().empty() ? "" : ": ",
      key.range_text() +
          (key.variable.empty() ? std::string{} : fmt::format("; variable {}", key.variable)),
      says.text());
}

Exit run(Context& context) {
  const auto name = context.arguments.required("KEY");
  std::vector<std::string_view> names;
  for (const ops::Key& key : ops::keys()) names.push_back(key.name);
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return Exit::Finding;
  const auto found = std::ranges::find_if(loaded->settings, [&](const ops::Setting& setting) {
    return setting.key->name == name || (!name.empty() && setting.key->variable == name);
  });
  if (found == loaded->settings.end()) {
    const auto near = ops::nearest(name, names);
    return context.usage(fmt::format("{}: unknown key{}", name,
                                     near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    append_setting(json, *found);
    context.terminal.out << text << '\n';
  } else {
    context.terminal.out << explanation(*found);
  }
  return Exit::Ok;
}

}  // namespace

Command config_explain() {
  return {.noun = "config",
          .verb = "explain",
          .group = Command::Group::Look,
          .summary = "Explain one key: meaning, range, what every source says, which one counts",
          .arguments = kArguments,
          .flags = {config_flags(), output_flags()},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

#include "cli/help.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/exit.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

constexpr std::size_t kLineMax = 100;
constexpr std::array<std::string_view, 2> kTopics{"exit-codes", "environment"};

/// "order place SYMBOL SIDE QUANTITY [--price P]": the command line in one line.
std::string synopsis(const Command& command) {
  std::string text = "stoa " + command.name();
  auto out = std::back_inserter(text);
  for (const Argument& argument : command.arguments) {
    const auto name = fmt::format("{}{}", argument.name, argument.repeats ? "…" : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  for (const auto& flags : command.flags) {
    for (const Flag& flag : flags) {
      if (flag.required) fmt::format_to(out, " {} {}", flag.name, flag.value);
    }
  }
  return text;
}

std::string flag_title(const Flag& flag) {
  auto title = std::string{flag.name};
  if (const auto comma = title.find(','); comma != std::string::npos) title.insert(comma + 1, " ");
  if (!flag.value.empty()) (title += ' ') += flag.value;
  return title;
}

std::string flag_help(const Flag& flag) {
  return fmt::format("{}{}{}", flag.help, flag.repeats ? " (may be repeated)" : "",
                     flag.required ? " (needed)" : "");
}

std::string exit_codes_page() {
  std::string text = "Exit codes of every stoa command\n\n";
  for (const ExitCode& code : exit_codes()) {
    fmt::format_to(std::back_inserter(text), "  {}  {}\n", static_cast<int>(code.exit),
                   code.meaning);
  }
  text += "\nstdout carries data only; everything a person is told goes to stderr.\n";
  return text;
}

std::string environment_page() {
  std::string text =
      "Variables that set a configuration key (flag > variable > file > default)\n\n";
  auto out = std::back_inserter(text);
  for (const ops::Key& key : ops::keys()) {
    if (!key.variable.empty()) fmt::format_to(out, "  {:<24}{}\n", key.variable, key.name);
  }
  text += "\nOther variables\n\n";
  for (const auto& other : ops::other_variables()) {
    fmt::format_to(out, "  {:<24}{}\n", other.name, other.doc);
  }
  text += "  NO_COLOR                no colours, whatever its value\n";
  text += "\nAny other variable named STOA_* stops the start: it is a misspelling.\n";
  return text;
}

}  // namespace

std::vector<std::string_view> nouns() {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (std::ranges::find(names, command.noun) == names.end()) names.push_back(command.noun);
  }
  return names;
}

std::string landing() {
  constexpr std::array<std::string_view, 4> kTitles{"Trade", "Run", "Look", "Setup"};
  std::string text =
      "stoa: run, trade and operate your own trading platform\n"
      "Examples:\n"
      "  stoa run engine                                    engine, simulated market, page on "
      ":8080\n"
      "  stoa order place BTCUSDT buy 0.01 --price 60000    place an order; show follows its "
      "story\n"
      "  stoa order list -o json | jq '.orders[].status'    everything can be scripted\n"
      "  stoa journal verify data/wal                       is every stored byte what was "
      "written?\n";
  auto out = std::back_inserter(text);
  for (std::size_t group = 0; group < kTitles.size(); ++group) {
    fmt::format_to(out, "{:<7}", std::string{kTitles[group]} + ":");
    std::string_view last;
    for (const Command& command : commands()) {
      if (static_cast<std::size_t>(command.group) != group || command.noun == last) continue;
      last = command.noun;
      // As wide as a page of text: a group that grows goes on below its title.
      const auto line = text.size() - (text.rfind('\n') + 1);
      if (line + 2 + last.size() > kLineMax) fmt::format_to(out, "\n{:<7}", "");
      fmt::format_to(out, "  {}", last);
    }
    text += '\n';
  }
  text +=
      "Use \"stoa NOUN\" for its verbs, \"stoa NOUN VERB --help\" for flags and examples,\n"
      "\"stoa help exit-codes\" and \"stoa help environment\" for scripting. Full list: "
      "docs/cli.md\n";
  return text;
}

std::optional<std::string> noun_help(std::string_view noun) {
  std::string text;
  auto out = std::back_inserter(text);
  std::size_t width = 9;
  for (const Command& command : commands()) {
    if (command.noun == noun) width = std::max(width, command.verb.size());
  }
  for (const Command& command : commands()) {
    if (command.noun != noun) continue;
    if (text.empty()) fmt::format_to(out, "stoa {}{}\n", noun, command.verb.empty() ? "" : " VERB");
    fmt::format_to(out, "  {:<{}} {}\n", command.verb, width, command.summary);
  }
  if (text.empty()) return std::nullopt;
  return text;
}

std::string command_help(const Command& command) {
  auto text = fmt::format("{}\n\n  {} [flags]\n", command.summary, synopsis(command));
  auto out = std::back_inserter(text);
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const auto example : command.examples) fmt::format_to(out, "  {}\n", example);
  if (!command.arguments.empty()) text += "\nArguments:\n";
  for (const Argument& argument : command.arguments) {
    fmt::format_to(out, "  {:<22}{}\n", argument.name, argument.help);
  }
  text += "\nFlags:\n";
  for (const auto& flags : command.flags) {
    for (const Flag& flag : flags) {
      const auto title = flag_title(flag);
      fmt::format_to(out, "  {:<22}{}{}\n", title, title.size() > 21 ? " " : "", flag_help(flag));
    }
  }
  if (!command.notes.empty()) fmt::format_to(out, "\n{}\n", command.notes);
  return text;
}

std::optional<std::string> topic(std::string_view name) {
  if (name == "exit-codes") return exit_codes_page();
  if (name == "environment") return environment_page();
  return std::nullopt;
}

std::span<const std::string_view> topics() noexcept { return kTopics; }

std::string commands_as_markdown() {
  std::string text;
  auto out = std::back_inserter(text);
  for (const auto noun : nouns()) {
    fmt::format_to(out, "\n### {}\n", noun);
    for (const Command& command : commands()) {
      if (command.noun != noun) continue;
      fmt::format_to(out, "\n`{}`: {}.\n", synopsis(command), command.summary);
      for (const auto& flags : command.flags) {
        // Flags that every command has are described once, above.
        if (flags.data() == output_flags().data()) continue;
        for (const Flag& flag : flags) {
          fmt::format_to(out, "- `{}` {}\n", flag_title(flag), flag_help(flag));
        }
      }
      for (const auto example : command.examples) fmt::format_to(out, "- Example: `{}`\n", example);
      if (!command.notes.empty()) fmt::format_to(out, "\n{}\n", command.notes);
    }
  }
  return text;
}

}  // namespace stoa::cli

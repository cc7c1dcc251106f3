#include "cli/app.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

bool asks_for_help(std::string_view word) { return word == "-h" || word == "--help"; }

Exit unknown(Terminal& terminal, std::string_view what, std::string_view word,
             std::span<const std::string_view> names) {
  const auto near = ops::nearest(word, names);
  terminal.err << fmt::format("stoa: unknown {} {}{}\n", what, word,
                              near ? fmt::format("; did you mean {}?", *near) : "")
               << "  see: stoa help\n";
  return Exit::Usage;
}

/// How many words behind the noun are the verb, if they are; a verb that is empty takes none.
std::optional<std::size_t> verb_words(std::string_view verb,
                                      const std::vector<std::string>& words) {
  std::size_t count = 0;
  while (!verb.empty()) {
    const auto word = verb.substr(0, verb.find(' '));
    if (++count >= words.size() || words[count] != word) return std::nullopt;
    verb.remove_prefix(std::min(verb.size(), word.size() + 1));
  }
  return count;
}

/// Names that operators know from elsewhere stand for ours.
std::string_view noun_of(std::string_view word) {
  if (word == "--version") return "version";
  if (word == "health-check") return "health";
  return word == "validate-deployment" ? "validate" : word;
}

Exit help_on(const std::vector<std::string>& words, Terminal& terminal) {
  if (words.empty()) {
    terminal.out << landing();
    return Exit::Ok;
  }
  if (const auto page = topic(words[0])) {
    terminal.out << *page;
    return Exit::Ok;
  }
  const auto verb = words.size() > 1 ? std::string_view{words[1]} : std::string_view{};
  for (const Command& command : commands()) {
    if (command.noun == words[0] && verb_words(command.verb, words) == words.size() - 1) {
      terminal.out << command_help(command);
      return Exit::Ok;
    }
  }
  if (const auto page = noun_help(words[0]); verb.empty() && page) {
    terminal.out << *page;
    return Exit::Ok;
  }
  std::vector<std::string_view> names = nouns();
  names.insert(names.end(), topics().begin(), topics().end());
  return unknown(terminal, "topic", words[0], names);
}

/// `NOUN` needs a verb: the list of verbs, or which one was meant.
Exit without_verb(std::string_view noun, const std::vector<std::string>& words,
                  Terminal& terminal) {
  const auto page = noun_help(noun).value_or("");
  if (words.size() == 1) {
    terminal.err << page;
    return Exit::Usage;
  }
  if (asks_for_help(words[1])) {
    terminal.out << page;
    return Exit::Ok;
  }
  std::vector<std::string_view> verbs;
  for (const Command& command : commands()) {
    if (command.noun == noun) verbs.push_back(command.verb);
  }
  const auto near = ops::nearest(words[1], verbs);
  terminal.err << fmt::format("stoa: {} has no {}{}\n", noun, words[1],
                              near ? fmt::format("; did you mean stoa {} {}?", noun, *near) : "")
               << page;
  return Exit::Usage;
}

Exit run_command(const Command& command, std::vector<std::string> words, const Hooks& hooks,
                 const ops::Surroundings& surroundings, Terminal& terminal) {
  if (std::ranges::any_of(words, asks_for_help)) {
    terminal.out << command_help(command);
    return Exit::Ok;
  }
  Context context{
      .command = command, .hooks = hooks, .surroundings = surroundings, .terminal = terminal};
  auto arguments = parse_arguments(command, std::move(words));
  if (!arguments) return context.usage(arguments.error().message);
  context.arguments = std::move(*arguments);
  if (context.arguments.has("--json") || context.arguments.value("--output") == "json") {
    context.output = Output::Json;
  }
  return command.run(context);
}

}  // namespace

Exit dispatch(const std::vector<std::string>& words, const Hooks& hooks,
              const ops::Surroundings& surroundings, Terminal& terminal) {
  if (words.empty() || asks_for_help(words[0])) return help_on({}, terminal);
  if (words[0] == "help") return help_on({words.begin() + 1, words.end()}, terminal);
  const std::string_view noun = noun_of(words[0]);
  bool known = false;
  const Command* found = nullptr;
  std::size_t found_words = 0;  // the longest verb counts: "backup verify" before "backup"
  for (const Command& command : commands()) {
    if (command.noun != noun) continue;
    known = true;
    const auto length = verb_words(command.verb, words);
    if (length && (found == nullptr || *length > found_words)) {
      found = &command;
      found_words = *length;
    }
  }
  if (found != nullptr) {
    const auto rest = static_cast<std::ptrdiff_t>(1 + found_words);
    return run_command(*found, {words.begin() + rest, words.end()}, hooks, surroundings, terminal);
  }
  if (known) return without_verb(noun, words, terminal);
  return unknown(terminal, noun.starts_with('-') ? "flag" : "command", noun, nouns());
}

}  // namespace stoa::cli

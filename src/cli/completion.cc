#include <fmt/core.h>

#include <array>
#include <iterator>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/help.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 3> kShells{"bash", "zsh", "fish"};
constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SHELL", .help = "bash, zsh or fish", .choices = kShells}});
constexpr auto kExamples = std::to_array<std::string_view>(
    {"stoa completion bash > /etc/bash_completion.d/stoa",
     "stoa completion fish > ~/.config/fish/completions/stoa.fish"});

std::string_view long_name(std::string_view names) {
  const auto comma = names.rfind(',');
  return comma == std::string_view::npos ? names : names.substr(comma + 1);
}

std::string verbs_of(std::string_view noun) {
  std::string verbs;
  for (const Command& command : commands()) {
    if (command.noun == noun && !command.verb.empty()) (verbs += ' ') += command.verb;
  }
  return verbs.empty() ? verbs : verbs.substr(1);
}

std::string flags_of(const Command& command) {
  std::string names = "--help";
  for (const auto& flags : command.flags) {
    for (const Flag& flag : flags) (names += ' ') += long_name(flag.name);
  }
  for (const Argument& argument : command.arguments) {
    for (const auto choice : argument.choices) (names += ' ') += choice;
  }
  return names;
}

/// `case "$noun $verb"` with the flags of each command; bash and zsh (through bashcompinit) share
/// it.
std::string bash_script() {
  std::string nouns_text = "help";
  for (const auto noun : nouns()) (nouns_text += ' ') += noun;
  auto text = fmt::format(R"sh(_stoa() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} noun=${{COMP_WORDS[1]}} verb=${{COMP_WORDS[2]}}
  local words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{}"
  else
    case "$noun" in
)sh",
                          nouns_text);
  auto out = std::back_inserter(text);
  for (const auto noun : nouns()) {
    const auto verbs = verbs_of(noun);
    if (verbs.empty()) continue;
    fmt::format_to(out, "      {}) if [ \"$COMP_CWORD\" -eq 2 ]; then words=\"{}\"; fi ;;\n", noun,
                   verbs);
  }
  text += "    esac\n    case \"$noun $verb\" in\n";
  for (const Command& command : commands()) {
    fmt::format_to(out, "      \"{}{}) words=\"${{words:-{}}}\" ;;\n", command.name(),
                   command.verb.empty() ? " \"*" : "\"", flags_of(command));
  }
  text +=
      "    esac\n  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
      "complete -o default -F _stoa stoa\n";
  return text;
}

std::string zsh_script() {
  // `words` is zsh's own name for the line.
  std::string text =
      "#compdef stoa\n_stoa() {\n  local -a found\n  if (( CURRENT == 2 )); then\n    found=(help";
  auto out = std::back_inserter(text);
  for (const auto noun : nouns()) fmt::format_to(out, " {}", noun);
  text += ")\n  else\n    if (( CURRENT == 3 )); then\n      case \"${words[2]}\" in\n";
  for (const auto noun : nouns()) {
    const auto verbs = verbs_of(noun);
    if (!verbs.empty()) {
      fmt::format_to(out, "        {}) found=({}) ;;\n", noun, verbs);
    }
  }
  text +=
      "      esac\n    fi\n    if (( ! ${#found} )); then\n      case \"${words[2]} ${words[3]}\" "
      "in\n";
  for (const Command& command : commands()) {
    fmt::format_to(out, "        \"{}{}) found=({}) ;;\n", command.name(),
                   command.verb.empty() ? " \"*" : "\"", flags_of(command));
  }
  text += "      esac\n    fi\n  fi\n  compadd -a found\n  _files\n}\ncompdef _stoa stoa\n";
  return text;
}

std::string fish_script() {
  std::string text = "complete -c stoa -e\n";
  auto out = std::back_inserter(text);
  for (const auto noun : nouns()) {
    fmt::format_to(out, "complete -c stoa -n __fish_use_subcommand -a {}\n", noun);
  }
  for (const Command& command : commands()) {
    const auto seen = command.verb.empty()
                          ? fmt::format("__fish_seen_subcommand_from {}", command.noun)
                          : fmt::format(
                                "__fish_seen_subcommand_from {}; and "
                                "__fish_seen_subcommand_from {}",
                                command.noun, command.verb);
    if (!command.verb.empty()) {
      fmt::format_to(out,
                     "complete -c stoa -n '__fish_seen_subcommand_from {0}; and not "
                     "__fish_seen_subcommand_from {1}' -a '{2}' -d '{3}'\n",
                     command.noun, verbs_of(command.noun), command.verb, command.summary);
    }
    for (const auto& flags : command.flags) {
      for (const Flag& flag : flags) {
        fmt::format_to(out, "complete -c stoa -n '{}' -l {}{} -d '{}'\n", seen,
                       long_name(flag.name).substr(2), flag.kind == Flag::Kind::Switch ? "" : " -r",
                       flag.help);
      }
    }
  }
  return text;
}

Exit run(Context& context) {
  const auto shell = context.arguments.required("SHELL");
  context.terminal.out << (shell == "bash"  ? bash_script()
                           : shell == "zsh" ? zsh_script()
                                            : fish_script());
  return Exit::Ok;
}

}  // namespace

Command completion() {
  return {.noun = "completion",
          .group = Command::Group::Setup,
          .summary = "Write a completion script for bash, zsh or fish",
          .arguments = kArguments,
          .flags = {},
          .examples = kExamples,
          .run = run};
}

}  // namespace stoa::cli

#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "ops/config.h"

// What a command is. The table of commands (commands.cc) is the source of parsing, help, completion
// and the list in docs/cli.md.
namespace stoa::cli {

/// `--limit N`: a named option. A switch takes no value.
struct Flag {
  enum class Kind : std::uint8_t { Switch, Text, Integer, Path, Choice };
  std::string_view name{};   // "--limit", or "-o,--output"
  std::string_view value{};  // what help calls its value: "N"
  std::string_view help{};   // one line
  Kind kind = Kind::Text;
  bool repeats = false;
  bool required = false;
  std::span<const std::string_view> choices{};
};

/// A word by its place.
struct Argument {
  std::string_view name{};  // "SYMBOL"
  std::string_view help{};
  bool required = true;
  bool repeats = false;  // the last one only
  std::span<const std::string_view> choices{};
};

struct Context;

/// `stoa NOUN VERB`; a command with an empty verb is `stoa NOUN`.
struct Command {
  enum class Group : std::uint8_t { Trade, Run, Look, Setup };
  std::string_view noun{};
  std::string_view verb{};  // one word, or two: "backup verify"
  Group group = Group::Trade;
  std::string_view summary{};
  std::span<const Argument> arguments{};
  std::vector<std::span<const Flag>> flags{};  // its own first, then shared ones
  std::span<const std::string_view> examples{};
  std::string_view notes{};  // exit codes or rules worth knowing; may be empty
  Exit (*run)(Context&) = nullptr;

  [[nodiscard]] std::string name() const;  // "order place"
};

/// What the person typed behind the command's words, already held to the command's table.
class Arguments {
 public:
  void add(std::string_view name, std::string value);

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  /// The value of a flag ("--limit") or argument ("SYMBOL"), nothing when it was not given.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  /// Of a required flag or argument, which the parser has seen to.
  [[nodiscard]] std::string required(std::string_view name) const;
  [[nodiscard]] std::string value_or(std::string_view name, std::string_view otherwise) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// Where a command reads and writes. Borrowed for the run of one command.
struct Terminal {
  std::ostream& out;           // data
  std::ostream& err;           // talk
  bool colour = false;         // stdout is a terminal and nobody said NO_COLOR
  bool live = false;           // both are one, so a line may be written over
  std::istream* in = nullptr;  // where a person answers; null: nobody is there
};

/// One run of one command.
struct Context {
  const Command& command;
  const Hooks& hooks;
  const ops::Surroundings& surroundings;
  Terminal& terminal;
  Output output = Output::Table;
  Arguments arguments{};

  [[nodiscard]] bool json() const noexcept { return output == Output::Json; }
  /// Says the error on stderr and gives `exit` back.
  [[nodiscard]] Exit fail(const Error& error, Exit exit = Exit::Failed) const;
  /// The same for a command line that cannot be meant.
  [[nodiscard]] Exit usage(std::string_view what) const;
};

/// Flags of every command.
[[nodiscard]] std::span<const Flag> output_flags() noexcept;
/// Flags of every command that reads configuration.
[[nodiscard]] std::span<const Flag> config_flags() noexcept;
/// What those flags ask for.
[[nodiscard]] ops::LoadOptions load_options(const Context& context);
/// Loads, or says every problem on stderr.
[[nodiscard]] std::optional<ops::Loaded> load_config(const Context& context,
                                                     const ops::LoadOptions& options);

/// Every command, in the order of help.
[[nodiscard]] const std::vector<Command>& commands();

}  // namespace stoa::cli

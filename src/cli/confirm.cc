#include "cli/confirm.h"

#include <array>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/exit.h"

namespace stoa::cli {
namespace {

constexpr auto kConfirmFlags = std::to_array<Flag>({
    {.name = "--dry-run", .help = "show it and change nothing", .kind = Flag::Kind::Switch},
    {.name = "--yes", .help = "do it without asking", .kind = Flag::Kind::Switch},
    {.name = "--no-input", .help = "never ask; without --yes: refuse", .kind = Flag::Kind::Switch},
});

}  // namespace

std::span<const Flag> confirm_flags() noexcept { return kConfirmFlags; }

std::optional<Exit> confirm(const Context& context, std::string_view question) {
  if (context.arguments.has("--yes")) return std::nullopt;
  Terminal& terminal = context.terminal;
  if (terminal.in == nullptr || context.arguments.has("--no-input")) {
    return context.usage("nobody is here to say yes: add --yes, or --dry-run to look only");
  }
  terminal.err << question << " Type yes to go on: " << std::flush;
  std::string answer;
  std::getline(*terminal.in, answer);
  if (answer == "yes") return std::nullopt;
  terminal.err << "nothing was changed\n";
  return Exit::Failed;
}

}  // namespace stoa::cli

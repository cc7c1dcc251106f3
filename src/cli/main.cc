#include "cli/main.h"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/hooks.h"
#include "ops/config.h"

namespace stoa::cli {

int run(int argc, char** argv, const Hooks& hooks) {
  // A reader that leaves (`stoa order list | head`) shows as a failed write.
  // NOLINTNEXTLINE(bugprone-signal-handler,cert-err33-c): only ignoring.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // NOLINT(misc-include-cleaner): of <csignal>
  const auto surroundings = ops::Surroundings::of_process();
  const auto no_color = surroundings.variables.find("NO_COLOR");
  const bool colour_refused = no_color != surroundings.variables.end() && !no_color->second.empty();
  Terminal terminal{.out = std::cout,
                    .err = std::cerr,
                    .colour = ::isatty(STDOUT_FILENO) == 1 && !colour_refused,
                    .live = ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1,
                    .in = ::isatty(STDIN_FILENO) == 1 ? &std::cin : nullptr};
  Exit exit = Exit::Failed;
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    exit = dispatch(words, hooks, surroundings, terminal);
  } catch (const std::exception& error) {
    std::cerr << "stoa: " << error.what() << '\n';
  }
  std::cout.flush();
  if (!std::cout && exit == Exit::Ok) exit = Exit::Failed;  // data that nobody got
  return static_cast<int>(exit);
}

}  // namespace stoa::cli

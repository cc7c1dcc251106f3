#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/log_lines.h"
#include "cli/platform.h"

namespace stoa::cli {
namespace {

constexpr std::array<std::string_view, 4> kLevels{"error", "warn", "info", "debug"};
constexpr auto kArguments = std::to_array<Argument>({
    {.name = "ROLE",
     .help = "as stoa ps names it, or supervisor; all unless told",
     .required = false,
     .repeats = true},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "-f,--follow", .help = "go on with what is written", .kind = Flag::Kind::Switch},
    {.name = "-n,--lines",
     .value = "N",
     .help = "how many of the newest lines, 50 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--level",
     .value = "LEVEL",
     .help = "error, warn, info or debug: that and what is graver",
     .kind = Flag::Kind::Choice,
     .choices = kLevels},
    {.name = "--since", .value = "TIME", .help = "10m, 2h, 3d, or 2026-11-21T17:00"},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa logs -f",
    "stoa logs execution gateway -n 200 --level warn",
    "stoa logs --since 10m -o json | jq 'select(.level == \"error\")'",
});
constexpr int kLookAgainMs = 200;
constexpr std::uint64_t kTailBytes = 8ULL * 1024 * 1024;  // of each file, without --since

struct Wanted {
  log::Level level = log::Level::Debug;
  std::string since{};
  std::size_t lines = 50;

  [[nodiscard]] bool takes(const LogLine& line) const {
    return line.level <= level && (since.empty() || line.ts >= since);
  }
};

std::vector<std::string> roles_of(const Context& context, const Platform& platform) {
  auto roles = context.arguments.all("ROLE");
  if (!roles.empty()) return roles;
  std::error_code error;
  for (std::filesystem::directory_iterator files{platform.layout.logs(), error}, end;
       !error && files != end; files.increment(error)) {
    if (files->path().extension() == ".log") roles.push_back(files->path().stem().string());
  }
  std::ranges::sort(roles);
  return roles;
}

class Logs {
 public:
  Logs(Context& context, const Platform& platform, Wanted wanted)
      : context_{context}, wanted_{std::move(wanted)} {
    for (const auto& role : roles_of(context, platform)) {
      tails_.emplace_back(role, platform.layout.log(role));
    }
  }

  Exit run() {
    auto lines = gather(wanted_.since.empty() ? kTailBytes : 0);
    if (lines.size() > wanted_.lines) {
      lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(wanted_.lines));
    }
    show(lines);
    while (context_.arguments.has("--follow") && context_.terminal.out) {
      ::poll(nullptr, 0, kLookAgainMs);
      show(gather(0));
    }
    return Exit::Ok;
  }

 private:
  /// New lines of all files in the order of their times.
  std::vector<LogLine> gather(std::uint64_t bytes) {
    std::vector<LogLine> lines;
    for (LogTail& tail : tails_) {
      auto more = tail.next(bytes);
      std::erase_if(more, [this](const LogLine& line) { return !wanted_.takes(line); });
      lines.insert(lines.end(), std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
    }
    // Lines of one time keep the order in which they were read.
    std::vector<std::size_t> order(lines.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      return std::tie(lines[a].ts, a) < std::tie(lines[b].ts, b);
    });
    std::vector<LogLine> sorted;
    sorted.reserve(lines.size());
    for (const std::size_t at : order) sorted.push_back(std::move(lines[at]));
    return sorted;
  }

  void show(const std::vector<LogLine>& lines) {
    for (const LogLine& line : lines) {
      context_.terminal.out << (context_.json() ? log_line_json(line) : log_line_text(line));
    }
    context_.terminal.out << std::flush;
  }

  Context& context_;
  Wanted wanted_;
  std::vector<LogTail> tails_;
};

Exit run(Context& context) {
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  for (const auto& role : context.arguments.all("ROLE")) {
    if (role == "supervisor") continue;
    const auto known = platform->plan.places(std::vector{role});
    if (!known) return context.usage(known.error().message);
  }
  Wanted wanted;
  if (const auto level = context.arguments.value("--level")) {
    wanted.level = log::level_of(*level).value_or(log::Level::Debug);
  }
  if (const auto since = context.arguments.value("--since")) {
    const auto text = since_text(*since, SystemClock{}.now());
    if (!text) return context.usage(fmt::format("--since {}: expected 10m, 2h or a time", *since));
    wanted.since = *text;
    wanted.lines = SIZE_MAX;
  }
  if (const auto lines = context.arguments.value("--lines")) {
    std::from_chars(lines->data(), lines->data() + lines->size(), wanted.lines);
  }
  if (!std::filesystem::exists(platform->layout.logs())) {
    return context.fail(
        Error{.code = ErrorCode::NotFound,
              .message = "no logs here; stoa up" + platform->data_flag() + " writes some",
              .source = platform->layout.logs().string()});
  }
  return Logs{context, *platform, wanted}.run();
}

}  // namespace

Command logs() {
  return {.noun = "logs",
          .group = Command::Group::Look,
          .summary = "Show the log lines of all roles in the order of time",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes = "-o json gives the lines as they were written.",
          .run = run};
}

}  // namespace stoa::cli

#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "cli/platform_table.h"
#include "cli/role_probe.h"
#include "cli/table.h"
#include "cli/validation.h"
#include "cli/validation_command.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments = std::to_array<Argument>({
    {.name = "ROLE",
     .help = "as stoa ps names it, all unless told; or an environment, for a summary",
     .required = false,
     .repeats = true},
});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--watch",
     .help = "go on looking, each second; one line per change unless on a terminal",
     .kind = Flag::Kind::Switch},
    {.name = "--wait", .help = "until all are ready", .kind = Flag::Kind::Switch},
    {.name = "--timeout",
     .value = "SECONDS",
     .help = "longest --wait, 60 unless told; of --watch: stop after that long",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa health",
    "stoa health --wait --timeout 10 gateway",
    "stoa health --watch",
    "stoa health production --data /var/lib/stoa",
});
constexpr std::chrono::milliseconds kPatience{500};
constexpr std::chrono::milliseconds kLookAgain{100};
constexpr std::chrono::milliseconds kWatchEvery{1'000};
constexpr std::string_view kHomeAndClear = "\x1b[H\x1b[2J";

std::string answer_of(const RoleRow& row) {
  if (row.ready()) return "ready";
  if (!row.runs) return row.state;
  return row.seen.ready_status ? "not ready" : "no answer";
}

std::string why(const RoleRow& row) {
  if (row.ready()) return {};
  if (!row.runs) return row.told["last_error"].text();
  return row.seen.output.empty() ? row.told["status"].text() : row.seen.output;
}

std::string as_text(const std::vector<RoleRow>& rows) {
  Table table{{"ROLE"}, {"HEALTH"}, {"PORT", kRight}, {"WHY"}};
  for (const RoleRow& row : rows) {
    table.row({row.role, answer_of(row), row.port == 0 ? "-" : std::to_string(row.port), why(row)});
  }
  return table.text();
}

std::string as_json(const std::vector<RoleRow>& rows) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ready", std::ranges::all_of(rows, &RoleRow::ready));
  json.key("roles");
  json.begin_array();
  for (const RoleRow& row : rows) {
    json.begin_object();
    json.field("role", std::string_view{row.role});
    json.field("ready", row.ready());
    json.field("health", std::string_view{answer_of(row)});
    json.field("port", row.port);
    json.field("why", std::string_view{why(row)});
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

/// Looks again and again, as the flags ask.
class Look {
 public:
  Look(Context& context, const Platform& platform)
      : context_{context}, platform_{platform}, roles_{context.arguments.all("ROLE")} {
    if (const auto text = context.arguments.value("--timeout")) {
      std::int64_t seconds = 0;
      std::from_chars(text->data(), text->data() + text->size(), seconds);
      timeout_ = std::chrono::seconds{std::min<std::int64_t>(seconds, 31'536'000)};
      bounded_ = true;
    }
  }

  Exit run() {
    const bool watch = context_.arguments.has("--watch");
    const bool wait = context_.arguments.has("--wait");
    const nanoseconds deadline = clock_.monotonic() + timeout_;
    while (true) {
      const auto rows = look();
      const bool ready = !rows.empty() && std::ranges::all_of(rows, &RoleRow::ready);
      const bool late = (bounded_ || wait) && clock_.monotonic() >= deadline;
      if (watch) {
        show_change(rows);
        if ((wait && ready) || late) return ready ? Exit::Ok : Exit::Timeout;
        ::poll(nullptr, 0, static_cast<int>(kWatchEvery.count()));
        if (!context_.terminal.out) return Exit::Failed;  // nobody reads any more
        continue;
      }
      if (!wait || ready || late) {
        show(rows);
        if (ready) return Exit::Ok;
        return wait ? Exit::Timeout : Exit::Finding;
      }
      ::poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
    }
  }

 private:
  std::vector<RoleRow> look() {
    const auto state = platform_state(platform_.layout);
    if (!state) return engine();
    auto rows = role_rows(platform_, *state, kPatience);
    if (!roles_.empty()) {
      std::erase_if(rows, [this](const RoleRow& row) {
        return std::ranges::find(roles_, row.role) == roles_.end();
      });
    }
    return rows;
  }

  /// Without a platform: the engine of this configuration, as a role of its own.
  std::vector<RoleRow> engine() {
    const auto& gateway = platform_.config.gateway;
    const bool anywhere = gateway.host == "0.0.0.0";
    RoleRow row{.role = "engine", .state = "down", .port = gateway.port};
    row.seen =
        probe({{.host = anywhere ? "127.0.0.1" : gateway.host, .port = gateway.port}}, kPatience)
            .front();
    row.runs = row.seen.ready_status.has_value();
    row.told = *JsonValue::parse(row.runs ? R"({"ready":true})"
                                          : R"({"last_error":"no platform and no engine here"})");
    return {row};
  }

  void show(const std::vector<RoleRow>& rows) {
    context_.terminal.out << (context_.json() ? as_json(rows) + '\n' : as_text(rows));
  }

  void show_change(const std::vector<RoleRow>& rows) {
    auto& out = context_.terminal.out;
    if (context_.terminal.live && !context_.json()) {
      out << kHomeAndClear << to_rfc3339(clock_.now()) << '\n' << as_text(rows) << std::flush;
      return;
    }
    for (const RoleRow& row : rows) {
      const auto now = answer_of(row);
      auto& before = seen_[row.role];
      if (before == now) continue;
      if (context_.json()) {
        out << fmt::format(R"({{"ts":"{}","role":"{}","health":"{}","before":"{}"}})",
                           to_rfc3339(clock_.now()), row.role, now, before)
            << '\n';
      } else {
        out << fmt::format("{} {} {}{}{}\n", to_rfc3339(clock_.now()), row.role,
                           before.empty() ? "" : before + " -> ", now,
                           why(row).empty() ? "" : ": " + why(row));
      }
      before = now;
    }
    out << std::flush;
  }

  Context& context_;
  const Platform& platform_;
  std::vector<std::string> roles_;
  SystemClock clock_;
  nanoseconds timeout_ = std::chrono::seconds{60};
  bool bounded_ = false;
  std::map<std::string, std::string> seen_;
};

/// `stoa health ENV`: the checks that take no time, and their sums.
Exit summary(Context& context, std::string_view word) {
  constexpr std::chrono::milliseconds kQuickPatience{300};
  const auto scene = scene_of(
      context,
      {.asked = std::string{environment_named(word)}, .quick = true, .patience = kQuickPatience});
  if (!scene) return scene.error();
  const auto found = validate_quickly(*scene);
  if (context.json()) {
    context.terminal.out << validation_json(scene->asked, found) << '\n';
  } else {
    std::vector<Validation> wanting;
    std::ranges::copy_if(found, std::back_inserter(wanting), [](const Validation& each) {
      return each.outcome == Outcome::Warned || each.outcome == Outcome::Failed;
    });
    if (!wanting.empty()) context.terminal.out << validation_table(wanting, false) << '\n';
    context.terminal.out << health_summary(found);
  }
  return sums_of(found).failed > 0 ? Exit::Finding : Exit::Ok;
}

Exit run(Context& context) {
  if (const auto words = context.arguments.all("ROLE");
      words.size() == 1 && is_environment(words.front())) {
    if (context.arguments.has("--watch") || context.arguments.has("--wait")) {
      return context.usage("--watch and --wait are about roles, not about an environment");
    }
    return summary(context, words.front());
  }
  const auto platform = platform_of(context);
  if (!platform) return platform.error();
  const auto places = platform->plan.places(context.arguments.all("ROLE"));
  if (!places) return context.usage(places.error().message);
  return Look{context, *platform}.run();
}

}  // namespace

Command health() {
  return {.noun = "health",
          .group = Command::Group::Look,
          .summary = "Ask every role whether it is ready",
          .arguments = kArguments,
          .flags = {kFlags, config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Exit 3: one is not ready. Exit 7: not ready within the time of --wait. With an "
              "environment: the quick checks of stoa validate and their sums; the same as stoa "
              "health-check ENV.",
          .run = run};
}

}  // namespace stoa::cli

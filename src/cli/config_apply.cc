#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/hub_client.h"
#include "cli/hub_ticket.h"
#include "cli/platform.h"
#include "cli/role_process.h"
#include "cli/supervisor_start.h"
#include "deploy/apply.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/supervise.h"
#include "journal/file_system.h"
#include "journal/lock.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kArguments =
    std::to_array<Argument>({{.name = "SPACE", .help = "whose head is to run"}});
constexpr auto kFlags = std::to_array<Flag>({
    {.name = "--target",
     .value = "DIR",
     .help = "data directory of the platform; else that of the hub",
     .kind = Flag::Kind::Path},
    {.name = "--break-glass",
     .help = "without approval; needs a reason and stays in sight",
     .kind = Flag::Kind::Switch},
    {.name = "--no-start",
     .help = "where no platform runs: only write what the next stoa up starts with",
     .kind = Flag::Kind::Switch},
    {.name = "--pauses",
     .value = "LIST",
     .help = "seconds before each further try of a role: 5,10,20 unless told"},
    {.name = "--health-wait",
     .value = "SECONDS",
     .help = "how long a role may take until it is ready: 120 unless told",
     .kind = Flag::Kind::Integer},
});
constexpr auto kExamples = std::to_array<std::string_view>({
    "stoa config apply dev --dry-run",
    "stoa config apply prod --yes --env-name prod --reason \"release 12\"",
});

constexpr int kLookEveryMs = 100;
constexpr std::int64_t kSecondsMax = 86'400;

std::optional<std::int64_t> seconds_of(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end || value < 0 || value > kSecondsMax) return std::nullopt;
  return value;
}

/// Nothing: what was written makes no sense.
std::optional<deploy::ApplyOptions> options_of(const Context& context) {
  deploy::ApplyOptions options;
  if (const auto text = context.arguments.value("--health-wait")) {
    const auto seconds = seconds_of(*text);
    if (!seconds) return std::nullopt;
    options.health_wait = std::chrono::seconds{*seconds};
  }
  if (const auto text = context.arguments.value("--pauses")) {
    options.pauses.clear();
    for (std::string_view rest = *text; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      const auto seconds = seconds_of(rest.substr(0, end));
      if (!seconds) return std::nullopt;
      options.pauses.emplace_back(*seconds);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return options;
}

/// "20261121T205012Z" for names of files.
std::string stamp(Timestamp now) {
  std::string text;
  for (const char c : to_rfc3339(now).substr(0, 19)) {
    if (c != '-' && c != ':') text += c;
  }
  return text + 'Z';
}

/// One apply of this command: its log, its words in the hub, its loop.
class Run {
 public:
  Run(Context& context, HubClient& hub, std::string space, deploy::ApplyTicket ticket,
      deploy::Layout layout)
      : context_{context},
        hub_{hub},
        space_{std::move(space)},
        ticket_{std::move(ticket)},
        layout_{std::move(layout)} {}

  Exit run(const deploy::ApplyOptions& options) {
    log_.open(layout_.logs() / fmt::format("apply-{}.log", stamp(clock_.now())),
              std::ios::app | std::ios::binary);
    say(fmt::format("{} {} by {}", ticket_.name, ticket_.hash, hub_user(context_)));
    const bool runs = deploy::SupervisorLock::holder(layout_).has_value();
    if (runs) {
      if (const auto failed = other_environment()) return *failed;
    }
    if (const auto written = deploy::write_config(layout_, ticket_); !written) {
      end(written.error().text());
      return context_.fail(written.error());
    }
    if (!runs && context_.arguments.has("--no-start")) {
      say("no platform runs here; the next stoa up starts with it");
      return end("ok") ? Exit::Ok : Exit::Failed;
    }
    if (!runs) {
      if (const auto failed = start_platform()) return *failed;
    }
    const auto opened = platform_target(layout_, clock_);
    const std::string trouble = opened ? (*opened)->trouble() : opened.error().text();
    if (!trouble.empty()) {
      end(trouble);
      return context_.fail({.code = ErrorCode::Unavailable, .message = trouble, .source = {}});
    }
    const auto& target = *opened;
    deploy::Apply apply{
        ticket_,
        *target,
        clock_,
        options,
        [this](std::string_view line) { say(line); },
        [this](std::string_view roles, std::string_view result) { note(roles, result, false); }};
    while (!apply.poll()) ::poll(nullptr, 0, kLookEveryMs);
    const bool noted = end(apply.result());
    if (apply.result() != "ok") {
      context_.terminal.err << fmt::format(
          "stoa config apply: {}\n  mend it and apply again, which goes on from here; or stoa "
          "config rollback {}\n",
          apply.result(), space_);
      return Exit::Finding;
    }
    return noted ? Exit::Ok : Exit::Failed;
  }

 private:
  void say(std::string_view line) {
    log_ << to_rfc3339(clock_.now()) << ' ' << line << '\n' << std::flush;
    (context_.json() ? context_.terminal.err : context_.terminal.out) << line << '\n' << std::flush;
  }
  /// Roles of another environment would never say the digests that are wanted.
  std::optional<Exit> other_environment() {
    const auto state = platform_state(layout_);
    const auto environment =
        state ? state->value["supervisor"]["environment"].text() : std::string{};
    if (environment.empty() || environment == ticket_.environment) return std::nullopt;
    const Error error{.code = ErrorCode::BadInput,
                      .message = fmt::format("the platform runs as {}, and {} is of {}: stoa down, "
                                             "then stoa up --env {}, or apply a space of {}",
                                             environment, space_, ticket_.environment,
                                             ticket_.environment, environment),
                      .source = layout_.data.string()};
    end(error.text());
    return context_.fail(error);
  }
  /// A supervisor with no role started yet: the waves of the apply start them.
  std::optional<Exit> start_platform() {
    say("no platform runs here; one is started");
    const auto refuse = [&](Exit exit, const std::string& why) {
      end(why);
      return exit;
    };
    const auto platform =
        platform_of(context_, PlatformAt{.data = layout_.data, .environment = ticket_.environment});
    if (!platform) return refuse(platform.error(), "the configuration cannot be used here");
    std::string all;
    for (const auto& hindrance : hindrances_of(*platform, *platform->plan.with_those_before({}))) {
      context_.terminal.err << "stoa config apply: " << hindrance.text() << '\n';
      all += (all.empty() ? "" : "; ") + hindrance.text();
    }
    if (!all.empty()) return refuse(Exit::Failed, all);
    const auto started = start_supervisor(context_, *platform, {.idle = true});
    if (started) return std::nullopt;
    return refuse(context_.fail(started.error()), started.error().text());
  }
  bool note(std::string_view roles, std::string_view text, bool over) {
    return hub_
        .ask(
            "config.apply.note", space_,
            [&](json::Writer& json) {
              json.field("revision", ticket_.revision);
              json.field("roles", roles);
              json.field("text", text);
              json.field("over", over);
            },
            HubClient::Again::Yes)
        .has_value();
  }
  bool end(std::string_view text) { return note("", text, true); }

  Context& context_;
  HubClient& hub_;
  std::string space_;
  deploy::ApplyTicket ticket_;
  deploy::Layout layout_;
  SystemClock clock_;
  std::ofstream log_;
};

void show_plan(Context& context, const deploy::ApplyTicket& ticket, const deploy::Layout& layout) {
  const SystemClock clock;
  const auto opened = platform_target(layout, clock);
  auto& out = context.terminal.out;
  out << fmt::format("would write {}\n", (layout.config() / (ticket.name + ".toml")).string());
  if (!opened || !(*opened)->trouble().empty()) {
    const bool starts = !context.arguments.has("--no-start");
    out << (opened ? (*opened)->trouble() : opened.error().text())
        << (starts ? "; would start one, wave by wave\n"
                   : "; the next stoa up would start with it\n");
    return;
  }
  const auto& target = *opened;
  const auto waves = deploy::waves_to_restart(ticket, *target);
  if (waves.empty()) out << "would restart nothing: every role runs with these values\n";
  for (std::size_t i = 0; i < waves.size(); ++i) {
    out << fmt::format("would restart in wave {}: {}\n", i + 1, fmt::join(waves[i], ", "));
  }
}

Exit run(Context& context) {
  const auto options = options_of(context);
  if (!options) return context.usage("--pauses and --health-wait take seconds, 0 to 86400");
  auto hub = HubClient::of(context);
  if (!hub) return hub.error();
  const auto space = context.arguments.required("SPACE");
  std::error_code error;
  const deploy::Layout layout{
      .data = std::filesystem::absolute(
          context.arguments.value_or("--target", hub->layout().data.string()), error)};
  const bool dry_run = context.arguments.has("--dry-run");
  std::unique_ptr<journal::File> lock;  // goes with this process, however that ends
  if (!dry_run) {
    std::filesystem::create_directories(layout.config(), error);
    std::filesystem::create_directories(layout.logs(), error);
    auto taken = journal::lock_directory(journal::posix_file_system(), layout.config());
    if (!taken) return context.fail(taken.error(), Exit::Conflict);
    lock = std::move(*taken);
  }
  const auto answer = hub->ask("config.apply.begin", space, [&](json::Writer& json) {
    json.field("break_glass", context.arguments.has("--break-glass"));
  });
  if (!answer) return answer.error();
  const auto ticket = ticket_of((*answer)["ticket"]);
  if (dry_run) {
    show_plan(context, ticket, layout);
    return Exit::Ok;
  }
  if (ticket.broke_glass) {
    context.terminal.err << fmt::format(
        "BREAK-GLASS: {} is applied without approval; every status shows it until somebody else "
        "approves it or an approved revision takes its place\n",
        ticket.name);
  }
  const auto exit = Run{context, *hub, space, ticket, layout}.run(*options);
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("revision", std::string_view{ticket.name});
    json.field("hash", std::string_view{ticket.hash});
    json.field("ok", exit == Exit::Ok);
    json.end_object();
    context.terminal.out << text << '\n';
  }
  return exit;
}

}  // namespace

Command config_apply() {
  return {.noun = "config",
          .verb = "apply",
          .group = Command::Group::Setup,
          .summary = "Bring the platform to a space's head: write it, restart in waves, read back",
          .arguments = kArguments,
          .flags = {kFlags, hub_change_flags(), platform_flags(), config_flags(), output_flags()},
          .examples = kExamples,
          .notes =
              "Where no platform runs it starts one, wave by wave. "
              "Exit 3: a role did not become healthy; the same command goes on from there. "
              "Exit 5: another apply is under way, or conflicts are open. Exit 6: approvals "
              "are missing. Each run has its log: DATA/log/apply-*.log.",
          .run = run};
}

}  // namespace stoa::cli

#include "cli/hub_client.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/hub.h"
#include "deploy/hub_server.h"
#include "deploy/hub_service.h"
#include "deploy/layout.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kChangeFlags = std::to_array<Flag>({
    {.name = "--reason", .value = "TEXT", .help = "why; needed in production, and in the log"},
    {.name = "--if-head",
     .value = "REV:HASH8",
     .help = "only if this still is the head; else exit 5"},
    {.name = "--dry-run",
     .help = "say what would happen; change nothing",
     .kind = Flag::Kind::Switch},
    {.name = "--yes", .help = "do it without asking", .kind = Flag::Kind::Switch},
    {.name = "--env-name",
     .value = "SPACE",
     .help = "with --yes: the name that production asks for"},
    {.name = "--no-input", .help = "never ask", .kind = Flag::Kind::Switch},
});

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kLockWait{5};
constexpr int kLockEveryMs = 20;

Exit exit_of(std::string_view code) {
  if (code == "bad_input" || code == "unconfirmed") return Exit::Usage;
  if (code == "stale" || code == "conflict") return Exit::Conflict;
  if (code == "denied" || code == "unapproved") return Exit::Refused;
  return Exit::Failed;
}

Exit exit_of(const Error& error) {
  if (error.code == ErrorCode::Unavailable) return Exit::Conflict;
  return error.code == ErrorCode::Damaged ? Exit::Finding : Exit::Failed;
}

}  // namespace

std::span<const Flag> hub_change_flags() noexcept { return kChangeFlags; }

std::string hub_user(const Context& context) {
  const auto told = context.surroundings.variables.find("STOA_USER");
  const bool said = told != context.surroundings.variables.end() && !told->second.empty();
  return said ? told->second : deploy::login_name(::geteuid());
}

std::expected<deploy::Layout, Exit> hub_layout(const Context& context) {
  const auto loaded = load_config(context, load_options(context));
  if (!loaded) return std::unexpected(Exit::Usage);
  std::error_code error;
  auto data = std::filesystem::absolute(loaded->config.data.dir, error).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();
  return deploy::Layout{.data = data};
}

std::expected<HubClient, Exit> HubClient::of(Context& context) {
  auto layout = hub_layout(context);
  if (!layout) return std::unexpected(layout.error());
  return HubClient{context, std::move(*layout)};
}

std::expected<JsonValue, Exit> HubClient::ask(std::string_view verb, std::string_view space,
                                              const std::function<void(json::Writer&)>& fields,
                                              Again again) {
  const Arguments& given = context_->arguments;
  if (given.has("--yes")) confirmed_ = given.value_or("--env-name", confirmed_);
  while (true) {
    std::string line;
    json::Writer json{line};
    json.begin_object();
    json.field("verb", verb);
    json.field("user", hub_user(*context_));
    if (!space.empty()) json.field("space", space);
    if (const auto reason = given.value("--reason"))
      json.field("reason", std::string_view{*reason});
    if (const auto head = given.value("--if-head")) json.field("if_head", std::string_view{*head});
    if (given.has("--dry-run")) json.field("dry_run", true);
    if (!confirmed_.empty()) json.field("env_name", std::string_view{confirmed_});
    if (fields) fields(json);
    json.end_object();
    auto answer = send(line, again);
    if (!answer) return std::unexpected(context_->fail(answer.error(), exit_of(answer.error())));
    if ((*answer)["ok"].is_true()) return std::move(*answer);
    const std::string& code = (*answer)["code"].text();
    Terminal& terminal = context_->terminal;
    const bool asks = code == "unconfirmed" && confirmed_.empty() && terminal.in != nullptr &&
                      !given.has("--no-input") && !given.has("--yes");
    if (asks) {
      terminal.err << fmt::format("{} is production. Type its name to go on: ", space)
                   << std::flush;
      std::getline(*terminal.in, confirmed_);
      if (confirmed_ == space) continue;
      terminal.err << "nothing was changed\n";
      return std::unexpected(Exit::Failed);
    }
    terminal.err << fmt::format("stoa {}: {}\n", context_->command.name(),
                                (*answer)["message"].text());
    return std::unexpected(exit_of(code));
  }
}

Result<JsonValue> HubClient::send(const std::string& line, Again again) const {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + (again == Again::Yes ? kPatience : kLockWait);
  while (true) {
    auto answer = deploy::ask_hub(layout_.hub(), line, kPatience);
    if (!answer && again == Again::Yes && clock.monotonic() < deadline &&
        answer.error().code != ErrorCode::NotFound) {
      ::poll(nullptr, 0, kLockEveryMs);
      continue;
    }
    if (answer || answer.error().code != ErrorCode::NotFound) return answer;
    auto hub = deploy::Hub::open(layout_.hub_log(), clock,
                                 {.owner = hub_user(*context_),
                                  .owner_uid = ::geteuid(),
                                  .check_strategy = context_->hooks.check_strategy});
    if (hub) {
      const auto verbs = deploy::config_verbs(*hub, layout_.hub_log());
      return JsonValue::parse(
          deploy::answer_line(verbs, line, {.uid = ::geteuid(), .pid = ::getpid()}));
    }
    if (hub.error().code != ErrorCode::Unavailable) return std::unexpected(hub.error());
    if (clock.monotonic() >= deadline) {
      return std::unexpected(Error{
          .code = ErrorCode::Unavailable,
          .message = "a hub is starting, or a command changes something: " + hub.error().message,
          .source = layout_.hub_log().string()});
    }
    ::poll(nullptr, 0, kLockEveryMs);
  }
}

bool told_as_json(Context& context, const JsonValue& answer) {
  if (context.json()) context.terminal.out << answer.compact() << '\n';
  return context.json();
}

std::string joined(const JsonValue& texts) {
  std::string text;
  for (const auto& item : texts.items()) {
    if (!text.empty()) text += ", ";
    text += item.text();
  }
  return text.empty() ? "-" : text;
}

std::string time_text(const std::string& rfc3339) {
  std::string text = rfc3339.substr(0, 19);
  std::ranges::replace(text, 'T', ' ');
  return text;
}

void tell_broken_glass(Context& context, const JsonValue& answer) {
  for (const auto& glass : answer["broken_glass"].items()) {
    context.terminal.err << fmt::format(
        "BREAK-GLASS: {} was applied without approval by {} at {} ({}); it stays here until "
        "somebody else approves it or an approved revision takes its place\n",
        glass["head"].text(), glass["user"].text(), time_text(glass["time"].text()),
        glass["reason"].text());
  }
}

void tell_change(Context& context, std::string_view space, const JsonValue& answer) {
  auto& out = context.terminal.out;
  const bool dry = answer["dry_run"].is_true();
  const auto revision = answer["revision"].integer().value_or(0);
  for (const auto& path : answer["taken"].items()) out << fmt::format("  {}\n", path.text());
  for (const auto& path : answer["withheld"].items()) {
    out << fmt::format("  {}: protected, {} keeps its own\n", path.text(), space);
  }
  for (const auto& path : answer["settled"].items()) {
    out << fmt::format("  {}: conflict decided\n", path.text());
  }
  for (const auto& conflict : answer["conflicts"].items()) {
    out << fmt::format("  {}: CONFLICT: was {}, here {}, upstream {}\n", conflict["path"].text(),
                       conflict["base"].text_or("nothing"), conflict["ours"].text_or("nothing"),
                       conflict["theirs"].text_or("nothing"));
  }
  if (revision == 0) {
    out << fmt::format("{}: no new revision\n", space);
  } else if (dry) {
    out << fmt::format("{}: would become revision {} ({})\n", space, revision,
                       answer["hash"].text().substr(0, 8));
  } else {
    out << fmt::format("{}: head is {}\n", space, answer["head"].text());
  }
  if (!answer["conflicts"].items().empty() && !dry) {
    out << fmt::format(
        "  decide each before it can be approved or applied: stoa config promote "
        "UPSTREAM {} --resolve PATH=ours|theirs\n",
        space);
  }
  tell_broken_glass(context, answer);
}

}  // namespace stoa::cli

#include "cli/deploy_run.h"

#include <fmt/core.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX
#include <sys/poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/deploy_service.h"
#include "deploy/deploy_view.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/process_target.h"
#include "deploy/switch_machine.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kWaitFlags = std::to_array<Flag>({
    {.name = "--wait",
     .help = "follow it until it is over or waits for a person",
     .kind = Flag::Kind::Switch},
});
constexpr int kPauseMs = 20;
constexpr int kFollowMs = 200;
constexpr seconds kFirstLook{10};

std::atomic<bool> g_interrupted{false};

/// Ctrl-C and SIGTERM leave a deployment as it stands, for `stoa deploy resume`.
class Interrupts {
 public:
  Interrupts() {
    struct sigaction action{};
    action.sa_handler = [](int) { g_interrupted.store(true); };
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &before_int_);
    ::sigaction(SIGTERM, &action, &before_term_);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
  }

 private:
  struct sigaction before_int_{};
  struct sigaction before_term_{};
};

std::string request_line(std::string_view verb, const std::string& user,
                         const std::function<void(json::Writer&)>& fields) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("verb", verb);
  json.field("user", std::string_view{user});
  if (fields) fields(json);
  json.end_object();
  return text;
}

Exit refused(Context& context, const JsonValue& answer) {
  context.terminal.err << fmt::format("stoa {}: {}\n", context.command.name(),
                                      answer["message"].text());
  const std::string& code = answer["code"].text();
  if (code == "bad_input") return Exit::Usage;
  if (code == "stale" || code == "conflict") return Exit::Conflict;
  if (code == "denied" || code == "unapproved") return Exit::Refused;
  return Exit::Failed;
}

void tell(Context& context, const deploy::DeployRecord& record) {
  context.terminal.err << record_text(record) << '\n';
}

/// What it came to, on stdout.
Exit report(Context& context, const deploy::SwitchMachine& machine) {
  const auto& plan = machine.plan();
  if (context.json()) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("apiVersion", "stoa/v1");
    json.field("kind", "Deployment");
    json.digits_field("id", plan.id);
    json.field("release", std::string_view{plan.release});
    json.field("outcome", to_string(machine.outcome()));
    json.field("step", std::string_view{machine.step()});
    json.field("question", std::string_view{machine.question()});
    json.field("failure", std::string_view{machine.failure()});
    json.key("switched");
    json.begin_array();
    for (const auto& switched : machine.switched()) {
      json.begin_object();
      json.field("role", std::string_view{switched.role});
      json.field("back", switched.back);
      json.key("hold_ms");
      json.milli(switched.hold.count() / 1'000);
      json.key("whole_ms");
      json.milli(switched.whole.count() / 1'000);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    context.terminal.out << text << '\n';
    return exit_of(machine);
  }
  for (const auto& switched : machine.switched()) {
    context.terminal.out << fmt::format(
        "{:<12}{}  nobody led for {:.2f} ms, order to open {:.2f} ms\n", switched.role,
        switched.back ? "back    " : "switched", static_cast<double>(switched.hold.count()) / 1e6,
        static_cast<double>(switched.whole.count()) / 1e6);
  }
  std::string outcome{to_string(machine.outcome())};
  if (!machine.question().empty()) outcome = "waits for a person: " + machine.question();
  context.terminal.out << fmt::format("deployment {}  {}{}{}\n", plan.id, outcome,
                                      machine.failure().empty() ? "" : "  ", machine.failure());
  return exit_of(machine);
}

/// Watches the log of a deployment that somebody else drives.
Exit follow(Context& context, const Platform& platform, std::uint64_t id) {
  const Interrupts interrupts;
  std::size_t told = 0;
  while (true) {
    const auto all = deploy::read_deploys(platform.layout.deploys());
    if (!all) return context.fail(all.error());
    const auto records = deploy::records_of(*all, id);
    for (; told < records.size(); ++told) tell(context, records[told]);
    const auto machine = machine_of(records);
    if (!machine) return context.fail(machine.error());
    if (machine->outcome() != deploy::Outcome::Running || !machine->question().empty()) {
      return report(context, *machine);
    }
    if (g_interrupted.load()) {
      context.terminal.err << fmt::format(
          "stoa {}: deployment {} goes on without you; stoa deploy status{} shows it\n",
          context.command.name(), id, platform.data_flag());
      return Exit::Ok;
    }
    ::poll(nullptr, 0, kFollowMs);
  }
}

/// No hub: this process drives it.
Exit drive(Context& context, const Platform& platform, deploy::Deployer& deployer) {
  const Interrupts interrupts;
  while (deployer.poll()) {
    for (const auto& record : deployer.take_records()) tell(context, record);
    if (!deployer.machine()->question().empty()) break;
    if (g_interrupted.load()) {
      context.terminal.err << fmt::format(
          "stoa {}: interrupted at: {}; stoa deploy resume{} goes on\n", context.command.name(),
          deployer.machine()->step(), platform.data_flag());
      return Exit::Failed;
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  for (const auto& record : deployer.take_records()) tell(context, record);
  if (const auto& failed = deployer.failed()) return context.fail(*failed);
  return report(context, *deployer.machine());
}

Exit in_foreground(Context& context, const Platform& platform, std::string_view verb,
                   const std::string& line, const std::function<void(const JsonValue&)>& told) {
  const SystemClock clock;
  auto target = deploy::ProcessTarget::open({.layout = platform.layout}, clock);
  if (!target) return context.fail(target.error());
  const nanoseconds deadline = clock.monotonic() + kFirstLook;
  do {
    (*target)->poll();
    if ((*target)->trouble().empty() && (*target)->log_read()) break;
    ::poll(nullptr, 0, kPauseMs);
  } while (clock.monotonic() < deadline);
  deploy::Deployer deployer{platform.layout, **target, clock};
  const deploy::HubVerbs verbs = deploy_verbs(deployer, **target, platform.layout);
  const deploy::HubPeer peer{
      .uid = ::geteuid(), .pid = ::getpid(), .user = deploy::login_name(::geteuid())};
  if (verb == "deploy.ask") {
    // Whoever drove it is gone: this process takes its place, and asks itself.
    const auto id = deployer.resume(peer.user);
    if (!id) {
      return context.fail(
          id.error(), id.error().code == ErrorCode::Unavailable ? Exit::Conflict : Exit::Failed);
    }
  }
  const auto answer = JsonValue::parse(deploy::answer_line(verbs, line, peer));
  if (!answer) return context.fail(answer.error());
  if (!(*answer)["ok"].is_true()) return refused(context, *answer);
  if (told) told(*answer);
  if (deployer.machine() == nullptr) return Exit::Ok;
  return drive(context, platform, deployer);
}

}  // namespace

std::span<const Flag> deploy_wait_flags() noexcept { return kWaitFlags; }

Exit exit_of(const deploy::SwitchMachine& machine) {
  switch (machine.outcome()) {
    case deploy::Outcome::Running:
      if (machine.question().empty()) return Exit::Ok;
      return machine.unapproved() ? Exit::Refused : Exit::Inconclusive;
    case deploy::Outcome::Committed:
      return Exit::Ok;
    case deploy::Outcome::RolledBack:
      return Exit::RolledBack;
    case deploy::Outcome::RollbackFailed:
      return Exit::RollbackFailed;
    case deploy::Outcome::Abandoned:
      return Exit::Failed;
  }
  return Exit::Failed;
}

std::string record_text(const deploy::DeployRecord& record) {
  std::string text = fmt::format("{}  {:<7}{:<18}", to_rfc3339(record.at).substr(11, 12),
                                 to_string(record.kind), record.step);
  for (const std::string& part : {record.verb, record.actor, record.text}) {
    if (!part.empty()) (text += ' ') += part;
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

Exit deploy_verb(Context& context, const Platform& platform, std::string_view verb,
                 const std::function<void(json::Writer&)>& fields,
                 const std::function<void(const JsonValue&)>& told) {
  const std::string line = request_line(verb, deploy::login_name(::geteuid()), fields);
  constexpr milliseconds kPatience{15'000};
  const auto answer = deploy::ask_hub(platform.layout.hub(), line, kPatience);
  if (!answer && answer.error().code == ErrorCode::NotFound) {
    return in_foreground(context, platform, verb, line, told);
  }
  if (!answer) return context.fail(answer.error(), Exit::Timeout);
  if (!(*answer)["ok"].is_true()) return refused(context, *answer);
  if (told) told(*answer);
  const auto id = (*answer)["id"].integer().value_or(0);
  if (id == 0) return Exit::Ok;
  if (context.arguments.has("--wait"))
    return follow(context, platform, static_cast<std::uint64_t>(id));
  if (context.json()) {
    context.terminal.out << answer->compact() << '\n';
  } else {
    context.terminal.out << fmt::format("deployment {} is under way; stoa deploy status{}\n", id,
                                        platform.data_flag());
  }
  return Exit::Ok;
}

}  // namespace stoa::cli

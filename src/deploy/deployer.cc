#include "deploy/deployer.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "deploy/act.h"
#include "deploy/build.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/hook_run.h"
#include "deploy/layout.h"
#include "deploy/release.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

/// Records that may follow from one look before the target is looked at again.
constexpr int kRoundsMax = 64;
constexpr std::string_view kCurrent = "current";

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : "localhost";
}

std::unexpected<Error> unavailable(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}});
}

/// Where a test ends whoever drives: "written begun soak", "done switch execution".
void pass(std::string_view what, std::string_view kind, std::string_view step) {
  if constexpr (kHasFailPoints) {
    std::string place{what};
    for (const std::string_view word : {kind, step}) {
      if (!word.empty()) (place += ' ') += word;
    }
    fail_point(place);
  }
}

/// The roles that a wish is about, each as it stands.
Result<std::vector<DeployRole>> roles_of(const Target& target, const DeployWish& wish) {
  std::vector<std::string> names = wish.roles;
  if (names.empty()) {
    for (const TargetRole& role : target.roles()) {
      const InstanceView* const placed = role.placed();
      if (role.switches && placed != nullptr && placed->running && placed->switching) {
        names.push_back(role.name);
      }
    }
    if (names.empty()) return unavailable("no role that can be switched runs here; stoa status");
  }
  std::vector<DeployRole> roles;
  for (const std::string& name : switch_order(names)) {
    const TargetRole* const role = target.find(name);
    if (role == nullptr) return bad_input(name + " is no role of this platform");
    const InstanceView* const placed = role->placed();
    if (!role->switches && wish.strategy != Strategy::Recreate) {
      return bad_input(
          fmt::format("{} cannot be switched while it runs; --strategy recreate stops "
                      "and starts it",
                      name));
    }
    if (placed == nullptr || !placed->running) return unavailable(name + " does not run");
    if (wish.strategy != Strategy::Recreate && !placed->switching) {
      return unavailable(name + " does not tell who leads; wait until it is ready");
    }
    if (const InstanceView* leads = role->leading(); leads != nullptr && leads != placed) {
      return unavailable(fmt::format("{} leads and has not its role's place", leads->name));
    }
    DeployRole planned{.name = name, .from = placed->colour, .release = placed->release};
    planned.epoch = open_epoch(target, planned);
    roles.push_back(std::move(planned));
  }
  return roles;
}

}  // namespace

Result<DeployPlan> plan_deploy(const Target& target, const Layout& layout, const DeployWish& wish) {
  if (const std::string trouble = target.trouble(); !trouble.empty()) return unavailable(trouble);
  DeployPlan plan{.strategy = wish.strategy,
                  .hooks = hooks_in(layout.hooks()),
                  .actor = wish.actor,
                  .reason = wish.reason,
                  .rolls_back = wish.rolls_back,
                  .settings = wish.settings};
  if (wish.release != kCurrent) {
    auto release = read_release(layout.release(wish.release));
    if (!release) return std::unexpected(release.error());
    if (const auto whole = verify_release(layout.release(wish.release), *release); !whole) {
      return std::unexpected(whole.error());
    }
    if (const auto fits = fits_here(*release); !fits) return std::unexpected(fits.error());
    plan.release = wish.release;
    plan.version = release->version;
    plan.digest = release->digest;
  }
  auto roles = roles_of(target, wish);
  if (!roles) return std::unexpected(roles.error());
  plan.roles = std::move(*roles);
  for (const DeployRole& role : plan.roles) {
    const InstanceView* const placed = target.find(role.name)->placed();
    if (placed != nullptr && plan.config_revision.empty()) {
      plan.config_revision = placed->config_revision;
    }
  }
  return plan;
}

std::vector<std::string> explain(const DeployPlan& plan, const Target& target) {
  const auto build = [](const std::string& release) {
    return release.empty() ? std::string{"the platform's own program"} : "release " + release;
  };
  std::vector<std::string> told;
  std::string names;
  for (const DeployRole& role : plan.roles) names += (names.empty() ? "" : ", ") + role.name;
  told.push_back(fmt::format("{}: {} of {}, {}", to_string(plan.strategy), build(plan.release),
                             plan.version.empty() ? "the same version" : plan.version, names));
  for (const DeployRole& role : plan.roles) {
    if (plan.strategy == Strategy::Recreate) {
      told.push_back(fmt::format("{} is stopped and started from {}; it is away meanwhile",
                                 role.name, build(plan.release)));
    } else {
      told.push_back(fmt::format("{} is switched from {} ({}) to {} at epoch {}", role.name,
                                 to_string(role.from), build(role.release),
                                 to_string(other(role.from)), role.epoch + 1));
    }
  }
  told.push_back(plan.settings.approvals == 0
                     ? std::string{"nobody has to approve it"}
                     : fmt::format("{} people other than {} have to approve it",
                                   plan.settings.approvals, plan.actor));
  if (!plan.hooks.empty()) {
    std::string hooks;
    for (const std::string& hook : plan.hooks) hooks += (hooks.empty() ? "" : ", ") + hook;
    told.push_back("hooks that may stop it: " + hooks);
  }
  if (plan.strategy != Strategy::Recreate) {
    told.push_back(fmt::format("it soaks for {} s; then the build before stays warm for {} s",
                               plan.settings.soak_s, plan.settings.warm_s));
  }
  const EpochRecord* feature = nullptr;
  for (const EpochRecord& record : target.epochs()) {
    if (record.kind == EpochRecord::Kind::Feature) feature = &record;
  }
  told.push_back(
      fmt::format("a rollback stays possible until a feature is turned on in the log{}",
                  feature == nullptr ? "" : "; the last was " + feature->text + ", known to both"));
  return told;
}

Result<DeployWish> take_back(const std::vector<DeployRecord>& all, std::uint64_t deploy,
                             const Target& target) {
  const auto records = records_of(all, deploy);
  if (records.empty() || records.front().kind != RecordKind::Began) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = "no such deployment; stoa deploy history",
                                 .source = {}});
  }
  const auto info = json::Value::parse(records.front().info);
  if (!info) return std::unexpected(info.error());
  const auto plan = plan_from_json(*info);
  if (!plan) return std::unexpected(plan.error());
  if (records.back().kind != RecordKind::Over || records.back().verb != "committed") {
    return bad_input(
        fmt::format("deployment {} is {}, so there is nothing to take back", plan->id,
                    records.back().kind == RecordKind::Over ? records.back().verb : "under way"));
  }
  if (const EpochRecord* feature = feature_since(target, records.front().at)) {
    return bad_input(
        fmt::format("feature {} was turned on at lsn {}: the release before cannot read what is "
                    "written since; mend it with a new release",
                    feature->text, feature->lsn.value()));
  }
  DeployWish wish{.release = plan->roles.front().release,
                  .strategy = plan->strategy,
                  .settings = plan->settings,
                  .rolls_back = plan->id};
  if (wish.release.empty()) wish.release = kCurrent;
  for (const DeployRole& role : plan->roles) {
    if (role.release != plan->roles.front().release) {
      return bad_input("its roles ran different releases before; deploy each by --role");
    }
    wish.roles.push_back(role.name);
  }
  // Whoever takes something back has seen enough of it.
  wish.settings.shadow_outputs = 0;
  wish.settings.catch_up_steady_s = 0;
  wish.settings.approvals = 0;
  return wish;
}

// ---- driving

Result<std::uint64_t> Deployer::start(const DeployWish& wish) {
  if (active()) {
    const auto holder = DeployLock::holder(layout_.deploy_lock());
    return unavailable("another deployment is under way" +
                       (holder ? ": " + holder->text() : std::string{}));
  }
  auto lock = DeployLock::take(layout_.deploy_lock(), {.holder = wish.actor,
                                                       .host = host_name(),
                                                       .pid = ::getpid(),
                                                       .since = clock_->now(),
                                                       .reason = wish.reason});
  if (!lock) return std::unexpected(lock.error());
  const auto all = read_deploys(layout_.deploys());
  if (!all) return std::unexpected(all.error());
  if (!all->empty() && all->back().kind != RecordKind::Over) {
    return unavailable(
        fmt::format("deployment {} was interrupted; stoa deploy resume goes on, stoa "
                    "deploy abort --force leaves it",
                    all->back().deploy));
  }
  target_->poll();  // as it is now: what it was at the last look may be a role that was not up yet
  auto plan = plan_deploy(*target_, layout_, wish);
  if (!plan) return std::unexpected(plan.error());
  auto log = DeployLog::open(layout_.deploys());
  if (!log) return std::unexpected(log.error());
  plan->id = log->next_id();
  lock_.emplace(std::move(*lock));
  log_ = std::make_unique<DeployLog>(std::move(*log));
  machine_ = std::make_unique<SwitchMachine>(*plan);
  failed_.reset();
  const auto begun = take({.deploy = plan->id,
                           .kind = RecordKind::Began,
                           .at = clock_->now(),
                           .actor = plan->actor,
                           .text = plan->reason,
                           .info = to_json(*plan)});
  if (!begun) return std::unexpected(begun.error());
  return plan->id;
}

Result<std::optional<std::uint64_t>> Deployer::resume(const std::string& actor) {
  if (active()) return std::optional<std::uint64_t>{machine_->plan().id};
  const auto all = read_deploys(layout_.deploys());
  if (!all) return std::unexpected(all.error());
  const auto records = records_of(*all, 0);
  if (records.empty() || records.back().kind == RecordKind::Over ||
      records.front().kind != RecordKind::Began) {
    return std::optional<std::uint64_t>{};
  }
  auto lock = DeployLock::take(layout_.deploy_lock(), {.holder = actor,
                                                       .host = host_name(),
                                                       .pid = ::getpid(),
                                                       .since = clock_->now(),
                                                       .reason = "resumes"});
  if (!lock) return std::unexpected(lock.error());
  const auto info = json::Value::parse(records.front().info);
  if (!info) return std::unexpected(info.error());
  auto plan = plan_from_json(*info);
  if (!plan) return std::unexpected(plan.error());
  auto log = DeployLog::open(layout_.deploys());
  if (!log) return std::unexpected(log.error());
  auto machine = std::make_unique<SwitchMachine>(std::move(*plan));
  for (const DeployRecord& record : records) machine->take(record);
  lock_.emplace(std::move(*lock));
  log_ = std::make_unique<DeployLog>(std::move(*log));
  machine_ = std::move(machine);
  hook_.reset();
  failed_.reset();
  log::info("deploy_resumed", {{"deploy", machine_->plan().id}, {"step", machine_->step()}});
  return std::optional{machine_->plan().id};
}

Result<void> Deployer::ask(std::string_view verb, const std::string& actor,
                           const std::string& reason, bool force) {
  if (!active()) {
    return std::unexpected(Error{
        .code = ErrorCode::NotFound, .message = "no deployment is under way here", .source = {}});
  }
  auto asked = machine_->ask(verb, actor, reason, force, seen());
  if (!asked) return std::unexpected(asked.error());
  auto taken = take(*asked);
  if (!active()) finish();
  return taken;
}

bool Deployer::poll() {
  if (!active() || failed_) return false;
  target_->poll();
  for (int round = 0; round < kRoundsMax && active(); ++round) {
    Next next = machine_->next(seen());
    waits_for_ = std::move(next.waits_for);
    if (next.record) {
      if (const auto taken = take(*next.record); !taken) return false;
      continue;
    }
    if (next.action) perform(*next.action);
    break;
  }
  if (active()) return true;
  finish();
  return false;
}

std::vector<DeployRecord> Deployer::take_records() { return std::exchange(told_, {}); }

Seen Deployer::seen() {
  Seen seen{.target = target_, .now = clock_->now()};
  if (hook_ && machine_->step() == "hook " + hook_->name()) seen.hook = hook_->look();
  return seen;
}

Result<void> Deployer::take(const DeployRecord& record) {
  pass("unwritten", to_string(record.kind), record.step);
  if (const auto written = log_->append(record); !written) {
    failed_ = written.error();
    log::error("deploy_log_failed", {{"why", written.error().text()}});
    return written;
  }
  pass("written", to_string(record.kind), record.step);
  machine_->take(record);
  told_.push_back(record);
  constexpr std::size_t kToldMax = 1'024;
  if (told_.size() > kToldMax) told_.erase(told_.begin());
  log::info("deploy_" + std::string{to_string(record.kind)},
            {{"deploy", record.deploy},
             {"step", std::string_view{record.step}},
             {"text", std::string_view{record.text}}});
  return {};
}

void Deployer::perform(const Action& action) {
  Result<void> done{};
  if (const auto* const run = std::get_if<RunHook>(&action)) {
    auto hook = HookRun::start(layout_, run->name, machine_->plan());
    if (hook) {
      hook_ = std::move(*hook);
    } else {
      done = std::unexpected(hook.error());
    }
  } else {
    done = act(*target_, action);
  }
  if (done) return pass("done", {}, machine_->step());
  waits_for_ = done.error().text();
  if (done.error().code == ErrorCode::Unavailable) return;  // tried again until the step's deadline
  const auto taken = take(machine_->refused(done.error().text(), clock_->now()));
  if (!taken) waits_for_ = taken.error().text();
}

void Deployer::finish() {
  hook_.reset();
  log_.reset();
  lock_.reset();
}

}  // namespace stoa::deploy

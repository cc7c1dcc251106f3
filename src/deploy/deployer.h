#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_plan.h"
#include "deploy/hook_run.h"
#include "deploy/layout.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"

// Drives one deployment at a time: the machine says what, the log remembers it, the target does it.
// Lives in the hub, or in a command while no hub runs.
namespace stoa::deploy {

/// What somebody wants deployed.
struct DeployWish {
  std::string release{};  // "current": the program that the platform runs
  Strategy strategy = Strategy::BlueGreen;
  std::vector<std::string> roles{};  // empty: every one that can be switched and runs
  DeploySettings settings{};
  std::string actor{};
  std::string reason{};
  std::uint64_t rolls_back = 0;
};
/// The plan that follows, with what it would do checked against the target; `id` is still 0.
///
/// errors  NotFound: no such release · BadInput: a role or release that does not fit · Damaged: the
///         release is not what was added · Unavailable: a role does not run, or cannot be seen
[[nodiscard]] Result<DeployPlan> plan_deploy(const Target& target, const Layout& layout,
                                             const DeployWish& wish);
/// What will happen, in sentences for whoever decides.
[[nodiscard]] std::vector<std::string> explain(const DeployPlan& plan, const Target& target);
/// The wish that takes a finished deployment back.
///
/// errors  NotFound: no such deployment · BadInput: it changed nothing, or a feature was turned on
///         since, which the release before cannot read
[[nodiscard]] Result<DeployWish> take_back(const std::vector<DeployRecord>& all,
                                           std::uint64_t deploy, const Target& target);

class Deployer {
 public:
  /// `target` and `clock` outlive it.
  Deployer(Layout layout, Target& target, const Clock& clock)
      : layout_{std::move(layout)}, target_{&target}, clock_{&clock} {}

  /// Takes the lock and writes the first record; `poll` does the rest. Answers the deployment's id.
  ///
  /// errors  Unavailable: another deploys, named in the text · as `plan_deploy` · Io
  [[nodiscard]] Result<std::uint64_t> start(const DeployWish& wish);
  /// Goes on with a deployment whose driver has died; nothing when none is unfinished.
  ///
  /// errors  Unavailable: its driver lives · Damaged, Io
  [[nodiscard]] Result<std::optional<std::uint64_t>> resume(const std::string& actor);
  /// As SwitchMachine::ask.
  ///
  /// errors  NotFound: no deployment is under way
  [[nodiscard]] Result<void> ask(std::string_view verb, const std::string& actor,
                                 const std::string& reason, bool force);
  /// Looks at the target and does what follows. True while a deployment is under way.
  bool poll();

  /// The deployment under way or last driven here; null before the first.
  [[nodiscard]] const SwitchMachine* machine() const noexcept { return machine_.get(); }
  [[nodiscard]] bool active() const noexcept {
    return machine_ && machine_->outcome() == Outcome::Running;
  }
  /// What it waits for at the moment.
  [[nodiscard]] const std::string& waits_for() const noexcept { return waits_for_; }
  /// Records written since the last call; for who follows.
  [[nodiscard]] std::vector<DeployRecord> take_records();
  /// The log could not be written; nothing goes on from here.
  [[nodiscard]] const std::optional<Error>& failed() const noexcept { return failed_; }

 private:
  [[nodiscard]] Seen seen();
  [[nodiscard]] Result<void> take(const DeployRecord& record);
  void perform(const Action& action);
  void finish();

  Layout layout_;
  Target* target_;
  const Clock* clock_;
  std::optional<DeployLock> lock_;
  std::unique_ptr<DeployLog> log_;  // while one is under way
  std::unique_ptr<SwitchMachine> machine_;
  std::unique_ptr<HookRun> hook_;
  std::string waits_for_;
  std::vector<DeployRecord> told_;
  std::optional<Error> failed_;
};

}  // namespace stoa::deploy

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/soak.h"
#include "deploy/switch_machine.h"

// A deployment for whoever looks at it: steps with their times, figures, what may be asked now. All
// of it follows from the log of deployments and from the target; nothing is decided here.
namespace stoa::deploy {

/// The log of deployments in memory; a refresh reads what is new. One thread.
class DeployHistory {
 public:
  explicit DeployHistory(std::filesystem::path dir) : dir_{std::move(dir)} {}
  /// errors  Damaged, Io: what was known stays
  [[nodiscard]] Result<void> refresh();
  [[nodiscard]] const std::vector<DeployRecord>& records() const noexcept { return records_; }

 private:
  std::filesystem::path dir_;
  std::vector<DeployRecord> records_;
};

/// The machine that a deployment's records lead to.
///
/// errors  NotFound: they are none of a deployment · BadInput: their plan cannot be read
[[nodiscard]] Result<SwitchMachine> machine_of(const std::vector<DeployRecord>& records);

/// One step of a deployment, on the way there or back.
struct StepView {
  enum class State : std::uint8_t { Pending, Running, Waiting, Done, Failed, Aborted, Skipped };
  std::string name{};  // "switch execution"
  Step step = Step::Hook;
  std::vector<std::string> roles{};
  bool back = false;
  State state = State::Pending;
  std::optional<Timestamp> began{};
  std::optional<Timestamp> ended{};
  std::string detail{};  // what it waits for, why it failed, how long nobody led
};
[[nodiscard]] std::string_view to_string(StepView::State state) noexcept;  // "waiting"
/// Every step of a deployment in order: those of its plan, then those of its way back if it took
/// one. `machine` is what `records` lead to.
[[nodiscard]] std::vector<StepView> steps_of(const std::vector<DeployRecord>& records,
                                             const SwitchMachine& machine);

/// Until when the step under way may take, and what follows then.
struct Deadline {
  std::string what{};
  Timestamp until{};
};
[[nodiscard]] std::optional<Deadline> deadline_of(const std::vector<StepView>& steps,
                                                  const DeploySettings& settings);

/// How the soak stands, or stood when it ended; nothing before it has begun. `now` is looked at
/// while it goes on.
struct SoakView {
  bool over = false;
  bool told = false;  // false: it failed, and the figures of that moment were not kept
  Judgement judgement{};
  SoakFigures figures{};
};
[[nodiscard]] std::optional<SoakView> soak_of(const std::vector<DeployRecord>& records,
                                              const SwitchMachine& machine, const Sample& now);

/// The six things that a person may say.
[[nodiscard]] std::span<const std::string_view> deploy_asks() noexcept;

/// Who drives a deployment, as far as whoever looks can tell.
struct Driven {
  bool here = false;        // by the process that answers
  std::string elsewhere{};  // by whom; empty: nobody, or `here`
};
/// Why `actor` may not say `ask` to a deployment now; empty: they may. `all` is the whole log.
[[nodiscard]] std::string why_not(std::string_view ask, const std::string& actor,
                                  const SwitchMachine& machine, const Driven& driven,
                                  const std::vector<DeployRecord>& all, const Seen& seen);

/// What a page shows of one deployment.
struct DeployLook {
  const std::vector<DeployRecord>& all;  // the whole log
  std::vector<DeployRecord> records{};   // of this one; empty: there was never any
  Driven driven{};
  std::string waits_for{};
  std::string actor{};  // who looks
  Seen seen{};
};
/// As a JSON object: {"now_ns","deployment":{…}|null,"platform":{…}}.
///
/// errors  as machine_of, unless `records` is empty
[[nodiscard]] Result<std::string> deployment_json(const DeployLook& look);
/// The newest `limit` deployments before the one called `before` (0: the newest), newest first.
[[nodiscard]] std::string deployments_json(const std::vector<DeployRecord>& all, std::size_t limit,
                                           std::uint64_t before, Timestamp now);

}  // namespace stoa::deploy

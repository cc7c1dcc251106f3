#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/deploy_plan.h"
#include "deploy/layout.h"
#include "deploy/process.h"
#include "deploy/switch_machine.h"

// The operator's executables in DATA/hooks, asked around each stage of a deployment.
namespace stoa::deploy {

/// Names that are looked for: pre- and post- of start, shadow, switch, soak, commit and rollback,
/// and validate. Those of them that are executable there.
[[nodiscard]] std::vector<std::string> hooks_in(const std::filesystem::path& dir);

/// One hook, as a child. Killed with all that it started when this goes. One thread.
class HookRun {
 public:
  /// It is told STOA_DATA, STOA_HOOK, STOA_DEPLOY, STOA_RELEASE and STOA_STRATEGY; what it writes
  /// goes to log/deploy-ID.log.
  ///
  /// errors  NotFound, Io: it cannot be started
  [[nodiscard]] static Result<std::unique_ptr<HookRun>> start(const Layout& layout,
                                                              const std::string& name,
                                                              const DeployPlan& plan);
  HookRun(const HookRun&) = delete;
  HookRun& operator=(const HookRun&) = delete;
  ~HookRun();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Never blocks.
  [[nodiscard]] const HookView& look();

 private:
  HookRun(std::string name, Process process, std::filesystem::path log, std::uint64_t log_from)
      : name_{std::move(name)},
        process_{std::move(process)},
        log_{std::move(log)},
        log_from_{log_from} {}

  std::string name_;
  std::optional<Process> process_;
  std::filesystem::path log_;
  std::uint64_t log_from_ = 0;
  HookView view_;
};

}  // namespace stoa::deploy

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "apps/build.h"
#include "apps/replay.h"
#include "apps/run_engine.h"
#include "apps/run_role.h"
#include "apps/strategies.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/hooks.h"
#include "cli/main.h"
#include "ops/config.h"

#ifndef STOA_VERSION
#define STOA_VERSION "0.1.0"
#endif
#ifndef STOA_COMMIT
#define STOA_COMMIT "unknown"
#endif

namespace stoa::apps {
namespace {

/// The data directory or the log's own.
Result<cli::ReplayReport> replay_verify(const std::filesystem::path& dir, std::optional<Lsn> to) {
  const std::filesystem::path wal = dir / "wal";
  return verify_replay(std::filesystem::exists(wal) ? wal : dir, to.value_or(Lsn{UINT64_MAX}));
}

cli::Hooks hooks() {
  cli::Hooks hooks;
  hooks.version = STOA_VERSION;
  hooks.commit = STOA_COMMIT;
  hooks.run_engine = [build = Build{.version = hooks.version, .commit = hooks.commit}](
                         const ops::Config& config, cli::Output output) {
    return run_engine(config, output, build);
  };
  hooks.run_role = [build = Build{.version = hooks.version, .commit = hooks.commit}](
                       std::string_view role, const ops::Config& config,
                       const cli::RoleOptions& options) {
    return run_role(role, config, options, build);
  };
  hooks.replay_verify = replay_verify;
  hooks.check_strategy = check_strategy;
  return hooks;
}

}  // namespace
}  // namespace stoa::apps

int main(int argc, char** argv) { return stoa::cli::run(argc, argv, stoa::apps::hooks()); }

#include <expected>
#include <filesystem>
#include <optional>

#include "apps/engine.h"
#include "apps/run_engine.h"
#include "apps/strategies.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/hooks.h"
#include "cli/main.h"
#include "oms/replay.h"
#include "ops/config.h"

#ifndef STOA_COMMIT
#define STOA_COMMIT "unknown"
#endif

namespace stoa::apps {
namespace {

Result<cli::ReplayReport> replay_verify(const std::filesystem::path& data_dir,
                                        std::optional<Lsn> to) {
  const std::filesystem::path wal = data_dir / "wal";
  auto summary = oms::replay_log(std::filesystem::exists(wal) ? wal : data_dir, to);
  if (!summary) return std::unexpected(summary.error());
  return cli::ReplayReport{.state_hash = summary->state_hash,
                           .messages = summary->messages,
                           .inputs = summary->inputs,
                           .outputs_compared = summary->outputs_compared,
                           .mismatches = summary->mismatches,
                           .first_mismatch = summary->first_mismatch};
}

cli::Hooks hooks() {
  cli::Hooks hooks;
  hooks.commit = STOA_COMMIT;
  hooks.run_engine = [build = Engine::Build{.version = hooks.version, .commit = hooks.commit}](
                         const ops::Config& config, cli::Output output) {
    return run_engine(config, output, build);
  };
  hooks.replay_verify = replay_verify;
  hooks.check_strategy = check_strategy;
  return hooks;
}

}  // namespace
}  // namespace stoa::apps

int main(int argc, char** argv) { return stoa::cli::run(argc, argv, stoa::apps::hooks()); }

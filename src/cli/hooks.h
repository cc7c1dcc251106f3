#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "ops/config.h"

namespace stoa::cli {

/// How a command writes its data.
enum class Output : std::uint8_t { Table, Json };

/// What a replay of a data directory's log found. Equal outputs and an equal hash prove that the
/// core derived the same decisions again; an equal checkpoint, that a start from it is a start from
/// the first record.
struct ReplayReport {
  std::uint64_t from_lsn = 0;          // first record applied; above 1 it began with a checkpoint
  std::uint64_t state_hash = 0;        // of the core after the last record
  std::uint64_t messages = 0;          // records read
  std::uint64_t inputs = 0;            // records applied to a fresh core
  std::uint64_t outputs_compared = 0;  // outputs in the log that the core derived anew
  std::uint64_t mismatches = 0;        // outputs that differ, are missing or too many
  std::string first_mismatch{};        // lsn, type and field of the first; empty when none
  std::uint64_t checkpoints_checked = 0;  // compared with the state reached at their record
  std::uint64_t checkpoints_differ = 0;
  std::string first_checkpoint_fault{};  // file and what; empty when none

  [[nodiscard]] bool equal() const noexcept { return mismatches == 0 && checkpoints_differ == 0; }
};

/// What `stoa run ROLE` was told beside its configuration.
struct RoleOptions {
  std::string name{};      // "relay-market": as the supervisor, logs and discovery call it
  std::string domain{};    // of a relay: market, signal or execution
  std::uint16_t port = 0;  // health and metrics; for the gateway everything; 0: the system picks
  std::string log_file{};  // that its stderr is, when a supervisor started it
  std::string config_revision{};  // of the hub, "prod-12"; empty: none
  std::string config_digest{};    // of the values that this role reads
  bool take_over = false;  // a relay: from the one that runs, without a pause that anyone sees
  // Of a role that can be switched to another process (decision 0014).
  bool beside = false;           // it follows until the log says that it is to lead
  std::string colour{};          // blue or green
  std::string release{};         // which build, for people and the log; empty: this program's
  std::string instance{};        // `name`, or "execution.green" beside the one that has the place
  std::uint16_t place_port = 0;  // the health port that comes with leading; 0: the system picks
};

/// What the commands need from parts that are wired in apps/. An empty function makes its command
/// say that this build cannot do it (exit 1).
struct Hooks {
  std::string version = "0.1.0";
  std::string commit{};  // short hash, empty when unknown
  /// Runs until told to stop; returns the exit code. The log session is up while it is called.
  std::function<int(const ops::Config& config, Output output)> run_engine{};
  /// Runs one role of the platform until told to stop; returns the exit code. `role` is the word
  /// behind `stoa run`: relay, venue, market-data, risk, execution, strategy, gateway. The log
  /// session is up while it is called. Nothing: this build lacks the role.
  std::function<std::optional<int>(std::string_view role, const ops::Config& config,
                                   const RoleOptions& options)>
      run_role{};
  /// Reads only. Error: the log could not be read, or is damaged.
  /// `to`: the last record to look at, else the newest.
  std::function<Result<ReplayReport>(const std::filesystem::path& log_dir, std::optional<Lsn> to)>
      replay_verify{};
  /// Judges a strategy's type, symbol and parameters; called while configuration is loaded.
  std::function<Result<void>(const ops::StrategyConfig& strategy)> check_strategy{};
};

}  // namespace stoa::cli

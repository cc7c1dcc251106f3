#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "apps/log_facts.h"
#include "base/error.h"
#include "oms/execution_core.h"
#include "relay/source_numbers.h"

namespace stoa::apps {

/// Everything that a start needs of the log up to one record, and nothing that does not follow
/// from the log.
struct LogState {
  std::unique_ptr<oms::ExecutionCore> core = std::make_unique<oms::ExecutionCore>();
  LogFacts facts;
  relay::SourceNumbers numbers;
  /// Outputs that the core has derived and the log does not hold yet, one message behind the other;
  /// none where state and log are in one process and a checkpoint falls between rounds.
  std::vector<std::byte> waiting;
};

/// Appends the state of the execution log to `to`: what journal::Checkpoint carries. Equal states
/// give equal bytes.
///
///   "CKPT"  u32 version  then a section each: u32 kind, u64 bytes, the bytes
///   1 core (oms/core_state.cc)   2 log facts   3 the sources' numbers   4 waiting outputs
void save_state(std::vector<std::byte>& to, const oms::ExecutionCore& core, const LogFacts& facts,
                const relay::SourceNumbers& numbers, std::span<const std::byte> waiting = {});

/// The state that was saved.
///
/// errors  Damaged: cut short, of another version or capacity, or no such state; the text says
///         which part, and the way on is the log itself
[[nodiscard]] Result<LogState> load_state(std::span<const std::byte> from);

}  // namespace stoa::apps

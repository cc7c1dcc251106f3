#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "oms/execution_core.h"
#include "protocol/native/codec.h"

namespace stoa::oms {

/// Feeds a log to a core and compares what the core derives with the outputs that the log recorded,
/// byte for byte.
class ReplayCheck {
 public:
  explicit ReplayCheck(ExecutionCore& core) noexcept : core_{core} {}

  /// Outputs that the core had derived before it came here and that the log has not shown: a
  /// checkpoint's. One message behind the other.
  void expect(std::span<const std::byte> outputs);
  void take(Lsn lsn, const native::MessageView& message);

  /// Outputs derived but not found in the log: what a crash cut off. Leaves none behind.
  [[nodiscard]] std::vector<std::vector<std::byte>> take_unrecorded();

  /// Outputs derived whose records have not come yet; none between the rounds of an engine.
  [[nodiscard]] std::size_t waiting() const noexcept { return derived_.size(); }
  /// The same as bytes, one message behind the other.
  void copy_waiting(std::vector<std::byte>& to) const;

  [[nodiscard]] std::uint64_t inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::uint64_t compared() const noexcept { return compared_; }
  [[nodiscard]] std::uint64_t mismatches() const noexcept { return mismatches_; }
  /// "record 17: OrderUpdate, output 9, differs at byte 84: recorded …, derived …"; empty when all
  /// agree.
  [[nodiscard]] const std::string& first_mismatch() const noexcept { return first_mismatch_; }
  [[nodiscard]] Lsn first_mismatch_at() const noexcept { return first_mismatch_at_; }

 private:
  void differ(Lsn lsn, const native::MessageView& recorded, const std::string& how);

  ExecutionCore& core_;
  std::deque<std::vector<std::byte>> derived_;  // not yet seen in the log
  std::uint64_t inputs_ = 0;
  std::uint64_t compared_ = 0;
  std::uint64_t mismatches_ = 0;
  std::string first_mismatch_;
  Lsn first_mismatch_at_{};
};

}  // namespace stoa::oms

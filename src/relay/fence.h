#pragma once

#include <cstdint>

#include "base/error.h"

namespace stoa::relay {

/// Who leads, as the log says. Leaders count epochs: one that takes over appends EpochOpen with a
/// higher epoch, and one that hands over in order ends its own with EpochClose. What leaders append
/// (the core's outputs, venue reports) counts only under the epoch that is open at its place in
/// the log. That place is the same for everyone who reads it, so all readers agree, live and in
/// every replay, whatever a leader that was paused still writes. A lease that has run out is no
/// such thing: its holder may not know.
///
///   relay    `may_open` before EpochOpen is appended, `admit` before each record of a leader
///   reader   `on_open`, `on_close` and `voided` for each record, in log order
///
/// What clients ask for carries no epoch and is never fenced. A log in which nobody has opened an
/// epoch is in epoch 0, which is open. Plain state: copied, compared and saved as it is.
class Fence {
 public:
  constexpr Fence() noexcept = default;
  /// The fence as it stood at a checkpoint.
  constexpr Fence(std::uint64_t epoch, bool closed) noexcept : epoch_{epoch}, closed_{closed} {}

  [[nodiscard]] constexpr std::uint64_t epoch() const noexcept { return epoch_; }
  /// The leader has ended the epoch and no other has begun one: nobody leads.
  [[nodiscard]] constexpr bool closed() const noexcept { return closed_; }

  /// May EpochOpen of `epoch` be appended?
  ///
  /// errors  Unavailable: an epoch as high or higher was opened before; the text names both
  [[nodiscard]] Result<void> may_open(std::uint64_t epoch) const;
  /// May a leader of `epoch` append a record?
  ///
  /// errors  Unavailable: another epoch is open, or this one has ended; the text names both and
  ///         says what the leader does next
  [[nodiscard]] Result<void> admit(std::uint64_t epoch) const;

  /// EpochOpen stands in the log here. False: it came too late and is itself void.
  constexpr bool on_open(std::uint64_t epoch) noexcept {
    if (epoch <= epoch_) return false;
    epoch_ = epoch;
    closed_ = false;
    return true;
  }
  /// EpochClose stands in the log here. False: it is of an epoch that is not open, and void.
  constexpr bool on_close(std::uint64_t epoch) noexcept {
    if (voided(epoch)) return false;
    closed_ = true;
    return true;
  }
  /// A leader's record of `epoch` stands in the log here: is it to be passed over?
  [[nodiscard]] constexpr bool voided(std::uint64_t epoch) const noexcept {
    return epoch != epoch_ || closed_;
  }

  friend constexpr bool operator==(const Fence&, const Fence&) noexcept = default;

 private:
  std::uint64_t epoch_ = 0;
  bool closed_ = false;
};

}  // namespace stoa::relay
